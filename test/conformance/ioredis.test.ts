// All that speaks to Redis passes its suites (I9) with a client of ioredis that it is given, also when the
// connection is cut before or after the server has carried a call out. Upholds I10: nothing is done twice.
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientLike } from '../../src/redis/ioredis-client.ts'
import type { OwnClient } from '../../src/redis/own-client.ts'
import type { RedisClient } from '../../src/redis/redis-client.ts'
import { redisSequences, redisStore } from '../../src/stores/redis.ts'
import { redisStreamsSink, redisStreamsSource } from '../../src/transports/redis-streams.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import type { TcpProxy } from '../services/tcp-proxy.ts'
import { startProxy } from '../services/tcp-proxy.ts'
import { redisLogCapabilities, redisLogFixture } from './event-logs/redis-fixture.ts'
import { runEventLogSuite } from './event-logs/run-event-log-suite.ts'
import { keepsTheSinkLaws } from './sinks/run-sink-suite.ts'
import { keepsTheSourceLaws } from './source-laws.ts'
import { ownPrefix, redisCapabilities, redisFixture } from './stores/redis-fixture.ts'
import { runStoreSuite } from './stores/run-store-suite.ts'
import { cutNextScript, ownKey, streamsWorld } from './transports/redis-streams-world.ts'

let server: RedisServer
let proxy: TcpProxy
/** The user's: it has settings that are of no good to inturn. */
let client: Redis
/** Through the proxy. */
let cut: Redis
let own: OwnClient

beforeAll(async () => {
  server = await startRedis()
  proxy = await startProxy(server.port)
  client = new Redis(server.url, { enableAutoPipelining: true, keyPrefix: 'users:', stringNumbers: true })
  cut = new Redis(proxy.port, { lazyConnect: true })
  own = clientLike(client, 'test')
  await own.connect()
})

afterAll(async () => {
  own.destroy()
  client.disconnect()
  cut.disconnect()
  await proxy.stop()
  await server.stop()
})

/** What the suites look through, as another client would be. */
const through: RedisClient = { sendCommand: (...command) => own.sendCommand(...command) }

runStoreSuite({
  name: 'Redis store on ioredis',
  capabilities: redisCapabilities,
  create: () => redisFixture(through),
})
runEventLogSuite({
  name: 'event log on Redis with ioredis',
  capabilities: redisLogCapabilities,
  create: () => redisLogFixture(through),
})

describe('a Redis stream as a source', () => {
  const add = (key: string, messages: readonly string[]): Promise<unknown> =>
    Promise.all(messages.map((data) => own.sendCommand(['XADD', key, '*', 'data', data])))
  keepsTheSourceLaws(() => streamsWorld({ client }, add))
})

describe.each(['cut-before', 'cut-after'] as const)('a Redis stream as a sink, %s', (fate) => {
  keepsTheSinkLaws(() => {
    const stream = ownKey()
    const failNextSend = (): void => cutNextScript(proxy, fate)
    const arrived = async (): Promise<string[]> => {
      const entries = (await own.sendCommand(['XRANGE', stream, '-', '+'])) as [string, string[]][]
      return entries.map(([, [, data = '']]) => data)
    }
    const sink = (): ReturnType<typeof redisStreamsSink> => redisStreamsSink({ client: cut, stream })
    return Promise.resolve({ sink, arrived, faults: { failNextSend }, dispose: async () => undefined })
  })
})

test("the user's client stays the user's, with its own keys and its own life", async () => {
  const prefix = ownPrefix()
  const sequences = redisSequences({ client }, { prefix })
  await sequences.open()
  expect(await sequences.last({ domain: 'account', stream: 'a' })).toBe(0)
  await sequences.close()
  expect(await client.set('a', '1')).toBe('OK')
  expect(await own.sendCommand(['GET', 'users:a'])).toBe('1')
})

test('a server that cannot be reached, or refuses the password, is told as ever', async () => {
  const none = new Redis(1, { lazyConnect: true })
  await expect(redisStore({ client: none }).open()).rejects.toMatchObject({
    code: 'store-unavailable',
    retryable: true,
    message: expect.stringContaining('ECONNREFUSED') as string,
  })
  const wrong = new Redis(server.port, { lazyConnect: true, username: 'nobody', password: 'x' })
  await expect(redisStore({ client: wrong }).open()).rejects.toMatchObject({
    code: 'store-unavailable',
    retryable: false,
    message: expect.stringContaining('user or password is wrong') as string,
  })
})

test('a cluster of ioredis is refused, with what to give instead', () => {
  const cluster = new Cluster([{ port: 1 }], { lazyConnect: true })
  const advice = 'a cluster takes a client of the package redis (createCluster), not one of ioredis'
  expect(() => redisStore({ client: cluster as never })).toThrow(advice)
  const place = { client: cluster as never, stream: 's' }
  expect(() => redisStreamsSource({ ...place, group: 'g' })).toThrow(advice)
  expect(() => redisStreamsSink(place)).toThrow(advice)
})
