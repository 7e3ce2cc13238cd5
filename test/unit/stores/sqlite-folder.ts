// A temporary folder for the SQLite files of one test, with what the tests do to them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { streamPath } from '../../../src/core/stream-path.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import type { Store, StreamChange, WorkRequest } from '../../../src/ports/store.ts'
import type { SqliteStoreOptions, SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { sqliteStore } from '../../../src/stores/sqlite.ts'

export class SqliteFolder {
  readonly path: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'inturn-sqlite-'))
  readonly #closing: (() => void | Promise<void>)[] = []

  constructor() {
    this.path = join(this.#folder, 'store.db')
  }

  async store(options: SqliteStoreOptions = {}): Promise<Store<SqliteTransaction>> {
    const store = sqliteStore(this.path, options)
    this.#closing.push(() => store.close())
    await store.open()
    return store
  }

  user(): DatabaseSync {
    const user = new DatabaseSync(this.path, { timeout: 5000 })
    this.#closing.push(() => {
      if (user.isOpen) user.close()
    })
    return user
  }

  async remove(): Promise<void> {
    for (const close of this.#closing) await close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

export const account = (name: string | number): string => streamPath('account', String(name))

export function moved(stream: string, position: number, fields: Partial<StreamChange> = {}): StreamChange {
  const records = { hold: [], release: [], decided: [], deadLetters: [], redriven: [], ledger: [] }
  const state = { ...unknownStream, position, baseline: 1 }
  return { stream, state, deliveries: 1, due: {}, ...records, ...fields }
}

export function request(streams: readonly string[], mode: WorkRequest['mode'] = 'transaction'): WorkRequest {
  return { consumer: 'billing', worker: 'one', streams, mode, claimMs: 30_000 }
}
