// A store on Postgres for one case of the suite, in a schema of its own. Virtual time renews its claims, and
// is added to the server's clock.
import type { Store } from '../../../src/ports/store.ts'
import type { PostgresTransaction } from '../../../src/stores/postgres.ts'
import { Connection } from '../../../src/stores/postgres/connection.ts'
import { OpenTransaction } from '../../../src/stores/postgres/open-transaction.ts'
import { PostgresStore } from '../../../src/stores/postgres/postgres-store.ts'
import type { StoreFixture } from '../../../src/testing/store-suite/store-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { testPool } from '../../services/shared-postgres.ts'

const claimMs = 30_000
let made = 0

/** Waits until everything is written that was asked for before, on whichever connection: some are new. */
async function flush(store: Store<PostgresTransaction>): Promise<void> {
  for (let turn = 0; turn < 6; turn++) {
    const asked = Array.from({ length: 4 }, () => store.lease('nothing', { holder: 'nobody', ms: 0 }))
    await Promise.all(asked)
  }
}

/** A fixture in a database; with a pool that is given, or one of its own. */
export async function postgresFixture(url: string, isGiven = false): Promise<StoreFixture> {
  const schema = `store_${++made}`
  const timers = new VirtualTimers()
  const user = testPool({ connectionString: url, max: 30 })
  const opened: PostgresStore[] = []
  const open = async (own: VirtualTimers = timers): Promise<PostgresStore> => {
    const pool = isGiven ? user : { url, connectionsMax: 20 }
    const shiftMs = (): number => timers.elapsedMs()
    const connection = new Connection({ name: 'postgres', schema, pool, prepares: !isGiven, shiftMs })
    const store = new PostgresStore(connection, own)
    await store.open()
    await flush(store)
    opened.push(store)
    return store
  }
  const store = await open()
  await user.query(`CREATE TABLE ${schema}.effect (id int GENERATED ALWAYS AS IDENTITY, text text NOT NULL)`)
  return {
    store,
    claimMs,
    advanceTime: async (ms) => {
      await timers.advance(ms)
      for (const one of opened) await flush(one)
    },
    secondHandle: () => open(),
    stalledHandle: async () => {
      const own = new VirtualTimers()
      const stalled = await open(own)
      const resume = async (): Promise<void> => {
        await own.advance(claimMs / 2)
        await flush(stalled)
      }
      return { store: stalled, resume }
    },
    reopen: async () => {
      await store.close()
      opened.splice(opened.indexOf(store), 1)
      return open()
    },
    effects: {
      write: async (transaction, text) => {
        if (!(transaction instanceof OpenTransaction)) return
        await transaction.query(`INSERT INTO ${schema}.effect (text) VALUES ($1)`, [text])
      },
      written: async () => {
        const { rows } = await user.query<{ text: string }>(`SELECT text FROM ${schema}.effect ORDER BY id`)
        return rows.map(({ text }) => text)
      },
    },
    cleanup: async () => {
      for (const one of opened) await one.close()
      await user.query(`DROP SCHEMA ${schema} CASCADE`)
      await user.end()
    },
  }
}
