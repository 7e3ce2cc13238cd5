// A commit that ends streams releases their claims with it: nobody waits for the rest of the unit, no wake-up
// is lost, and what was not committed stays claimed (I3, I5).
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import type { RedisArgument, RedisClient } from '../../../src/redis/redis-client.ts'
import { renewScript } from '../../../src/stores/redis/claims.ts'
import { Keyspace } from '../../../src/stores/redis/keyspace.ts'
import { openUnit } from '../../../src/testing/store-suite/open-unit.ts'
import {
  account,
  commit,
  consumer,
  handed,
  moved,
  positionOf,
  work,
  takenOverIn,
} from '../../../src/testing/store-suite/samples.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix, storeOver } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

const [a, b] = [account('a'), account('b')]
let server: RedisServer
let client: TestClient
let prefix: string
let timers: VirtualTimers
let store: Store
let other: Store

beforeAll(async () => {
  server = await startRedis()
  client = await connectedClient(server.url)
})

beforeEach(async () => {
  prefix = ownPrefix()
  timers = new VirtualTimers()
  store = storeOver(client, { prefix, timers })
  other = storeOver(client, { prefix, timers: new VirtualTimers() })
  await store.open()
  await other.open()
})

afterAll(async () => {
  client.destroy()
  await server.stop()
})

async function keysLike(pattern: string): Promise<unknown> {
  return client.sendCommand(['KEYS', `{${prefix}:*:${pattern}`])
}

test('an ended stream is free at once, and not as one of a dead worker; others stay claimed', async () => {
  const unit = await openUnit(store, { streams: [a, b] })
  await unit.unit.commit({ streams: [moved(a, 1)], ended: [a] })
  const taken = await work(other, { streams: [a, b], worker: 'two' }, async (unit) => [
    unit.streams.get(a)?.state.position,
    unit.busy,
    takenOverIn(unit),
  ])
  expect(taken.value).toEqual([1, [b], []])
  expect(await unit.unit.commit({ streams: [moved(b, 1)], ended: [b] })).toEqual(['committed'])
  expect(await unit.end()).toEqual({ value: undefined, again: [] })
  expect(await keysLike('claims')).toEqual([])
  expect(await keysLike('units')).toEqual([])
})

test('the end of a unit takes no claim from the one who took an ended stream since', async () => {
  const unit = await openUnit(store, { streams: [a] })
  await unit.unit.commit({ streams: [moved(a, 1)], ended: [a] })
  const taker = await openUnit(other, { streams: [a], worker: 'two' })
  await unit.end()
  expect((await work(store, { streams: [a] }, async ({ busy }) => busy)).value).toEqual([a])
  expect(await taker.unit.commit({ streams: [moved(a, 2)] })).toEqual(['committed'])
  await taker.end()
})

test('whoever hands over while a stream ends is told, or the end of its unit tells (I3)', async () => {
  for (let trial = 0; trial < 60; trial++) {
    const stream = account(`t${trial}`)
    const unit = await openUnit(store, { streams: [stream] })
    const committing = unit.unit.commit({ streams: [moved(stream, 1)], ended: [stream] })
    const [free] = await Promise.all([other.handOver(consumer, [handed(stream, 2)]), committing])
    const { again } = await unit.end()
    expect([...again, ...free]).toContain(stream)
  }
})

test('only the events of another stream are no wake-up', async () => {
  const unit = await openUnit(store, { streams: [a, b] })
  await other.handOver(consumer, [handed(b, 1)])
  await unit.unit.commit({ streams: [moved(a, 1), moved(b, 1)], ended: [a, b] })
  expect((await unit.end()).again).toEqual([b])
})

test('a commit that is refused for a lost claim releases nothing', async () => {
  const unit = await openUnit(store, { streams: [a], claimMs: 1 })
  while ((await other.due(consumer, 9)).length === 0) expect(unit.unit.busy).toEqual([])
  const taker = await openUnit(other, { streams: [a], worker: 'two' })
  expect(await unit.unit.commit({ streams: [moved(a, 9)], ended: [a] })).toEqual(['claim-lost'])
  await unit.end()
  expect((await work(store, { streams: [a] }, async ({ busy }) => busy)).value).toEqual([a])
  expect(await taker.unit.commit({ streams: [moved(a, 1)] })).toEqual(['committed'])
  await taker.end()
  expect(await positionOf(store, a)).toBe(1)
})

test('a stream that has ended takes no claim with it of its neighbour in one shard', async () => {
  const keyspace = new Keyspace(prefix, 64)
  const shard = keyspace.shardOf(a)
  const names = Array.from({ length: 1000 }, (_, index) => account(`n${index}`))
  const neighbour = names.find((path) => keyspace.shardOf(path) === shard) ?? ''
  const unit = await openUnit(store, { streams: [a, neighbour] })
  expect(await unit.unit.commit({ streams: [moved(a, 1)], ended: [a] })).toEqual(['committed'])
  const taken = await work(other, { streams: [a, neighbour], worker: 'two' }, async (unit) => {
    return [unit.busy, takenOverIn(unit)]
  })
  expect(taken.value).toEqual([[neighbour], []])
  expect(await unit.unit.commit({ streams: [moved(neighbour, 1)], ended: [neighbour] })).toEqual([
    'committed',
  ])
  await unit.end()
  expect(await keysLike('claims')).toEqual([])
})

test('the claims that are left are renewed', async () => {
  const unit = await openUnit(store, { streams: [a, b], claimMs: 30_000 })
  await unit.unit.commit({ streams: [moved(a, 1)], ended: [a] })
  await commit(other, [moved(a, 2)], { worker: 'two' })
  const keyspace = new Keyspace(prefix, 64)
  const units = `${keyspace.base(consumer, keyspace.shardOf(b))}:units`
  const endsAt = async (): Promise<unknown> => client.sendCommand(['ZRANGE', units, '0', '-1', 'WITHSCORES'])
  const before = await endsAt()
  await timers.advance(10_000)
  await expect.poll(endsAt, { timeout: 30_000 }).not.toEqual(before)
  expect(unit.unit.signal.aborted).toBe(false)
  expect(await unit.unit.commit({ streams: [moved(b, 1)] })).toEqual(['committed'])
  await unit.end()
})

test('a renewal that a commit has overtaken takes no ended stream for lost', async () => {
  const held = Promise.withResolvers<undefined>()
  const renewed = Promise.withResolvers<unknown>()
  const { sha } = renewScript
  const slow: RedisClient = {
    sendCommand: async (args: RedisArgument[], options?: object) => {
      if (args[1] !== sha) return client.sendCommand(args, options)
      await held.promise
      const reply = await client.sendCommand(args, options)
      renewed.resolve(reply)
      return reply
    },
  }
  // The script is known, so that it is called by its digest alone.
  await client.sendCommand(['SCRIPT', 'LOAD', renewScript.text])
  const late = storeOver(slow, { prefix, timers })
  await late.open()
  const unit = await openUnit(late, { streams: [a, b], claimMs: 30_000 })
  await timers.advance(10_000)
  await unit.unit.commit({ streams: [moved(a, 1)], ended: [a] })
  held.resolve(undefined)
  expect(JSON.stringify(await renewed.promise)).toContain('1')
  await timers.advance(1)
  expect(unit.unit.signal.aborted).toBe(false)
  expect(await unit.unit.commit({ streams: [moved(b, 1)] })).toEqual(['committed'])
  await unit.end()
})

test('a unit asks and writes claims once; each of its streams is read and written once', async () => {
  const keyspace = new Keyspace(prefix, 64)
  const names = Array.from({ length: 2000 }, (_, index) => account(`n${index}`))
  const beside = names.filter((path) => keyspace.shardOf(path) === keyspace.shardOf(a)).slice(0, 10)
  const streams = [a, ...beside]
  const run = async (position: number): Promise<void> => {
    const open = await openUnit(store, { streams })
    await open.unit.commit({ streams: streams.map((path) => moved(path, position)), ended: streams })
    await open.end()
  }
  for (const position of [1, 2]) await run(position)
  await client.sendCommand(['CONFIG', 'RESETSTAT'])
  await run(3)
  const stats = String(await client.sendCommand(['INFO', 'commandstats']))
  const found = stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)
  const calls = Object.fromEntries([...found].map(([, name = '', count]) => [name, Number(count)]))
  expect(calls).toMatchObject({ hmget: 2, hset: 1, hdel: 1, lrange: 11, lset: 11 })
})
