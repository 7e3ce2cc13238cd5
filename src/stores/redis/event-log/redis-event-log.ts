// The event log on Redis: a Redis stream beside an index of ids and a list for each stream, all in one
// slot, so that one script gives numbers and places and nothing is visible before what precedes it. Upholds
// I3.
import type { LogStream } from '../../../core/append-errors.ts'
import { InturnError, invariant } from '../../../core/errors.ts'
import type { Appended, LoggedEvent, StreamAppend } from '../../../core/logged-event.ts'
import type { PreparedAppend } from '../../../core/plan-append.ts'
import type {
  AppendLimits,
  EventLog,
  LogBounds,
  LogPage,
  LogRead,
  LogSubscription,
  LogTrim,
  LogTrimmed,
  StreamRead,
} from '../../../ports/event-log.ts'
import type { Timers } from '../../../ports/timers.ts'
import type { Connection } from '../../../redis/connection.ts'
import { at, listIn, numberIn } from '../../../redis/reply.ts'
import { AppendOrder, prepareAppends } from '../../../storage/prepare-append.ts'
import type { StreamPiece } from '../../../storage/read-log.ts'
import { followPages, readPages, readStream, trimLog } from '../../../storage/read-log.ts'
import { warnOfSettings } from '../server-settings.ts'
import type { AppendEnd } from './append-queue.ts'
import { AppendQueue } from './append-queue.ts'
import { appendArguments, appendScript, appendedIn, sizeOf, trimScript } from './append-script.ts'
import { LogMemory } from './log-memory.ts'
import type { ReadLog } from './log-reads.ts'
import { readBounds, readPage, readPiece } from './log-reads.ts'
import type { OpenedLog } from './open-log.ts'
import { logVersion, openLog } from './open-log.ts'

/** What an append may have in all; a server refuses what is much larger, and cuts the connection. */
const appendBytesMax = 67_108_864

/** What a log is made of. */
export interface RedisEventLogParts {
  readonly name: string
  readonly connection: Connection
  readonly prefix: string
  readonly limits: AppendLimits
  readonly timers: Timers
  readonly pollMs: number
  readonly pollMaxMs: number
  readonly onWarning: (message: string) => void
}

/** An event log on Redis; made by `redisEventLog`. */
export class RedisEventLog implements EventLog {
  readonly name: string
  readonly durable = true
  readonly #parts: RedisEventLogParts
  readonly #connection: Connection
  readonly #memory: LogMemory
  readonly #reads: ReadLog
  readonly #order = new AppendOrder()
  readonly #queue = new AppendQueue(async (batches) => this.#send(batches))
  #opening: Promise<OpenedLog> | undefined
  #isClosed = false

  constructor(parts: RedisEventLogParts) {
    const { name, connection, prefix, onWarning } = parts
    this.name = name
    this.#parts = parts
    this.#connection = connection
    this.#memory = new LogMemory(name, onWarning)
    this.#reads = { name, connection, base: `{${prefix}:log}`, memory: this.#memory }
  }

  async open(): Promise<void> {
    this.#isClosed = false
    await this.#opened()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#opening = undefined
    this.#memory.forget()
    this.#connection.close()
  }

  async append(append: StreamAppend): Promise<Appended> {
    const [appended] = await this.appendAll([append])
    invariant(appended !== undefined, 'an append came to nothing')
    return appended
  }

  async appendAll(appends: readonly StreamAppend[]): Promise<readonly Appended[]> {
    this.#checkOpen()
    return this.#order.run(this.#prepared(appends), async (prepared) => ({
      written: this.#queue.append(prepared),
    }))
  }

  read(read: StreamRead): AsyncIterable<LoggedEvent> {
    const piece = async (asked: StreamPiece): Promise<readonly LoggedEvent[]> => readPiece(this.#reads, asked)
    return readStream({ bounds: () => this.bounds(read), piece }, read)
  }

  readAll(read: LogRead = {}): AsyncIterable<LoggedEvent> {
    return readPages((request) => this.page(request), read)
  }

  subscribe(subscription: LogSubscription = {}): AsyncIterable<LoggedEvent> {
    const { timers, pollMs, pollMaxMs } = this.#parts
    const page = (request: LogRead & { readonly limit: number }): Promise<LogPage> => this.page(request)
    return followPages({ page, timers, pollMs, pollMaxMs }, subscription)
  }

  async page(request: LogRead & { readonly limit: number }): Promise<LogPage> {
    return readPage(this.#reads, request)
  }

  async bounds(stream?: LogStream): Promise<LogBounds> {
    return readBounds(this.#reads, stream)
  }

  async trim(trim: LogTrim): Promise<LogTrimmed> {
    const { identity } = await this.#opened()
    const remove = async (through: number): Promise<number> => {
      const call = { script: trimScript, keys: [this.#reads.base], args: [identity, through] } as const
      const [reply] = await this.#connection.write([call])
      return listIn(reply).length === 0 ? this.#memory.refuse() : numberIn(at(reply, 0))
    }
    return trimLog({ log: this, remove }, trim)
  }

  async #prepared(appends: readonly StreamAppend[]): Promise<readonly PreparedAppend[]> {
    const prepared = await prepareAppends(appends, this.#parts.limits)
    const { bytes } = sizeOf(prepared)
    if (bytes <= appendBytesMax) return prepared
    const message = `an append takes at most ${appendBytesMax} bytes in all, not ${bytes}`
    throw new InturnError('event-invalid', message)
  }

  async #send(batches: readonly (readonly PreparedAppend[])[]): Promise<readonly AppendEnd[]> {
    const { identity } = await this.#opened()
    const known = this.#memory.last
    const args = [identity, logVersion, ...batches.flatMap(appendArguments)]
    const [reply] = await this.#connection.write([{ script: appendScript, keys: [this.#reads.base], args }])
    const [before, last, time, ...parts] = listIn(reply)
    if (before === undefined) this.#memory.refuse()
    if (last === undefined) this.#memory.noteLog({ identity, version: numberIn(before) })
    this.#memory.noteLast({ last: numberIn(before), known })
    this.#memory.noteLast({ last: numberIn(last), known: numberIn(last) })
    const now = numberIn(time)
    return batches.map((batch, index) => () => appendedIn(batch, { reply: parts[index], now }))
  }

  async #opened(): Promise<OpenedLog> {
    this.#checkOpen()
    this.#opening ??= this.#openLog().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #openLog(): Promise<OpenedLog> {
    const { base } = this.#reads
    await this.#connection.open()
    const known = this.#memory.last
    const opened = await openLog(this.#connection, base)
    this.#memory.noteLog(opened)
    this.#memory.noteLast({ last: opened.last, known })
    await warnOfSettings(this.#connection, { keys: [base], onWarning: this.#parts.onWarning })
    return opened
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new InturnError('store-closed', `${this.name} is closed`)
  }
}
