// Sequences on Redis: no number is given twice by any process, every one is used or filled, and what has
// ended is forgotten (I3, I7). The server's clock goes on by itself, so times are moved by much.
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { SequenceStore } from '../../../src/ports/sequence-store.ts'
import { sequencer } from '../../../src/producer/sequencer.ts'
import { Connection } from '../../../src/redis/connection.ts'
import { redisSequences } from '../../../src/stores/redis.ts'
import { RedisSequenceStore } from '../../../src/stores/redis/sequences/redis-sequence-store.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

const minute = 60_000
const claimMs = 30 * minute
const place = { domain: 'account', stream: 'a/b' }
const ended = { code: 'reservation-ended' }
let server: RedisServer
let admin: TestClient
let prefix: string
let shiftMs = 0

beforeAll(async () => {
  server = await startRedis()
  admin = await connectedClient(server.url)
})
afterAll(async () => {
  admin.destroy()
  await server.stop()
})
beforeEach(() => {
  prefix = ownPrefix()
})

function store(): SequenceStore {
  const connection = new Connection(admin, {
    code: 'store-unavailable',
    name: 'redis',
    replyMs: minute,
    shiftMs: () => shiftMs,
  })
  return new RedisSequenceStore({ connection, prefix, onWarning: () => undefined })
}

const keyOf = (name: string): string => `{${prefix}:numbers}:${name}`

async function filled(from: SequenceStore = store(), domain = 'account'): Promise<unknown[]> {
  const fills: unknown[] = []
  await sequencer({ store: from, domain }).publishFills(async ({ stream, fill }) => {
    fills.push([stream, fill.from, fill.to, fill.reason])
  })
  return fills
}

test('numbers are dense from 1 in each stream, over all stores and restarts (I3)', async () => {
  const stores = [1, 2, 3].map(() => redisSequences(server.url, { prefix, onWarning: () => undefined }))
  const taken = await Promise.all(
    stores.flatMap((one) => Array.from({ length: 20 }, () => one.reserve(place, { count: 2, claimMs }))),
  )
  const starts = taken.map(({ from }) => from).sort((a, b) => a - b)
  expect(starts).toEqual(Array.from({ length: 60 }, (_, index) => index * 2 + 1))
  expect(new Set(taken.map(({ reservation }) => reservation)).size).toBe(60)
  for (const one of stores) await one.close()
  const again = redisSequences(server.url, { prefix, onWarning: () => undefined })
  const next = await again.reserve(place, { count: 1, claimMs })
  expect([next.from, next.to, await again.last(place)]).toEqual([121, 121, 121])
  expect(next.until).toBeGreaterThan(Date.now() + claimMs / 2)
  expect(await again.last({ ...place, stream: 'b' })).toBe(0)
  await again.close()
  await expect(again.last(place)).rejects.toMatchObject({ code: 'store-closed' })
})

test('what is used is never filled, what is burned is, once, with its reason (I3)', async () => {
  const numbers = sequencer({ store: store(), domain: 'account' })
  const [used, burned] = [await numbers.next('a/b'), await numbers.next('a/b', 5)]
  await used.use()
  await burned.burn('no\u0000 money')
  expect(await filled(store(), 'other')).toEqual([])
  expect(await filled()).toEqual([['a/b', 2, 6, 'no\u0000 money']])
  expect(await filled()).toEqual([])
  await expect(burned.use()).rejects.toMatchObject(ended)
  await expect(used.burn('too late')).rejects.toMatchObject(ended)
  // Said again after a failure that left the outcome unknown.
  await expect(used.use()).resolves.toBeUndefined()
  await expect(burned.burn('again')).resolves.toBeUndefined()
  await expect(numbers.use('999')).rejects.toMatchObject(ended)
})

test('numbers whose claim has ended are filled, the oldest first, and cannot be used any more', async () => {
  const numbers = sequencer({ store: store(), domain: 'account', claim: claimMs })
  const [first, second] = [await numbers.next('a'), await numbers.next('b', 2)]
  shiftMs += claimMs - minute
  expect(await filled()).toEqual([])
  shiftMs += 2 * minute
  await expect(first.use()).rejects.toMatchObject(ended)
  const reason = 'the claim of the numbers has ended'
  expect(await store().burned({ domain: 'account', limit: 1 })).toMatchObject([{ from: 1, to: 1, reason }])
  expect(await filled()).toEqual([
    ['a', 1, 1, reason],
    ['b', 1, 2, reason],
  ])
  await expect(second.use()).rejects.toMatchObject(ended)
})

test('every number is used or filled, whatever is done with its reservation (I3)', async () => {
  const ways = fc.array(fc.constantFrom('use', 'burn', 'leave', 'wait', 'fill'), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(ways, async (some) => {
      prefix = ownPrefix()
      const own = store()
      const numbers = sequencer({ store: own, domain: 'account', claim: claimMs })
      const seen: number[] = []
      const note = (from: number, to: number): void => {
        for (let number = from; number <= to; number++) seen.push(number)
      }
      const fill = async (): Promise<void> => {
        for (const one of await filled(own))
          note(...((one as [string, number, number]).slice(1) as [number, number]))
      }
      for (const way of some) {
        const taken = await numbers.next('a', 1 + (some.length % 3))
        if (way === 'wait') shiftMs += claimMs + 1
        if (way === 'fill') await fill()
        if (way === 'burn') await taken.burn('burned')
        if (way !== 'use') continue
        await taken.use()
        note(taken.from, taken.to)
      }
      shiftMs += claimMs + 1
      await fill()
      const last = await own.last({ domain: 'account', stream: 'a' })
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: last }, (_, index) => index + 1))
    }),
    { numRuns: 40 },
  )
})

test('what has ended is forgotten after an hour, what is open or unpublished never (I7)', async () => {
  const numbers = sequencer({ store: store(), domain: 'account', claim: claimMs })
  for (let index = 0; index < 10; index++) await (await numbers.next('a')).use()
  await (await numbers.next('a')).burn('published')
  await filled()
  await (await numbers.next('a')).burn('not published')
  await numbers.next('a')
  shiftMs += claimMs + 55 * minute
  await numbers.next('a')
  expect(await admin.sendCommand(['HLEN', keyOf('reservations')])).toBe(14)
  shiftMs += 10 * minute
  await numbers.next('a')
  expect(await admin.sendCommand(['HLEN', keyOf('reservations')])).toBe(4)
  expect(await admin.sendCommand(['ZCARD', keyOf('ended')])).toBe(0)
  expect((await filled()).length).toBe(2)
})

test('messages keep their numbers over stores and restarts, within the window (I3, I7)', async () => {
  const messages = Array.from({ length: 2_500 }, (_, index) => ({ ...place, id: `m${index}` }))
  const wide = { scope: 'the source', messages, windowMax: 3_000 }
  const both = await Promise.all([store().assign(wide), store().assign(wide)])
  for (const numbers of both) expect(numbers).toEqual(messages.map((_, index) => index + 1))
  const request = { ...wide, windowMax: 2_000 }
  const last = { ...request, messages: messages.slice(-10) }
  const numbers = await store().assign(last)
  expect(numbers).toEqual(both[0]?.slice(-10))
  expect(await store().assign({ ...last, scope: 'another' })).not.toEqual(numbers)
  expect(await admin.sendCommand(['HLEN', keyOf('assigned:the%20source')])).toBe(2_000)
  expect(await admin.sendCommand(['LLEN', keyOf('order:the%20source')])).toBe(2_000)
  expect(await store().assign({ ...request, messages: messages.slice(0, 1) })).toEqual([2_511])
  const twins = [place, { ...place, stream: 'b' }, place].map((one) => ({ ...one, id: 'twin' }))
  const [first, other, again] = await store().assign({ ...request, scope: 'twins', messages: twins })
  expect([first === again, other]).toEqual([true, 1])
})

test('numbers that are used up are refused', async () => {
  await admin.sendCommand(['HSET', keyOf('last'), 'account/a%2Fb', String(Number.MAX_SAFE_INTEGER - 1)])
  const used = { code: 'event-invalid' }
  await expect(store().reserve(place, { count: 2, claimMs })).rejects.toMatchObject(used)
  expect((await store().reserve(place, { count: 1, claimMs })).from).toBe(Number.MAX_SAFE_INTEGER)
  const messages = [{ ...place, id: 'm' }]
  await expect(store().assign({ scope: 's', messages, windowMax: 9 })).rejects.toMatchObject(used)
})
