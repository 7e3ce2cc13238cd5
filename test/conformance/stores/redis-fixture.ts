// A Redis store for one case of the suite, on keys of its own. Virtual time moves the timers of its claims
// and is added to the server's clock.
import { createClient } from 'redis'
import type { Store } from '../../../src/ports/store.ts'
import { Connection } from '../../../src/stores/redis/connection.ts'
import type { RedisClient, RedisCluster } from '../../../src/stores/redis/redis-client.ts'
import { RedisStore } from '../../../src/stores/redis/redis-store.ts'
import type { StoreCapabilities, StoreFixture } from '../../../src/testing/store-suite/store-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

export const redisCapabilities: StoreCapabilities = {
  transaction: 'a Redis store is fenced: handlers do not write inside the commit yet',
  handles: true,
  durable: true,
}

const claimMs = 30_000
let fixtures = 0

/** A store over a client, with clocks that a test moves. */
export function storeOver(
  client: RedisClient | RedisCluster,
  options: { readonly prefix: string; readonly timers: VirtualTimers; readonly shiftMs?: () => number },
): RedisStore {
  const { prefix, timers, shiftMs = () => 0 } = options
  const connection = new Connection(client, undefined, { name: 'redis', replyMs: 60_000, shiftMs })
  const onWarning = (): void => undefined
  return new RedisStore({ connection, layout: { prefix, shards: undefined }, timers, onWarning })
}

/** A prefix that nobody else uses. */
export function ownPrefix(): string {
  return `test-${process.pid}-${Date.now()}-${fixtures++}`
}

/** A fixture over a client. */
export async function redisFixture(client: RedisClient | RedisCluster): Promise<StoreFixture> {
  const prefix = ownPrefix()
  const timers = new VirtualTimers()
  const opened: Store[] = []
  const watched = watchedClient(client)
  const open = async (own: VirtualTimers = timers): Promise<RedisStore> => {
    const store = storeOver(watched.client, { prefix, timers: own, shiftMs: () => timers.elapsedMs() })
    await store.open()
    opened.push(store)
    return store
  }
  const store = await open()
  return {
    store,
    claimMs,
    advanceTime: async (ms) => {
      await timers.advance(ms)
      await watched.allReplied()
    },
    secondHandle: () => open(),
    stalledHandle: async () => {
      const own = new VirtualTimers()
      const stalled = await open(own)
      const resume = async (): Promise<void> => {
        await own.advance(claimMs / 2)
        await watched.allReplied()
      }
      return { store: stalled, resume }
    },
    reopen: async () => {
      await store.close()
      opened.splice(opened.indexOf(store), 1)
      return open()
    },
    cleanup: async () => {
      for (const one of opened) await one.close()
    },
  }
}

/** A client of the official package that a test can end. */
export interface TestClient extends RedisClient {
  destroy(): void
}

/** A connected client of the official package. */
export async function connectedClient(url: string): Promise<TestClient> {
  const client = createClient({ url, socket: { reconnectStrategy: false } })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** A client that knows when everything that it has sent was replied to. */
function watchedClient(client: RedisClient | RedisCluster): {
  readonly client: RedisClient | RedisCluster
  allReplied(): Promise<void>
} {
  const waiting = new Set<Promise<unknown>>()
  const watch = (reply: Promise<unknown>): Promise<unknown> => {
    const settled: Promise<unknown> = reply.catch(() => undefined).finally(() => waiting.delete(settled))
    waiting.add(settled)
    return reply
  }
  const send = (...command: unknown[]): unknown => {
    const reply: unknown = Reflect.apply(client.sendCommand, client, command)
    return reply instanceof Promise ? watch(reply) : reply
  }
  const watched = new Proxy(client, {
    get: (target, name): unknown => (name === 'sendCommand' ? send : Reflect.get(target, name, target)),
  })
  return {
    client: watched,
    allReplied: async () => {
      do {
        await Promise.all(waiting)
        await new Promise((resolve) => setImmediate(resolve))
      } while (waiting.size > 0)
    },
  }
}
