// The life of a store's file: two connections, one that writes and one that only reads, opened and closed
// together or the second one alone. States: new -> open -> closed -> open; the reader also works while new.
import { existsSync, realpathSync } from 'node:fs'
import { InturnError } from '../../core/errors.ts'
import { Consumers } from './consumers.ts'
import { Database } from './database.ts'
import { textAt } from './row.ts'
import { checkSchema, makeSchema } from './schema.ts'
import { Writer } from './writer.ts'

/** How a file is used. */
export interface SqliteFileOptions {
  readonly synchronous: 'full' | 'normal'
  readonly busyMs: number
  readonly cachedStreamsMax: number
  readonly pragmas: Readonly<Record<string, string | number>>
}

/** An open file. */
export interface OpenFile {
  readonly database: Database
  readonly writer: Writer
  readonly consumers: Consumers
}

/** A file with a store in it. */
export class SqliteFile {
  readonly path: string
  readonly #options: SqliteFileOptions
  #open: Promise<OpenFile> | undefined
  #writing: Database | undefined
  #reading: Database | undefined
  #isClosed = false

  constructor(path: string, options: SqliteFileOptions) {
    this.path = path
    this.#options = options
  }

  /** Opens the file for writing, and makes or updates its tables. Once, however often it is called. */
  async open(): Promise<void> {
    this.#isClosed = false
    this.#open ??= this.#connect()
    try {
      await this.#open
    } catch (error) {
      this.#open = undefined
      throw error
    }
  }

  /** The open file. */
  async opened(): Promise<OpenFile> {
    this.#checkNotClosed()
    if (this.#open === undefined) throw new InturnError('store-closed', `${this.path} is not open yet`)
    return this.#open
  }

  /** The connection that only reads. */
  reading(): Database {
    this.#checkNotClosed()
    this.#writing?.checkFiles()
    this.#reading ??= this.#connectReader()
    this.#reading.checkFiles()
    return this.#reading
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const open = this.#open
    this.#open = undefined
    this.#writing = undefined
    this.#reading?.close()
    this.#reading = undefined
    if (open === undefined) return
    const { writer, database } = await open
    await writer.close()
    database.close()
  }

  async #connect(): Promise<OpenFile> {
    const { busyMs, synchronous, pragmas, cachedStreamsMax } = this.#options
    const database = new Database(this.path, { timeoutMs: busyMs })
    try {
      useWal(database)
      for (const [name, value] of Object.entries(pragmas)) database.get(`PRAGMA ${name} = ${value}`)
      database.get('PRAGMA busy_timeout = 0')
      const writer = new Writer(database, { busyMs, isSynced: synchronous === 'full' })
      await writer.transact(async () => makeSchema(database))
      database.watchFiles()
      this.#writing = database
      return { database, writer, consumers: new Consumers(writer, database, cachedStreamsMax) }
    } catch (error) {
      database.close()
      throw error
    }
  }

  #connectReader(): Database {
    if (!existsSync(this.path)) {
      throw new InturnError('store-unavailable', `${this.path} does not exist`, { retryable: true })
    }
    const database = new Database(this.path, { readOnly: true, timeoutMs: 1000 })
    try {
      checkSchema(database)
      database.watchFiles()
      return database
    } catch (error) {
      database.close()
      throw error
    }
  }

  #checkNotClosed(): void {
    if (this.#isClosed) throw new InturnError('store-closed', `${this.path} is closed`)
  }
}

function useWal(database: Database): void {
  const mode = textAt(database.one('PRAGMA journal_mode = WAL'), 'journal_mode')
  if (mode === 'wal') return
  throw new InturnError(
    'store-unavailable',
    `${database.file}: its file system cannot hold a write-ahead log`,
  )
}

/** Whether two paths, of which the first is open, name one file. */
export function isSameFile(one: string, other: string): boolean {
  if (one === other) return true
  try {
    return realpathSync(one) === realpathSync(other)
  } catch {
    return false
  }
}
