// A Redis store for one case of the suite, on keys of its own. Virtual time moves the timers of its claims
// and is added to the server's clock.
import { createClient } from 'redis'
import { parseStreamPath } from '../../../src/core/stream-path.ts'
import type { Store } from '../../../src/ports/store.ts'
import { Connection } from '../../../src/redis/connection.ts'
import type { RedisClient, RedisCluster } from '../../../src/redis/redis-client.ts'
import { sendTo } from '../../../src/redis/redis-client.ts'
import type { RedisCommands } from '../../../src/stores/redis.ts'
import { effectKey } from '../../../src/stores/redis.ts'
import { RedisStore } from '../../../src/stores/redis/redis-store.ts'
import type { WaitReplicas } from '../../../src/stores/redis/replicas.ts'
import type {
  CommandEffects,
  StoreCapabilities,
  StoreFixture,
} from '../../../src/testing/store-suite/store-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

export const redisCapabilities: StoreCapabilities = {
  transaction: 'a Redis store has no transactions: its commits run commands',
  commands: true,
  handles: true,
  readsBeside: true,
  durable: true,
}

const claimMs = 30_000
let fixtures = 0

/** A store over a client, with clocks that a test moves. */
export function storeOver(
  client: RedisClient | RedisCluster,
  options: {
    readonly prefix: string
    readonly timers: VirtualTimers
    readonly shiftMs?: () => number
    readonly waitReplicas?: WaitReplicas
  },
): RedisStore {
  const { prefix, timers, shiftMs = () => 0, waitReplicas } = options
  const connection = new Connection(client, {
    name: 'redis',
    code: 'store-unavailable',
    replyMs: 60_000,
    shiftMs,
  })
  const onWarning = (): void => undefined
  const parts = { connection, layout: { prefix, shards: undefined }, timers, onWarning }
  return new RedisStore(waitReplicas === undefined ? parts : { ...parts, waitReplicas })
}

/** A prefix that nobody else uses. */
export function ownPrefix(): string {
  return `test-${process.pid}-${Date.now()}-${fixtures++}`
}

/** A fixture over a client. */
export async function redisFixture(
  client: RedisClient | RedisCluster,
  options: { readonly waitReplicas?: WaitReplicas } = {},
): Promise<StoreFixture> {
  const prefix = ownPrefix()
  const timers = new VirtualTimers()
  const opened: Store[] = []
  const watched = watchedClient(client)
  const open = async (own: VirtualTimers = timers): Promise<RedisStore> => {
    const shiftMs = (): number => timers.elapsedMs()
    const store = storeOver(watched.client, { prefix, timers: own, shiftMs, ...options })
    await store.open()
    opened.push(store)
    return store
  }
  const store = await open()
  return {
    store,
    claimMs,
    commands: commandEffects(client, prefix),
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

function commandEffects(client: RedisClient | RedisCluster, prefix: string): CommandEffects {
  return {
    add: (commands, name) => asCommands(commands).call('INCR', asCommands(commands).key(name)),
    spoil: (commands, name) => asCommands(commands).call('RPUSH', asCommands(commands).key(name), 'x'),
    read: async (consumer, stream, name) => {
      const key = effectKey({ prefix, consumer, ...placeOf(stream), name })
      return Number(await sendTo(client, key, ['GET', key]))
    },
  }
}

function asCommands(commands: unknown): RedisCommands {
  if (typeof commands === 'object' && commands !== null && 'key' in commands) return commands as RedisCommands
  throw new Error('a handler was given no commands')
}

function placeOf(path: string): { readonly domain: string; readonly stream: string } {
  const place = parseStreamPath(path)
  if (place === undefined) throw new Error(`${path} is no path`)
  return place
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
export function watchedClient(client: RedisClient | RedisCluster): {
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
