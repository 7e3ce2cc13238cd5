// The event log on Postgres, beside the user's own tables. Events get their places after they are committed,
// so a transaction that stands still or is undone holds up nobody and leaves no gap. Upholds I3.
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError, invariant } from '../../core/errors.ts'
import type { Appended, LoggedEvent, StreamAppend } from '../../core/logged-event.ts'
import type { PreparedAppend } from '../../core/plan-append.ts'
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
import { appendEvents, appendedOf } from './append-events.ts'
import type { AppendEnd } from './append-events.ts'
import type { Connection } from './connection.ts'
import type { ReadLog } from './logged-events.ts'
import { deleteEvents, readBounds, readPage, readPiece } from './logged-events.ts'
import { OpenTransaction } from './open-transaction.ts'
import { Placer } from './placer.ts'
import type { PostgresTransaction } from './postgres-client.ts'

/** What a log is made of. */
export interface PostgresEventLogParts {
  readonly connection: Connection
  readonly limits: AppendLimits
  readonly timers: Timers
  readonly pollMs: number
  readonly pollMaxMs: number
}

/**
 * By transaction: its last append that was begun. The locks of streams keep other transactions out and not
 * this one: two appends that look where a stream is before either has written would give one number twice.
 */
const lastWithin = new WeakMap<PostgresTransaction, Promise<unknown>>()

/** An event log on Postgres; made by `postgresEventLog`. */
export class PostgresEventLog implements TransactionalEventLog<PostgresTransaction> {
  readonly name: string
  readonly durable = true
  readonly #parts: PostgresEventLogParts
  readonly #reads: ReadLog
  readonly #order = new AppendOrder()
  /** By stream: the last append that was begun. */
  readonly #last = new Map<string, Promise<unknown>>()

  constructor(parts: PostgresEventLogParts) {
    const { connection } = parts
    this.name = connection.name
    this.#parts = parts
    this.#reads = { name: this.name, connection, placer: new Placer(connection) }
  }

  async open(): Promise<void> {
    await this.#reads.connection.open()
  }

  async close(): Promise<void> {
    await this.#reads.connection.close()
  }

  async append(append: StreamAppend): Promise<Appended> {
    return only(await this.appendAll([append]))
  }

  async appendAll(appends: readonly StreamAppend[]): Promise<readonly Appended[]> {
    const prepared = prepareAppends(appends, this.#parts.limits)
    return this.#order.run(prepared, async (checked) => ({ written: this.#inOrder(checked) }))
  }

  read(read: StreamRead): AsyncIterable<LoggedEvent> {
    const piece = (asked: StreamPiece): Promise<readonly LoggedEvent[]> => readPiece(this.#reads, asked)
    return readStream({ bounds: () => this.bounds(read), piece }, read)
  }

  readAll(read: LogRead = {}): AsyncIterable<LoggedEvent> {
    return readPages((request) => this.page(request), read)
  }

  subscribe(subscription: LogSubscription = {}): AsyncIterable<LoggedEvent> {
    const { timers, pollMs, pollMaxMs } = this.#parts
    return followPages({ page: (request) => this.page(request), timers, pollMs, pollMaxMs }, subscription)
  }

  async page(request: LogRead & { readonly limit: number }): Promise<LogPage> {
    return readPage(this.#reads, request)
  }

  async bounds(stream?: LogStream): Promise<LogBounds> {
    return readBounds(this.#reads, stream)
  }

  async trim(trim: LogTrim): Promise<LogTrimmed> {
    return trimLog({ log: this, remove: (through) => deleteEvents(this.#reads.connection, through) }, trim)
  }

  async transaction<Result>(
    body: (transaction: PostgresTransaction, log: LogAppender) => Result | Promise<Result>,
  ): Promise<Result> {
    const { connection } = this.#reads
    return connection.transact(async (session) => {
      const transaction = new OpenTransaction(session, connection)
      try {
        const value = await body(transaction, this.within(transaction))
        if (!transaction.isLost) return value
        const message = 'the body has ended its transaction itself: leave COMMIT and ROLLBACK to the log'
        throw new InturnError('handler-failed', message)
      } catch (error) {
        if (transaction.pending > 0) session.giveUp()
        throw error
      } finally {
        transaction.end()
      }
    })
  }

  within(transaction: PostgresTransaction): LogAppender {
    const { connection } = this.#reads
    const statements = connection.statements(transaction)
    const appendAll = async (appends: readonly StreamAppend[]): Promise<readonly Appended[]> => {
      const before = lastWithin.get(transaction)
      const ready = Promise.all([prepareAppends(appends, this.#parts.limits), before])
      const appending = ready.then(([prepared]) => appendEvents(statements, prepared, connection.shiftMs()))
      lastWithin.set(transaction, Promise.allSettled([before, appending]))
      return appendedOf(await appending)
    }
    return { appendAll, append: async (append) => only(await appendAll([append])) }
  }

  /** Appends once every earlier append to one of the same streams has ended. */
  async #inOrder(prepared: readonly PreparedAppend[]): Promise<readonly Appended[]> {
    const keys = prepared.map(({ domain, stream }) => JSON.stringify([domain, stream]))
    const before = Promise.allSettled(keys.map((key) => this.#last.get(key) ?? Promise.resolve()))
    const written = before.then(() => this.#write(prepared))
    const ended = written.then(
      () => undefined,
      () => undefined,
    )
    for (const key of keys) this.#last.set(key, ended)
    const ends = await written.finally(() => {
      for (const key of keys) if (this.#last.get(key) === ended) this.#last.delete(key)
    })
    const isPlaced = ends.every(({ events }) => events.every(({ place }) => place !== undefined))
    if (isPlaced) return appendedOf(ends)
    const rowIds = ends.flatMap(({ events }) => events.map(({ rowId }) => rowId))
    // They are committed, whatever happens now: whoever reads next gives them their places.
    return appendedOf(ends, await this.#reads.placer.place(rowIds).catch(() => new Map<number, number>()))
  }

  async #write(prepared: readonly PreparedAppend[]): Promise<readonly AppendEnd[]> {
    const { connection } = this.#reads
    return connection.write((statements) => appendEvents(statements, prepared, connection.shiftMs()))
  }
}

function only(appended: readonly Appended[]): Appended {
  const [one] = appended
  invariant(one !== undefined, 'an append came to nothing')
  return one
}
