// The event log on Postgres passes the event-log suite (I9), on a real server, with a pool of its own, and
// with one of its user's behind PgBouncer in transaction mode.
import { afterAll, beforeAll } from 'vitest'
import type { PgBouncer } from '../../services/pgbouncer.ts'
import { startPgBouncer } from '../../services/pgbouncer.ts'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase } from '../../services/shared-postgres.ts'
import { postgresLogFixture } from './postgres-fixture.ts'
import { runEventLogSuite } from './run-event-log-suite.ts'

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

const capabilities = { transaction: true, handles: true, durable: true } as const

runEventLogSuite({
  name: 'event log on Postgres',
  capabilities,
  create: () => postgresLogFixture(database.url),
})

runEventLogSuite({
  name: 'event log on Postgres, by a pool that was given, behind PgBouncer',
  capabilities,
  create: () => postgresLogFixture(pooler.urlOf(database.url), true),
})
