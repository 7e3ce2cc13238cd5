// An operator's commands beside a worker that runs over Postgres, with effects in its transactions. I3, I5.
import type { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TestDatabase } from '../services/shared-postgres.ts'
import { freshDatabase, testPool } from '../services/shared-postgres.ts'
import { command, operatorLaws, told } from './operator-laws.ts'
import { sourceUrl } from './run-inturn.ts'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase()
  pool = testPool({ connectionString: database.url })
})
beforeEach(async () => {
  await pool.query('CREATE TABLE handled (stream text, sequence int)')
})
afterEach(async () => {
  await pool.query('DROP TABLE handled; DROP SCHEMA IF EXISTS inturn CASCADE')
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

operatorLaws(() => ({
  imports: `import { postgresStore } from ${sourceUrl('stores/postgres.ts')}`,
  store: `postgresStore('${database.url}')`,
  effects: 'transaction',
  effect: "await transaction.query('INSERT INTO handled VALUES ($1, $2)', [stream, sequence])",
}))

test('a database without inturn tables is no store, and looking into it makes none', async () => {
  const before = await pool.query("SELECT FROM pg_namespace WHERE nspname = 'inturn'")
  const looked = await command('status', '--store', database.url)
  expect(told(looked)).toMatch(/^1: .*no inturn tables/s)
  const after = await pool.query("SELECT FROM pg_namespace WHERE nspname = 'inturn'")
  expect([before.rowCount, after.rowCount]).toEqual([0, 0])
})
