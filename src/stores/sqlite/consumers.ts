// Consumers, their domains and their workers: ids, units of work, counts, clocks, and the notes of sources.
// A worker that falls silent may have died with a transaction in hand, of which nothing is left to tell.
import type { StreamPath } from '../../core/stream-path.ts'
import { parseStreamPath } from '../../core/stream-path.ts'
import type { DomainStatus } from '../../ports/records.ts'
import type { Beat, BeatOptions } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { numberAt, originalText, storedText, textAt } from './row.ts'
import { StateCache } from './streams.ts'
import type { Outcome, Writer } from './writer.ts'

// Makes a consumer known; one that is known stays as it is.
const addConsumerSql = 'INSERT INTO inturn_consumer (name) VALUES (?1) ON CONFLICT (name) DO NOTHING'
export const findConsumerSql =
  'SELECT id, reading_ms, beat_at, journal_entries FROM inturn_consumer WHERE name = ?1'
// Begins a unit of work, or a commit of one: gives it its fence, and the reading clock.
const beginUnitSql = /* sql */ `
  UPDATE inturn_consumer SET units = units + 1 WHERE id = ?1 RETURNING units, reading_ms, journal_entries
`
// A worker was reading: time since the last beat counts if it is at most ?3 milliseconds.
const beatSql = /* sql */ `
  UPDATE inturn_consumer
  SET
    reading_ms = reading_ms + CASE WHEN ?2 - beat_at BETWEEN 0 AND ?3 THEN ?2 - beat_at ELSE 0 END,
    beat_at = ?2
  WHERE id = ?1
  RETURNING reading_ms
`
const listDomainsSql = 'SELECT name, held, handed_over, paused FROM inturn_domain WHERE consumer = ?1'
// Adds to what is counted of a domain.
const countDomainSql = /* sql */ `
  INSERT INTO inturn_domain (consumer, name, held, handed_over) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (consumer, name) DO UPDATE
  SET held = held + excluded.held, handed_over = handed_over + excluded.handed_over
`
const pauseDomainSql = /* sql */ `
  INSERT INTO inturn_domain (consumer, name, paused) VALUES (?1, ?2, ?3)
  ON CONFLICT (consumer, name) DO UPDATE SET paused = excluded.paused
`
const workerBeatSql = /* sql */ `
  INSERT INTO inturn_worker (consumer, name, beat_at) VALUES (?1, ?2, ?3)
  ON CONFLICT (consumer, name) DO UPDATE SET beat_at = excluded.beat_at
`
// Forgets the workers other than ?2 that have been silent since before ?3, and says which.
const takeSilentSql = /* sql */ `
  DELETE FROM inturn_worker WHERE consumer = ?1 AND name <> ?2 AND beat_at < ?3 RETURNING name
`
const readingSql = 'SELECT reading_ms FROM inturn_consumer WHERE id = ?1'
const leaveSql = 'DELETE FROM inturn_worker WHERE consumer = ?1 AND name = ?2'
const readCheckpointSql = /* sql */ `
  SELECT value FROM inturn_checkpoint JOIN inturn_consumer ON inturn_consumer.id = consumer
  WHERE name = ?1 AND source = ?2
`
const writeCheckpointSql = /* sql */ `
  INSERT INTO inturn_checkpoint (consumer, source, value) VALUES (?1, ?2, ?3)
  ON CONFLICT (consumer, source) DO UPDATE SET value = excluded.value
`

const longestBeatMs = 5000

/** A consumer as this process knows it. */
export interface Consumer {
  readonly id: number
  readonly cache: StateCache
}

/** The consumers that this process works for. */
export class Consumers {
  readonly #known = new Map<string, Consumer>()
  readonly #writer: Writer
  readonly #database: Database
  readonly #cachedStreamsMax: number

  constructor(writer: Writer, database: Database, cachedStreamsMax: number) {
    this.#writer = writer
    this.#database = database
    this.#cachedStreamsMax = cachedStreamsMax
  }

  /** A consumer by its name; made where there is none. */
  async named(name: string): Promise<Consumer> {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const id = await this.#writer.write('lazy', () => {
      this.#database.run(addConsumerSql, name)
      return numberAt(this.#database.one(findConsumerSql, name), 'id')
    })
    const added = this.#known.get(name) ?? { id, cache: new StateCache(this.#cachedStreamsMax) }
    this.#known.set(name, added)
    return added
  }
}

/** What a unit of work begins with. */
export interface BegunUnit {
  readonly fence: number
  readonly readingMs: number
  /** Entries of the journal that are not folded yet. */
  readonly journalEntries: number
}

/** A unit of work, or a commit of one, begins. */
export function beginUnit(database: Database, consumer: Consumer, outcome: Outcome): BegunUnit {
  const row = database.one(beginUnitSql, consumer.id)
  const fence = numberAt(row, 'units')
  consumer.cache.begin(fence)
  outcome.onUndo(() => consumer.cache.undo(fence))
  const journalEntries = numberAt(row, 'journal_entries')
  return { fence, readingMs: numberAt(row, 'reading_ms'), journalEntries }
}

/**
 * A worker of the consumer was reading: keeps that it is there; takes out, and tells, those that were silent
 * for too long. One that leaves is forgotten.
 */
export function beat(
  database: Database,
  consumer: number,
  { worker, now, silentMs, leaves }: BeatOptions & { readonly worker: string; readonly now: number },
): Beat {
  if (leaves === true) {
    database.run(leaveSql, consumer, worker)
    return { now, readingMs: numberAt(database.one(readingSql, consumer), 'reading_ms'), died: [] }
  }
  const readingMs = numberAt(database.one(beatSql, consumer, now, longestBeatMs), 'reading_ms')
  database.run(workerBeatSql, consumer, worker, now)
  const silent = silentMs === undefined ? [] : database.all(takeSilentSql, consumer, worker, now - silentMs)
  return { now, readingMs, died: silent.map((row) => textAt(row, 'name')) }
}

/** The note of a source. */
export function readCheckpoint(database: Database, consumer: string, source: string): string | undefined {
  const row = database.get(readCheckpointSql, consumer, storedText(source))
  return row === undefined ? undefined : originalText(textAt(row, 'value'))
}

/** Keeps the note of a source. */
export function keepCheckpoint(
  database: Database,
  consumer: number,
  { source, value }: { readonly source: string; readonly value: string },
): void {
  database.run(writeCheckpointSql, consumer, storedText(source), storedText(value))
}

/** What is counted of each domain. */
export function readDomains(database: Database, consumer: number): Map<string, DomainStatus> {
  const rows = database.all(listDomainsSql, consumer)
  return new Map(
    rows.map((row) => {
      const status = {
        held: numberAt(row, 'held'),
        handedOver: numberAt(row, 'handed_over'),
        paused: numberAt(row, 'paused') === 1,
      }
      return [textAt(row, 'name'), status]
    }),
  )
}

/** Pauses or resumes a domain. */
export function pauseDomain(
  database: Database,
  consumer: number,
  { domain, paused }: { readonly domain: string; readonly paused: boolean },
): void {
  database.run(pauseDomainSql, consumer, domain, paused ? 1 : 0)
}

/** What a transaction adds to the counts of domains. */
export class DomainCounts {
  readonly #held = new Map<string, number>()
  readonly #handedOver = new Map<string, number>()

  held(stream: StreamPath, count: number): void {
    if (count !== 0) add(this.#held, domainOf(stream), count)
  }

  handedOver(stream: StreamPath, count: number): void {
    if (count !== 0) add(this.#handedOver, domainOf(stream), count)
  }

  write(database: Database, consumer: number): void {
    for (const domain of new Set([...this.#held.keys(), ...this.#handedOver.keys()])) {
      const [held, handedOver] = [this.#held.get(domain) ?? 0, this.#handedOver.get(domain) ?? 0]
      database.run(countDomainSql, consumer, domain, held, handedOver)
    }
  }
}

function add(counts: Map<string, number>, domain: string, count: number): void {
  counts.set(domain, (counts.get(domain) ?? 0) + count)
}

function domainOf(stream: StreamPath): string {
  return parseStreamPath(stream)?.domain ?? stream
}
