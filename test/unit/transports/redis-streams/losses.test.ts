// Trimming behind what every group has settled removes nothing else (I3, I4), and what others remove before
// it was settled is told, never passed over.
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RedisServer } from '../../../services/redis-server.ts'
import { startRedis } from '../../../services/redis-server.ts'
import { numbersOf, range, readAll, readSome, StreamPlace, until } from './stream-place.ts'

let server: RedisServer
let place: StreamPlace

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(() => {
  place = new StreamPlace(server.url)
})
afterEach(() => place.remove())

test('trimming removes what every group has settled, and nothing that any of them has not', async () => {
  const one = await place.source({ trim: { everyMs: 5 } })
  const two = await place.source({ group: 'audit' })
  await place.produce(1, 50)
  const [first, second] = [await readAll(one, 50), await readAll(two, 30)]
  await one.settle(first)
  await two.settle(second.filter((delivery) => ![12, 20].includes(numbersOf([delivery])[0] ?? 0)))
  await until(async () => (await place.counts()).there === 39)
  await two.close()
  const heir = await place.source({ group: 'audit' })
  const rest = await readAll(heir, 22)
  expect(numbersOf(rest)).toEqual([12, 20, ...range(31, 50)])
  await heir.settle(rest)
  await until(async () => (await place.counts()).there === 1)
  expect(place.warnings).toEqual([])
})

test('a group that comes later begins with what is left, and is waited for from then on', async () => {
  const source = await place.source({ trim: { everyMs: 5 } })
  await place.produce(1, 30)
  await source.settle(await readAll(source, 20))
  await until(async () => (await place.counts()).there === 11)
  const later = await place.source({ group: 'later' })
  await source.settle(await readAll(source, 10))
  await place.produce(31, 40)
  await source.settle(await readAll(source, 10))
  expect(numbersOf(await readAll(later, 21))).toEqual(range(20, 40))
  expect(place.warnings).toEqual([])
})

test('trimming keeps as many as are wanted', async () => {
  const source = await place.source({ trim: { everyMs: 5, maxLen: 20 } })
  await place.produce(1, 50)
  await source.settle(await readAll(source, 45))
  await until(async () => (await place.counts()).there === 20)
  await source.settle(await readAll(source, 5))
  expect((await place.counts()).there).toBe(20)
})

test('whatever two groups read and settle, trimming leaves all that one has not settled (I4)', async () => {
  const step = fc.record({
    group: fc.constantFrom('a', 'b'),
    count: fc.integer({ min: 1, max: 9 }),
    settles: fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }),
  })
  const given = fc.record({
    steps: fc.array(step, { maxLength: 12 }),
    maxLen: fc.integer({ min: 0, max: 9 }),
  })
  await fc.assert(
    fc.asyncProperty(given, async ({ steps, maxLen }) => {
      const own = new StreamPlace(server.url)
      const trim = { everyMs: 1, maxLen }
      const sources = { a: await own.source({ group: 'a', trim }), b: await own.source({ group: 'b' }) }
      const unsettled = { a: new Set(range(1, 40)), b: new Set(range(1, 40)) }
      const ids = await own.produce(1, 40)
      for (const { group, count, settles } of steps) {
        const read = await readSome(sources[group], count)
        const settled = read.filter((_, index) => settles[index] === true)
        for (const number of numbersOf(settled)) unsettled[group].delete(number)
        await sources[group].settle(settled)
      }
      // What was read last is trimmed behind by a trim that begins after it.
      await sources.a.close()
      const third = await own.source({ group: 'a', trim })
      const lowest = Math.min(41, ...unsettled.a, ...unsettled.b)
      // The last entry that a group has read may stay.
      const kept = Math.max(maxLen, 41 - lowest)
      await until(async () => (await own.counts('a')).there <= kept + 1)
      const left = new Set(await idsIn(own))
      for (const number of [...unsettled.a, ...unsettled.b]) expect(left).toContain(ids[number - 1])
      expect(left.size).toBeGreaterThanOrEqual(Math.min(40, maxLen))
      await third.close()
      await own.remove()
      expect(own.warnings).toEqual([])
    }),
    { numRuns: 25 },
  )
})

async function idsIn(own: StreamPlace): Promise<readonly string[]> {
  const entries = await own.ask('XRANGE', own.stream, '-', '+')
  return Array.isArray(entries)
    ? entries.map((entry: unknown) => (Array.isArray(entry) ? String(entry[0]) : ''))
    : []
}

/** The ids of entries that were told to be gone before they were settled. */
function toldGone(): readonly string[] {
  const said = /before they were settled, and cannot be read: (?<ids>[-\d, ]+)$/
  return place.warnings.flatMap((message) => said.exec(message)?.groups?.['ids']?.split(', ') ?? [message])
}

test('entries that MAXLEN took before the group read them are told', async () => {
  const source = await place.source()
  await place.produce(1, 20)
  await readAll(source, 5)
  await place.ask('XTRIM', place.stream, 'MAXLEN', 3)
  expect(numbersOf(await readAll(source, 3))).toEqual([18, 19, 20])
  await readSome(source)
  await place.ask('XTRIM', place.stream, 'MAXLEN', 0)
  await place.produce(21, 22)
  expect(numbersOf(await readAll(source, 2))).toEqual([21, 22])
  expect(place.warnings).toEqual([
    expect.stringMatching(/12 entries behind \S+ were trimmed before the group had read them/),
  ])
})

test('what was removed before a group began is no loss of it', async () => {
  await place.produce(1, 20)
  await place.ask('XTRIM', place.stream, 'MAXLEN', 3)
  expect(numbersOf(await readAll(await place.source(), 3))).toEqual([18, 19, 20])
  expect(place.warnings).toEqual([])
})

test('entries that a dead consumer had and that are gone are told, and the rest is taken over', async () => {
  const dead = await place.source({ consumerName: 'dead' })
  const ids = await place.produce(1, 6)
  await readAll(dead, 6)
  await dead.close()
  await place.ask('XTRIM', place.stream, 'MAXLEN', 2)
  const heir = await place.source()
  expect(numbersOf(await readAll(heir, 2))).toEqual([5, 6])
  expect(await heir.isCaughtUp()).toBe(true)
  expect(toldGone()).toEqual(ids.slice(0, 4))
})

test('entries that a consumer had itself before it came again are told and forgotten', async () => {
  const ids = await place.produce(1, 6)
  await place.ask('XGROUP', 'CREATE', place.stream, 'billing', 0)
  await place.ask('XREADGROUP', 'GROUP', 'billing', 'worker', 'STREAMS', place.stream, '>')
  await place.ask('XTRIM', place.stream, 'MAXLEN', 2)
  const source = await place.source({ consumerName: 'worker' })
  expect(numbersOf(await readAll(source, 2))).toEqual([5, 6])
  expect(toldGone()).toEqual(ids.slice(0, 4))
  expect(await place.counts()).toMatchObject({ pending: 2 })
})

test('entries that go while they are in hand are told, also when they are handed back', async () => {
  const source = await place.source({ claimIdleMs: 60 })
  const [, second = ''] = await place.produce(1, 3)
  await readAll(source, 3)
  await place.ask('XDEL', place.stream, second)
  await until(() => place.warnings.length > 0)
  expect(place.warnings).toEqual([expect.stringContaining('1 entries that are in hand were trimmed')])
  const patient = await place.source({ group: 'audit' })
  await readAll(patient, 2)
  await place.ask('XTRIM', place.stream, 'MAXLEN', 0)
  await patient.close()
  expect(place.warnings.at(-1)).toContain('2 entries were trimmed or deleted before they were settled')
})

test('what another consumer has settled is no loss, also where it was trimmed at once', async () => {
  const source = await place.source({ claimIdleMs: 60 })
  const [first = '', second = ''] = await place.produce(1, 3)
  await readAll(source, 3)
  const settleAndTrim = `
    redis.call('XACK', KEYS[1], 'billing', ARGV[1])
    redis.call('XDEL', KEYS[1], ARGV[1])
    redis.call('XDEL', KEYS[1], ARGV[2])`
  await place.ask('EVAL', settleAndTrim, 1, place.stream, first, second)
  await until(() => place.warnings.length > 0)
  expect(place.warnings).toEqual([expect.stringContaining('1 entries that are in hand were trimmed')])
})

test('a group that is gone is created again from the beginning, loudly', async () => {
  const source = await place.source()
  await place.produce(1, 4)
  await source.settle((await readAll(source, 2)).slice(0, 1))
  await place.ask('XGROUP', 'DESTROY', place.stream, 'billing')
  expect(numbersOf(await readAll(source, 3))).toEqual([1, 3, 4])
  expect(place.warnings).toEqual([expect.stringContaining('the group was gone')])
  await place.ask('DEL', place.stream)
  await place.produce(5, 6)
  expect(numbersOf(await readAll(source, 2))).toEqual([5, 6])
})

test('a group that was to begin with what is new is not guessed at when it is gone', async () => {
  await place.produce(1, 4)
  const source = await place.source({ start: 'new' })
  await place.produce(5, 6)
  expect(numbersOf(await readAll(source, 2))).toEqual([5, 6])
  await place.ask('XGROUP', 'DESTROY', place.stream, 'billing')
  await expect(readSome(source)).rejects.toMatchObject({
    code: 'source-unavailable',
    retryable: false,
    message: expect.stringContaining('create it where reading goes on') as string,
  })
  await place.ask('XGROUP', 'CREATE', place.stream, 'billing', '$')
  await place.produce(7, 7)
  expect(numbersOf(await readAll(source, 1))).toEqual([7])
})
