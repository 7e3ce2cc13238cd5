// One Postgres server for a whole run of the tests: made when the first test file asks for it, and ended with
// the run. `INTURN_TEST_POSTGRES_URL` uses a running server instead.
import type { PoolConfig } from 'pg'
import { Client, Pool } from 'pg'
import { startPostgres } from './postgres-server.ts'
import { sharedServer } from './shared-server.ts'

const shared = sharedServer({
  running: 'INTURN_TEST_POSTGRES_URL',
  variable: 'INTURN_TEST_POSTGRES_PORT',
  start: () => startPostgres(['-c', 'max_connections=200']),
  addressOf: ({ url }) => url,
})

export const setup: () => Promise<void> = shared.setup
export const teardown: () => Promise<void> = shared.teardown

/** A database of a test file's own, on the server of this run. */
export interface TestDatabase {
  readonly url: string
  drop(): Promise<void>
}

/** A pool of a test's own. That the server ends its connections with their database is no failure. */
export function testPool(config: PoolConfig): Pool {
  const pool = new Pool(config)
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

let made = 0

/** Makes a database. A server that is missing fails the tests. */
export async function freshDatabase(): Promise<TestDatabase> {
  const server = await shared.address()
  const name = `inturn_test_${process.pid}_${++made}`
  const admin = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: server })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }
  await admin(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => admin(`DROP DATABASE ${name} WITH (FORCE)`) }
}
