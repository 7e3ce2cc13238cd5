// The event log on PGlite passes the event-log suite (I9), in memory. All cases share one pool, and so its
// session; each finds its tables empty.
import { afterAll } from 'vitest'
import { pglitePool } from '../../../src/stores/postgres.ts'
import { Connection } from '../../../src/stores/postgres/connection.ts'
import { PostgresEventLog } from '../../../src/stores/postgres/postgres-event-log.ts'
import type { EventLogFixture } from '../../../src/testing/event-log-suite/event-log-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { emptyTables } from '../stores/pglite-fixture.ts'
import { runEventLogSuite } from './run-event-log-suite.ts'

const pool = pglitePool('memory://')

afterAll(() => pool.end())

async function create(): Promise<EventLogFixture> {
  const timers = new VirtualTimers()
  const open = async (): Promise<PostgresEventLog> => {
    const shiftMs = (): number => timers.elapsedMs()
    const connection = new Connection({ name: 'pglite', schema: 'inturn', pool, prepares: false, shiftMs })
    const log = new PostgresEventLog({ connection, limits: {}, timers, pollMs: 50, pollMaxMs: 500 })
    await log.open()
    return log
  }
  const log = await open()
  await pool.query('CREATE TABLE IF NOT EXISTS note (text text NOT NULL)')
  return {
    log,
    advanceTime: async (ms) => {
      await timers.advance(ms)
      await pool.query('SELECT 1')
    },
    secondHandle: open,
    reopen: async () => {
      await log.close()
      return open()
    },
    transaction: {
      append: async (text, ids, { fails = false } = {}) => {
        await log.transaction(async (transaction, within) => {
          await transaction.query('INSERT INTO note VALUES ($1)', [text])
          const events = ids.map((id) => ({ id, type: 'account.booked', data: { of: id } }))
          await within.append({ domain: 'account', stream: 'beside', events })
          if (fails) throw new Error('the body rejects')
        })
      },
      written: async () => (await pool.query('SELECT text FROM note')).rows.map(({ text }) => String(text)),
    },
    cleanup: async () => {
      await log.close()
      await emptyTables(pool)
    },
  }
}

runEventLogSuite({
  name: 'event log on PGlite',
  capabilities: { transaction: true, handles: true, durable: true },
  create,
})
