// A client of our own, made of single connections. A connection that is lost, or given up, is made anew by
// the next command: it fails at once while the server cannot be reached, and works as soon as it can.
// Upholds I10.
import { errorMessage } from '../core/thrown.ts'
import { systemTimers } from '../ports/timers.ts'
import { NotConnectedError } from './faults.ts'
import type { RedisArgument, RedisClient, RedisDuplicate } from './redis-client.ts'

/** How long what was sent to a server that is left may still be answered, in milliseconds. */
const leaveMs = 5000

/** A connection of a client library, which is not made anew by the library when it is lost. */
export interface SingleConnection extends RedisClient {
  /** Resolves once commands can be sent. */
  connect(): Promise<unknown>
  /** Ends it once everything is answered. */
  close(): Promise<unknown>
  /** Ends it at once. */
  destroy(): void
}

/** How a client library makes connections, and what its errors say. */
export interface ConnectionMaker {
  make(told: { readonly lost: () => void }): SingleConnection
  /** Whether an error is a server's reply. */
  isReply(error: unknown): boolean
  /** Whether a command failed because its connection was ended here. */
  isEnded(error: unknown): boolean
}

/** One connection, from when it is begun until it is lost or given up. */
interface Link {
  readonly client: SingleConnection
  readonly maker: ConnectionMaker
  /** Resolves once commands can be sent. */
  readonly ready: Promise<unknown>
  readonly fail: (why: Error) => void
  /** When the server last answered a command. */
  heardMs: number
  /** Why it was given up. */
  why?: Error
}

/** A client of one server, not connected yet. */
export class OwnClient implements RedisDuplicate, RedisClient {
  readonly #load: () => Promise<ConnectionMaker>
  /** Ends connections that were left. */
  readonly #drops = new Set<() => void>()
  #maker: ConnectionMaker | undefined
  #link: Link | undefined
  #isOpen = false

  constructor(load: () => Promise<ConnectionMaker>) {
    this.#load = load
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
      const { maker, why } = link
      if (maker.isReply(error) && errorMessage(error).startsWith('READONLY')) this.#leave(link)
      throw maker.isEnded(error) ? (why ?? error) : error
    }
  }

  /** The connection, once commands can be sent. */
  async #connected(): Promise<Link> {
    if (!this.#isOpen) throw closed()
    const maker = (this.#maker ??= await this.#load())
    // It may have been closed while the library was loaded.
    if (!this.#isOpen) throw closed()
    this.#link ??= this.#connect(maker)
    const link = this.#link
    try {
      await link.ready
      return link
    } catch (error) {
      throw maker.isReply(error) ? error : new NotConnectedError(link.why ?? error)
    }
  }

  #connect(maker: ConnectionMaker): Link {
    const client = maker.make({ lost: () => this.#forget(client) })
    const failed = Promise.withResolvers<never>()
    const ready = Promise.race([client.connect(), failed.promise])
    ready.catch(() => this.#forget(client))
    return { client, maker, ready, fail: failed.reject, heardMs: -Infinity }
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

  #forget(client: SingleConnection): void {
    if (this.#link?.client === client) this.#link = undefined
  }
}

function closed(): NotConnectedError {
  return new NotConnectedError(new Error('the client is closed'))
}
