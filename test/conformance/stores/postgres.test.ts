// The store on Postgres passes the store suite (I9), on a real server, with a pool of its own and with one of
// its user's.
import { afterAll, beforeAll } from 'vitest'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase } from '../../services/shared-postgres.ts'
import { postgresFixture } from './postgres-fixture.ts'
import { runStoreSuite } from './run-store-suite.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await freshDatabase()
})

afterAll(() => database.drop())

const capabilities = {
  transaction: true,
  commands: 'handlers write in the transaction',
  handles: true,
  durable: true,
} as const

runStoreSuite({ name: 'Postgres store', capabilities, create: () => postgresFixture(database.url) })

runStoreSuite({
  name: 'Postgres store, by a pool that was given',
  capabilities,
  create: () => postgresFixture(database.url, true),
})
