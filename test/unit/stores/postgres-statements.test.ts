// How the store on Postgres speaks to its server: a constant number of statements a batch, of which the
// server keeps the plans where it may; and lists that arrive as they are (I7, I9).
import fc from 'fast-check'
import type { Pool, PoolClient } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { retryDeadLetters } from '../../../src/operate/retry-dead-letters.ts'
import type { UnitOfWork, WorkRequest } from '../../../src/ports/store.ts'
import { systemTimers } from '../../../src/ports/timers.ts'
import type { PostgresPool, PostgresTarget, PostgresTransaction } from '../../../src/stores/postgres.ts'
import { postgresStore } from '../../../src/stores/postgres.ts'
import { arrayText, partsOf } from '../../../src/stores/postgres/row.ts'
import { account, at, moved } from '../../../src/testing/store-suite/samples.ts'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase, testPool } from '../../services/shared-postgres.ts'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase()
  pool = testPool({ connectionString: database.url, max: 5 })
})
beforeEach(async () => {
  await pool.query('DROP SCHEMA IF EXISTS inturn CASCADE')
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

const request: Omit<WorkRequest, 'streams'> = {
  consumer: 'billing',
  worker: 'one',
  mode: 'transaction',
  claimMs: 30_000,
}

async function keptPlans(unit: UnitOfWork<PostgresTransaction>): Promise<number | undefined> {
  const count = 'SELECT count(*)::int AS plans FROM pg_prepared_statements'
  const plans = (await unit.transaction?.forHandlers.query(count))?.rows[0]?.['plans']
  return typeof plans === 'number' ? plans : undefined
}

/** How many plans the server keeps for a connection on which a stream has moved. */
async function plansOf(target: PostgresTarget, prepare?: boolean): Promise<number | undefined> {
  const store = postgresStore(target, { connectionsMax: 1, ...(prepare !== undefined && { prepare }) })
  await store.open()
  const streams = [account('a')]
  for (const position of [1, 2]) {
    await store.work({ ...request, streams }, (unit) =>
      unit.commit({ streams: [moved(account('a'), position, { state: at(position) })] }),
    )
  }
  const { value } = await store.work({ ...request, streams }, keptPlans)
  await store.close()
  return value
}

test('the server keeps the plans of a pool of our own, and none where prepare is false', async () => {
  expect(await plansOf(database.url)).toBeGreaterThan(2)
  expect(await plansOf(database.url, false)).toBe(0)
})

test('of a pool that is given, perhaps to a pooler, it keeps none unless prepare is true', async () => {
  const own = testPool({ connectionString: database.url, max: 1 })
  expect(await plansOf({ pool: own })).toBe(0)
  expect(await plansOf({ pool: own }, true)).toBeGreaterThan(2)
  await own.end()
})

test('prepare takes true or false', () => {
  // @ts-expect-error -- JavaScript may give anything
  expect(() => postgresStore(database.url, { prepare: 'no' })).toThrow(/prepare takes true or false/)
})

/** A pool whose clients tell every statement; one that throws is not sent, and fails so. */
function toldPool(tell: (text: string) => void): PostgresPool {
  return {
    connect: async () => {
      const client = await pool.connect()
      return new Proxy(client, {
        get: (target: PoolClient, key) => {
          const value: unknown = Reflect.get(target, key)
          if (typeof value !== 'function') return value
          return (...given: unknown[]): unknown => {
            if (key === 'query') tell(textOf(given[0]))
            return Reflect.apply(value, target, given)
          }
        },
      })
    },
  }
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : ''
}

test('a batch takes six statements beside the handlers own, however many streams it has (I7)', async () => {
  const told: string[] = []
  const store = postgresStore({ pool: toldPool((text) => told.push(text)) })
  await store.open()
  for (const count of [1, 2, 300]) {
    const streams = Array.from({ length: count }, (_, index) => account(`s${index}`))
    for (const position of [1, 2]) {
      await store.work({ ...request, streams, consumer: `c${count}` }, async (unit) => {
        told.length = 0
        await unit.transaction?.forHandlers.query('SELECT 1 AS handler')
        await unit.commit({ streams: streams.map((one) => moved(one, position, { state: at(position) })) })
      })
      // Before the body are BEGIN and the call that claims.
      const firsts = told.map((text) => text.trim().split(/\s+/).slice(0, 2).join(' '))
      expect(firsts).toEqual([
        'SELECT 1',
        'SELECT inturn.check_transaction($1)',
        'INSERT INTO',
        'COMMIT',
        'SELECT path',
      ])
    }
  }
  await store.close()
})

test('a commit under claims whose connection ends within it fails, and nothing besides (I10)', async () => {
  const unheard: unknown[] = []
  const note = (reason: unknown): void => void unheard.push(reason)
  let hasEnded = false
  const store = postgresStore({
    pool: toldPool((text) => {
      if (hasEnded && /^\s*(?:WITH|INSERT|UPDATE|DELETE)\b/.test(text))
        throw Object.assign(new Error('terminating connection'), { code: '57P01' })
    }),
  })
  await store.open()
  const streams = [account('a')]
  const change = moved(account('a'), 1, { state: at(1) })
  process.on('unhandledRejection', note)
  const working = store.work({ ...request, streams, mode: 'claim' }, async (unit) => {
    hasEnded = true
    await unit.commit({ streams: [change], ended: streams }).finally(() => (hasEnded = false))
  })
  await expect(working).rejects.toMatchObject({ code: 'store-unavailable' })
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  expect(unheard).toEqual([])
  await store.close()
})

test('lists of texts and numbers arrive as they are', async () => {
  const text = fc.string({ unit: 'grapheme' }).filter((one) => !one.includes('\0') && one.isWellFormed())
  const texts = fc.array(
    fc.oneof(text, fc.json(), fc.constantFrom('', 'NULL', '"', '\\', '{', ',', ' ', '\n'), fc.constant(null)),
  )
  const numbers = fc.array(fc.option(fc.maxSafeInteger()))
  await fc.assert(
    fc.asyncProperty(texts, numbers, async (some, more) => {
      const sql = 'SELECT array_to_json($1::text[])::text AS some, array_to_json($2::bigint[])::text AS more'
      const { rows } = await pool.query<{ some: string; more: string }>(sql, [
        arrayText(some),
        arrayText(more),
      ])
      expect(JSON.parse(rows[0]?.some ?? '')).toEqual(some)
      expect(JSON.parse(rows[0]?.more ?? '')).toEqual(more)
    }),
    { numRuns: 200 },
  )
})

test('columns of more characters than one statement can have are sent in parts, in order (I7)', () => {
  const large = 'x'.repeat(30_000_000)
  const huge = 'x'.repeat(70_000_000)
  const texts = [large, large, large, 'y', huge, huge, 'z']
  const parts = partsOf([texts.map((_, index) => index), texts])
  expect(parts.map(([places]) => places)).toEqual([[0, 1], [2, 3], [4], [5], [6]])
  expect(parts.flatMap(([, own = []]) => own)).toEqual(texts)
  expect(
    partsOf([
      ['a', 'b'],
      [1, 2],
    ]),
  ).toEqual([
    [
      ['a', 'b'],
      [1, 2],
    ],
  ])
})

test('a list that a handler gives arrives as pg would send it', async () => {
  const text = fc.string({ unit: 'grapheme' }).filter((one) => !one.includes('\0'))
  const edges = fc.constantFrom('', 'NULL', '"', '\\', '{', ',', '\n', -0, 1e21, null, undefined, { a: 1 })
  const elements = fc.oneof(text, fc.double(), fc.bigInt(), fc.boolean(), edges)
  const odd = fc.constantFrom(
    '\ud800',
    '\udc00\ud800',
    '\n',
    '\t',
    '\u007f',
    '"',
    '{"a":"\\n"}',
    '\ud83d\ude00',
  )
  const lists = fc.oneof(
    ...[elements, text, fc.json(), odd, fc.double()].map((one) => fc.array(one, { minLength: 1 })),
  )
  const store = postgresStore(database.url)
  await store.open()
  await store.work({ ...request, streams: [account('a')] }, async ({ transaction }) => {
    const sql = 'SELECT $1::text AS flat, $2::text AS nested'
    await fc.assert(
      fc.asyncProperty(lists, async (list) => {
        const values = [list, [list, list]]
        const { rows } = await pool.query(sql, [...values])
        const given = await transaction?.forHandlers.query({ text: sql, values })
        expect(given?.rows).toEqual(rows)
      }),
      { numRuns: 300 },
    )
  })
  await store.close()
})

test('tables of an older inturn are refused with store-schema-older, and left alone', async () => {
  await plansOf(database.url)
  await pool.query("UPDATE inturn.meta SET value = 2 WHERE key = 'schema'")
  const store = postgresStore(database.url)
  await expect(store.open()).rejects.toMatchObject({ code: 'store-schema-older' })
  await expect(store.reader.consumers()).rejects.toMatchObject({ code: 'store-schema-older' })
  await store.close()
  const { rows } = await pool.query('SELECT name FROM inturn.consumer')
  expect(rows).toEqual([{ name: 'billing' }])
})

test('with one connection a dead letter is tried again as with many', async () => {
  const store = postgresStore(database.url, { connectionsMax: 1 })
  let fails = true
  const handle = (): void => {
    if (fails) throw new Error('not yet')
  }
  const failure = { attempts: 1, then: 'dead-letter' } as const
  const domains = { account: { numbering: contiguous(), effects: 'transaction', failure, handle } } as const
  const processor = createProcessor({ consumer: 'billing', store, domains, sweep: 'manual', log: false })
  await processor.process([{ stream: 'a', sequence: 1, id: 'one', data: {} }])
  fails = false
  const target = { store, consumer: 'billing', domains: new Map(), timers: systemTimers }
  await retryDeadLetters(target, { by: 'me', reason: 'mended', stream: account('a'), waitMs: 1_000 })
  expect(await processor.sweep()).toBe(1)
  expect(await store.reader.deadLetters('billing', { limit: 1 })).toEqual([])
  await processor.close()
}, 20_000)
