// The client that is made for a URL: it gives up at once while the server cannot be reached, and finds back
// by itself. Upholds I10.
import { createClient } from 'redis'
import type { OwnClient } from './connection.ts'
import type { RedisArgument, RedisClient } from './redis-client.ts'

const connectMs = 5000
const longestPauseMs = 2000

/** A client of one server, opened and closed with the store. */
export class UrlClient implements OwnClient, RedisClient {
  readonly #client: ReturnType<typeof createClient>
  #wasReady = false

  constructor(url: string) {
    this.#client = createClient({
      url,
      disableOfflineQueue: true,
      socket: {
        connectTimeout: connectMs,
        reconnectStrategy: (retries, cause) =>
          this.#wasReady ? Math.min(50 * 2 ** retries, longestPauseMs) * (0.5 + Math.random() / 2) : cause,
      },
    })
    // Every call that fails tells of the failure itself.
    this.#client.on('error', () => undefined)
  }

  async open(): Promise<void> {
    await this.#client.connect()
    this.#wasReady = true
  }

  async close(): Promise<void> {
    this.#wasReady = false
    this.#client.destroy()
  }

  sendCommand(args: RedisArgument[], options?: object): Promise<unknown> {
    return this.#client.sendCommand(args, options)
  }
}
