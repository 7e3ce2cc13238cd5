// The client that is made for a URL. A connection that is lost, or given up, is made anew by the next
// command: it fails at once while the server cannot be reached, and works as soon as it can. Upholds I10.
import { createClient, DisconnectsClientError, ErrorReply } from 'redis'
import { systemTimers } from '../ports/timers.ts'
import { NotConnectedError } from './faults.ts'
import type { RedisArgument, RedisClient, RedisDuplicate } from './redis-client.ts'

const connectTimeout = 5000
/** How long what was sent to a server that is left may still be answered, in milliseconds. */
const leaveMs = 5000

/** One connection, from when it is begun until it is lost or given up. */
interface Link {
  readonly client: RedisClient & { close(): Promise<unknown>; destroy(): void }
  /** Resolves once commands can be sent. */
  readonly ready: Promise<unknown>
  readonly fail: (why: Error) => void
  /** When the server last answered a command. */
  heardMs: number
  /** Why it was given up. */
  why?: Error
}

/** A client of one server, not connected yet. */
export class UrlClient implements RedisDuplicate, RedisClient {
  readonly #url: string
  /** Ends connections that were left. */
  readonly #drops = new Set<() => void>()
  #link: Link | undefined
  #isOpen = false

  constructor(url: string) {
    this.#url = url
  }

  /** Connects, and fails if that fails; later it connects anew by itself. */
  async connect(): Promise<void> {
    this.#isOpen = true
    await this.#connected()
  }

  destroy(): void {
    this.#isOpen = false
    this.#end(new Error('the client was closed'))
    for (const drop of this.#drops) drop()
  }

  /** There is nothing to listen to: every command that fails tells of the failure itself. */
  on(): void {}

  /** Ends a connection on which nothing was heard since then; what it has under way fails at once. */
  giveUp(sinceMs: number, why: Error): void {
    if (this.#link === undefined || this.#link.heardMs > sinceMs) return
    this.#end(why)
  }

  async sendCommand(args: RedisArgument[], options?: object): Promise<unknown> {
    const link = await this.#connected()
    try {
      const reply = await link.client.sendCommand(args, options)
      link.heardMs = systemTimers.elapsedMs()
      return reply
    } catch (error) {
      if (error instanceof ErrorReply && error.message.startsWith('READONLY')) this.#leave(link)
      throw error instanceof DisconnectsClientError ? (link.why ?? error) : error
    }
  }

  /** The connection, once commands can be sent. */
  async #connected(): Promise<Link> {
    if (!this.#isOpen) throw new NotConnectedError(new Error('the client is closed'))
    this.#link ??= this.#connect()
    const link = this.#link
    try {
      await link.ready
      return link
    } catch (error) {
      throw error instanceof ErrorReply ? error : new NotConnectedError(link.why ?? error)
    }
  }

  #connect(): Link {
    const socket = { connectTimeout, reconnectStrategy: false } as const
    const client = createClient({ url: this.#url, disableOfflineQueue: true, socket })
    const failed = Promise.withResolvers<never>()
    const ready = Promise.race([client.connect(), failed.promise])
    const link: Link = { client, ready, fail: failed.reject, heardMs: -Infinity }
    // Every command that fails tells of the failure itself.
    client.on('error', () => this.#forget(link))
    client.on('connect', () => {
      // One that was destroyed before its socket was there has gone on connecting.
      if (link.why !== undefined) client.destroy()
    })
    ready.catch(() => this.#forget(link))
    return link
  }

  /** Ends the connection; whatever waits for it fails at once. */
  #end(why: Error): void {
    const link = this.#link
    if (link === undefined) return
    this.#link = undefined
    link.why = why
    link.fail(why)
    link.client.destroy()
  }

  /**
   * A primary that became a replica keeps its connections, while its name or address may lead to the new
   * primary by now: the next command connects anew, and what was sent before may still be answered.
   */
  #leave({ client }: Link): void {
    if (this.#link?.client !== client) return
    this.#link = undefined
    const drop = (): void => {
      cancel()
      this.#drops.delete(drop)
      client.destroy()
    }
    const cancel = systemTimers.after(leaveMs, drop)
    this.#drops.add(drop)
    client.close().then(drop, drop)
  }

  #forget(link: Link): void {
    if (this.#link === link) this.#link = undefined
  }
}
