// Reading and removing the events of the log, and giving places to those that have none yet.
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError } from '../../core/errors.ts'
import type { LoggedEvent } from '../../core/logged-event.ts'
import type { LogBounds, LogPage, LogRead } from '../../ports/event-log.ts'
import { loggedEvent } from '../../storage/logged-text.ts'
import type { StreamPiece } from '../../storage/read-log.ts'
import { pageOf, pageStart, rowsWanted } from '../../storage/read-log.ts'
import { keptEvent } from './append-events.ts'
import type { Connection } from './connection.ts'
import type { Placer } from './placer.ts'
import type { PostgresRow } from './postgres-client.ts'
import { numberAt, originalText, storedText, textAt } from './row.ts'

// The places of the log that are still there, its last one, and whether committed events wait for theirs.
const logBoundsSql = /* sql */ `
  SELECT m.value AS last, coalesce((SELECT min(place) FROM inturn.log_place), m.value + 1) AS first,
    EXISTS (SELECT FROM inturn.log_new) AS has_new
  FROM inturn.meta AS m WHERE m.key = 'log-place'
`
// One row at least, so that the bounds are of the same state as the events.
const readPageSql = /* sql */ `
  SELECT b.first, b.last, b.has_new, e.* FROM (${logBoundsSql}) AS b LEFT JOIN LATERAL (
    SELECT p.place, e.row_id, e.sequence, e.id, e.type, e.time, e.appended_at, e.attributes, e.data,
      s.domain, s.stream
    FROM inturn.log_place AS p
    JOIN inturn.log_event AS e ON e.row_id = p.row_id
    JOIN inturn.log_stream AS s ON s.id = e.stream
    WHERE p.place > coalesce($1::bigint, b.first - 1) ORDER BY p.place LIMIT $2
  ) AS e ON true ORDER BY e.place
`
const streamSql = /* sql */ `
  SELECT p.place, e.row_id, e.sequence, e.id, e.type, e.time, e.appended_at, e.attributes, e.data
  FROM inturn.log_stream AS s
  JOIN inturn.log_event AS e ON e.stream = s.id
  LEFT JOIN inturn.log_place AS p ON p.row_id = e.row_id
  WHERE s.domain = $1 AND s.stream = $2 AND e.sequence BETWEEN $3 AND $4
`
const readStreamSql = `${streamSql} ORDER BY e.sequence LIMIT $5`
const readBackwardsSql = `${streamSql} ORDER BY e.sequence DESC LIMIT $5`
const streamBoundsSql = /* sql */ `
  SELECT s.head AS last,
    coalesce((SELECT min(e.sequence) FROM inturn.log_event AS e WHERE e.stream = s.id), s.head + 1) AS first
  FROM inturn.log_stream AS s WHERE s.domain = $1 AND s.stream = $2
`
// Removes the beginning of the log. The streams keep their last number.
const deleteEventsSql = /* sql */ `
  WITH gone AS (
    DELETE FROM inturn.log_place WHERE place <= $1 RETURNING row_id
  ), removed AS (
    DELETE FROM inturn.log_event AS e USING gone WHERE e.row_id = gone.row_id RETURNING 1
  )
  SELECT count(*) AS removed FROM removed
`

/** A log that is read. */
export interface ReadLog {
  readonly name: string
  readonly connection: Connection
  readonly placer: Placer
}

/** A page of the log. At its end, what waits for a place gets it first. */
export async function readPage(
  { name, connection, placer }: ReadLog,
  request: LogRead & { readonly limit: number },
): Promise<LogPage> {
  const { limit, after = 0, ...filter } = request
  const wanted = rowsWanted(limit, filter)
  const asked = after === 'kept' || !Number.isSafeInteger(after) ? null : after
  const read = (): Promise<PostgresRow[]> => connection.read(readPageSql, asked, wanted)
  const rows = await upToDate(placer, read, (some) => some.length < wanted || some[0]?.['place'] === null)
  const start = pageStart(name, after, boundsOf(rows[0]))
  const events = rows.filter(({ place }) => place !== null).map(eventOf)
  return pageOf(events, { after: start, limit, filter })
}

/** A range of a stream. */
export async function readPiece(
  { connection, placer }: ReadLog,
  { domain, stream, from, to, limit, backwards }: StreamPiece,
): Promise<readonly LoggedEvent[]> {
  const sql = backwards ? readBackwardsSql : readStreamSql
  const read = (): Promise<PostgresRow[]> =>
    connection.read(sql, storedText(domain), storedText(stream), from, to, limit)
  let rows = await read()
  if (rows.some(({ place }) => place === null)) {
    await placer.place()
    rows = await read()
  }
  return rows.map((row) => placedEvent({ domain, stream }, row))
}

/** What is there of a stream, or of the log. */
export async function readBounds({ connection, placer }: ReadLog, asked?: LogStream): Promise<LogBounds> {
  if (asked === undefined) {
    const [row] = await upToDate(
      placer,
      () => connection.read(logBoundsSql),
      () => true,
    )
    return boundsOf(row)
  }
  const [row] = await connection.read(streamBoundsSql, storedText(asked.domain), storedText(asked.stream))
  return row === undefined ? { first: 1, last: 0 } : boundsOf(row)
}

/** Removes the beginning of the log; says how many events that was. */
export async function deleteEvents(connection: Connection, through: number): Promise<number> {
  const [row] = await connection.writeLong((statements) => statements.run(deleteEventsSql, through))
  return numberAt(row, 'removed')
}

/** What was read; and once more where it reached the end, and events that are committed had no place. */
async function upToDate(
  placer: Placer,
  read: () => Promise<PostgresRow[]>,
  isAtEnd: (rows: readonly PostgresRow[]) => boolean,
): Promise<PostgresRow[]> {
  const rows = await read()
  if (rows[0]?.['has_new'] !== true || !isAtEnd(rows)) return rows
  try {
    await placer.place()
  } catch (error) {
    // A standby shows what its primary has placed.
    if (error instanceof InturnError && error.code === 'store-read-only') return rows
    throw error
  }
  return read()
}

function boundsOf(row: PostgresRow | undefined): LogBounds {
  return { first: numberAt(row, 'first'), last: numberAt(row, 'last') }
}

function eventOf(row: PostgresRow): LoggedEvent {
  const [domain, stream] = [originalText(textAt(row, 'domain')), originalText(textAt(row, 'stream'))]
  return placedEvent({ domain, stream }, row)
}

function placedEvent(stream: LogStream, row: PostgresRow): LoggedEvent {
  return loggedEvent(stream, { ...keptEvent(row), place: numberAt(row, 'place') })
}
