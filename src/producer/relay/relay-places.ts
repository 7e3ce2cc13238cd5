// Where each shard of a relay goes on: the place of the log up to which everything is at the sink, and which
// event that was. Upholds I3: a place is written only after what lies below it was sent, so whoever wrote it,
// going on from there skips nothing. That is also why places of another division into shards can be used.
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError } from '../../core/errors.ts'
import { fingerprint } from '../../core/fingerprint.ts'
import { isRecord } from '../../core/parse-message.ts'
import { streamPath } from '../../core/stream-path.ts'
import { hasKnownEvent } from '../known-event.ts'
import type { KnownEvent } from '../known-event.ts'
import type { RelayParts } from './relay-parts.ts'

/** How far a shard has come. */
export interface RelayPlace {
  /** Everything of the shard up to this place of the log is at the sink. */
  readonly through: number
  /** The last event that was sent, by which the log is known again; absent while nothing was. */
  readonly event?: KnownEvent
}

const countsNote = 'shard counts'

/** The shard of a stream, from 1. */
export function shardOf({ domain, stream }: LogStream, shards: number): number {
  return shards === 1 ? 1 : (fingerprint(streamPath(domain, stream)) % shards) + 1
}

/** The places of a relay, in its store. */
export class RelayPlaces {
  readonly #parts: RelayParts
  /** With another filter other places count: what a filter had left out was never sent. */
  readonly #filter: string

  constructor(parts: RelayParts) {
    this.#parts = parts
    const { domains, types } = parts.filter
    const isAll = domains === undefined && types === undefined
    this.#filter = isAll ? '' : ` of ${JSON.stringify([domains?.toSorted(), types?.toSorted()])}`
  }

  /** The place of a shard, as far as one is kept. */
  async find(shard: number): Promise<RelayPlace | undefined> {
    const { shards } = this.#parts
    let found = await this.#read(shard, shards)
    for (const count of await this.#counts()) {
      const other = count === shards ? undefined : await this.#lowest(count)
      if (other !== undefined && other.through > (found?.through ?? -1)) found = other
    }
    return found
  }

  /** The place at which a shard begins. It is kept at once, so that `start` decides no second time. */
  async begin(shard: number): Promise<RelayPlace> {
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

  async save(shard: number, place: RelayPlace): Promise<void> {
    await this.#write(noteOf(shard, this.#parts.shards), place)
  }

  /** Writes a place again if a relay that had stood still has written an older one meanwhile. */
  async insist(shard: number, place: RelayPlace): Promise<void> {
    const kept = await this.#read(shard, this.#parts.shards)
    if (kept === undefined || kept.through < place.through) await this.save(shard, place)
  }

  async #start(): Promise<number> {
    const { start, log } = this.#parts
    return start === 'first' ? 0 : (await log.bounds()).first - 1
  }

  /** Whether a place is one of this log, and not of another one, or of one that was set back since. */
  async #isOfThisLog({ through, event }: RelayPlace): Promise<boolean> {
    const { log } = this.#parts
    const { last } = await log.bounds()
    return through <= last && (event === undefined || hasKnownEvent(log, event))
  }

  /** What all shards of a division have reached; `undefined` where one has no place. */
  async #lowest(shards: number): Promise<RelayPlace | undefined> {
    let lowest: RelayPlace | undefined
    for (let shard = 1; shard <= shards; shard++) {
      const place = await this.#read(shard, shards)
      if (place === undefined) return undefined
      if (lowest === undefined || place.through < lowest.through) lowest = place
    }
    return lowest
  }

  /** Every number of shards that relays of this name have had. */
  async #counts(): Promise<readonly number[]> {
    const counts = await this.#readNote(countsNote)
    return Array.isArray(counts) ? counts.filter(isPlace) : []
  }

  async #read(shard: number, shards: number): Promise<RelayPlace | undefined> {
    const note = await this.#readNote(noteOf(shard, shards))
    if (!isRecord(note) || !isPlace(note['through'])) return undefined
    const { through, event } = note
    if (!isRecord(event) || !isPlace(event['place']) || typeof event['id'] !== 'string') return { through }
    return { through, event: { place: event['place'], id: event['id'] } }
  }

  async #readNote(note: string): Promise<unknown> {
    const { store, name } = this.#parts
    const text = await store.checkpoint(`relay ${name}`, note + this.#filter)
    try {
      return text === undefined ? undefined : JSON.parse(text)
    } catch (cause) {
      const message = `the place of relay ${name}, ${note}, cannot be read: ${text}`
      throw new InturnError('store-corrupt', message, { cause })
    }
  }

  async #write(note: string, value: object): Promise<void> {
    const { store, name } = this.#parts
    await store.checkpoint(`relay ${name}`, note + this.#filter, JSON.stringify(value))
  }
}

function noteOf(shard: number, shards: number): string {
  return `shard ${shard} of ${shards}`
}

function isPlace(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
