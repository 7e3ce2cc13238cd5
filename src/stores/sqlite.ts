// A store in a SQLite file: the user's own file, so that what handlers write and where their streams stand
// are one transaction. Several processes may share the file; they take turns, which is failover, not
// parallelism.
import { checkNames, givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import { wholeNumber } from '../core/whole-number.ts'
import type { AppendLimits, TransactionalEventLog } from '../ports/event-log.ts'
import type { TransactionalSequenceStore } from '../ports/sequence-store.ts'
import type { Store } from '../ports/store.ts'
import type { Timers } from '../ports/timers.ts'
import { systemTimers } from '../ports/timers.ts'
import { checkLimits, limitNames } from '../storage/prepare-append.ts'
import { SqliteEventLog } from './sqlite/sqlite-event-log.ts'
import { SqliteFile } from './sqlite/sqlite-file.ts'
import { SqliteSequenceStore } from './sqlite/sqlite-sequence-store.ts'
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
  checkNames(options, 'sqliteStore', [...fileNames, 'cachedStreamsMax', 'timers'])
  const { now = Date.now, timers = systemTimers, cachedStreamsMax = 50_000 } = options
  wholeNumber(cachedStreamsMax, { name: 'sqliteStore: cachedStreamsMax', least: 1 })
  return new SqliteStore(fileAt('sqliteStore', path, { ...options, cachedStreamsMax }), { now, timers })
}

/** How an event log in a SQLite file is used. */
export interface SqliteEventLogOptions
  extends AppendLimits, Pick<SqliteStoreOptions, 'synchronous' | 'busyMs' | 'pragmas' | 'now'> {
  /** How often a subscription looks when nothing came, in milliseconds. Default 100. */
  readonly pollMs?: number
  /** What a subscription waits by. Default: the machine's timers. */
  readonly timers?: Timers
}

/**
 * An event log in the SQLite file at a path, which may be the file of a store and of the user's own tables.
 * Any number of processes may append to it and read it.
 *
 * @throws InturnError `config-invalid` when an option cannot be
 * @example
 * const log = sqliteEventLog('bank.db')
 * await log.append({ domain: 'account', stream: '42', events: [{ id: 'e1', type: 'opened', data: {} }] })
 */
export function sqliteEventLog(
  path: string,
  options: SqliteEventLogOptions = {},
): TransactionalEventLog<SqliteTransaction> {
  checkNames(options, 'sqliteEventLog', [...fileNames, 'pollMs', 'timers', ...limitNames])
  const { now = Date.now, timers = systemTimers, pollMs = 100, ...limits } = options
  wholeNumber(pollMs, { name: 'sqliteEventLog: pollMs', least: 1 })
  checkLimits('sqliteEventLog', limits)
  const file = fileAt('sqliteEventLog', path, options)
  return new SqliteEventLog(file, { limits, now, timers, pollMs })
}

/** How a sequence store in a SQLite file is used. */
export type SqliteSequencesOptions = Pick<SqliteStoreOptions, 'synchronous' | 'busyMs' | 'pragmas' | 'now'>

/**
 * Where sequencers keep their numbers, in the SQLite file at a path, which may be the file of a store, of an
 * event log and of the user's own tables.
 *
 * @throws InturnError `config-invalid` when an option cannot be
 * @example
 * const sequences = sqliteSequences('bank.db')
 */
export function sqliteSequences(
  path: string,
  options: SqliteSequencesOptions = {},
): TransactionalSequenceStore<SqliteTransaction> {
  checkNames(options, 'sqliteSequences', fileNames)
  const { now = Date.now } = options
  return new SqliteSequenceStore(fileAt('sqliteSequences', path, options), now)
}

/** What all that lies in a file takes. */
const fileNames: readonly (keyof SqliteSequencesOptions)[] = ['synchronous', 'busyMs', 'pragmas', 'now']

function fileAt(factory: string, path: string, options: SqliteStoreOptions): SqliteFile {
  const { synchronous = 'full', busyMs = 30_000, pragmas = {}, cachedStreamsMax = 1 } = options
  checkPath(factory, path)
  if (synchronous !== 'full' && synchronous !== 'normal') {
    const message = `${factory}: synchronous takes 'full' or 'normal', not ${givenText(synchronous)}`
    throw new InturnError('config-invalid', message)
  }
  wholeNumber(busyMs, { name: `${factory}: busyMs`, least: 0 })
  if (typeof pragmas !== 'object' || pragmas === null) {
    throw new InturnError(
      'config-invalid',
      `${factory}: pragmas takes names and values, not ${givenText(pragmas)}`,
    )
  }
  for (const [name, value] of Object.entries(pragmas)) checkPragma(factory, name, value)
  return new SqliteFile(path, { synchronous, busyMs, pragmas, cachedStreamsMax })
}

function checkPath(factory: string, path: string): void {
  if (typeof path === 'string' && path !== '' && !path.startsWith(':memory:')) return
  const message = `${factory}: path takes a file; what is in memory is in inturn/stores/memory`
  throw new InturnError('config-invalid', message)
}

const ownPragmas = new Set(['journal_mode', 'synchronous', 'busy_timeout', 'locking_mode'])

function checkPragma(factory: string, name: string, value: string | number): void {
  if (/^[a-z_]+$/.test(name) && /^-?\w+$/.test(String(value)) && !ownPragmas.has(name)) return
  throw new InturnError('config-invalid', `${factory}: pragmas cannot set ${name} to ${value}`)
}
