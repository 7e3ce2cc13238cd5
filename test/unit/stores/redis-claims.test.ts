// Several workers on one Redis, each with a connection of its own: one advances, nobody's wake-up is lost,
// and whoever stood still is refused (I3, I5).
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RedisStore } from '../../../src/stores/redis/redis-store.ts'
import { openUnit } from '../../../src/testing/store-suite/open-unit.ts'
import {
  account,
  commit,
  consumer,
  handed,
  moved,
  positionOf,
  work,
  statesIn,
  takenOverIn,
} from '../../../src/testing/store-suite/samples.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix, storeOver } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

const a = account('a')
let server: RedisServer
let clients: TestClient[]
let prefix: string

beforeAll(async () => {
  server = await startRedis()
  clients = [await connectedClient(server.url), await connectedClient(server.url)]
})

beforeEach(() => {
  prefix = ownPrefix()
})

afterAll(async () => {
  for (const client of clients) client.destroy()
  await server.stop()
})

/** The store of one of two workers, whose timers stand still. */
async function storeOf(worker: 0 | 1): Promise<RedisStore> {
  const client = clients[worker]
  if (client === undefined) throw new Error('there are two workers')
  const store = storeOver(client, { prefix, timers: new VirtualTimers() })
  await store.open()
  return store
}

test('two workers race over the same streams, and every number is advanced once (I5)', async () => {
  const streams = Array.from({ length: 20 }, (_, index) => account(`s${index}`))
  const advanced: string[] = []
  const run = async (worker: 0 | 1): Promise<void> => {
    const store = await storeOf(worker)
    for (let turn = 0; turn < 40; turn++) {
      await work(store, { streams, worker: `w${worker}` }, async (unit) => {
        const changes = [...statesIn(unit)].map(([path, { position }]) =>
          moved(path, Number(position ?? 0) + 1),
        )
        const outcomes = await unit.commit({ streams: changes })
        expect(outcomes).not.toContain('claim-lost')
        advanced.push(...changes.map(({ stream, state }) => `${stream} ${String(state.position)}`))
      })
    }
  }
  await Promise.all([run(0), run(1)])
  expect(new Set(advanced).size).toBe(advanced.length)
  const store = await storeOf(0)
  const sum = await store.reader.summary(consumer)
  expect([sum.streams, sum.deliveries]).toEqual([streams.length, advanced.length])
})

test('a claim holder that stood still in real time is refused, and its signal fires (I5)', async () => {
  const [late, other] = [await storeOf(0), await storeOf(1)]
  const unit = await openUnit(late, { streams: [a], claimMs: 50 })
  while (!(await work(other, { streams: [a] }, async ({ streams }) => streams.has(a))).value) {
    expect(unit.unit.signal.aborted).toBe(false)
  }
  await commit(other, [moved(a, 1)])
  expect(await unit.unit.commit({ streams: [moved(a, 9)] })).toEqual(['claim-lost'])
  expect(unit.unit.signal.aborted).toBe(true)
  await unit.end()
  expect(await positionOf(other, a)).toBe(1)
})

test('a claim that expired but that nobody took over still commits (I5)', async () => {
  const store = await storeOf(0)
  const unit = await openUnit(store, { streams: [a], claimMs: 1 })
  while ((await store.due(consumer, 9)).length === 0) expect(unit.unit.busy).toEqual([])
  expect(await unit.unit.commit({ streams: [moved(a, 1)] })).toEqual(['committed'])
  await unit.end()
  expect(await store.due(consumer, 9)).toEqual([])
})

test('whoever hands over while a claim is released is told, or the one who releases it is (I3)', async () => {
  const [holder, other] = [await storeOf(0), await storeOf(1)]
  for (let trial = 0; trial < 60; trial++) {
    const stream = account(`t${trial}`)
    const unit = await openUnit(holder, { streams: [stream] })
    const handing = other.handOver(consumer, [handed(stream, 1)])
    const [{ again }, free] = await Promise.all([unit.end(), handing])
    expect([...again, ...free]).toContain(stream)
  }
})

test('a fence that a failed-over server gave twice does not let the wrong worker commit (I5)', async () => {
  const [late, other] = [await storeOf(0), await storeOf(1)]
  const unit = await openUnit(late, { streams: [a], worker: 'one', claimMs: 1 })
  while ((await other.due(consumer, 9)).length === 0) expect(unit.unit.busy).toEqual([])
  // What the replica did not know yet: the claim, and that its fence was given.
  const [client] = clients
  const base = String(await client?.sendCommand(['KEYS', `{${prefix}:*:claims`])).replace(/:claims$/, '')
  await client?.sendCommand(['DEL', `${base}:claims`, `${base}:units`, `${base}:counts`])
  const taker = await openUnit(other, { streams: [a], worker: 'two' })
  expect(taker.unit.streams.get(a)?.fence).toBe(unit.unit.streams.get(a)?.fence)
  expect(await unit.unit.commit({ streams: [moved(a, 9)] })).toEqual(['claim-lost'])
  expect(await taker.unit.commit({ streams: [moved(a, 1)] })).toEqual(['committed'])
  await taker.end()
  await unit.end()
})

test('units that others took over leave nothing behind', async () => {
  const store = await storeOf(0)
  const abandoned = await openUnit(store, { streams: [a], claimMs: 1 })
  while ((await store.due(consumer, 9)).length === 0) expect(abandoned.unit.signal.aborted).toBe(false)
  const taken = await work(store, { streams: [a] }, async (unit) => takenOverIn(unit))
  expect(taken.value).toEqual([a])
  expect(await store.due(consumer, 9)).toEqual([])
  const [client] = clients
  const kept = await client?.sendCommand(['KEYS', `{${prefix}:*`])
  expect(JSON.stringify(kept)).not.toMatch(/units|claims/)
})

test('a long lease is forgotten when it is over; short and lasting ones never by themselves', async () => {
  const store = await storeOf(0)
  const dayMs = 24 * 60 * 60 * 1_000
  const ask = (...command: readonly string[]): Promise<unknown> =>
    clients[0]?.sendCommand([...command]) ?? Promise.resolve()
  const expiry = async (name: string): Promise<number> => {
    const keys = (await ask('KEYS', `*${prefix}*lease*${name}*`)) as readonly string[]
    expect(keys).toHaveLength(1)
    return Number(await ask('PTTL', keys[0] ?? ''))
  }
  await store.lease('long', { holder: 'h', ms: dayMs })
  await store.lease('short', { holder: 'h', ms: 1_000 })
  await store.lease('lasting', { holder: 'h', ms: dayMs })
  await store.lease('lasting', { holder: 'h', ms: dayMs, usedUntil: 1 })
  expect(await expiry('long')).toBeGreaterThan(dayMs - 60_000)
  expect(await expiry('short')).toBe(-1)
  expect(await expiry('lasting')).toBe(-1)
})
