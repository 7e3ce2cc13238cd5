import { Connection } from '../../../src/stores/postgres/connection.ts'
import { PostgresEventLog } from '../../../src/stores/postgres/postgres-event-log.ts'
import type { EventLogFixture } from '../../../src/testing/event-log-suite/event-log-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
// An event log on Postgres for one case of the suite, in a schema of its own. Virtual time moves its
// subscriptions, and is added to the server's clock.
import { testPool } from '../../services/shared-postgres.ts'

let made = 0

/** A fixture in a database; with a pool that is given, or one of its own. */
export async function postgresLogFixture(url: string, isGiven = false): Promise<EventLogFixture> {
  const schema = `log_${++made}`
  const timers = new VirtualTimers()
  const user = testPool({ connectionString: url, max: 20 })
  const opened: PostgresEventLog[] = []
  const open = async (): Promise<PostgresEventLog> => {
    const pool = isGiven ? user : { url, connectionsMax: 5 }
    const shiftMs = (): number => timers.elapsedMs()
    const connection = new Connection({ name: 'postgres', schema, pool, prepares: !isGiven, shiftMs })
    const log = new PostgresEventLog({ connection, limits: {}, timers, pollMs: 50, pollMaxMs: 500 })
    await log.open()
    opened.push(log)
    return log
  }
  const log = await open()
  await user.query(`CREATE TABLE ${schema}.note (text text NOT NULL)`)
  return {
    log,
    advanceTime: async (ms) => {
      await timers.advance(ms)
      await new Promise((resolve) => setTimeout(resolve, 1))
    },
    secondHandle: open,
    reopen: async () => {
      await log.close()
      return open()
    },
    transaction: {
      append: async (text, ids, { fails = false } = {}) => {
        await log.transaction(async (transaction, within) => {
          await transaction.query(`INSERT INTO ${schema}.note VALUES ($1)`, [text])
          const events = ids.map((id) => ({ id, type: 'account.booked', data: { of: id } }))
          await within.append({ domain: 'account', stream: 'beside', events })
          if (fails) throw new Error('the body rejects')
        })
      },
      written: async () => {
        const { rows } = await user.query<{ text: string }>(`SELECT text FROM ${schema}.note`)
        return rows.map((row) => row.text)
      },
    },
    cleanup: async () => {
      for (const one of opened) await one.close()
      await user.query(`DROP SCHEMA ${schema} CASCADE`)
      await user.end()
    },
  }
}
