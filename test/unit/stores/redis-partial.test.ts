// A part of the servers refuses: what was committed is not called refused, what was refused is not called
// committed, and nothing stays claimed (I2, I5, I10).
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import type { RedisCluster } from '../../../src/redis/redis-client.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import { Keyspace } from '../../../src/stores/redis/keyspace.ts'
import { openUnit } from '../../../src/testing/store-suite/open-unit.ts'
import {
  account,
  commit,
  consumer,
  entry,
  letter,
  moved,
  positionOf,
  work,
  takenOverIn,
} from '../../../src/testing/store-suite/samples.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

const [a, b] = [account('a'), account('b')]
let server: RedisServer
let real: TestClient
let store: Store
let keyspace: Keyspace
/** The beginnings of the keys for which the servers are down. */
let down: readonly string[]

beforeAll(async () => {
  server = await startRedis()
  real = await connectedClient(server.url)
})

beforeEach(async () => {
  const prefix = ownPrefix()
  keyspace = new Keyspace(prefix, 64)
  down = []
  // As a cluster it gets a call for each shard.
  const client: RedisCluster = {
    masters: [],
    getNodeClientForKey: async () => real,
    sendCommand: async (...[key, , args, options]: Parameters<RedisCluster['sendCommand']>) => {
      if (down.some((base) => key === base)) throw new Error('CLUSTERDOWN The cluster is down')
      return real.sendCommand(args, options)
    },
  }
  store = redisStore({ client }, { prefix, onWarning: () => undefined })
  await store.open()
  await commit(store, [moved(a, 1), moved(b, 1)])
})

afterAll(async () => {
  real.destroy()
  await server.stop()
})

function baseOf(path: string): string {
  return keyspace.base(consumer, keyspace.shardOf(path))
}

function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(
    () => 'no failure',
    (error: unknown) => error,
  )
}

test('two streams of the tests lie in different shards', () => {
  expect(baseOf(a)).not.toBe(baseOf(b))
})

test('where a claim cannot be made, those of the same call are given back', async () => {
  down = [baseOf(b)]
  const failure = await failureOf(() => work(store, { streams: [a, b] }, async () => 'won'))
  expect(failure).toMatchObject({ code: 'store-unavailable', retryable: true })
  const { value } = await work(store, { streams: [a] }, async (unit) => [unit.busy, takenOverIn(unit)])
  expect(value).toEqual([[], []])
})

test('a commit of which a part is refused is of unknown outcome, and each stream is whole', async () => {
  const unit = await openUnit(store, { streams: [a, b] })
  down = [baseOf(b)]
  const failure = await failureOf(() => unit.unit.commit({ streams: [moved(a, 2), moved(b, 2)] }))
  expect(failure).toMatchObject({ code: 'commit-unknown', retryable: true })
  down = []
  await unit.end()
  expect([await positionOf(store, a), await positionOf(store, b)]).toEqual([2, 1])
})

test('a commit that is refused as a whole says so', async () => {
  const unit = await openUnit(store, { streams: [a, b] })
  down = [baseOf(a), baseOf(b)]
  const failure = await failureOf(() => unit.unit.commit({ streams: [moved(a, 2), moved(b, 2)] }))
  expect(failure).toMatchObject({ code: 'store-unavailable', retryable: true })
  down = []
  await unit.end()
  expect([await positionOf(store, a), await positionOf(store, b)]).toEqual([1, 1])
})

test('what belongs to no stream is kept before positions move, and once if it is written again', async () => {
  const records = { deadLetters: [letter('-/x')], ledger: [entry('paused')] }
  const unit = await openUnit(store, { streams: [a] })
  down = [keyspace.home(consumer)]
  const change = { streams: [moved(a, 2)], ...records }
  expect(await failureOf(() => unit.unit.commit(change))).toMatchObject({ code: 'store-unavailable' })
  expect((await store.reader.stream(consumer, a))?.state.position).toBe(1)
  down = [baseOf(a)]
  expect(await failureOf(() => unit.unit.commit(change))).toMatchObject({ code: 'commit-unknown' })
  down = []
  expect(await unit.unit.commit(change)).toEqual(['committed'])
  await unit.end()
  expect((await store.reader.deadLetters(consumer, { limit: 9 })).length).toBe(1)
})

test('a release that fails leaves the claims to expire, and the body its value', async () => {
  const { value, again } = await work(store, { streams: [a], claimMs: 1 }, async () => {
    down = [baseOf(a)]
    return 'done'
  })
  expect([value, again]).toEqual(['done', []])
  down = []
  while ((await store.due(consumer, 9)).length === 0) expect(await positionOf(store, b)).toBe(1)
  const { value: takenOver } = await work(store, { streams: [a] }, async (unit) => takenOverIn(unit))
  expect(takenOver).toEqual([a])
})
