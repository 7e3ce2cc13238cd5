// Calls scripts on the servers: any number of them in one round trip, each in the slot of its first key.
// Every call ends within a time, and an error says whether anything can have happened. Upholds I10.
import { InturnError } from '../../core/errors.ts'
import { systemTimers } from '../../ports/timers.ts'
import type { Failure } from './faults.ts'
import { failureOf, isUnknownScript, unknownOutcome } from './faults.ts'
import type { LuaScript } from './lua-script.ts'
import type { RedisArgument, RedisClient, RedisCluster } from './redis-client.ts'
import { sendTo, sendToAny } from './redis-client.ts'

/** A script to be called. */
export interface ScriptCall {
  readonly script: LuaScript
  /** All in one slot. */
  readonly keys: readonly [string, ...string[]]
  readonly args?: readonly (RedisArgument | number)[]
}

/** How a call ended. */
export type CallEnd = { readonly reply: unknown } | { readonly failure: Failure }

/** How a connection is used. */
export interface ConnectionOptions {
  readonly name: string
  /** How long to wait for a reply, in milliseconds. */
  readonly replyMs: number
  /** By how much the server's clock is moved, in milliseconds; for tests. */
  readonly shiftMs: () => number
}

/** What was made for a URL, to be opened and closed with the store. */
export interface OwnClient {
  open(): Promise<void>
  close(): Promise<void>
}

/** The way to the servers. */
export class Connection {
  readonly name: string
  readonly #client: RedisClient | RedisCluster
  readonly #own: OwnClient | undefined
  readonly #options: ConnectionOptions
  #opening: Promise<void> | undefined
  #isOpen = false
  #isClosed = false

  constructor(client: RedisClient | RedisCluster, own: OwnClient | undefined, options: ConnectionOptions) {
    this.name = options.name
    this.#client = client
    this.#own = own
    this.#options = options
  }

  /** Connects, where the client is our own. */
  async open(): Promise<void> {
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined
    })
    await this.#opening
  }

  /** Connects for reading, unless the store was closed. */
  async openForReading(): Promise<void> {
    if (this.#isClosed) this.refuse()
    await this.open()
  }

  /** Refuses further calls, and ends the client where it is our own. */
  async close(): Promise<void> {
    if (this.#isOpen) await this.#own?.close()
    this.#isOpen = false
    this.#isClosed = true
  }

  /** Reads; a failure of any call is the failure of all. */
  async read(calls: readonly ScriptCall[]): Promise<readonly unknown[]> {
    const ends = await this.settle(calls)
    return ends.map((end) => {
      if ('failure' in end) throw end.failure.error
      return end.reply
    })
  }

  /** Reads with one call. */
  async readOne(call: ScriptCall): Promise<unknown> {
    const [reply] = await this.read([call])
    return reply
  }

  /**
   * Writes. Rejects with what refused the write if certainly nothing was written, and with `commit-unknown`
   * if something was, or may have been; `hasWritten`: something was, before these calls.
   */
  async write(calls: readonly ScriptCall[], hasWritten = false): Promise<readonly unknown[]> {
    const ends = await this.settle(calls)
    const failures = ends.flatMap((end) => ('failure' in end ? [end.failure] : []))
    const [first] = failures
    if (first === undefined) return ends.map((end) => ('reply' in end ? end.reply : undefined))
    const isUndone = failures.length === ends.length && failures.every((failure) => failure.isUndone)
    throw isUndone && !hasWritten ? first.error : unknownOutcome(this.name, first.error)
  }

  /** Calls scripts in one round trip, and says how each call ended. */
  async settle(calls: readonly ScriptCall[]): Promise<readonly CallEnd[]> {
    this.#checkOpen()
    if (calls.length === 0) return []
    const late = Promise.withResolvers<never>()
    const cancel = systemTimers.after(this.#options.replyMs, () => late.reject(this.#lateError()))
    late.promise.catch(() => undefined)
    const ends = await Promise.all(calls.map((call) => this.#settleOne(call, late.promise)))
    cancel()
    return ends
  }

  /** Refuses a call: the store is closed, or not open yet. */
  refuse(): never {
    const state = this.#isClosed ? 'closed' : 'not open yet'
    throw new InturnError('store-closed', `${this.name} is ${state}`)
  }

  /** The reply to a command without keys, as text; `undefined` where the user may not send it. */
  async ask(...command: string[]): Promise<string | undefined> {
    this.#checkOpen()
    const reply = await sendToAny(this.#client, command).catch(() => undefined)
    return typeof reply === 'string' ? reply : undefined
  }

  async #connect(): Promise<void> {
    if (!this.#isOpen) await this.#own?.open().catch((error: unknown) => this.#fail(error))
    this.#isOpen = true
    this.#isClosed = false
  }

  async #settleOne(call: ScriptCall, late: Promise<never>): Promise<CallEnd> {
    try {
      return { reply: await Promise.race([this.#call(call), late]) }
    } catch (error) {
      return { failure: failureOf(error, this.name) }
    }
  }

  async #call({ script, keys, args = [] }: ScriptCall): Promise<unknown> {
    const rest = [String(keys.length), ...keys, String(this.#options.shiftMs()), ...args.map(asArgument)]
    try {
      return await sendTo(this.#client, keys[0], ['EVALSHA', script.sha, ...rest])
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return sendTo(this.#client, keys[0], ['EVAL', script.text, ...rest])
    }
  }

  #fail(error: unknown): never {
    throw failureOf(error, this.name).error
  }

  #lateError(): Error {
    return new Error(`no reply within ${this.#options.replyMs} ms`)
  }

  #checkOpen(): void {
    if (!this.#isOpen) this.refuse()
  }
}

function asArgument(value: RedisArgument | number): RedisArgument {
  return typeof value === 'number' ? String(value) : value
}
