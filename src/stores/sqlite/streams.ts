// The rows of streams: their states, read and written.
import { encodeState, decodeState } from '../../core/encode-state.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { StreamChange } from '../../ports/store.ts'
import { standingOf } from '../../storage/stream-index.ts'
import type { Database } from './database.ts'
import { bytesAt, numberAt, textAt } from './row.ts'
import type { KnownStream } from './state-cache.ts'

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
