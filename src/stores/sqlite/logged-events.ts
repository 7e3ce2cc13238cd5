// Reading and removing the events of the log.
import type { LogStream } from '../../core/append-errors.ts'
import type { LoggedEvent } from '../../core/logged-event.ts'
import type { LogBounds, LogPage, LogRead } from '../../ports/event-log.ts'
import { loggedEvent } from '../../ports/logged-text.ts'
import type { StreamPiece } from '../../ports/read-log.ts'
import { pageOf, pageStart, rowsWanted } from '../../ports/read-log.ts'
import { keptEvent } from './append-events.ts'
import type { Database } from './database.ts'
import type { Row } from './row.ts'
import { numberAt, textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'

const findStreamSql = sqlFile(new URL('./event-log/find-stream.sql', import.meta.url))
const readPageSql = sqlFile(new URL('./event-log/read-page.sql', import.meta.url))
const readStreamSql = sqlFile(new URL('./event-log/read-stream.sql', import.meta.url))
const readBackwardsSql = sqlFile(new URL('./event-log/read-stream-backwards.sql', import.meta.url))
const streamBoundsSql = sqlFile(new URL('./event-log/stream-bounds.sql', import.meta.url))
const logBoundsSql = sqlFile(new URL('./event-log/log-bounds.sql', import.meta.url))
const deleteEventsSql = sqlFile(new URL('./event-log/delete-events.sql', import.meta.url))

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
