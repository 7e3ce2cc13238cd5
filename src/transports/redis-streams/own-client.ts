// The client that is made for a URL. A connection that is lost is made anew by the next command: it fails at
// once while the server cannot be reached, and works as soon as it can. Upholds I10.
import { createClient } from 'redis'
import type { RedisArgument, RedisClient, RedisDuplicate } from './redis-client.ts'

const connectTimeout = 5_000

/** One connection, from when it is begun until it is lost or ended. */
interface Link {
  readonly client: Pick<RedisClient, 'sendCommand'> & { destroy(): void }
  /** Resolves once commands can be sent. */
  readonly ready: Promise<unknown>
  readonly end: () => void
}

/** A client of the server at a URL, not connected yet. */
export class UrlClient implements RedisDuplicate {
  readonly #url: string
  #link: Link | undefined

  constructor(url: string) {
    this.#url = url
  }

  async connect(): Promise<void> {
    await this.#connected()
  }

  /** Ends the connection, also one that is only being made; a later command makes another one. */
  destroy(): void {
    const link = this.#link
    this.#link = undefined
    link?.end()
  }

  /** There is nothing to listen to: every command that fails tells of the failure itself. */
  on(): void {}

  async sendCommand(args: RedisArgument[], options?: object): Promise<unknown> {
    return (await this.#connected()).sendCommand(args, options)
  }

  async #connected(): Promise<Link['client']> {
    this.#link ??= this.#connect()
    const { client, ready } = this.#link
    await ready
    return client
  }

  #connect(): Link {
    const socket = { connectTimeout, reconnectStrategy: false } as const
    const client = createClient({ url: this.#url, disableOfflineQueue: true, socket })
    const ended = Promise.withResolvers<never>()
    const ready = Promise.race([client.connect(), ended.promise])
    const end = (): void => {
      // A client that is destroyed before its socket is there goes on connecting.
      client.on('connect', () => client.destroy())
      ended.reject(new Error('the connection was ended'))
      client.destroy()
    }
    const link: Link = { client, ready, end }
    const forget = (): void => {
      if (this.#link === link) this.#link = undefined
    }
    client.on('error', forget)
    ready.catch(forget)
    return link
  }
}
