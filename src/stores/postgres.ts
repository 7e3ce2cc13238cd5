// A store, an event log and sequences on Postgres, beside the user's own tables: what is appended and what
// the user writes are one transaction. Any number of processes work on one database.
import { resolve } from 'node:path'
import { checkNames, givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import { wholeNumber } from '../core/whole-number.ts'
import type { AppendLimits, TransactionalEventLog } from '../ports/event-log.ts'
import type { NumberRange, TransactionalSequenceStore } from '../ports/sequence-store.ts'
import type { Store } from '../ports/store.ts'
import type { Timers } from '../ports/timers.ts'
import { systemTimers } from '../ports/timers.ts'
import { warningsTo } from '../ports/warnings.ts'
import { checkLimits, limitNames } from '../storage/prepare-append.ts'
import { Connection, defaultReplyMs } from './postgres/connection.ts'
import type { ConnectionParts } from './postgres/connection.ts'
import { OneSessionPool } from './postgres/one-session-pool.ts'
import { LockedFolder, MemoryFolder } from './postgres/pglite-folder.ts'
import type {
  PglitePool,
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresResult,
  PostgresRow,
  PostgresTransaction,
} from './postgres/postgres-client.ts'
import { PostgresEventLog } from './postgres/postgres-event-log.ts'
import { PostgresSequenceStore } from './postgres/postgres-sequence-store.ts'
import { PostgresStore } from './postgres/postgres-store.ts'

export type {
  PglitePool,
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresResult,
  PostgresRow,
  PostgresTransaction,
}

/** Where a server is: a URL, or a pool of the package `pg`, which stays the caller's to end. */
export type PostgresTarget = string | { readonly pool: PostgresPool }

/** How a server is used. */
export interface PostgresOptions {
  /** The schema of inturn's own tables; it is made where it is missing. Default `inturn`. */
  readonly schema?: string
  /** How many connections a pool of our own may have. Default 10. */
  readonly connectionsMax?: number
  /**
   * Whether the server keeps the plans of inturn's statements for as long as a connection lasts. Not possible
   * behind a pooler that gives each transaction another connection, as PgBouncer does in transaction mode.
   * Default: with a URL, unless a pooler answers there; not with a pool that is given.
   */
  readonly prepare?: boolean
  /**
   * How long an answer may take, in milliseconds, before the server is asked on another connection what it
   * does. Where it is silent too, or not at work on what was sent, the connection is ended: the statement has
   * failed, and whether a commit happened is unknown. What it is at work on may take six times as long; what
   * a handler sends as long as the handler may, and a commit as long as it waits for a synchronous standby.
   * A connection may take four times as long. Up to 2^28; default 10,000. Nothing to PGlite.
   */
  readonly replyMs?: number
  /** Gets told, in words, what the server takes long for. Default `process.emitWarning`. */
  readonly onWarning?: (message: string) => void
}

/** How an event log on Postgres is used. */
export interface PostgresEventLogOptions extends AppendLimits, PostgresOptions {
  /** How soon a subscription looks again when nothing came, in milliseconds. Default 100. */
  readonly pollMs?: number
  /** While nothing comes it waits twice as long each time, up to this, in milliseconds. Default 1,000. */
  readonly pollMaxMs?: number
  /** What a subscription waits by. Default: the machine's timers. */
  readonly timers?: Timers
}

/** How a store on Postgres is used. */
export interface PostgresStoreOptions extends PostgresOptions {
  /** What renews claims. Default: the machine's timers. */
  readonly timers?: Timers
}

const optionNames: readonly (keyof PostgresOptions)[] = [
  'schema',
  'connectionsMax',
  'prepare',
  'replyMs',
  'onWarning',
]

/**
 * A store in a Postgres database: what handlers write through `context.transaction` and where their streams
 * stand are one transaction. Any number of processes work at the same time, each on other streams.
 *
 * @throws InturnError `config-invalid` when an option cannot be
 * @example
 * const store = postgresStore('postgres://localhost/bank')
 */
export function postgresStore(
  target: PostgresTarget,
  options: PostgresStoreOptions = {},
): Store<PostgresTransaction> {
  checkNames(options, 'postgresStore', [...optionNames, 'timers'])
  const { timers = systemTimers } = options
  const connection = connectionTo('postgresStore', target, options, { isOfEngine: true })
  return new PostgresStore(connection, timers)
}

/**
 * An event log in a Postgres database. Events get their places after they are committed: what `within` and
 * `transaction` append has none yet.
 *
 * @throws InturnError `config-invalid` when an option cannot be
 * @example
 * const log = postgresEventLog('postgres://localhost/bank')
 * await log.append({ domain: 'account', stream: '42', events: [{ id: 'e1', type: 'opened', data: {} }] })
 */
export function postgresEventLog(
  target: PostgresTarget,
  options: PostgresEventLogOptions = {},
): TransactionalEventLog<PostgresTransaction> {
  checkNames(options, 'postgresEventLog', [...optionNames, 'pollMs', 'pollMaxMs', 'timers', ...limitNames])
  const { timers = systemTimers, pollMs = 100, ...rest } = options
  checkCount('postgresEventLog: pollMs', pollMs)
  const { pollMaxMs = Math.max(pollMs, 1000), ...limits } = rest
  checkCount('postgresEventLog: pollMaxMs', pollMaxMs)
  checkLimits('postgresEventLog', limits)
  const connection = connectionTo('postgresEventLog', target, options)
  return new PostgresEventLog({ connection, limits, timers, pollMs, pollMaxMs })
}

/**
 * Where sequencers keep their numbers, in a Postgres database. `take` gives numbers in a transaction of the
 * caller's own: they are taken if it commits, and were never taken if it does not.
 *
 * @throws InturnError `config-invalid` when an option cannot be
 * @example
 * const sequences = postgresSequences('postgres://localhost/bank')
 */
export function postgresSequences(
  target: PostgresTarget,
  options: PostgresOptions = {},
): TransactionalSequenceStore<PostgresTransaction, Promise<NumberRange>> {
  checkNames(options, 'postgresSequences', optionNames)
  return new PostgresSequenceStore(connectionTo('postgresSequences', target, options))
}

/** How PGlite is used. */
export interface PgliteOptions {
  /**
   * How long somebody may wait for the only session, in milliseconds; whoever waits for longer gets an error.
   * Longer than a batch takes. Default 60,000.
   */
  readonly waitMs?: number
}

/**
 * A pool over PGlite, Postgres within this process, which has its database in a folder, or in memory
 * (`memory://`). One process has the folder at a time. Whoever makes the pool ends it.
 *
 * @throws InturnError `config-invalid` when the folder cannot be one
 * @example
 * const store = postgresStore({ pool: pglitePool('./data') })
 */
export function pglitePool(folder: string, options: PgliteOptions = {}): PglitePool {
  checkNames(options, 'pglitePool', ['waitMs'])
  const { waitMs = 60_000 } = options
  checkCount('pglitePool: waitMs', waitMs)
  if (folder === 'memory://') return new OneSessionPool(new MemoryFolder(), waitMs)
  if (typeof folder !== 'string' || folder === '' || /^[a-z][a-z-]+:/.test(folder)) {
    const message = `pglitePool takes a folder, or memory://, not ${givenText(folder)}`
    throw new InturnError('config-invalid', message)
  }
  return new OneSessionPool(new LockedFolder(folder, resolve(folder)), waitMs)
}

function connectionTo(
  factory: string,
  target: PostgresTarget,
  options: PostgresOptions,
  { isOfEngine = false }: Pick<ConnectionParts, 'isOfEngine'> = {},
): Connection {
  const { schema = 'inturn', connectionsMax = 10, replyMs = defaultReplyMs } = options
  if (typeof schema !== 'string' || !/^[a-z_][a-z0-9_]{0,62}$/.test(schema) || schema.startsWith('pg_')) {
    const form = 'lower-case letters, digits and _, at most 63, and not beginning with pg_'
    throw new InturnError('config-invalid', `${factory}: schema takes ${form}; not ${givenText(schema)}`)
  }
  checkCount(`${factory}: connectionsMax`, connectionsMax)
  wholeNumber(replyMs, { name: `${factory}: replyMs`, least: 1, most: 2 ** 28 })
  const { prepare: prepares = typeof target === 'string' ? undefined : false } = options
  if (prepares !== undefined && typeof prepares !== 'boolean') {
    const message = `${factory}: prepare takes true or false, not ${givenText(prepares)}`
    throw new InturnError('config-invalid', message)
  }
  const onWarning = warningsTo(options.onWarning)
  const own = { schema, prepares, isOfEngine, replyMs, onWarning, shiftMs: (): number => 0 }
  if (typeof target !== 'string') {
    const pool = checkedPool(factory, target)
    return new Connection({ ...own, name: pool.name ?? 'postgres', pool })
  }
  const { host, pathname } = checkedUrl(factory, target)
  const name = `postgres ${host}${pathname}`
  return new Connection({ ...own, name, pool: { url: target, connectionsMax } })
}

/** JavaScript may give anything. */
function checkedPool(factory: string, target: { readonly pool: PostgresPool }): PostgresPool {
  const pool: unknown =
    typeof target === 'object' && target !== null ? Reflect.get(target, 'pool') : undefined
  const isPool =
    typeof pool === 'object' && pool !== null && typeof Reflect.get(pool, 'connect') === 'function'
  if (isPool) return target.pool
  const form = 'a URL like postgres://host/database, or { pool } with a Pool of the package pg'
  throw new InturnError('config-invalid', `${factory} takes ${form}`)
}

function checkedUrl(factory: string, url: string): URL {
  if (/^postgres(?:ql)?:\/\//.test(url) && URL.canParse(url)) return new URL(url)
  const form = 'postgres://host/database or postgres://user:password@host:5432/database'
  throw new InturnError('config-invalid', `${factory} takes a URL like ${form}`)
}

function checkCount(option: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value < 2 ** 31) return
  throw new InturnError('config-invalid', `${option} takes a whole number from 1, not ${givenText(value)}`)
}
