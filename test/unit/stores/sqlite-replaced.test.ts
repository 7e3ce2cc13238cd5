// A SQLite file that is taken away under a running process: nothing is said to be durable any more, and what
// stands in its place stays whole (I10).
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { createWorker } from '../../../src/engine/worker.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { sqliteEventLog, sqliteStore } from '../../../src/stores/sqlite.ts'
import { memorySource } from '../../../src/transports/memory.ts'
import { account, moved, request } from './sqlite-folder.ts'

let folder: string
let path: string
let store: Store<SqliteTransaction>

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'inturn-replaced-'))
  mkdirSync(join(folder, 'real'))
  symlinkSync(join(folder, 'real'), join(folder, 'link'))
  path = join(folder, 'link', 'store.db')
  store = sqliteStore(path)
  await store.open()
  await move(1)
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

const [a] = [account('a')]

async function move(position: number): Promise<void> {
  await store.work(request([a]), (unit) => unit.commit({ streams: [moved(a, position)] }))
}

function putCopy(): void {
  copyFileSync(path, `${path}.copy`)
  renameSync(`${path}.copy`, path)
}

const ways: Readonly<Record<string, () => void>> = {
  'the file is deleted': () => rmSync(path),
  'the file is moved': () => renameSync(path, `${path}.old`),
  'a copy is put in its place': putCopy,
  'the file is deleted, and a copy put there': () => {
    copyFileSync(path, `${path}.copy`)
    rmSync(path)
    copyFileSync(`${path}.copy`, path)
  },
  'all of it is deleted': () => {
    for (const name of ['', '-wal', '-shm']) rmSync(`${path}${name}`)
  },
  'its write-ahead log is deleted': () => rmSync(`${path}-wal`),
  'its index is deleted': () => rmSync(`${path}-shm`),
  'a link in its path leads elsewhere': () => {
    mkdirSync(join(folder, 'other'))
    copyFileSync(path, join(folder, 'other', 'store.db'))
    rmSync(join(folder, 'link'))
    symlinkSync(join(folder, 'other'), join(folder, 'link'))
  },
}

describe('a file that is taken away', () => {
  for (const [way, takeAway] of Object.entries(ways)) {
    test(`is noticed by the next commit, of whatever kind, when ${way}`, async () => {
      takeAway()
      const replaced = { code: 'store-replaced', retryable: false }
      await expect(move(2)).rejects.toMatchObject(replaced)
      const claimed = store.work(request([a], 'claim'), async () => 'worked')
      await expect(claimed).rejects.toMatchObject(replaced)
      await expect(store.handOver('billing', [])).rejects.toMatchObject(replaced)
      await expect(store.heartbeat('billing', 'one')).rejects.toMatchObject(replaced)
      await expect(store.checkpoint('billing', 's', 'x')).rejects.toMatchObject(replaced)
      await expect(store.reader.stream('billing', a)).rejects.toMatchObject(replaced)
    })
  }

  test('while a handler runs undoes the commit, and no read says that it was made', async () => {
    const working = store.work(request([a]), async (unit) => {
      await unit.commit({ streams: [moved(a, 2)] })
      renameSync(path, `${path}.old`)
    })
    await expect(working).rejects.toMatchObject({ code: 'store-replaced' })
    renameSync(`${path}.old`, path)
    expect((await store.reader.stream('billing', a))?.state.position).toBe(1)
    await move(2)
  })

  test('leaves the file in its place whole, also after the process has ended', async () => {
    for (let position = 2; position < 200; position++) await move(position)
    putCopy()
    for (let tries = 0; tries < 3; tries++) await expect(move(200)).rejects.toThrow('was taken away')
    await store.close()
    const user = new DatabaseSync(path)
    expect(user.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    user.close()
    store = sqliteStore(path)
    await store.open()
    expect((await store.reader.stream('billing', a))?.state.position).toBe(199)
  })

  test('is noticed by a log that lies in it', async () => {
    const log = sqliteEventLog(path)
    const append = () =>
      log.append({ domain: 'account', stream: 'a', events: [{ id: 'e1', type: 't', data: {} }] })
    await append()
    rmSync(path)
    await expect(append()).rejects.toMatchObject({ code: 'store-replaced' })
    await expect(log.bounds()).rejects.toMatchObject({ code: 'store-replaced' })
    await log.close()
  })

  test('ends its worker, with nothing settled since; a new one does the work anew', async () => {
    const source = memorySource()
    const handled: unknown[] = []
    const worker = () =>
      createWorker<SqliteTransaction, never>({
        consumer: 'billing',
        store: sqliteStore(path),
        source: source as never,
        domains: {
          account: {
            numbering: contiguous(),
            effects: 'transaction',
            handle: ({ sequence }) => {
              handled.push(sequence)
              if (handled.length === 1) rmSync(path)
            },
          },
        },
      })
    const event = (sequence: number) => ({ domain: 'account', stream: 'w', sequence, id: `w${sequence}` })
    await source.push([event(1), event(2)])
    await expect(worker().run({ until: 'caught-up' })).rejects.toMatchObject({ code: 'store-replaced' })
    expect(source.unsettled).toBe(2)
    expect(existsSync(path)).toBe(false)
    await worker().run({ until: 'caught-up' })
    expect(source.unsettled).toBe(0)
    expect(handled).toEqual([1, 2, 1, 2])
  })
})
