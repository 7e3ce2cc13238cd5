// Turns what Redis and its client report into inturn's errors. A reply with an error means that nothing was
// done; a connection that ends with a command under way leaves open whether it was. Upholds I10.
import type { ErrorCode } from '../../core/errors.ts'
import { InturnError } from '../../core/errors.ts'
import { errorClass, errorMessage, fieldOf } from '../../core/thrown.ts'

interface Fault {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly advice: string
}

const unavailable = { code: 'store-unavailable', retryable: true } as const
const refused = { code: 'store-unavailable', retryable: false } as const
const elsewhere = {
  ...refused,
  advice: 'its keys lie on another node of a cluster; redisStore takes a client of the whole cluster',
} as const
const readOnly = { code: 'store-read-only', retryable: false } as const

/** By the first word of the server's reply. */
const replies: ReadonlyMap<string, Fault> = new Map<string, Fault>([
  [
    'OOM',
    { code: 'store-full', retryable: true, advice: 'its memory is full; make room or raise maxmemory' },
  ],
  ['READONLY', { ...readOnly, advice: 'it is a replica; connect to the primary' }],
  ['MISCONF', { ...readOnly, retryable: true, advice: 'it takes no writes because its disk failed' }],
  ['LOADING', { ...unavailable, advice: 'it is reading its data' }],
  ['BUSY', { ...unavailable, advice: 'a script keeps it busy' }],
  ['CLUSTERDOWN', { ...unavailable, advice: 'the cluster has no node for some keys' }],
  ['MASTERDOWN', { ...unavailable, advice: 'its primary is down' }],
  ['TRYAGAIN', { ...unavailable, advice: 'keys are being moved in the cluster' }],
  ['MOVED', elsewhere],
  ['ASK', elsewhere],
  ['NOREPLICAS', { ...unavailable, advice: 'too few replicas are connected' }],
  ['UNBLOCKED', { ...unavailable, advice: 'it has just become a replica' }],
  ['NOAUTH', { ...refused, advice: 'it wants a password' }],
  ['WRONGPASS', { ...refused, advice: 'user or password is wrong' }],
  [
    'DATABASE',
    { ...refused, advice: 'it has no database of the number in the URL; see its setting databases' },
  ],
  ['NOPERM', { ...refused, advice: 'the user may not run what inturn needs; see docs/stores/redis.md' }],
])

/** Replies whose first word tells too little, and the word that is looked up instead. */
const phrases: ReadonlyMap<string, string> = new Map([
  ["can't run this command", 'NOPERM'],
  ['DB index is out of range', 'DATABASE'],
  ['SELECT is not allowed in cluster mode', 'DATABASE'],
])

/** Errors of the client after which the command was certainly not sent. */
const unsent = new Set([
  'NotConnectedError',
  'ClientClosedError',
  'ClientOfflineError',
  'TimeoutError',
  'AbortError',
  'RootNodesUnavailableError',
])

/** Errors of the client that are the server's replies. */
const replyErrors = new Set(['ErrorReply', 'SimpleError', 'BlobError', 'MultiErrorReply'])

/** A command was not sent, because there was no connection. */
export class NotConnectedError extends Error {
  constructor(cause: unknown) {
    super(reasonOf(cause), { cause })
  }
}

/** How one command ended that failed. */
export interface Failure {
  readonly error: InturnError
  /** Whether it is certain that nothing was done. */
  readonly isUndone: boolean
}

/** A failed command. */
export function failureOf(cause: unknown, store: string): Failure {
  if (cause instanceof InturnError) return { error: cause, isUndone: cause.code !== 'commit-unknown' }
  const message = errorMessage(cause)
  const word = wordOf(message)
  if (!isReply(cause) && !replies.has(word)) return connectionFailure(cause, store, message)
  const fault = replies.get(word)
  if (fault === undefined) {
    const advice = 'it answered what inturn did not expect; are its keys changed by others?'
    return undone(new InturnError('store-corrupt', `${store}: ${advice} (${message})`, { cause }))
  }
  const { code, retryable, advice } = fault
  return undone(new InturnError(code, `${store}: ${advice} (${message})`, { retryable, cause }))
}

function wordOf(message: string): string {
  for (const [phrase, word] of phrases) if (message.includes(phrase)) return word
  return /^[A-Z]{2,}\b/.exec(message)?.[0] ?? ''
}

/** Whether the server does not know a script, so that it has to be sent whole. */
export function isUnknownScript(error: unknown): boolean {
  return errorMessage(error).startsWith('NOSCRIPT')
}

/** Whether a command was refused because its keys lie in several slots. */
export function isAcrossSlots(error: unknown): boolean {
  return errorMessage(error).startsWith('CROSSSLOT')
}

/** The error of a write that was done in part, or of which it cannot be told whether it was done. */
export function unknownOutcome(store: string, cause: InturnError): InturnError {
  const message = `${store}: what was to be written may be there or not, or in part (${cause.message})`
  return new InturnError('commit-unknown', message, { retryable: true, cause })
}

function connectionFailure(cause: unknown, store: string, message: string): Failure {
  const error = new InturnError('store-unavailable', `${store} cannot be reached (${message})`, {
    retryable: true,
    cause,
  })
  const isUnsent = unsent.has(errorClass(cause))
  return { error, isUndone: isUnsent || message.includes('ECONNREFUSED') }
}

function undone(error: InturnError): Failure {
  return { error, isUndone: true }
}

function isReply(cause: unknown): boolean {
  return replyErrors.has(errorClass(cause))
}

/** Where several addresses were tried, the error itself says nothing, and the first of them why. */
function reasonOf(cause: unknown): string {
  const message = errorMessage(cause)
  return message === '' ? errorMessage(fieldOf(fieldOf(cause, 'errors'), '0')) : message
}
