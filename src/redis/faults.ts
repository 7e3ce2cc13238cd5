// Turns what Redis and its client report into inturn's errors: what waiting may mend, and what somebody has
// to mend. A reply with an error means that nothing was done; a connection that ends with a command under way
// leaves open whether it was. Upholds I10.
import type { ErrorCode } from '../core/errors.ts'
import { InturnError } from '../core/errors.ts'
import { errorClass, errorMessage, fieldOf } from '../core/thrown.ts'

/** Whose errors these are. */
export interface FaultsOf {
  readonly name: string
  readonly code: Extract<ErrorCode, 'store-unavailable' | 'source-unavailable' | 'sink-unavailable'>
}

interface Fault {
  /** Whether waiting may mend it. */
  readonly retryable: boolean
  readonly advice: string
  /** What a store calls it, where there is a word for that. */
  readonly store?: { readonly code: ErrorCode; readonly retryable: boolean }
}

const waiting = (advice: string): Fault => ({ retryable: true, advice })
const refused = (advice: string): Fault => ({ retryable: false, advice })
const elsewhere = refused(
  'its keys lie on another node of a cluster; give inturn a client of the whole cluster',
)
const readOnly = 'store-read-only'

/** By the first word of the server's reply. */
const replies: ReadonlyMap<string, Fault> = new Map<string, Fault>([
  [
    'OOM',
    {
      ...waiting('its memory is full; make room or raise maxmemory'),
      store: { code: 'store-full', retryable: true },
    },
  ],
  [
    'READONLY',
    {
      ...waiting('it is a replica; connect to the primary'),
      store: { code: readOnly, retryable: false },
    },
  ],
  [
    'MISCONF',
    {
      ...waiting('it takes no writes because its disk failed'),
      store: { code: readOnly, retryable: true },
    },
  ],
  ['LOADING', waiting('it is reading its data')],
  ['BUSY', waiting('it is busy')],
  ['CLUSTERDOWN', waiting('the cluster has no node for some keys')],
  ['MASTERDOWN', waiting('its primary is down')],
  ['TRYAGAIN', waiting('keys are being moved in the cluster')],
  ['NOREPLICAS', waiting('too few replicas are connected')],
  ['UNBLOCKED', waiting('it has just become a replica')],
  ['MOVED', elsewhere],
  ['ASK', elsewhere],
  ['NOAUTH', refused('it wants a password')],
  ['WRONGPASS', refused('user or password is wrong')],
  ['DATABASE', refused('it has no database of the number in the URL; see its setting databases')],
  ['NOPERM', refused('the user may not run what inturn needs; see the page of this adaptor in docs')],
])

/** Where the key is the user's own stream. */
const streamReplies: ReadonlyMap<string, Fault> = new Map([
  ...replies,
  ['WRONGTYPE', refused('the key is no stream')],
  ['NOGROUP', refused('the stream or its group is gone; create it where reading goes on')],
])

/** Replies whose first word tells too little, and the word that is looked up instead. */
const phrases: ReadonlyMap<string, string> = new Map([
  ["can't run this command", 'NOPERM'],
  ['max number of clients', 'BUSY'],
  ['DB index is out of range', 'DATABASE'],
  ['SELECT is not allowed in cluster mode', 'DATABASE'],
])

/** Errors of the client after which the command was certainly not sent. */
const unsent: ReadonlySet<string> = new Set([
  'NotConnectedError',
  'ClientClosedError',
  'ClientOfflineError',
  'TimeoutError',
  'AbortError',
  'RootNodesUnavailableError',
])

/** Errors of the client that are the server's replies. */
const replyErrors = new Set(['ErrorReply', 'ReplyError', 'SimpleError', 'BlobError', 'MultiErrorReply'])

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
export function failureOf(cause: unknown, { name, code }: FaultsOf): Failure {
  if (cause instanceof InturnError) return { error: cause, isUndone: cause.code !== 'commit-unknown' }
  const isStore = code === 'store-unavailable'
  const message = errorMessage(cause)
  const fault = (isStore ? replies : streamReplies).get(wordOf(message))
  if (fault !== undefined) {
    const known = { code, retryable: fault.retryable, ...(isStore ? fault.store : {}) }
    const options = { retryable: known.retryable, cause }
    return undone(new InturnError(known.code, `${name}: ${fault.advice} (${message})`, options))
  }
  if (replyErrors.has(errorClass(cause))) {
    const advice = isStore ? '; are its keys changed by others?' : ''
    const unexpected = `${name}: it answered what inturn did not expect${advice} (${message})`
    return undone(new InturnError(isStore ? 'store-corrupt' : code, unexpected, { cause }))
  }
  const error = new InturnError(code, `${name} cannot be reached (${message})`, { retryable: true, cause })
  const isUnsent = unsent.has(errorClass(cause))
  return { error, isUndone: isUnsent || message.includes('ECONNREFUSED') }
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

function undone(error: InturnError): Failure {
  return { error, isUndone: true }
}

/** Where several addresses were tried, the error itself says nothing, and the first of them why. */
function reasonOf(cause: unknown): string {
  const message = errorMessage(cause)
  return message === '' ? errorMessage(fieldOf(fieldOf(cause, 'errors'), '0')) : message
}
