// One Postgres server for a whole run of the tests: made when the first test file asks for it, and ended with
// the run. `INTURN_TEST_POSTGRES_URL` uses a running server instead.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { PoolConfig } from 'pg'
import { Client, Pool } from 'pg'
import { startPostgres } from './postgres-server.ts'
import type { PostgresServer } from './postgres-server.ts'

const variable = 'INTURN_TEST_POSTGRES_PORT'

let started: Promise<PostgresServer> | undefined
let close: (() => void) | undefined

/** What vitest calls before a run; the files of the run ask at the port that is noted here. */
export async function setup(): Promise<void> {
  const server = createServer((_, response) => {
    started ??= startPostgres(['-c', 'max_connections=200'])
    started.then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no free port')
  process.env[variable] = String(address.port)
  close = () => server.close()
}

/** What vitest calls after it. */
export async function teardown(): Promise<void> {
  close?.()
  const server = await started?.catch(() => undefined)
  await server?.stop()
}

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
  const server = await serverUrl()
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

async function serverUrl(): Promise<string> {
  const running = process.env['INTURN_TEST_POSTGRES_URL']
  if (running !== undefined) return running
  const answer = await fetch(`http://127.0.0.1:${process.env[variable]}/`)
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return text
}
