// Reading and removing the events of the log.
import type { LogStream } from '../../core/append-errors.ts'
import type { LoggedEvent } from '../../core/logged-event.ts'
import type { LogBounds, LogPage, LogRead } from '../../ports/event-log.ts'
import { loggedEvent } from '../../storage/logged-text.ts'
import type { StreamPiece } from '../../storage/read-log.ts'
import { pageOf, pageStart, rowsWanted } from '../../storage/read-log.ts'
import { findStreamSql, keptEvent } from './append-events.ts'
import type { Database } from './database.ts'
import type { Row } from './row.ts'
import { numberAt, textAt } from './row.ts'

export const readPageSql = /* sql */ `
  SELECT e.place, e.sequence, e.id, e.type, e.time, e.appended_at, e.attributes, e.data, s.domain, s.stream
  FROM inturn_log_event AS e CROSS JOIN inturn_log_stream AS s ON s.id = e.stream
  WHERE e.place > ?1 ORDER BY e.place LIMIT ?2
`
// A range of a stream, ascending.
const readStreamSql = /* sql */ `
  SELECT place, sequence, id, type, time, appended_at, attributes, data FROM inturn_log_event
  WHERE stream = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence LIMIT ?4
`
const readBackwardsSql = /* sql */ `
  SELECT place, sequence, id, type, time, appended_at, attributes, data FROM inturn_log_event
  WHERE stream = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence DESC LIMIT ?4
`
// The numbers of a stream that are still there, and its last one.
const streamBoundsSql = /* sql */ `
  SELECT
    head AS last,
    coalesce((SELECT min(sequence) FROM inturn_log_event AS e WHERE e.stream = s.id), head + 1) AS first
  FROM inturn_log_stream AS s WHERE domain = ?1 AND stream = ?2
`
// The places of the log that are still there, and its last one.
const logBoundsSql = /* sql */ `
  SELECT last, coalesce((SELECT min(place) FROM inturn_log_event), last + 1) AS first
  FROM (SELECT coalesce((SELECT value FROM inturn_meta WHERE key = 'log-place'), 0) AS last)
`
// Removes the beginning of the log. The streams keep their last number.
const deleteEventsSql = 'DELETE FROM inturn_log_event WHERE place <= ?1'

/** A page of the log, and where it begins, from one state of the file. */
export function readPage(database: Database, request: LogRead & { readonly limit: number }): LogPage {
  const { limit, after = 0, ...filter } = request
  return database.snapshot(() => {
    const start = pageStart(database.file, after, readBounds(database))
    const rows = database.all(readPageSql, start, rowsWanted(limit, filter))
    return pageOf(rows.map(eventOf), { after: start, limit, filter })
  })
}

/** A range of a stream. */
export function readPiece(database: Database, piece: StreamPiece): readonly LoggedEvent[] {
  const { domain, stream, from, to, limit, backwards } = piece
  const found = database.get(findStreamSql, domain, stream)
  if (found === undefined) return []
  const sql = backwards ? readBackwardsSql : readStreamSql
  const rows = database.all(sql, numberAt(found, 'id'), from, to, limit)
  return rows.map((row) => loggedEvent({ domain, stream }, keptEvent(row)))
}

/** What is there of a stream, or of the log. */
export function readBounds(database: Database, asked?: LogStream): LogBounds {
  const row =
    asked === undefined
      ? database.one(logBoundsSql)
      : database.get(streamBoundsSql, asked.domain, asked.stream)
  return row === undefined
    ? { first: 1, last: 0 }
    : { first: numberAt(row, 'first'), last: numberAt(row, 'last') }
}

/** Removes the beginning of the log; says how many events that was. */
export function deleteEvents(database: Database, through: number): number {
  return database.run(deleteEventsSql, through)
}

function eventOf(row: Row): LoggedEvent {
  return loggedEvent({ domain: textAt(row, 'domain'), stream: textAt(row, 'stream') }, keptEvent(row))
}
