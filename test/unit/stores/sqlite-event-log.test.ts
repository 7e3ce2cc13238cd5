// The event log in a file that is shared with a store and the user's own tables: what a handler writes, what
// it appends and where its stream stands are one transaction (I2).
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { TransactionalEventLog } from '../../../src/ports/event-log.ts'
import type { SqliteEventLogOptions, SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { sqliteEventLog, sqliteSequences, sqliteStore } from '../../../src/stores/sqlite.ts'
import { all, ids, idsOf, numbersOf, to } from '../../../src/testing/event-log-suite/samples.ts'
import { SqliteFolder } from './sqlite-folder.ts'

let folder: SqliteFolder
let logs: TransactionalEventLog<SqliteTransaction>[] = []
beforeEach(() => {
  folder = new SqliteFolder()
})
afterEach(async () => {
  for (const log of logs) await log.close()
  logs = []
  await folder.remove()
})

function openLog(
  path = folder.path,
  options: SqliteEventLogOptions = {},
): TransactionalEventLog<SqliteTransaction> {
  const log = sqliteEventLog(path, { synchronous: 'normal', ...options })
  logs.push(log)
  return log
}

describe('in a handler', () => {
  const payment = (sequence: number) => ({ stream: 'a', sequence, id: `p${sequence}`, data: sequence })

  test('consume, process, produce: what is appended commits with the position, once (I2)', async () => {
    const log = openLog()
    const calls: number[] = []
    let isBroken = true
    const processor = createProcessor({
      sweep: 'manual',
      consumer: 'billing',
      store: sqliteStore(folder.path),
      domains: {
        payment: {
          numbering: contiguous(),
          effects: 'transaction',
          failure: { attempts: 2, backoff: 0, then: 'halt' },
          handle: async (event, { transaction, idempotencyKey }) => {
            calls.push(Number(event.sequence))
            const events = [{ id: idempotencyKey, type: 'invoice.made', data: event.data }]
            await log.within(transaction).append({ domain: 'invoice', stream: event.stream, events })
            if (event.sequence === 2 && isBroken) throw new Error('the printer is out of paper')
          },
        },
      },
    })
    const invoices = async (): Promise<unknown[]> =>
      (await all(log.readAll())).map(({ sequence, data }) => [sequence, data])
    await processor.process([payment(1), payment(2), payment(3)])
    expect(await invoices()).toEqual([[1, 1]])
    isBroken = false
    await processor.sweep()
    await processor.process([payment(1), payment(2), payment(3)])
    expect(await invoices()).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
    expect(calls.length).toBeGreaterThan(3)
    await processor.close()
  })

  test('a transaction of another file is refused: it could not commit together', async () => {
    const log = openLog()
    const other = openLog(`${folder.path}-other`)
    await expect(
      other.transaction((transaction) => log.within(transaction).append(to('a', ['e']))),
    ).rejects.toMatchObject({ code: 'config-invalid' })
  })

  test('an append that was not awaited is refused, and not slipped into what comes next', async () => {
    const log = openLog()
    let late: Promise<unknown> = Promise.resolve()
    await log.transaction((_, within) => {
      late = within.append(to('a', ['e'])).catch((error: unknown) => error)
    })
    expect(await late).toMatchObject({ code: 'handler-failed' })
    expect(await all(log.readAll())).toEqual([])
  })
})

describe('a transaction of the log', () => {
  test('does not wait for itself: any other write of the log in it is refused at once', async () => {
    const log = openLog()
    const writes: readonly (() => Promise<unknown>)[] = [
      () => log.append(to('a', ['e'])),
      () => log.trim({ before: 1 }),
    ]
    for (const write of writes) {
      await expect(log.transaction(() => write())).rejects.toMatchObject({ code: 'handler-failed' })
    }
    await expect(log.transaction(() => log.transaction(() => 1))).rejects.toMatchObject({
      code: 'handler-failed',
    })
    let after: Promise<unknown> = Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<undefined>()
    await log.transaction(() => {
      after = promise.then(() => log.append(to('a', ['e'])))
    })
    resolve(undefined)
    await after
    expect(await numbersOf(log, 'a')).toEqual([1])
  })

  test('sees what it has appended, and a conflict leaves it usable', async () => {
    const log = openLog()
    await log.append(to('a', ['e1']))
    const outcome = await log.transaction(async (transaction, within) => {
      await within.append(to('a', ['e2'], 1))
      await expect(within.append(to('a', ['x'], 1))).rejects.toMatchObject({ code: 'append-conflict' })
      await within.append(to('a', ['e3'], 2))
      return [transaction.get('SELECT count(*) AS n FROM inturn_log_event')?.['n']]
    })
    expect(outcome).toEqual([3])
    expect(await numbersOf(log, 'a')).toEqual([1, 2, 3])
  })
})

describe('the file', () => {
  test('reading makes nothing, and says that there is no log', async () => {
    const log = openLog()
    await expect(all(log.readAll())).rejects.toMatchObject({ code: 'store-unavailable', retryable: true })
    const user = folder.user()
    user.exec('CREATE TABLE mine (id INTEGER)')
    await expect(log.bounds()).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(user.prepare('SELECT count(*) AS n FROM sqlite_schema').get()).toEqual({ n: 1 })
    user.close()
    await log.append(to('a', ['e']))
    expect(await numbersOf(log, 'a')).toEqual([1])
  })

  test('a store of an older version is left alone', async () => {
    const log = openLog()
    await log.append(to('a', ['e']))
    const user = folder.user()
    user.exec("UPDATE inturn_meta SET value = 5 WHERE key = 'schema'")
    user.close()
    const older = openLog()
    await expect(older.append(to('a', ['f']))).rejects.toMatchObject({ code: 'store-schema-older' })
    await expect(all(older.readAll())).rejects.toMatchObject({ code: 'store-schema-older' })
    await expect(folder.store()).rejects.toMatchObject({ code: 'store-schema-older' })
  })

  test('a log of a newer version is left alone', async () => {
    await openLog().append(to('a', ['e']))
    const user = folder.user()
    user.exec("UPDATE inturn_meta SET value = 9999 WHERE key = 'schema'")
    user.close()
    const log = openLog()
    await expect(log.append(to('a', ['f']))).rejects.toMatchObject({ code: 'store-schema-newer' })
    await expect(all(log.readAll())).rejects.toMatchObject({ code: 'store-schema-newer' })
  })

  test('while another process has the lock an append waits, and says so in the end', async () => {
    const log = openLog(folder.path, { busyMs: 50 })
    await log.append(to('a', ['e']))
    const user = new DatabaseSync(folder.path)
    user.exec('BEGIN IMMEDIATE')
    const busy = { code: 'store-unavailable', retryable: true }
    await expect(log.append(to('a', ['f']))).rejects.toMatchObject(busy)
    expect(await numbersOf(log, 'a')).toEqual([1])
    user.exec('COMMIT')
    user.close()
    expect((await log.append(to('a', ['f']))).position).toBe(2)
  })

  test('a full disk fails with store-full, leaves nothing, and ends with it (I10)', async () => {
    const log = openLog(folder.path, { pragmas: { max_page_count: 110 } })
    const big = (id: string) => ({ ...to('a', []), events: [{ id, type: 't', data: 'x'.repeat(90_000) }] })
    const taken: string[] = []
    const fill = async (): Promise<void> => {
      for (const id of ids(100)) taken.push((await log.append(big(id))).events[0]?.id ?? '')
    }
    await expect(fill()).rejects.toMatchObject({ code: 'store-full', retryable: true })
    const failed = await Promise.allSettled([log.append(to('b', ['b1'])), log.append(big('more'))])
    const there = (): Promise<readonly string[]> => idsOf(log)
    const b = failed[0].status === 'fulfilled' ? ['b1'] : []
    expect(failed[1]).toMatchObject({ reason: { code: 'store-full' } })
    expect(await there()).toEqual([...taken, ...b])
    const hiding = log.transaction(async (_, within) => {
      await within.append(big('hidden')).catch(() => undefined)
    })
    await expect(hiding).rejects.toMatchObject({ code: 'store-full' })
    await log.trim({ before: 3 })
    expect(await log.append(big('more'))).toMatchObject({ position: taken.length + 1, duplicate: false })
    expect(await log.append(to('b', ['b1']))).toMatchObject({ position: 1, duplicate: b.length === 1 })
  })

  test('a clock that is set back changes no order, and retention removes a beginning (I1)', async () => {
    let now = 2_000
    const log = openLog(folder.path, { now: () => now })
    await log.append(to('a', ['e1']))
    now = 1_000
    await log.append(to('a', ['e2']))
    now = 3_000
    await log.append(to('a', ['e3']))
    expect((await all(log.readAll())).map(({ appendedAt }) => appendedAt)).toEqual([2_000, 1_000, 3_000])
    expect(await log.trim({ before: new Date(1_500) })).toEqual({ removed: 0, first: 1 })
    expect(await log.trim({ before: new Date(2_500) })).toEqual({ removed: 2, first: 3 })
    expect((await log.append(to('a', ['e4']))).position).toBe(4)
  })

  test('options that cannot be are refused', () => {
    const wrong: readonly (() => unknown)[] = [
      () => sqliteEventLog(''),
      () => sqliteEventLog(':memory:'),
      () => sqliteEventLog('x.db', { busyMs: -1 }),
      () => sqliteEventLog('x.db', { pollMs: 0 }),
      () => sqliteEventLog('x.db', { eventBytesMax: 0 }),
      () => sqliteEventLog('x.db', { pragmas: { journal_mode: 'delete' } }),
      () => sqliteSequences(''),
    ]
    for (const make of wrong) expect(make).toThrow(expect.objectContaining({ code: 'config-invalid' }))
  })
})
