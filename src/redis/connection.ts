// The way to the servers, for a store, a source or a sink. It calls scripts: any number of them in one round
// trip, each in the slot of its first key, and on one server many with one command. Every call ends within a
// time, and an error says whether anything can have happened. Upholds I10.
import { InturnError } from '../core/errors.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Failure, FaultsOf } from './faults.ts'
import { failureOf, isAcrossSlots, isUnknownScript, unknownOutcome } from './faults.ts'
import type { LuaScript } from './lua-script.ts'
import { OwnClient } from './own-client.ts'
import type { AnyClient, RedisArgument, RedisClient } from './redis-client.ts'
import { clientOf, isCluster, sendTo } from './redis-client.ts'
import type { CallGroup, ScriptCall } from './script-call.ts'
import { argumentsOf, groupCalls, repliesOf } from './script-call.ts'

/** How a call ended. */
export type CallEnd = { readonly reply: unknown } | { readonly failure: Failure }

/** How a connection is used. */
export interface ConnectionOptions extends FaultsOf {
  /** How long to wait for a reply, in milliseconds. */
  readonly replyMs: number
  /** By how much the server's clock is moved, in milliseconds; for tests. */
  readonly shiftMs?: () => number
}

/** Whether a connection may be used. */
interface Life {
  isOpen: boolean
  isClosed: boolean
  /** The server, or what stands in front of several, takes only keys of one slot at a time. */
  isApart: boolean
}

/** The way to the servers, through a client of the caller's, or one of our own that was made for a URL. */
export class Connection {
  readonly name: string
  readonly #client: AnyClient
  readonly #own: OwnClient | undefined
  readonly #options: ConnectionOptions
  #opening: Promise<void> | undefined
  #life: Life = { isOpen: false, isClosed: false, isApart: false }
  #before: ((calls: readonly ScriptCall[]) => Promise<void>) | undefined

  constructor(client: AnyClient, options: ConnectionOptions) {
    this.name = options.name
    this.#client = client
    this.#own = client instanceof OwnClient ? client : undefined
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#life.isOpen
  }

  /** The same way to the same servers, on which nothing is called before `before` has let it pass. */
  preceded(before: (calls: readonly ScriptCall[]) => Promise<void>): Connection {
    const other = new Connection(this.#client, this.#options)
    other.#life = this.#life
    other.#before = before
    return other
  }

  /** Connects, where the client is our own. */
  async open(): Promise<void> {
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined
    })
    await this.#opening
  }

  /** Connects for reading, unless it was closed. */
  async openForReading(): Promise<void> {
    if (this.#life.isClosed) this.refuse()
    await this.open()
  }

  /** Refuses further calls, and ends the client where it is our own. */
  close(): void {
    this.#life.isOpen = false
    this.#life.isClosed = true
    this.#own?.destroy()
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
    try {
      await this.#before?.(calls)
    } catch (error) {
      const failure = failureOf(error, this.#options)
      return calls.map(() => ({ failure }))
    }
    return this.#inTime((late) => this.#settleAll(calls, late))
  }

  /** Sends one command to the server that has a key. */
  async send(key: string | undefined, args: RedisArgument[]): Promise<unknown> {
    this.#checkOpen()
    const { replyMs } = this.#options
    return this.#inTime((late) => Promise.race([sendTo(this.#client, key, args, replyMs), late])).catch(
      (error: unknown) => this.#fail(error),
    )
  }

  /** Calls a plain script on a key. */
  async call(script: LuaScript, key: string, args: readonly RedisArgument[] = []): Promise<unknown> {
    this.#checkOpen()
    const { replyMs } = this.#options
    return this.#inTime((late) =>
      Promise.race([this.#evaluate(script, key, ['1', key, ...args], replyMs), late]),
    ).catch((error: unknown) => this.#fail(error))
  }

  /** Refuses a call: the connection is closed, or not open yet. */
  refuse(): never {
    const state = this.#life.isClosed ? 'closed' : 'not open yet'
    const { code } = this.#options
    throw new InturnError(code === 'store-unavailable' ? 'store-closed' : code, `${this.name} is ${state}`)
  }

  /** The nodes that have some keys, each by its client, and which of the keys it has. */
  async nodesOf(keys: readonly string[]): Promise<ReadonlyMap<RedisClient, readonly string[]>> {
    this.#checkOpen()
    const asked = keys.map(async (key) => ({ key, node: await clientOf(this.#client, key) }))
    const found = await this.#inTime((late) => Promise.race([Promise.all(asked), late])).catch(
      (error: unknown) => this.#fail(error),
    )
    const nodes = Map.groupBy(found, ({ node }) => node)
    return new Map([...nodes].map(([node, has]) => [node, has.map(({ key }) => key)]))
  }

  /** Has a client of a cluster look again where keys lie: it learns that when a command is refused. */
  async locate(keys: readonly string[]): Promise<void> {
    if (!this.isCluster) return
    const looking = keys.map((key) => sendTo(this.#client, key, ['EXISTS', key]))
    await this.#inTime((late) => Promise.race([Promise.allSettled(looking), late])).catch(() => undefined)
  }

  /** Whether keys may lie on different servers. */
  get isCluster(): boolean {
    return isCluster(this.#client)
  }

  /** Sends commands to one node, in this order; their replies, or the error of the first that failed. */
  async talk(node: RedisClient, commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
    this.#checkOpen()
    return this.#inTime((late) =>
      Promise.all(commands.map((command) => Promise.race([node.sendCommand([...command]), late]))),
    ).catch((error: unknown) => this.#fail(error))
  }

  async #connect(): Promise<void> {
    const own = this.#life.isOpen ? undefined : this.#own
    if (own !== undefined) {
      await this.#inTime((late) => Promise.race([own.connect(), late])).catch((error: unknown) =>
        this.#fail(error),
      )
    }
    this.#life.isOpen = true
    this.#life.isClosed = false
  }

  /** Runs calls against a promise that rejects when they take too long. */
  async #inTime<Result>(run: (late: Promise<never>) => Promise<Result>): Promise<Result> {
    const late = Promise.withResolvers<never>()
    const begunMs = systemTimers.elapsedMs()
    let cancel = systemTimers.after(this.#options.replyMs, () => {
      const error = this.#lateError()
      // A connection that died silently would never reply to anything: our own client makes another one. What
      // it ends fails by itself a moment earlier, and tells whether it was sent.
      this.#own?.giveUp(begunMs, error)
      cancel = systemTimers.after(0, () => late.reject(error))
    })
    late.promise.catch(() => undefined)
    try {
      return await run(late.promise)
    } finally {
      cancel()
    }
  }

  async #settleAll(calls: readonly ScriptCall[], late: Promise<never>): Promise<readonly CallEnd[]> {
    const isApart = this.isCluster || this.#life.isApart
    const groups = isApart ? calls.map((call): CallGroup => [call]) : groupCalls(calls)
    const ends = await Promise.all(groups.map((group) => this.#settleGroup(group, late)))
    return ends.flat()
  }

  async #settleGroup(group: CallGroup, late: Promise<never>): Promise<readonly CallEnd[]> {
    try {
      const replies = repliesOf(group, await Promise.race([this.#call(group), late]))
      return group.map((_, index) => ({ reply: replies[index] }))
    } catch (error) {
      if (group.length > 1 && isAcrossSlots(error)) {
        this.#life.isApart = true
        return this.#settleAll(group, late)
      }
      const failure = failureOf(error, this.#options)
      // A script that failed for the keys of one call has run for those before it.
      const mayBeInPart = group.length > 1 && failure.error.code === 'store-corrupt'
      return group.map(() => ({ failure: mayBeInPart ? { ...failure, isUndone: false } : failure }))
    }
  }

  async #call(group: CallGroup): Promise<unknown> {
    const [{ script, keys }] = group
    return this.#evaluate(script, keys[0], argumentsOf(group, this.#options.shiftMs?.() ?? 0))
  }

  async #evaluate(
    script: LuaScript,
    key: string,
    rest: readonly RedisArgument[],
    timeoutMs?: number,
  ): Promise<unknown> {
    try {
      return await sendTo(this.#client, key, ['EVALSHA', script.sha, ...rest], timeoutMs)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return sendTo(this.#client, key, ['EVAL', script.text, ...rest], timeoutMs)
    }
  }

  #fail(error: unknown): never {
    throw failureOf(error, this.#options).error
  }

  #lateError(): Error {
    return new Error(`no reply within ${this.#options.replyMs} ms`)
  }

  #checkOpen(): void {
    if (!this.#life.isOpen) this.refuse()
  }
}
