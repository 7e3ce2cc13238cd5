// The event log in SQLite passes the event-log suite (I9), on real files.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TransactionalEventLog } from '../../../src/ports/event-log.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { sqliteEventLog } from '../../../src/stores/sqlite.ts'
import type { EventLogFixture } from '../../../src/testing/event-log-suite/event-log-case.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { runEventLogSuite } from './run-event-log-suite.ts'

async function create(): Promise<EventLogFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-log-'))
  const path = join(folder, 'log.db')
  const timers = new VirtualTimers()
  const opened: TransactionalEventLog<SqliteTransaction>[] = []
  const open = async (): Promise<TransactionalEventLog<SqliteTransaction>> => {
    const log = sqliteEventLog(path, {
      timers,
      now: () => 1_700_000_000_000 + timers.elapsedMs(),
      synchronous: 'normal',
    })
    await log.open()
    opened.push(log)
    return log
  }
  const user = new DatabaseSync(path)
  const log = await open()
  user.exec('CREATE TABLE note (text TEXT NOT NULL)')
  return {
    log,
    advanceTime: async (ms) => {
      await timers.advance(ms)
      await new Promise((resolve) => setImmediate(resolve))
    },
    secondHandle: open,
    reopen: async () => {
      await log.close()
      return open()
    },
    transaction: {
      append: async (text, ids, { fails = false } = {}) => {
        await log.transaction(async (transaction, within) => {
          transaction.run('INSERT INTO note VALUES (?)', text)
          const events = ids.map((id) => ({ id, type: 'account.booked', data: { of: id } }))
          await within.append({ domain: 'account', stream: 'beside', events })
          if (fails) throw new Error('the body rejects')
        })
      },
      written: async () =>
        user
          .prepare('SELECT text FROM note')
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

runEventLogSuite({
  name: 'event log in SQLite',
  capabilities: { transaction: true, handles: true, durable: true },
  create,
})
