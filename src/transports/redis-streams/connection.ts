// The way to the servers, for one source or sink: through a client of the caller's, or one of its own. Every
// call ends within a time. Upholds I10.
import { InturnError } from '../../core/errors.ts'
import { systemTimers } from '../../ports/timers.ts'
import type { LuaScript } from '../../redis/lua-script.ts'
import type { FaultsOf } from './faults.ts'
import { failureOf, isReplica, isUnknownScript } from './faults.ts'
import { UrlClient } from './own-client.ts'
import type {
  CommandSender,
  RedisArgument,
  RedisClient,
  RedisCluster,
  RedisDuplicate,
} from './redis-client.ts'
import { sendTo } from './redis-client.ts'

/** Where the server is: an address, or a client that is connected already and stays the caller's. */
export type ConnectionTarget = { readonly url: string } | { readonly client: RedisClient | RedisCluster }

/** How a connection is used. */
export interface ConnectionOptions extends FaultsOf {
  /** How long to wait for a reply, in milliseconds. */
  readonly replyMs: number
}

/** A client that is ours: to be connected, and to be ended. */
export type OwnClient = RedisDuplicate & CommandSender

/** A connection to one server, or to a cluster. */
export class Connection {
  readonly #target: ConnectionTarget
  readonly #options: ConnectionOptions
  #client: CommandSender | undefined
  #own: OwnClient | undefined

  constructor(target: ConnectionTarget, options: ConnectionOptions) {
    this.#target = target
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#client !== undefined
  }

  /** Connects, where the client is our own, and sees that the server answers. */
  async open(): Promise<void> {
    if (this.isOpen) return
    // A client of our own connects with its first command, which has its time.
    if ('url' in this.#target) this.#own = this.anotherClient()
    this.#client = 'url' in this.#target ? this.#own : this.#target.client
    try {
      await this.send(undefined, ['PING'])
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Refuses further calls, and ends the client where it is our own. */
  close(): void {
    const own = this.#own
    this.#client = undefined
    this.#own = undefined
    endClient(own)
  }

  /** Another client of the same server, not connected yet. */
  anotherClient(): OwnClient {
    if ('url' in this.#target) return new UrlClient(this.#target.url)
    const client = this.#target.client.duplicate()
    client.on('error', () => undefined)
    return client
  }

  /** Sends one command; rejects with an error of inturn. */
  async send(key: string | undefined, args: RedisArgument[]): Promise<unknown> {
    const client = this.#client
    if (client === undefined) {
      throw new InturnError(this.#options.code, `${this.#options.name} is not open`)
    }
    const late = Promise.withResolvers<never>()
    const { replyMs } = this.#options
    const cancel = systemTimers.after(replyMs, () => {
      // A connection that died silently would never reply to anything: the next command makes another one.
      endClient(this.#own)
      late.reject(new Error(`no reply within ${replyMs} ms`))
    })
    try {
      return await Promise.race([sendTo(client, key, { args, timeoutMs: replyMs }), late.promise])
    } catch (error) {
      // A primary that became a replica keeps its connections; the address may lead to the new one by now.
      if (isReplica(error)) endClient(this.#own)
      return this.#fail(error)
    } finally {
      cancel()
    }
  }

  /** Calls a script on a key; rejects with an error of inturn. */
  async call(script: LuaScript, key: string, args: readonly RedisArgument[] = []): Promise<unknown> {
    try {
      return await this.send(key, ['EVALSHA', script.sha, '1', key, ...args])
    } catch (error) {
      if (!(error instanceof InturnError) || !isUnknownScript(error.cause)) throw error
      return this.send(key, ['EVAL', script.text, '1', key, ...args])
    }
  }

  #fail(error: unknown): never {
    throw failureOf(error, this.#options)
  }
}

/** Ends a client, whatever state it is in. */
export function endClient(client: RedisDuplicate | undefined): void {
  try {
    client?.destroy()
  } catch {
    // One that was never connected has nothing to end.
  }
}
