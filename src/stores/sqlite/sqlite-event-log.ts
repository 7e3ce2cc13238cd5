// The event log in a SQLite file, beside the user's own tables and a store's. There is one writer at a time,
// so places are given in the order of commits, and nothing becomes visible behind what was read. Upholds I3.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError, invariant } from '../../core/errors.ts'
import type { Appended, LoggedEvent, StreamAppend } from '../../core/logged-event.ts'
import type {
  AppendLimits,
  LogAppender,
  LogBounds,
  LogPage,
  LogRead,
  LogSubscription,
  LogTrim,
  LogTrimmed,
  StreamRead,
  TransactionalEventLog,
} from '../../ports/event-log.ts'
import type { Timers } from '../../ports/timers.ts'
import { loggedEvent } from '../../storage/logged-text.ts'
import { AppendOrder, prepareAppends } from '../../storage/prepare-append.ts'
import type { StreamPiece } from '../../storage/read-log.ts'
import {
  followPages,
  pageOf,
  pageStart,
  readPages,
  readStream,
  rowsWanted,
  trimLog,
} from '../../storage/read-log.ts'
import { appendEvents, findStreamSql, keptEvent } from './append-events.ts'
import type { Row } from './row.ts'
import { numberAt, textAt } from './row.ts'
import type { OpenFile, SqliteFile } from './sqlite-file.ts'
import { isSameFile } from './sqlite-file.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'

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

/** What the log needs beside its file. */
export interface SqliteEventLogParts {
  readonly limits: AppendLimits
  readonly now: () => number
  readonly timers: Timers
  readonly pollMs: number
}

/** An event log in a SQLite file; made by `sqliteEventLog`. */
export class SqliteEventLog implements TransactionalEventLog<SqliteTransaction> {
  readonly name: string
  readonly durable = true
  readonly #file: SqliteFile
  readonly #parts: SqliteEventLogParts
  readonly #order = new AppendOrder()
  /** Inside the body of `transaction` any other write of this log would wait for itself. */
  readonly #inside = new AsyncLocalStorage<{ isOpen: boolean }>()
  #isClosed = false

  constructor(file: SqliteFile, parts: SqliteEventLogParts) {
    this.name = `sqlite ${file.path}`
    this.#file = file
    this.#parts = parts
  }

  async open(): Promise<void> {
    this.#isClosed = false
    await this.#file.open()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#file.close()
  }

  async append(append: StreamAppend): Promise<Appended> {
    return only(await this.appendAll([append]))
  }

  async appendAll(appends: readonly StreamAppend[]): Promise<readonly Appended[]> {
    const { limits, now } = this.#parts
    return this.#order.run(prepareAppends(appends, limits), async (prepared) => {
      const { database, writer } = await this.#opened()
      return { written: writer.write('full', () => appendEvents(database, prepared, now())) }
    })
  }

  read(read: StreamRead): AsyncIterable<LoggedEvent> {
    return readStream({ bounds: () => this.bounds(read), piece: async (asked) => this.#piece(asked) }, read)
  }

  readAll(read: LogRead = {}): AsyncIterable<LoggedEvent> {
    return readPages((request) => this.page(request), read)
  }

  subscribe(subscription: LogSubscription = {}): AsyncIterable<LoggedEvent> {
    const { timers, pollMs } = this.#parts
    return followPages({ page: (request) => this.page(request), timers, pollMs }, subscription)
  }

  async page(request: LogRead & { readonly limit: number }): Promise<LogPage> {
    const database = this.#file.reading()
    const { limit, after = 0, ...filter } = request
    return database.snapshot(() => {
      const start = pageStart(database.file, after, boundsIn(database.one(logBoundsSql)))
      const rows = database.all(readPageSql, start, rowsWanted(limit, filter))
      return pageOf(rows.map(eventOf), { after: start, limit, filter })
    })
  }

  async bounds(asked?: LogStream): Promise<LogBounds> {
    const database = this.#file.reading()
    if (asked === undefined) return boundsIn(database.one(logBoundsSql))
    const row = database.get(streamBoundsSql, asked.domain, asked.stream)
    return row === undefined ? { first: 1, last: 0 } : boundsIn(row)
  }

  async trim(trim: LogTrim): Promise<LogTrimmed> {
    const { database, writer } = await this.#opened()
    const remove = (through: number): Promise<number> =>
      writer.write('full', () => database.run(deleteEventsSql, through))
    return trimLog({ log: this, remove }, trim)
  }

  async transaction<Result>(
    body: (transaction: SqliteTransaction, log: LogAppender) => Result | Promise<Result>,
  ): Promise<Result> {
    const { database, writer } = await this.#opened()
    return writer.transact(async () => {
      const transaction = new SqliteTransaction(database)
      const inside = { isOpen: true }
      try {
        const value = await this.#inside.run(inside, async () => body(transaction, this.within(transaction)))
        if (transaction.fault !== undefined) throw transaction.fault
        if (database.isTransaction) return value
        throw new InturnError('handler-failed', 'a statement has rolled the whole transaction back')
      } finally {
        inside.isOpen = false
        transaction.end()
      }
    })
  }

  within(transaction: SqliteTransaction): LogAppender {
    if (!isSameFile(transaction.file, this.#file.path)) {
      const message = `the transaction is of ${transaction.file}, and the log is in ${this.#file.path}`
      throw new InturnError('config-invalid', message)
    }
    const { limits, now } = this.#parts
    const appendAll = async (appends: readonly StreamAppend[]): Promise<readonly Appended[]> =>
      appendEvents(transaction, await prepareAppends(appends, limits), now())
    return { appendAll, append: async (append) => only(await appendAll([append])) }
  }

  #piece({ domain, stream, from, to, limit, backwards }: StreamPiece): readonly LoggedEvent[] {
    const database = this.#file.reading()
    const found = database.get(findStreamSql, domain, stream)
    if (found === undefined) return []
    const sql = backwards ? readBackwardsSql : readStreamSql
    const rows = database.all(sql, numberAt(found, 'id'), from, to, limit)
    return rows.map((row) => loggedEvent({ domain, stream }, keptEvent(row)))
  }

  async #opened(): Promise<OpenFile> {
    if (this.#isClosed) throw new InturnError('store-closed', `${this.name} is closed`)
    if (this.#inside.getStore()?.isOpen === true) {
      const message = 'inside a transaction of the log, append through what its body is given'
      throw new InturnError('handler-failed', message)
    }
    await this.#file.open()
    return this.#file.opened()
  }
}

function only(appended: readonly Appended[]): Appended {
  const [one] = appended
  invariant(one !== undefined, 'an append came to nothing')
  return one
}

function eventOf(row: Row): LoggedEvent {
  return loggedEvent({ domain: textAt(row, 'domain'), stream: textAt(row, 'stream') }, keptEvent(row))
}

function boundsIn(row: Row): LogBounds {
  return { first: numberAt(row, 'first'), last: numberAt(row, 'last') }
}
