// The store on PGlite passes the store suite (I9), in a folder.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { pglitePool } from '../../../src/stores/postgres.ts'
import { pgliteFixture } from './pglite-fixture.ts'
import { runStoreSuite } from './run-store-suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'inturn-pglite-'))
const pool = pglitePool(join(folder, 'data'))

afterAll(async () => {
  await pool.end()
  rmSync(folder, { recursive: true })
})

runStoreSuite({
  name: 'Postgres store on PGlite',
  capabilities: {
    transaction: true,
    commands: 'handlers write in the transaction',
    handles: true,
    readsBeside: 'PGlite has one session, and a transaction has it',
    durable: true,
  },
  create: () => pgliteFixture(pool),
})
