// The SQLite store passes the store suite, on real files.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Store } from '../../../src/ports/store.ts'
import { sqliteStore } from '../../../src/stores/sqlite.ts'
import { SqliteTransaction } from '../../../src/stores/sqlite/sqlite-transaction.ts'
import type { StoreFixture } from '../../../src/testing/store-suite/store-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { runStoreSuite } from './run-store-suite.ts'

const claimMs = 30_000
const start = 1_700_000_000_000

/** Waits until everything is written that was asked for before. */
async function flush(store: Store<SqliteTransaction>): Promise<void> {
  await store.lease('nothing', { holder: 'nobody', ms: 0 })
}

async function create(): Promise<StoreFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-sqlite-'))
  const path = join(folder, 'store.db')
  const timers = new VirtualTimers()
  const opened: Store<SqliteTransaction>[] = []
  const open = async (own: VirtualTimers = timers): Promise<Store<SqliteTransaction>> => {
    const store = sqliteStore(path, { timers: own, now: () => start + timers.elapsedMs() })
    await store.open()
    opened.push(store)
    return store
  }
  const user = new DatabaseSync(path)
  const store = await open()
  user.exec('CREATE TABLE effect (text TEXT NOT NULL)')
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
        if (transaction instanceof SqliteTransaction) transaction.run('INSERT INTO effect VALUES (?)', text)
      },
      written: async () =>
        user
          .prepare('SELECT text FROM effect')
          .all()
          .map((row) => String(row['text'])),
    },
    cleanup: async () => {
      for (const one of opened) await one.close()
      user.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

runStoreSuite({
  name: 'SQLite store',
  capabilities: {
    transaction: true,
    commands: 'handlers write in the transaction',
    handles: true,
    readsBeside: true,
    durable: true,
  },
  create,
})
