// What the store on Postgres does where a pooler gives each transaction another connection: it notices, keeps
// no plans there, says what to do to whoever wants them, and ends what it gives up on (I10).
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import type { PostgresStoreOptions, PostgresTransaction } from '../../../src/stores/postgres.ts'
import { postgresEventLog, postgresSequences, postgresStore } from '../../../src/stores/postgres.ts'
import { account, at, moved } from '../../../src/testing/store-suite/samples.ts'
import type { PgBouncer } from '../../services/pgbouncer.ts'
import { startPgBouncer } from '../../services/pgbouncer.ts'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase, testPool } from '../../services/shared-postgres.ts'

let database: TestDatabase
let pooler: PgBouncer
let direct: Pool

beforeAll(async () => {
  database = await freshDatabase()
  pooler = await startPgBouncer(database.url)
  direct = testPool({ connectionString: database.url, max: 2 })
})
afterAll(async () => {
  await direct.end()
  await pooler.stop()
  await database.drop()
})

function pooled(options: PostgresStoreOptions = {}): Store<PostgresTransaction> {
  return postgresStore(pooler.urlOf(database.url), { connectionsMax: 2, ...options })
}

/** Moves a stream in a transaction; two of them at a time have two connections of the server. */
async function move(store: Store<PostgresTransaction>, stream: string, position: number): Promise<void> {
  const streams = [account(stream)]
  await store.work(
    { consumer: 'billing', worker: 'one', mode: 'transaction', claimMs: 30_000, streams },
    (unit) => unit.commit({ streams: [moved(account(stream), position, { state: at(position) })] }),
  )
}

test('by a URL, a store, a log and sequences behind a pooler keep no plans, and need no option', async () => {
  const url = pooler.urlOf(database.url)
  const [store, log, sequences] = [pooled(), postgresEventLog(url), postgresSequences(url)]
  await Promise.all([store.open(), log.open()])
  for (let position = 1; position <= 20; position++) {
    await Promise.all([
      ...['a', 'b'].map((stream) => move(store, stream, position)),
      log.append({ domain: 'account', stream: 'a', events: [{ id: `e${position}`, type: 'x', data: {} }] }),
      sequences.reserve({ domain: 'account', stream: 'a' }, { count: 1, claimMs: 30_000 }),
    ])
  }
  expect((await log.bounds()).last).toBe(20)
  await Promise.all([store.close(), log.close(), sequences.close()])
})

test('whoever asks for plans behind a pooler is told by config-invalid to do without', async () => {
  const store = pooled({ prepare: true })
  const moves = async (): Promise<void> => {
    for (let position = 1; position <= 50; position++) {
      await Promise.all(['c', 'd'].map((stream) => move(store, stream, position)))
    }
  }
  const error: unknown = await moves().catch((failure: unknown) => failure)
  expect(error).toMatchObject({ code: 'config-invalid', retryable: false })
  expect(String(error)).toContain('with `prepare: false`')
  await store.close()
})

test('the statement of a handler that is given up on ends on the server, behind a pooler too', async () => {
  const store = pooled()
  await store.open()
  const asleep = async (): Promise<number> => {
    const sql = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
    return (await direct.query(sql)).rows.length
  }
  const given = store.work(
    { consumer: 'billing', worker: 'one', mode: 'transaction', claimMs: 30_000, streams: [account('e')] },
    async (unit) => {
      void unit.transaction?.forHandlers.query('SELECT pg_sleep(600)').catch(() => undefined)
      while ((await asleep()) === 0) await new Promise((resolve) => setImmediate(resolve))
      throw new Error('it is given up on')
    },
  )
  await expect(given).rejects.toThrow('it is given up on')
  await expect.poll(asleep, { timeout: 30_000 }).toBe(0)
  await move(store, 'e', 1)
  await store.close()
})
