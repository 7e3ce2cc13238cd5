// A store on PGlite for one case of the suite. All of them share one pool, and so its session; each finds its
// tables empty. Virtual time renews claims, and is added to Postgres's clock.
import type { PglitePool } from '../../../src/stores/postgres.ts'
import { Connection } from '../../../src/stores/postgres/connection.ts'
import { OpenTransaction } from '../../../src/stores/postgres/open-transaction.ts'
import { PostgresStore } from '../../../src/stores/postgres/postgres-store.ts'
import type { StoreFixture } from '../../../src/testing/store-suite/store-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

const claimMs = 30_000
const schema = 'inturn'

/** Makes what is kept empty: making the tables anew for each case takes PGlite far longer. */
export async function emptyTables(pool: PglitePool): Promise<void> {
  const sql = `
    SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') AS tables FROM pg_tables
    WHERE schemaname IN ('inturn', 'public') AND tablename <> 'meta'
  `
  const { rows } = await pool.query(sql)
  await pool.query(`TRUNCATE ${String(rows[0]?.['tables'])} RESTART IDENTITY`)
  await pool.query("UPDATE inturn.meta SET value = 0 WHERE key = 'log-place'")
}

/** A fixture in a database. */
export async function pgliteFixture(pool: PglitePool): Promise<StoreFixture> {
  const timers = new VirtualTimers()
  const shiftMs = (): number => timers.elapsedMs()
  const open = async (own: VirtualTimers = timers): Promise<PostgresStore> => {
    const store = new PostgresStore(
      new Connection({ name: 'pglite', schema, pool, prepares: false, isOfEngine: true, shiftMs }),
      own,
    )
    await store.open()
    return store
  }
  /** All that was asked for before is done once the session is free again. */
  const flush = async (): Promise<void> => void (await pool.query('SELECT 1'))
  const store = await open()
  await pool.query('CREATE TABLE IF NOT EXISTS effect (id int GENERATED ALWAYS AS IDENTITY, text text)')
  return {
    store,
    claimMs,
    advanceTime: async (ms) => {
      await timers.advance(ms)
      await flush()
    },
    secondHandle: () => open(),
    stalledHandle: async () => {
      const own = new VirtualTimers()
      const resume = async (): Promise<void> => {
        await own.advance(claimMs / 2)
        await flush()
      }
      return { store: await open(own), resume }
    },
    reopen: async () => {
      await store.close()
      return open()
    },
    effects: {
      write: async (transaction, text) => {
        if (!(transaction instanceof OpenTransaction)) return
        await transaction.query('INSERT INTO effect (text) VALUES ($1)', [text])
      },
      written: async () => {
        const { rows } = await pool.query('SELECT text FROM effect ORDER BY id')
        return rows.map(({ text }) => String(text))
      },
    },
    cleanup: () => emptyTables(pool),
  }
}
