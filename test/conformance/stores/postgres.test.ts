// The store on Postgres passes the store suite (I9), on a real server, with a pool of its own, and with one
// of its user's behind PgBouncer in transaction mode.
import { afterAll, beforeAll } from 'vitest'
import type { PgBouncer } from '../../services/pgbouncer.ts'
import { startPgBouncer } from '../../services/pgbouncer.ts'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase } from '../../services/shared-postgres.ts'
import { postgresFixture } from './postgres-fixture.ts'
import { runStoreSuite } from './run-store-suite.ts'

let database: TestDatabase
let pooler: PgBouncer

beforeAll(async () => {
  database = await freshDatabase()
  pooler = await startPgBouncer(database.url)
})

afterAll(async () => {
  await pooler.stop()
  await database.drop()
})

const capabilities = {
  transaction: true,
  commands: 'handlers write in the transaction',
  handles: true,
  readsBeside: true,
  durable: true,
} as const

runStoreSuite({ name: 'Postgres store', capabilities, create: () => postgresFixture(database.url) })

runStoreSuite({
  name: 'Postgres store, by a pool that was given, behind PgBouncer',
  capabilities,
  create: () => postgresFixture(pooler.urlOf(database.url), true),
})
