// Sequences on Postgres: no number is given twice by any process, every one is used or filled, what has ended
// is forgotten, and what is undone was never taken (I2, I3, I7). The server's clock goes on by itself, so
// times are moved by much.
import fc from 'fast-check'
import type { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { SequenceStore } from '../../../src/ports/sequence-store.ts'
import { sequencer } from '../../../src/producer/sequencer.ts'
import { postgresSequences } from '../../../src/stores/postgres.ts'
import { Connection } from '../../../src/stores/postgres/connection.ts'
import { PostgresSequenceStore } from '../../../src/stores/postgres/postgres-sequence-store.ts'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase, testPool } from '../../services/shared-postgres.ts'

const minute = 60_000
const claimMs = 30 * minute
const place = { domain: 'account', stream: 'a/b' }
const ended = { code: 'reservation-ended' }
let database: TestDatabase
let pool: Pool
let shiftMs = 0

beforeAll(async () => {
  database = await freshDatabase()
  pool = testPool({ connectionString: database.url, max: 20 })
  await store().open()
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})
beforeEach(async () => {
  await pool.query('TRUNCATE inturn.sequence, inturn.reservation, inturn.assigned')
})

function store(): SequenceStore {
  return new PostgresSequenceStore(
    new Connection({ name: 'postgres', schema: 'inturn', pool, prepares: true, shiftMs: () => shiftMs }),
  )
}

async function count(table: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`SELECT count(*)::int FROM inturn.${table}`)
  return rows[0]?.count ?? -1
}

async function filled(from: SequenceStore = store(), domain = 'account'): Promise<unknown[]> {
  const fills: unknown[] = []
  await sequencer({ store: from, domain }).publishFills(async ({ stream, fill }) => {
    fills.push([stream, fill.from, fill.to, fill.reason])
  })
  return fills
}

test('numbers are dense from 1 in each stream, over all stores and restarts (I3)', async () => {
  const stores = [1, 2, 3].map(() => postgresSequences(database.url, { connectionsMax: 3 }))
  const taken = await Promise.all(
    stores.flatMap((one) => Array.from({ length: 20 }, () => one.reserve(place, { count: 2, claimMs }))),
  )
  const starts = taken.map(({ from }) => from).sort((a, b) => a - b)
  expect(starts).toEqual(Array.from({ length: 60 }, (_, index) => index * 2 + 1))
  expect(new Set(taken.map(({ reservation }) => reservation)).size).toBe(60)
  for (const one of stores) await one.close()
  const again = postgresSequences(database.url)
  await again.open()
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
  await expect(numbers.use('none')).rejects.toMatchObject(ended)
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
  const ways = fc.array(fc.constantFrom('use', 'burn', 'leave', 'wait', 'fill'), { maxLength: 20 })
  let streams = 0
  await fc.assert(
    fc.asyncProperty(ways, async (some) => {
      const stream = `s${++streams}`
      const own = store()
      const numbers = sequencer({ store: own, domain: 'account', claim: claimMs })
      const seen: number[] = []
      const note = (from: number, to: number): void => {
        for (let number = from; number <= to; number++) seen.push(number)
      }
      const fill = async (): Promise<void> => {
        await sequencer({ store: own, domain: 'account' }).publishFills(async (one) => {
          if (one.stream === stream) note(one.fill.from, one.fill.to)
        })
      }
      for (const way of some) {
        const taken = await numbers.next(stream, 1 + (some.length % 3))
        if (way === 'wait') shiftMs += claimMs + 1
        if (way === 'fill') await fill()
        if (way === 'burn') await taken.burn('burned')
        if (way !== 'use') continue
        await taken.use()
        note(taken.from, taken.to)
      }
      shiftMs += claimMs + 1
      await fill()
      const last = await own.last({ domain: 'account', stream })
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: last }, (_, index) => index + 1))
    }),
    { numRuns: 15 },
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
  expect(await count('reservation')).toBe(14)
  shiftMs += 10 * minute
  await numbers.next('a')
  expect(await count('reservation')).toBe(4)
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
  expect(await count("assigned WHERE scope = 'the source'")).toBe(2_000)
  expect(await store().assign({ ...request, messages: messages.slice(0, 1) })).toEqual([2_511])
  const twins = [place, { ...place, stream: 'b' }, place].map((one) => ({ ...one, id: 'twin' }))
  const [first, other, again] = await store().assign({ ...request, scope: 'twins', messages: twins })
  expect([first === again, other]).toEqual([true, 1])
})

test('numbers that are used up are refused', async () => {
  await pool.query('INSERT INTO inturn.sequence VALUES ($1, $2, $3)', [
    place.domain,
    place.stream,
    Number.MAX_SAFE_INTEGER - 1,
  ])
  const used = { code: 'event-invalid' }
  await expect(store().reserve(place, { count: 2, claimMs })).rejects.toMatchObject(used)
  expect((await store().reserve(place, { count: 1, claimMs })).from).toBe(Number.MAX_SAFE_INTEGER)
  const messages = [{ ...place, id: 'm' }]
  await expect(store().assign({ scope: 's', messages, windowMax: 9 })).rejects.toMatchObject(used)
})

test('numbers of a transaction that is rolled back were never taken: no gap, no claim (I2)', async () => {
  const sequences = postgresSequences({ pool })
  const client = await pool.connect()
  await client.query('CREATE TABLE booking (number bigint PRIMARY KEY)')
  const book = async (end: 'COMMIT' | 'ROLLBACK'): Promise<number> => {
    await client.query('BEGIN')
    const { from } = await sequences.take(client, place)
    await client.query('INSERT INTO booking VALUES ($1)', [from])
    await client.query(end)
    return from
  }
  expect([await book('COMMIT'), await book('ROLLBACK'), await book('COMMIT')]).toEqual([1, 2, 2])
  await expect(sequences.take(client, place, 0)).rejects.toMatchObject({ code: 'config-invalid' })
  client.release()
})
