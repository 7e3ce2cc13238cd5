// A store in a SQLite file: the user's own file, so that what handlers write and where their streams stand
// are one transaction. Several processes may share the file; they take turns, which is failover, not
// parallelism.
import { InturnError } from '../core/errors.ts'
import type { Store } from '../ports/store.ts'
import type { Timers } from '../ports/timers.ts'
import { systemTimers } from '../ports/timers.ts'
import { SqliteFile } from './sqlite/sqlite-file.ts'
import { SqliteStore } from './sqlite/sqlite-store.ts'
import type { SqliteTransaction } from './sqlite/sqlite-transaction.ts'

export type { SqliteChanges, SqliteRow, SqliteValue } from './sqlite/sqlite-transaction.ts'
export type { SqliteTransaction }

/** How a SQLite store uses its file. */
export interface SqliteStoreOptions {
  /**
   * `full`: a commit waits until the disk has it. `normal`: it does not, and a power failure (not a crash
   * of the process) may take the last commits back. Default `full`.
   */
  readonly synchronous?: 'full' | 'normal'
  /** How long to wait for the lock while another process has it, in milliseconds. Default 30,000. */
  readonly busyMs?: number
  /** How many streams' states are remembered by the process. Default 50,000; about 1 KB each. */
  readonly cachedStreamsMax?: number
  /** Pragmas of the writing connection, for example `{ cache_size: -65536 }`. */
  readonly pragmas?: Readonly<Record<string, string | number>>
  /** The store's clock, in milliseconds since 1970. Default: the machine's. */
  readonly now?: () => number
  /** What renews claims. Default: the machine's timers. */
  readonly timers?: Timers
}

/**
 * A store in the SQLite file at a path. Its tables begin with `inturn_`; all others are the user's.
 *
 * @throws InturnError `config-invalid` when an option cannot be
 * @example
 * const store = sqliteStore('billing.db')
 */
export function sqliteStore(path: string, options: SqliteStoreOptions = {}): Store<SqliteTransaction> {
  const { now = Date.now, timers = systemTimers, synchronous = 'full', pragmas = {} } = options
  const { busyMs = 30_000, cachedStreamsMax = 50_000 } = options
  if (path === '' || path.startsWith(':memory:')) {
    throw new InturnError('config-invalid', 'sqliteStore: path takes a file; memoryStore() needs none')
  }
  checkCount('busyMs', busyMs, 0)
  checkCount('cachedStreamsMax', cachedStreamsMax, 1)
  for (const [name, value] of Object.entries(pragmas)) checkPragma(name, value)
  const file = new SqliteFile(path, { synchronous, busyMs, cachedStreamsMax, pragmas })
  return new SqliteStore(file, { now, timers })
}

function checkCount(name: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return
  throw new InturnError(
    'config-invalid',
    `sqliteStore: ${name} takes a whole number from ${min}, not ${value}`,
  )
}

const ownPragmas = new Set(['journal_mode', 'synchronous', 'busy_timeout', 'locking_mode'])

function checkPragma(name: string, value: string | number): void {
  if (/^[a-z_]+$/.test(name) && /^-?\w+$/.test(String(value)) && !ownPragmas.has(name)) return
  throw new InturnError('config-invalid', `sqliteStore: pragmas cannot set ${name} to ${value}`)
}
