// The rows of streams: their states, read and written; and the states of one consumer that this process has
// seen last, so that a busy stream is not read again for every batch. They hold as long as nobody else has
// begun a unit of work since: the consumer's count of units tells.
import { encodeState, decodeState } from '../../core/encode-state.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { StreamState } from '../../core/stream-state.ts'
import type { StreamChange } from '../../ports/store.ts'
import { standingOf } from '../../storage/stream-index.ts'
import type { Database } from './database.ts'
import { RecentMap } from './recent-map.ts'
import { bytesAt, numberAt, textAt } from './row.ts'

const readStatesSql = /* sql */ `
  SELECT inturn_stream.id, inturn_stream.path, state,
    standing = 0 AND due_at IS NULL AND due_reading IS NULL AS is_quiet
  FROM json_each(?2) AS asked CROSS JOIN inturn_stream
  ON inturn_stream.consumer = ?1 AND inturn_stream.path = asked.value
`
const insertStreamSql = /* sql */ `
  INSERT INTO inturn_stream
    (consumer, path, state, deliveries, changed_at, fence, standing, due_at, due_reading, journal_seen)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
`
const updateStreamSql = /* sql */ `
  UPDATE inturn_stream
  SET
    state = ?2, deliveries = deliveries + ?3, changed_at = ?4, fence = ?5, standing = ?6,
    due_at = ?7, due_reading = ?8, journal_seen = ?9
  WHERE id = ?1
`

/** The streams of a list that have a row. Their states are the latest only if the journal is empty. */
export function readStreams(
  database: Database,
  consumer: number,
  paths: readonly StreamPath[],
): Map<StreamPath, KnownStream> {
  const found = new Map<StreamPath, KnownStream>()
  if (paths.length === 0) return found
  for (const row of database.all(readStatesSql, consumer, JSON.stringify(paths))) {
    const state = decodeState(bytesAt(row, 'state'))
    const isQuiet = numberAt(row, 'is_quiet') === 1
    found.set(textAt(row, 'path'), { id: numberAt(row, 'id'), state, isQuiet })
  }
  return found
}

/** Whose row is written, and what it has beside the change. */
export interface StreamWrite {
  readonly id: number | undefined
  readonly consumer: number
  readonly fence: number
  readonly now: number
  /** The journal up to here knows nothing newer. */
  readonly journalSeen: number
}

/** Writes a stream's row; says its id. */
export function writeStream(database: Database, change: StreamChange, write: StreamWrite): number {
  const { id, consumer, fence, now, journalSeen } = write
  const { stream, state, deliveries, due } = change
  const bytes = encodeState(state)
  const rest = [now, fence, standingOf(change), due.at ?? null, due.readingMs ?? null, journalSeen]
  if (id === undefined) return database.insert(insertStreamSql, consumer, stream, bytes, deliveries, ...rest)
  database.run(updateStreamSql, id, bytes, deliveries, ...rest)
  return id
}

/** Whether the change leaves a stream that waits for nothing and is due at no time. */
export function isQuiet(change: StreamChange): boolean {
  return change.due.at === undefined && change.due.readingMs === undefined && standingOf(change) === 0
}

/** A stream as the cache knows it. */
export interface KnownStream {
  readonly id: number
  readonly state: StreamState
  /** Its row says that it waits for nothing and is due at no time. */
  readonly isQuiet: boolean
}

/** Remembered states of one consumer. */
export class StateCache {
  readonly #streams: RecentMap<StreamPath, KnownStream>
  #units: number | undefined

  constructor(streamsMax: number) {
    this.#streams = new RecentMap(streamsMax)
  }

  /** A unit has begun, or a commit of one: forgets everything if another process began one in between. */
  begin(units: number): void {
    if (units - 1 !== this.#units) this.#streams.clear()
    this.#units = units
  }

  /** What began with this count is undone; the file is back at the count before. */
  undo(units: number): void {
    if (this.#units !== undefined) this.#units = Math.min(this.#units, units - 1)
  }

  find(path: StreamPath): KnownStream | undefined {
    return this.#streams.get(path)
  }

  /** Keeps what is committed. The state belongs to the cache from here on. */
  keep(path: StreamPath, stream: KnownStream): void {
    this.#streams.set(path, stream)
  }

  forget(path: StreamPath): void {
    this.#streams.delete(path)
  }
}
