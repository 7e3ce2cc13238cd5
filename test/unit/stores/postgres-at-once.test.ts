// Handlers of different streams share the transaction of their batch on Postgres and run at the same time;
// what comes of it is what would come of it one after another (I1, I2, I6, I7).
import fc from 'fast-check'
import type { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import type { TransactionContext } from '../../../src/engine/domain-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { PostgresTransaction } from '../../../src/stores/postgres.ts'
import { postgresEventLog, postgresStore } from '../../../src/stores/postgres.ts'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase, testPool } from '../../services/shared-postgres.ts'

type Context = TransactionContext<PostgresTransaction>
type Handle = (event: InturnEvent, context: Context) => Promise<unknown>

let database: TestDatabase
let pool: Pool
const opened: Processor[] = []

beforeAll(async () => {
  database = await freshDatabase()
  pool = testPool({ connectionString: database.url, max: 5 })
  await pool.query('CREATE TABLE effect (id int GENERATED ALWAYS AS IDENTITY, stream text, sequence int)')
  await pool.query('CREATE TABLE counter (name text PRIMARY KEY, n int NOT NULL, version int NOT NULL)')
})
beforeEach(async () => {
  await pool.query('TRUNCATE effect, counter; DROP SCHEMA IF EXISTS inturn CASCADE')
  await pool.query("INSERT INTO counter VALUES ('all', 0, 0)")
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

function processor(handle: Handle, fields: object = {}, options: object = {}): Processor {
  const failure = { attempts: 1, then: 'dead-letter' } as const
  const made = createProcessor<PostgresTransaction>({
    consumer: 'billing',
    store: postgresStore(database.url),
    domains: { account: { numbering: contiguous(), effects: 'transaction', failure, handle, ...fields } },
    ...options,
  })
  opened.push(made)
  return made
}

/** Events of streams s0, s1, ..., in turn about. */
function arriving(streams: number, each: number, first = 1): readonly object[] {
  return Array.from({ length: streams * each }, (_, index) => ({
    stream: `s${index % streams}`,
    sequence: first + Math.floor(index / streams),
    id: `e${first + index}`,
    data: {},
  }))
}

const note: Handle = ({ stream, sequence }, { transaction }) =>
  transaction.query('INSERT INTO effect (stream, sequence) VALUES ($1, $2)', [stream, sequence])

/** What was written, stream by stream, in the order in which it was. */
async function written(): Promise<ReadonlyMap<string, readonly number[]>> {
  const sql = 'SELECT stream, sequence FROM effect ORDER BY id'
  const { rows } = await pool.query<{ stream: string; sequence: number }>(sql)
  const streams = Map.groupBy(rows, ({ stream }) => stream)
  return new Map([...streams].map(([stream, own]) => [stream, own.map(({ sequence }) => sequence)]))
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** A handler that tells how many of its calls ran side by side at most. */
function watched(handle: Handle): { readonly handle: Handle; readonly most: () => number } {
  let running = 0
  let most = 0
  return {
    most: () => most,
    handle: async (event, context) => {
      most = Math.max(most, ++running)
      try {
        return await handle(event, context)
      } finally {
        running--
      }
    },
  }
}

test('the streams of a batch run at once, the events of each one after another', async () => {
  const { handle, most } = watched(note)
  await processor(handle).process(arriving(20, 5))
  expect(most()).toBe(20)
  const streams = await written()
  expect(streams.size).toBe(20)
  for (const sequences of streams.values()) expect(sequences).toEqual(upTo(5))
})

test('no more handlers run at once than concurrency says (I7)', async () => {
  const { handle, most } = watched(note)
  await processor(handle, {}, { concurrency: 3 }).process(arriving(20, 2))
  expect(most()).toBe(3)
  expect((await written()).size).toBe(20)
})

test('one handler runs at a time where the domain is sequential', async () => {
  const { handle, most } = watched(note)
  await processor(handle, { sequential: true }).process(arriving(20, 2))
  expect(most()).toBe(1)
  expect((await written()).size).toBe(20)
})

test('sequential is for effects in the transaction, and true or false', () => {
  expect(() => processor(note, { sequential: 1 })).toThrow(/sequential takes true or false/)
  expect(() => processor(note, { sequential: true, effects: 'external' })).toThrow(/sequential is for/)
})

test('a handler that fails stops its own stream, and the others have their effects once (I6)', async () => {
  const failing: Handle = async (event, context) => {
    await note(event, context)
    if (event.stream === 's3') throw new Error('no')
    if (event.stream === 's4') await context.transaction.query('SELECT 1 / 0')
    // An error that is hidden leaves the transaction failed for all.
    if (event.stream === 's5') await context.transaction.query('SELECT 1 / 0').catch(() => undefined)
  }
  await processor(failing, { failure: { attempts: 1, then: 'halt' } }).process(arriving(10, 3))
  const streams = await written()
  expect([...streams.keys()].sort()).toEqual(['s0', 's1', 's2', 's6', 's7', 's8', 's9'])
  for (const sequences of streams.values()) expect(sequences).toEqual(upTo(3))
})

const lonely: readonly (readonly [what: string, statement: string])[] = [
  ['a row lock', "SELECT n FROM counter WHERE name = 'all' FOR UPDATE"],
  ['an advisory lock', 'SELECT pg_advisory_xact_lock(1)'],
  ['a table lock', 'LOCK TABLE counter'],
  ['a savepoint', 'SAVEPOINT own'],
  ['a setting', "SET LOCAL application_name = 'own'"],
  ['a setting by function', "SELECT set_config('application_name', 'own', true)"],
  ['a temporary table', 'CREATE TEMP TABLE IF NOT EXISTS own (n int)'],
]

test.each(lonely)('after %s no other stream comes in between until the handler has ended', async (_, sql) => {
  let calls = 0
  const counting: Handle = async (_event, { transaction }) => {
    calls++
    await transaction.query(`/* own */ ${sql}`)
    const { rows } = await transaction.query("SELECT n FROM counter WHERE name = 'all'")
    const next = Number(rows[0]?.['n']) + 1
    await transaction.query("UPDATE counter SET n = $1 WHERE name = 'all'", [next])
  }
  const own = processor(counting)
  await own.process(arriving(10, 2))
  const { rows } = await pool.query('SELECT n FROM counter')
  expect(rows).toEqual([{ n: 20 }])
  // What was learnt is remembered: no batch after that is called twice.
  calls = 0
  await own.process(arriving(10, 1, 3))
  expect(calls).toBe(10)
})

test('what only meets the statements of other streams is no failure', async () => {
  let hadConflict = false
  const optimistic: Handle = async (_event, { transaction }) => {
    const { rows } = await transaction.query("SELECT n, version FROM counter WHERE name = 'all'")
    const found = rows[0] ?? {}
    const { rowCount } = await transaction.query(
      "UPDATE counter SET n = $1, version = version + 1 WHERE name = 'all' AND version = $2",
      [Number(found['n']) + 1, found['version']],
    )
    if (rowCount === 1) return
    hadConflict = true
    throw new Error('another one was first')
  }
  const results = await processor(optimistic).process(arriving(10, 1))
  expect(hadConflict).toBe(true)
  expect(results.filter(({ error }) => error !== undefined)).toEqual([])
  expect((await pool.query('SELECT n FROM counter')).rows).toEqual([{ n: 10 }])
})

test('any mix of handlers that write and fail leaves each effect once and in order (I1, I2)', async () => {
  const way = fc.constantFrom('write', 'write', 'write', 'throw', 'break', 'hide', 'lock', 'twice')
  const ways = fc.array(fc.array(way, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(ways, async (streams) => {
      await pool.query('TRUNCATE effect; DROP SCHEMA IF EXISTS inturn CASCADE')
      const handle: Handle = async (event, context) => {
        const { transaction } = context
        const own = streams[Number(event.stream.slice(1))]?.[Number(event.sequence) - 1]
        if (own === 'lock') await transaction.query("SELECT FROM counter WHERE name = 'all' FOR UPDATE")
        const notes =
          own === 'twice' ? [note(event, context), transaction.query('SELECT 1')] : [note(event, context)]
        await Promise.all(notes)
        if (own === 'throw') throw new Error('no')
        if (own === 'break') await transaction.query('SELECT 1 / 0')
        if (own === 'hide') await transaction.query('SELECT 1 / 0').catch(() => undefined)
      }
      const own = processor(handle)
      const most = Math.max(...streams.map(({ length }) => length))
      const events = arriving(streams.length, most).filter((event) => {
        const { stream, sequence } = event as { readonly stream: string; readonly sequence: number }
        return sequence <= (streams[Number(stream.slice(1))]?.length ?? 0)
      })
      await own.process(events)
      // Its sweeps would go on in the tables of the next run.
      await own.close()
      const expected = streams.map((of) => {
        return [...of.entries()]
          .filter(([, one]) => !['throw', 'break', 'hide'].includes(one))
          .map(([at]) => at + 1)
      })
      const found = await written()
      expect(streams.map((_, index) => found.get(`s${index}`) ?? [])).toEqual(expected)
    }),
    { numRuns: 25 },
  )
})

/** A pool whose only client tells which plans the server keeps for it. */
async function plansAfter(work: (pool: Pool) => Promise<void>): Promise<readonly string[]> {
  const own = testPool({ connectionString: database.url, max: 1, pipeline: true })
  await work(own)
  const { rows } = await own.query<{ statement: string }>('SELECT statement FROM pg_prepared_statements')
  await own.end()
  return rows.map(({ statement }) => statement).filter((text) => text.includes('effect'))
}

test('handlers that run at once append to one stream of a log, and none is called twice', async () => {
  const log = postgresEventLog(database.url)
  const { handle, most } = watched(async ({ stream, sequence }, { transaction }) => {
    calls++
    const events = [{ id: `${stream}-${String(sequence)}`, type: 'told', data: null }]
    await log.within(transaction).append({ domain: 'outbox', stream: 'all', events })
  })
  let calls = 0
  await processor(handle).process(arriving(10, 2))
  expect([most(), calls]).toEqual([10, 20])
  const sequences: number[] = []
  for await (const { sequence } of log.readAll()) sequences.push(sequence)
  expect(sequences).toEqual(upTo(20))
  await log.close()
})

test('a statement that comes again in a shared transaction is planned once (I7)', async () => {
  const withText: Handle = async ({ stream, sequence }, { transaction }) => {
    await transaction.query('INSERT INTO effect (stream, sequence) VALUES ($1, $2)', [stream, sequence])
    // Twice each, with a value in it.
    const text = `UPDATE effect SET sequence = sequence WHERE stream = '${stream}'`
    await transaction.query(text)
    await transaction.query(text)
  }
  const plans = await plansAfter(async (own) => {
    const one = processor(withText, {}, { store: postgresStore({ pool: own }, { prepare: true }) })
    await one.process(arriving(130, 2))
    await one.close()
  })
  expect(plans.filter((text) => text.startsWith('INSERT'))).toHaveLength(1)
  expect(plans).toHaveLength(100)
  const none = await plansAfter(async (own) => {
    const one = processor(note, {}, { store: postgresStore({ pool: own }) })
    await one.process(arriving(130, 2, 3))
    await one.close()
  })
  expect(none).toEqual([])
})

test('a table that is changed under plans of it fails no handler (I1)', async () => {
  const looking: Handle = async (event, context) => {
    await note(event, context)
    await context.transaction.query('SELECT * FROM effect WHERE stream = $1', [event.stream])
  }
  const one = processor(looking)
  await one.process(arriving(20, 2))
  await pool.query('ALTER TABLE effect ADD COLUMN more int, ALTER COLUMN sequence TYPE bigint')
  await one.process([...arriving(20, 1, 3), { stream: 's0', sequence: 4, id: 'e', data: {} }])
  await one.process(arriving(20, 1, 4))
  await pool.query('ALTER TABLE effect DROP COLUMN more, ALTER COLUMN sequence TYPE int')
  const streams = await written()
  expect(streams.size).toBe(20)
  for (const sequences of streams.values()) expect(sequences.map(Number)).toEqual([1, 2, 3, 4])
})
