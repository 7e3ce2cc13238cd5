// A pool over PGlite has one session: who asks for it gets it in turn, who asks from within a transaction
// reads there and is told where to write, and nobody waits for himself (I2, I5). Values are those of `pg`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { contiguous, createProcessor } from '../../../src/index.ts'
import { retryDeadLetters } from '../../../src/operate/index.ts'
import { logBaseline } from '../../../src/producer/index.ts'
import type { PglitePool } from '../../../src/stores/postgres.ts'
import {
  pglitePool,
  postgresEventLog,
  postgresSequences,
  postgresStore,
} from '../../../src/stores/postgres.ts'
import { emptyTables } from '../../conformance/stores/pglite-fixture.ts'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase } from '../../services/shared-postgres.ts'

const booking = { domain: 'account', stream: 'a', events: [{ id: 'e1', type: 'booked', data: 1 }] }
let pool: PglitePool

beforeAll(async () => {
  pool = pglitePool('memory://', { waitMs: 2_000 })
  await postgresStore({ pool }).open()
  await pool.query('CREATE TABLE effect (text text)')
})
beforeEach(() => emptyTables(pool))
afterAll(() => pool.end())

async function written(): Promise<readonly unknown[]> {
  return (await pool.query('SELECT text FROM effect ORDER BY text')).rows.map(({ text }) => text)
}

test('the session is lent in the order of asking, and what is left open is undone', async () => {
  const first = await pool.connect()
  const order: string[] = []
  const others = ['second', 'third'].map(async (name) => {
    const client = await pool.connect()
    order.push(name)
    await client.query('SELECT pg_sleep(0)')
    client.release()
  })
  await first.query('BEGIN')
  await first.query('INSERT INTO effect VALUES ($1)', ['undone'])
  expect(order).toEqual([])
  first.release()
  await Promise.all(others)
  expect(order).toEqual(['second', 'third'])
  await expect(first.query('SELECT 1')).rejects.toThrow('Client was released')
  expect(await written()).toEqual([])
})

test('who asks the pool beside a transaction of his own is told what to use, after so long', async () => {
  const client = await pool.connect()
  const log = postgresEventLog({ pool })
  await client.query('BEGIN')
  await expect(log.append(booking)).rejects.toMatchObject({
    code: 'store-unavailable',
    retryable: true,
    message:
      'pglite memory://: whoever has its one session has kept it for 2000 ms: within a transaction, use ' +
      'that transaction (a handler: `context.transaction`), not the pool',
  })
  await log.within(client).append(booking)
  await client.query('COMMIT')
  client.release()
  expect(await log.append(booking)).toMatchObject({ duplicate: true })
})

test('a handler reads by the pool in its own transaction, and writes by that alone (I2)', async () => {
  const store = postgresStore({ pool })
  const log = postgresEventLog({ pool })
  const met: unknown[] = []
  const attempt = async (write: () => Promise<unknown>): Promise<void> => {
    await write().catch((error: unknown) => met.push(error))
  }
  const processor = createProcessor({
    consumer: 'billing',
    store,
    sweep: 'manual',
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'transaction',
        baseline: logBaseline(log, 'account'),
        handle: async ({ stream }, { transaction }) => {
          await transaction.query('INSERT INTO effect VALUES ($1)', [stream])
          expect(await written()).toEqual([stream])
          expect(await store.reader.streams('billing', { limit: 9 })).toEqual([])
          await attempt(() => pool.query("INSERT INTO effect VALUES ('beside')"))
          await attempt(() =>
            log.append({ domain: 'a', stream: 'a', events: [{ id: '1', type: 'a', data: 1 }] }),
          )
          await attempt(() => pool.query('COMMIT'))
          await attempt(() => pool.query('SELECT 1; COMMIT'))
        },
      },
    },
  })
  const [result] = await processor.process([{ domain: 'account', stream: 'a', sequence: 1, data: 1 }])
  await processor.close()
  expect(result).toMatchObject({ verdict: 'deliver' })
  const refusal: unknown = expect.objectContaining({
    code: 'store-read-only',
    message:
      'pglite memory://: it has one session, and the transaction that this runs in has it: write by ' +
      '`context.transaction`, or `log.within(context.transaction)`',
  })
  expect(met).toEqual([refusal, refusal, refusal, expect.objectContaining({ code: '42601' })])
  expect(await written()).toEqual(['a'])
})

test('who writes beside it has failed; a letter tried again is read and ended in it (I2)', async () => {
  const store = postgresStore({ pool })
  let isRepaired = false
  const processor = createProcessor({
    consumer: 'billing',
    store,
    sweep: 'manual',
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'transaction',
        failure: { attempts: 1, then: 'dead-letter' },
        handle: async ({ stream }, { transaction }) => {
          if (!isRepaired) await pool.query("INSERT INTO effect VALUES ('beside')")
          await transaction.query('INSERT INTO effect VALUES ($1)', [stream])
        },
      },
    },
  })
  await processor.process([{ domain: 'account', stream: 'a', sequence: 1, data: 1 }])
  const [letter] = await store.reader.deadLetters('billing', { limit: 9 })
  expect(letter).toMatchObject({ reason: 'failed', attempts: 1 })
  expect(letter?.detail).toContain('write by `context.transaction`')
  isRepaired = true
  const target = { store, consumer: 'billing', domains: new Map() }
  await retryDeadLetters(target, { stream: 'account/a', by: 'me', reason: 'repaired' })
  await processor.sweep()
  expect(await written()).toEqual(['a'])
  expect(await store.reader.deadLetters('billing', { limit: 9 })).toEqual([])
  await processor.close()
})

test('what is begun within a unit of work, and not waited for there, gets the session after it', async () => {
  const store = postgresStore({ pool })
  const request = { consumer: 'billing', worker: 'one', streams: ['account/a'], claimMs: 30_000 }
  const { value } = await store.work({ ...request, mode: 'transaction' }, async (unit) => {
    const beating = store.heartbeat('billing', 'one')
    const claiming = store.work({ ...request, mode: 'claim' }, async (other) => [...other.streams.keys()])
    expect([...unit.streams.keys()]).toEqual(['account/a'])
    return { begun: [beating, claiming] as const }
  })
  const [beat, { value: claimed }] = await Promise.all(value.begun)
  expect(beat.died).toEqual([])
  expect(claimed).toEqual(['account/a'])
})

test('an engine begins other work while a transaction lasts, and that waits for its turn (I6)', async () => {
  const store = postgresStore({ pool })
  const failures: unknown[] = []
  const processor = createProcessor({
    consumer: 'billing',
    store,
    sweep: 'manual',
    concurrency: 3,
    batch: 4,
    telemetry: (event) => void ('error' in event && failures.push(event.error)),
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'transaction',
        handle: async ({ stream }, { transaction }) => {
          await transaction.query('INSERT INTO effect VALUES ($1)', [stream])
        },
      },
      chat: {
        numbering: contiguous(),
        effects: 'external',
        handle: async ({ stream }) => void (await pool.query('INSERT INTO effect VALUES ($1)', [stream])),
      },
    },
  })
  const streams = Array.from({ length: 40 }, (_, index) => String(index + 10))
  const events = streams.flatMap((stream) =>
    ['account', 'chat'].map((domain) => ({ domain, stream, sequence: 1, data: 1 })),
  )
  const ended = await Promise.all(events.map((event) => processor.process([event])))
  await processor.close()
  expect(failures).toEqual([])
  expect(ended.flat().map(({ verdict }) => verdict)).toEqual(events.map(() => 'deliver'))
  expect(await written()).toEqual(streams.flatMap((stream) => [stream, stream]))
})

test('numbers are taken in a transaction of the caller, and reserved by themselves', async () => {
  const sequences = postgresSequences({ pool })
  const stream = { domain: 'account', stream: '7' }
  const client = await pool.connect()
  await client.query('BEGIN')
  expect(await sequences.take(client, stream, 2)).toEqual({ from: 1, to: 2 })
  await client.query('ROLLBACK')
  client.release()
  expect(await sequences.reserve(stream, { count: 3, claimMs: 60_000 })).toMatchObject({ from: 1, to: 3 })
  expect(await sequences.last(stream)).toBe(3)
})

const typed = `
  SELECT $1::int8 AS int8, $2::text AS text, $3::bytea AS bytea, $4::jsonb AS jsonb, $5::numeric AS numeric,
    $6::text[] AS texts, $7::int8[] AS int8s, $8::bool AS bool, $9::timestamptz AS timestamptz,
    $10::timestamp AS timestamp, $11::date AS date, $12::float8 AS float8, $13::int4 AS int4,
    $14::uuid AS uuid, $15::text AS nothing, $16::bytea[] AS byteas, $17::json AS json, $18::bool[] AS bools
`
const time = new Date('2026-07-04T05:06:07.089Z')
const values: readonly unknown[] = [
  9_007_199_254_740_993n,
  'it is "quoted", {braced} and \\escaped\\ and ünïcode 🎉',
  Buffer.from([0, 1, 254, 255]),
  { a: [1, null, 'x'] },
  '12345678901234567890.12',
  ['a', null, 'with "quotes", \\ and {}', ''],
  [1, 2n, '3'],
  false,
  time,
  time,
  '2026-07-04',
  0.1,
  -7,
  '0f0e0d0c-0b0a-0908-0706-050403020100',
  undefined,
  [Buffer.from('ab'), new Uint8Array([1, 2])],
  { deep: { list: [] } },
  [true, false],
]

test('values come and go as they do with `pg`', async () => {
  const database: TestDatabase = await freshDatabase()
  const server = new Pool({ connectionString: database.url })
  const ofServer = await server.query(typed, [...values])
  const listed = { text: typed, values: [...values], rowMode: 'array' as const }
  const listOfServer = await server.query(listed)
  await server.end()
  await database.drop()
  const { rows, command, rowCount } = await pool.query(typed, [...values])
  expect(rows).toEqual(ofServer.rows)
  expect([command, rowCount]).toEqual([ofServer.command, ofServer.rowCount])
  expect((await pool.query(listed)).rows).toEqual(listOfServer.rows)
  const types = { getTypeParser: () => (text: string) => `raw ${text}` }
  const raw = { text: 'SELECT 1 AS one, now()::date IS NULL AS no', types }
  expect((await pool.query(raw)).rows).toEqual([{ one: 'raw 1', no: 'raw f' }])
})

test('a folder that cannot be one is told, and nothing is made there', async () => {
  const place = mkdtempSync(join(tmpdir(), 'inturn-pglite-'))
  writeFileSync(join(place, 'notes.txt'), 'mine')
  const other = pglitePool(place)
  const why = 'the folder has files, and no database among them: name one that is empty, or not there'
  await expect(other.connect()).rejects.toThrow(`pglite ${place}: it cannot be opened (${why})`)
  await other.end()
  const nowhere = pglitePool(join(place, 'a', 'b'))
  await expect(nowhere.connect()).rejects.toThrow(`the folder ${join(place, 'a')} must exist`)
  await nowhere.end()
  await expect(nowhere.connect()).rejects.toMatchObject({ code: 'store-closed' })
  rmSync(place, { recursive: true })
  for (const path of ['', 'idb://data', 'postgres://localhost/bank'])
    expect(() => pglitePool(path)).toThrow('pglitePool takes a folder, or memory://')
  expect(() => pglitePool('data', { waitMs: 0 })).toThrow('pglitePool: waitMs takes a whole number from 1')
  const unknown = { waitMs: 1, wait: 1 }
  expect(() => pglitePool('data', unknown)).toThrow('pglitePool.wait is no option; there are waitMs')
})
