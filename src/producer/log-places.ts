// How far each shard of a log was read: the place up to which everything of it is done (sent, or settled),
// and which event that was. Upholds I3: a place is written only after what lies below it was done, so whoever
// wrote it, going on from there skips nothing. That is also why places of another division into shards can be
// used.
import type { LogStream } from '../core/append-errors.ts'
import { BelowRetention } from '../core/append-errors.ts'
import { InturnError } from '../core/errors.ts'
import { fingerprint } from '../core/fingerprint.ts'
import { isRecord } from '../core/parse-message.ts'
import { streamPath } from '../core/stream-path.ts'
import type { EventLog } from '../ports/event-log.ts'

/** An event by which a log is known again. */
interface KnownEvent {
  readonly place: number
  readonly id: string
}

/** How far a shard has come. */
export interface LogPlace {
  /** Everything of the shard up to this place of the log is done. */
  readonly through: number
  /** The last event that was done, by which the log is known again; absent while none was. */
  readonly event?: KnownEvent | undefined
}

/** What places are kept of, and where. */
export interface LogPlacesParts {
  readonly log: Pick<EventLog, 'page' | 'bounds'>
  readonly shards: number
  /** Where a shard begins that has no place yet. */
  readonly start: 'first' | 'kept'
  /** Whose places they are, for people: `relay orders`. */
  readonly owner: string
  readonly notes: {
    read(note: string): Promise<string | undefined>
    write(note: string, text: string): Promise<unknown>
  }
}

const countsNote = 'shard counts'

/** The shard of a stream, from 1. */
export function shardOf({ domain, stream }: LogStream, shards: number): number {
  return shards === 1 ? 1 : (fingerprint(streamPath(domain, stream)) % shards) + 1
}

/** The places of the shards of a log, as notes. */
export class LogPlaces {
  readonly #parts: LogPlacesParts

  constructor(parts: LogPlacesParts) {
    this.#parts = parts
  }

  /** The place of a shard, as far as one is kept. */
  async find(shard: number): Promise<LogPlace | undefined> {
    const { shards } = this.#parts
    let found = await this.#read(shard, shards)
    for (const count of await this.#counts()) {
      const other = count === shards ? undefined : await this.#lowest(count)
      if (other !== undefined && other.through > (found?.through ?? -1)) found = other
    }
    return found
  }

  /** The place at which a shard begins. It is kept at once, so that `start` decides no second time. */
  async begin(shard: number): Promise<LogPlace> {
    const { shards } = this.#parts
    const counts = await this.#counts()
    if (!counts.includes(shards)) await this.#write(countsNote, [...counts, shards])
    const found = await this.find(shard)
    if (found !== undefined && (await this.#isOfThisLog(found))) return found
    // A place of another log says nothing about this one, nor do those of other divisions into shards.
    if (found !== undefined) await this.#write(countsNote, [shards])
    const place = { through: found === undefined ? await this.#start() : 0 }
    await this.save(shard, place)
    return place
  }

  async save(shard: number, place: LogPlace): Promise<void> {
    await this.#write(noteOf(shard, this.#parts.shards), place)
  }

  /** Writes a place again if somebody who had stood still has written an older one meanwhile. */
  async insist(shard: number, place: LogPlace): Promise<void> {
    const kept = await this.#read(shard, this.#parts.shards)
    if (kept === undefined || kept.through < place.through) await this.save(shard, place)
  }

  async #start(): Promise<number> {
    const { start, log } = this.#parts
    return start === 'first' ? 0 : (await log.bounds()).first - 1
  }

  /** Whether a place is one of this log, and not of another one, or of one that was set back since. */
  async #isOfThisLog({ through, event }: LogPlace): Promise<boolean> {
    const { log } = this.#parts
    const { last } = await log.bounds()
    return through <= last && (event === undefined || hasKnownEvent(log, event))
  }

  /** What all shards of a division have reached; `undefined` where one has no place. */
  async #lowest(shards: number): Promise<LogPlace | undefined> {
    let lowest: LogPlace | undefined
    for (let shard = 1; shard <= shards; shard++) {
      const place = await this.#read(shard, shards)
      if (place === undefined) return undefined
      if (lowest === undefined || place.through < lowest.through) lowest = place
    }
    return lowest
  }

  /** Every number of shards that there has been. */
  async #counts(): Promise<readonly number[]> {
    const counts = await this.#readNote(countsNote)
    return Array.isArray(counts) ? counts.filter(isPlace) : []
  }

  async #read(shard: number, shards: number): Promise<LogPlace | undefined> {
    const note = await this.#readNote(noteOf(shard, shards))
    if (!isRecord(note) || !isPlace(note['through'])) return undefined
    const { through, event } = note
    if (!isRecord(event) || !isPlace(event['place']) || typeof event['id'] !== 'string') return { through }
    return { through, event: { place: event['place'], id: event['id'] } }
  }

  async #readNote(note: string): Promise<unknown> {
    const { notes, owner } = this.#parts
    const text = await notes.read(note)
    try {
      return text === undefined ? undefined : JSON.parse(text)
    } catch (cause) {
      const message = `the place of ${owner}, ${note}, cannot be read: ${text}`
      throw new InturnError('store-corrupt', message, { cause })
    }
  }

  async #write(note: string, value: object): Promise<void> {
    await this.#parts.notes.write(note, JSON.stringify(value))
  }
}

function noteOf(shard: number, shards: number): string {
  return `shard ${shard} of ${shards}`
}

function isPlace(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/**
 * Whether the event is in the log, or was, before retention removed its place. The place of another log, or
 * of one that was set back, says nothing about this one.
 */
async function hasKnownEvent(log: Pick<EventLog, 'page'>, { place, id }: KnownEvent): Promise<boolean> {
  try {
    const { events } = await log.page({ after: place - 1, limit: 1 })
    const [event] = events
    return event?.place === place && event.id === id
  } catch (error) {
    if (error instanceof BelowRetention) return true
    throw error
  }
}
