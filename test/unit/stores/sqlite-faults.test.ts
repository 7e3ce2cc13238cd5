// What the SQLite store does when its file cannot be what it should: each fault has its own error, changes
// nothing, and is over when it is over (I10).
import { existsSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { sqliteStore } from '../../../src/stores/sqlite.ts'
import { account, moved, request, SqliteFolder } from './sqlite-folder.ts'

let folder: SqliteFolder
beforeEach(() => {
  folder = new SqliteFolder()
})
afterEach(() => folder.remove())

const [a] = [account('a')]

async function insertAndMove(store: Store<SqliteTransaction>, position: number, text = 'x'): Promise<void> {
  await store.work(request([a]), async (unit) => {
    unit.transaction?.forHandlers.run('INSERT INTO effect VALUES (?, ?)', position, text)
    await unit.commit({ streams: [moved(a, position)] })
  })
}

async function positionOf(store: Store<SqliteTransaction>): Promise<unknown> {
  return (await store.work(request([a]), async ({ streams }) => streams.get(a)?.state.position)).value
}

describe('a full disk', () => {
  test('fails with store-full, changes nothing, and is over when there is room (I2, I10)', async () => {
    const store = await folder.store({ pragmas: { max_page_count: 120 } })
    const user = folder.user()
    user.exec('CREATE TABLE effect (position INTEGER, text TEXT)')
    let done = 0
    const fill = async (): Promise<void> => {
      for (; done < 1000; done++) await insertAndMove(store, done + 1, 'x'.repeat(20_000))
    }
    await expect(fill()).rejects.toMatchObject({ code: 'store-full', retryable: true })
    expect(done).toBeGreaterThan(2)
    expect(user.prepare('SELECT count(*) AS n FROM effect').get()).toEqual({ n: done })
    expect(await positionOf(store)).toBe(done)
    await expect(insertAndMove(store, done + 1, 'x'.repeat(500_000))).rejects.toMatchObject({
      code: 'store-full',
    })
    user.exec('DELETE FROM effect WHERE position <= 4')
    await insertAndMove(store, done + 1, 'x'.repeat(20_000))
    expect(await positionOf(store)).toBe(done + 1)
  })

  test('is not taken for a failing handler, even if the handler hides it (I3)', async () => {
    const store = await folder.store({ pragmas: { max_page_count: 120 } })
    folder.user().exec('CREATE TABLE effect (position INTEGER, text TEXT)')
    const hiding = store.work(request([a]), async (unit) => {
      try {
        unit.transaction?.forHandlers.run('INSERT INTO effect VALUES (1, ?)', 'x'.repeat(2_000_000))
      } catch {
        // The handler swallows it.
      }
      return 'fine'
    })
    await expect(hiding).rejects.toMatchObject({ code: 'store-full' })
    expect(await positionOf(store)).toBe(undefined)
  })
})

test('a file that cannot be written to fails with store-read-only, and can be read (I10)', async () => {
  const writable = await folder.store()
  await writable.work(request([a]), (unit) => unit.commit({ streams: [moved(a, 3)] }))
  const store = sqliteStore(folder.path, { pragmas: { query_only: 1 } })
  await expect(store.open()).rejects.toMatchObject({ code: 'store-read-only', retryable: false })
  expect((await store.reader.stream('billing', a))?.state.position).toBe(3)
  await store.close()
})

describe('a file that is no store', () => {
  test('of another kind fails with store-corrupt and is left alone', async () => {
    writeFileSync(
      folder.path,
      'this is a text file, and longer than a header of a database would be: '.repeat(9),
    )
    await expect(folder.store()).rejects.toMatchObject({ code: 'store-corrupt' })
  })

  test('that is damaged fails with store-corrupt', async () => {
    const store = await folder.store()
    await positionOf(store)
    await store.close()
    const user = folder.user()
    user.exec('PRAGMA writable_schema = ON; DROP TABLE inturn_consumer')
    await expect((await folder.store()).heartbeat('billing', 'one')).rejects.toMatchObject({
      code: 'store-corrupt',
    })
  })

  test('that does not exist cannot be read, and reading does not make it', async () => {
    const { reader } = sqliteStore(folder.path)
    await expect(reader.consumers()).rejects.toMatchObject({
      code: 'store-unavailable',
      message: expect.stringContaining('does not exist') as string,
    })
    expect(existsSync(folder.path)).toBe(false)
  })

  test('that is another database cannot be read, and becomes one when a worker opens it', async () => {
    folder.user().exec('CREATE TABLE mine (id INTEGER)')
    const reading = sqliteStore(folder.path)
    await expect(reading.reader.consumers()).rejects.toMatchObject({
      code: 'store-unavailable',
      message: expect.stringContaining('no inturn store yet') as string,
    })
    await positionOf(await folder.store())
    expect(await reading.reader.consumers()).toEqual(['billing'])
    await reading.close()
  })

  test('of a newer inturn fails with store-schema-newer, for workers and readers', async () => {
    await (await folder.store()).close()
    folder.user().exec("UPDATE inturn_meta SET value = 99 WHERE key = 'schema'")
    await expect(folder.store()).rejects.toMatchObject({ code: 'store-schema-newer' })
    const { reader } = sqliteStore(folder.path)
    await expect(reader.consumers()).rejects.toMatchObject({ code: 'store-schema-newer' })
  })

  test('whose folder is missing fails with store-unavailable', async () => {
    const store = sqliteStore(`${folder.path}/no/such/folder.db`)
    await expect(store.open()).rejects.toMatchObject({ code: 'store-unavailable', retryable: true })
  })
})

describe('a lock of another process', () => {
  test('is waited for without stopping the event loop (I6)', async () => {
    const store = await folder.store()
    const user = folder.user()
    user.exec('BEGIN IMMEDIATE')
    let ticks = 0
    const ticking = setInterval(() => {
      ticks++
      if (ticks === 5) user.exec('COMMIT')
    }, 5)
    expect(await positionOf(store)).toBe(undefined)
    clearInterval(ticking)
    expect(ticks).toBeGreaterThanOrEqual(5)
  })

  test('fails with store-unavailable when it does not end, and goes on afterwards (I10)', async () => {
    const store = await folder.store({ busyMs: 20 })
    await positionOf(store)
    const user = folder.user()
    user.exec('BEGIN IMMEDIATE')
    await expect(positionOf(store)).rejects.toMatchObject({ code: 'store-unavailable', retryable: true })
    await expect(store.record('billing', {})).rejects.toMatchObject({ code: 'store-unavailable' })
    user.exec('COMMIT')
    expect(await positionOf(store)).toBe(undefined)
  })
})

test('a store that reads alone sees what a worker has committed while the worker goes on', async () => {
  const store = await folder.store()
  const reading = sqliteStore(folder.path)
  await store.work(request([a]), async (unit) => {
    await unit.commit({ streams: [moved(a, 1)] })
    expect(await reading.reader.stream('billing', a)).toBe(undefined)
  })
  expect((await reading.reader.stream('billing', a))?.state.position).toBe(1)
  await store.close()
  expect((await reading.reader.stream('billing', a))?.state.position).toBe(1)
  await reading.close()
  await expect(reading.reader.consumers()).rejects.toMatchObject({ code: 'store-closed' })
})

test('all tables bear the prefix inturn_, and the write-ahead log is on', async () => {
  await folder.store()
  const database = new DatabaseSync(folder.path, { readOnly: true })
  const names = database
    .prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_autoindex%'")
    .all()
  expect(names.length).toBeGreaterThan(10)
  expect(names.filter(({ name }) => !String(name).startsWith('inturn_'))).toEqual([])
  expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
  database.close()
})

test('options that cannot be are refused by name', () => {
  const refused = (path: string, options: object): void => {
    expect(() => sqliteStore(path, options)).toThrow(
      expect.objectContaining({ code: 'config-invalid' }) as Error,
    )
  }
  refused(':memory:', {})
  refused('', {})
  refused('a.db', { busyMs: -1 })
  refused('a.db', { cachedStreamsMax: 0.5 })
  refused('a.db', { pragmas: { journal_mode: 'off' } })
  refused('a.db', { pragmas: { cache_size: '1; DROP TABLE x' } })
})
