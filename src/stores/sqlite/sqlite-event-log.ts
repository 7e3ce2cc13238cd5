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
import { AppendOrder, prepareAppends } from '../../storage/prepare-append.ts'
import type { StreamPiece } from '../../storage/read-log.ts'
import { followPages, readPages, readStream, trimLog } from '../../storage/read-log.ts'
import { appendEvents } from './append-events.ts'
import { deleteEvents, readBounds, readPage, readPiece } from './logged-events.ts'
import type { OpenFile, SqliteFile } from './sqlite-file.ts'
import { isSameFile } from './sqlite-file.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'

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
    const piece = async (asked: StreamPiece): Promise<readonly LoggedEvent[]> =>
      readPiece(this.#file.reading(), asked)
    return readStream({ bounds: () => this.bounds(read), piece }, read)
  }

  readAll(read: LogRead = {}): AsyncIterable<LoggedEvent> {
    return readPages((request) => this.page(request), read)
  }

  subscribe(subscription: LogSubscription = {}): AsyncIterable<LoggedEvent> {
    const { timers, pollMs } = this.#parts
    return followPages({ page: (request) => this.page(request), timers, pollMs }, subscription)
  }

  async page(request: LogRead & { readonly limit: number }): Promise<LogPage> {
    return readPage(this.#file.reading(), request)
  }

  async bounds(stream?: LogStream): Promise<LogBounds> {
    return readBounds(this.#file.reading(), stream)
  }

  async trim(trim: LogTrim): Promise<LogTrimmed> {
    const { database, writer } = await this.#opened()
    const remove = (through: number): Promise<number> =>
      writer.write('full', () => deleteEvents(database, through))
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
