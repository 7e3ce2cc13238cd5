// Turns what Postgres and its client report into inturn's errors. An error with an SQLSTATE means that the
// statement was not carried out; a connection that ends during a commit leaves open whether it was. Upholds
// I10.
import type { ErrorCode } from '../../core/errors.ts'
import { InturnError } from '../../core/errors.ts'
import { errorMessage, fieldOf } from '../../core/thrown.ts'

interface Fault {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly advice: string
}

const unavailable = { code: 'store-unavailable', retryable: true } as const
const refused = { code: 'store-unavailable', retryable: false } as const
const missing: Fault = { ...unavailable, advice: 'it has no inturn tables of this schema yet: open it first' }
const pooled: Fault = {
  code: 'config-invalid',
  retryable: false,
  advice: 'a pooler gives each transaction another connection: open the store or log with `prepare: false`',
}
const ending: Fault = { ...unavailable, advice: 'the server has ended the connection' }

/** By SQLSTATE, or by its class: its first two characters. */
const faults: ReadonlyMap<string, Fault> = new Map<string, Fault>([
  ['08', { ...unavailable, advice: 'the connection failed' }],
  ['25006', { code: 'store-read-only', retryable: false, advice: 'it is a standby or read-only' }],
  ['25P03', { ...unavailable, advice: 'the transaction stood still for too long and was ended' }],
  ['25P04', { ...unavailable, advice: 'the transaction took too long and was ended' }],
  ['26000', pooled],
  ['28', { ...refused, advice: 'user or password is wrong, or pg_hba.conf lets nobody in from here' }],
  ['3D000', { ...refused, advice: 'there is no such database' }],
  ['3F000', missing],
  ['40001', { ...unavailable, advice: 'another transaction came first' }],
  ['40P01', { ...unavailable, advice: 'two transactions waited for each other' }],
  ['42P05', pooled],
  ['42501', { ...refused, advice: 'the role may not do what inturn needs; see docs/stores/postgres.md' }],
  ['42883', missing],
  ['42P01', missing],
  ['53', { ...unavailable, advice: 'it has no resources left' }],
  ['53100', { code: 'store-full', retryable: true, advice: 'its disk is full; make room' }],
  ['53200', { ...unavailable, advice: 'it is out of memory or locks; raise max_locks_per_transaction' }],
  [
    '53300',
    { ...unavailable, advice: 'it takes no more connections; raise max_connections or share a pool' },
  ],
  ['55P03', { ...unavailable, advice: 'another transaction has held for too long what this one needs' }],
  ['57014', { ...unavailable, advice: 'the statement took too long, or somebody has cancelled it' }],
  ['57P01', ending],
  ['57P02', ending],
  ['57P03', { ...unavailable, advice: 'the server is starting or stopping' }],
  ['58', { ...unavailable, advice: 'its system failed' }],
  ['XX001', { code: 'store-corrupt', retryable: false, advice: 'its data is damaged; restore a backup' }],
  ['XX002', { code: 'store-corrupt', retryable: false, advice: 'an index is damaged; REINDEX it' }],
])

/** A failure of the server or the way to it, as an InturnError; `undefined` for any other error. */
function faultOf(cause: unknown, store: string): InturnError | undefined {
  const state = sqlStateOf(cause)
  if (state === undefined) return isOfDriver(cause) ? unreachable(cause, store) : undefined
  const fault = faults.get(state) ?? faults.get(state.slice(0, 2))
  if (fault === undefined) return undefined
  const { code, retryable, advice } = fault
  return new InturnError(code, `${store}: ${advice} (${errorMessage(cause)})`, { retryable, cause })
}

/**
 * What a statement of a handler has failed with, where that was the server's doing and not the statement's:
 * no attempt of the handler counts then.
 */
export function foreignFaultOf(cause: unknown, store: string): InturnError | undefined {
  const state = sqlStateOf(cause)
  const isOfServer = state === undefined || /^(?:08|25P0[34]|40001|40P01|53[0-3]|57P|580|XX)/.test(state)
  return isOfServer && !isOfAnotherServer(cause, state) ? faultOf(cause, store) : undefined
}

/**
 * A server that answers has no trouble with the connection: what it says of one is of values that do not fit
 * their statement, or of a server that the statement reaches by it. A pooler, which has no routines, says it
 * of the server behind it.
 */
function isOfAnotherServer(cause: unknown, state: string | undefined): boolean {
  return state?.startsWith('08') === true && typeof fieldOf(cause, 'routine') === 'string'
}

/** Whether a transaction has failed, or ended, before this statement of it. */
export function isUndone(cause: unknown): boolean {
  return ['25P01', '25P02', '3B001', 'INT01'].includes(sqlStateOf(fieldOf(cause, 'cause') ?? cause) ?? '')
}

/** Any error of a statement of inturn's own. */
export function ownFaultOf(cause: unknown, store: string): unknown {
  if (cause instanceof InturnError) return cause
  if (isUndone(cause)) {
    return new InturnError('handler-failed', 'a statement has failed or ended the transaction', { cause })
  }
  if (isIdTaken(cause)) {
    const message = `${store}: another transaction has processed an event with the same id`
    return new InturnError('store-unavailable', message, { retryable: true, cause })
  }
  const fault = faultOf(cause, store)
  if (fault !== undefined) return fault
  if (sqlStateOf(cause) === undefined) return unreachable(cause, store)
  const message = `${store}: its inturn tables are not as they should be (${errorMessage(cause)})`
  return new InturnError('store-corrupt', message, { cause })
}

/** The error of a COMMIT: without an answer it cannot be told whether it happened. */
export function commitFaultOf(cause: unknown, store: string): unknown {
  const state = sqlStateOf(cause)
  if (state !== undefined && !/^(?:08|57P0)/.test(state)) return faultOf(cause, store) ?? cause
  const message = `${store}: the connection ended during a commit, which may have happened or not`
  return new InturnError('commit-unknown', message, { retryable: true, cause })
}

/** Whether it may be the fault of a plan that was made before a table was changed. */
export function mayBeOutOfDate(cause: unknown): boolean {
  return /^(?:0A|22|42)/.test(sqlStateOf(cause) ?? '')
}

/** Whether the whole transaction may be done again at once: it met another one, and was undone. */
export function isRaced(cause: unknown): boolean {
  const met = fieldOf(cause, 'cause')
  return ['40001', '40P01'].includes(sqlStateOf(met) ?? '') || isIdTaken(met)
}

/** Whether an id is kept that was not when its event was taken: another transaction had a copy of it. */
function isIdTaken(cause: unknown): boolean {
  return sqlStateOf(cause) === '23505' && fieldOf(cause, 'constraint') === 'processed_id_pkey'
}

/** The code of an error that the server has reported. */
function sqlStateOf(cause: unknown): string | undefined {
  const code = fieldOf(cause, 'code')
  const isReported = typeof fieldOf(cause, 'severity') === 'string'
  if (!isReported || typeof code !== 'string') return undefined
  // That a transaction is to write is a setting which a standby says it does not support.
  const isOfSetting = code === '0A000' && fieldOf(cause, 'routine') === 'call_bool_check_hook'
  return isOfSetting ? '25006' : code
}

/** Whether it is one of the errors by which pg and its sockets say that there is no connection. */
function isOfDriver(cause: unknown): boolean {
  if (typeof fieldOf(cause, 'syscall') === 'string') return true
  const errors = ['Connection terminated', 'Client ', 'Query read timeout', 'timeout ', 'no answer ']
  return errors.some((beginning) => errorMessage(cause).startsWith(beginning))
}

function unreachable(cause: unknown, store: string): InturnError {
  // Where several addresses were tried, the error itself says nothing, and the first of them why.
  const own = errorMessage(cause)
  const why = own === '' ? errorMessage(fieldOf(fieldOf(cause, 'errors'), '0')) : own
  return new InturnError('store-unavailable', `${store} cannot be reached (${why})`, {
    retryable: true,
    cause,
  })
}
