// What handlers do on Postgres that is no doing of their server: it stops their own streams and nobody
// else's, and leaves nothing for whoever has the connection next (I2, I6).
import type { Pool, PoolClient } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import type { TransactionContext } from '../../../src/engine/domain-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { PostgresPool, PostgresTarget, PostgresTransaction } from '../../../src/stores/postgres.ts'
import { postgresStore } from '../../../src/stores/postgres.ts'
import { HandlerTexts } from '../../../src/stores/postgres/handler-texts.ts'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase, testPool } from '../../services/shared-postgres.ts'

type Handle = (transaction: PostgresTransaction, event: InturnEvent) => Promise<unknown>

let database: TestDatabase
let pool: Pool
const opened: Processor[] = []

beforeAll(async () => {
  database = await freshDatabase()
  pool = testPool({ connectionString: database.url, max: 5 })
  await pool.query('CREATE TABLE effect (id int GENERATED ALWAYS AS IDENTITY, stream text, sequence int)')
  await pool.query('CREATE TABLE holder (name text PRIMARY KEY)')
  await pool.query('CREATE TABLE later (name text REFERENCES holder DEFERRABLE INITIALLY DEFERRED)')
})
beforeEach(async () => {
  await pool.query('TRUNCATE effect; DROP SCHEMA IF EXISTS inturn CASCADE')
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

/** Runs what is given in the streams named `bad`, and notes each event. */
function processor(handle: Handle, target: PostgresTarget = database.url, options: object = {}): Processor {
  const made = createProcessor<PostgresTransaction>({
    consumer: 'billing',
    store: postgresStore(target, options),
    log: false,
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'transaction',
        failure: { attempts: 1, then: 'dead-letter' },
        handle: async (event: InturnEvent, { transaction }: TransactionContext<PostgresTransaction>) => {
          if (event.stream === 'bad') await handle(transaction, event)
          const values = [event.stream, event.sequence]
          await transaction.query('INSERT INTO effect (stream, sequence) VALUES ($1, $2)', values)
        },
      },
    },
  })
  opened.push(made)
  return made
}

function arriving(sequence: number, ...streams: readonly string[]): readonly object[] {
  return streams.map((stream) => ({ stream, sequence, id: `${stream}${sequence}`, data: {} }))
}

async function written(): Promise<string[]> {
  const sql = 'SELECT stream || sequence AS text FROM effect ORDER BY sequence, stream'
  return (await pool.query<{ text: string }>(sql)).rows.map(({ text }) => text)
}

function raising(code: string): string {
  return `DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END $$`
}

const faults: readonly (readonly [what: string, statement: string, values: unknown[]])[] = [
  ['too few values', 'INSERT INTO holder VALUES ($1 || $2)', ['x']],
  ['too many values', 'INSERT INTO holder VALUES ($1)', ['x', 'y']],
  ['another server that cannot be reached', raising('08001'), []],
  ['another server that is lost', raising('08006'), []],
  ['another server that is a standby', raising('25006'), []],
  ['a file that is not there', "SELECT pg_read_file('/not-there')", []],
  ['rows that nobody sends', 'COPY holder FROM STDIN', []],
  ['a result beyond a limit of its role', raising('53400'), []],
]

test.each(faults)('%s: the stream fails, and no other (I6)', async (_, sql, values) => {
  const own = processor((transaction) => transaction.query(sql, values))
  const results = await own.process(arriving(1, 'a', 'bad', 'z'))
  expect(results.map(({ error }) => error === undefined)).toEqual([true, false, true])
  expect(await written()).toEqual(['a1', 'z1'])
})

test('what is broken at the commit alone is named', async () => {
  const own = processor((transaction) => transaction.query("INSERT INTO later VALUES ('nobody')"))
  const [, bad] = await own.process(arriving(1, 'a', 'bad', 'z'))
  expect(String(bad?.error)).toContain('violates foreign key constraint')
  expect(await written()).toEqual(['a1', 'z1'])
})

/** A pool that says once, instead of checking constraints, that the server ends the connection. */
function endingPool(): PostgresPool {
  let hasEnded = false
  const ended = { severity: 'FATAL', code: '57P01', routine: 'ProcessInterrupts' }
  return {
    connect: async () => {
      const client = await pool.connect()
      return new Proxy(client, {
        get: (target: PoolClient, key) => {
          const value: unknown = Reflect.get(target, key)
          if (typeof value !== 'function') return value
          return (...given: unknown[]): unknown => {
            if (key !== 'query' || given[0] !== 'SET CONSTRAINTS ALL IMMEDIATE' || hasEnded)
              return Reflect.apply(value, target, given)
            hasEnded = true
            return Promise.reject(Object.assign(new Error('terminating connection'), ended))
          }
        },
      })
    },
  }
}

test('a connection that ends between a handler and its savepoint counts no attempt', async () => {
  let calls = 0
  const failsOnce: Handle = async () => {
    if (++calls === 1) throw new Error('once')
  }
  const own = processor(failsOnce, { pool: endingPool() })
  await expect(own.process(arriving(1, 'bad', 'z'))).rejects.toMatchObject({ code: 'store-unavailable' })
  const results = await own.process(arriving(1, 'bad', 'z'))
  expect(results.map(({ error }) => error)).toEqual([undefined, undefined])
  expect(await written()).toEqual(['bad1', 'z1'])
})

describe('what a statement leaves with its connection', () => {
  const lasting = [
    "SET application_name = 'own'",
    'SET SESSION search_path TO holder',
    'SET ROLE own',
    "SELECT set_config('application_name', $1, false)",
    'PREPARE own AS SELECT 1',
    'DEALLOCATE ALL',
    'LISTEN own',
    'DECLARE own CURSOR WITH HOLD FOR SELECT 1',
    'CREATE TEMP TABLE own (n int)',
    '/* own */ SELECT pg_advisory_lock(1)',
    'SELECT pg_try_advisory_lock_shared(1)',
  ]
  const passing = [
    "SET LOCAL application_name = 'own'",
    'SET CONSTRAINTS ALL DEFERRED',
    'SET TRANSACTION READ ONLY',
    'RESET ROLE',
    "SELECT set_config('app.one', $1, true), set_config('app.two', $2, true)",
    'DECLARE own CURSOR FOR SELECT 1',
    'CREATE TEMPORARY TABLE own (n int) ON COMMIT DROP',
    'SELECT pg_advisory_xact_lock(1)',
    'UPDATE holder SET name = $1',
  ]

  test('is known by its text', () => {
    const texts = new HandlerTexts()
    expect(lasting.filter((text) => !texts.read(text).isLasting)).toEqual([])
    expect(passing.filter((text) => texts.read(text).isLasting)).toEqual([])
  })

  test('is met by nobody who has a connection after it', async () => {
    const found: unknown[] = []
    const handle: Handle = async (transaction, { sequence }) => {
      const { rows } = await transaction.query('SHOW application_name')
      found.push(rows[0]?.['application_name'])
      await transaction.query(`SET ${sequence === 1 ? 'SESSION' : 'LOCAL'} application_name = 'own'`)
    }
    const own = processor(handle, database.url, { connectionsMax: 1 })
    for (const sequence of [1, 2, 3]) await own.process(arriving(sequence, 'bad'))
    expect(found).toEqual(['inturn', 'inturn', 'inturn'])
  })
})

test('a query builder that gives a callback is told by it', async () => {
  const found: unknown[] = []
  const handle: Handle = async (transaction, { sequence }) => {
    const told: unknown[] = []
    const sql = sequence === 1 ? 'SELECT $1::int AS one' : 'SELECT $1::int / 0'
    const query: object = { text: sql, values: [1] }
    await Reflect.apply(Reflect.get(transaction, 'query'), transaction, [query, told.push.bind(told)])
    found.push(told)
    if (told[0] !== null) throw new Error('told')
  }
  const own = processor(handle)
  for (const sequence of [1, 2]) await own.process(arriving(sequence, 'bad'))
  expect(found.slice(0, 2)).toMatchObject([[null, { rows: [{ one: 1 }] }], [{ message: 'division by zero' }]])
  expect(await written()).toEqual(['bad1'])
})
