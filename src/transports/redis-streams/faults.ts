// Turns what Redis and its client report into inturn's errors: what waiting may mend, and what somebody has
// to mend. Upholds I10.
import type { ErrorCode } from '../../core/errors.ts'
import { InturnError } from '../../core/errors.ts'
import { errorClass, errorMessage } from '../../core/thrown.ts'

/** Whose errors these are. */
export interface FaultsOf {
  readonly name: string
  readonly code: Extract<ErrorCode, 'source-unavailable' | 'sink-unavailable'>
}

interface Fault {
  readonly retryable: boolean
  readonly advice: string
}

/** By the first word of the server's reply. */
const replies: ReadonlyMap<string, Fault> = new Map<string, Fault>([
  ['OOM', { retryable: true, advice: 'its memory is full; trim the stream or raise maxmemory' }],
  ['READONLY', { retryable: true, advice: 'it is a replica; connect to the primary' }],
  ['MISCONF', { retryable: true, advice: 'it takes no writes because its disk failed' }],
  ['LOADING', { retryable: true, advice: 'it is reading its data' }],
  ['BUSY', { retryable: true, advice: 'it is busy' }],
  ['CLUSTERDOWN', { retryable: true, advice: 'the cluster has no node for some keys' }],
  ['MASTERDOWN', { retryable: true, advice: 'its primary is down' }],
  ['TRYAGAIN', { retryable: true, advice: 'keys are being moved in the cluster' }],
  ['NOREPLICAS', { retryable: true, advice: 'too few replicas are connected' }],
  ['UNBLOCKED', { retryable: true, advice: 'it has just become a replica' }],
  ['NOAUTH', { retryable: false, advice: 'it wants a password' }],
  ['WRONGPASS', { retryable: false, advice: 'user or password is wrong' }],
  ['NOPERM', { retryable: false, advice: 'the user may not do this; see docs/transports/redis-streams.md' }],
  ['MOVED', { retryable: false, advice: 'it is one node of a cluster; give inturn a cluster client' }],
  ['WRONGTYPE', { retryable: false, advice: 'the key is no stream' }],
  [
    'NOGROUP',
    { retryable: false, advice: 'the stream or its group is gone; create it where reading goes on' },
  ],
])

/** Replies without a word of their own that tells what they are, and that word. */
const wordless: readonly (readonly [string, string])[] = [
  ["can't run this command", 'NOPERM'],
  ['max number of clients', 'BUSY'],
]

/** Errors of the client that are the server's replies. */
const replyErrors = new Set(['ErrorReply', 'SimpleError', 'BlobError', 'MultiErrorReply'])

/** The error of inturn for a failed command. */
export function failureOf(cause: unknown, { name, code }: FaultsOf): InturnError {
  if (cause instanceof InturnError) return cause
  const message = errorMessage(cause)
  const word = wordless.find(([text]) => message.includes(text))?.[1] ?? firstWord(message)
  const fault = replies.get(word)
  if (fault !== undefined) {
    const { advice, retryable } = fault
    return new InturnError(code, `${name}: ${advice} (${message})`, { retryable, cause })
  }
  if (replyErrors.has(errorClass(cause))) {
    return new InturnError(code, `${name}: the server answered what nobody expected (${message})`, { cause })
  }
  return new InturnError(code, `${name} cannot be reached (${message})`, { retryable: true, cause })
}

/** Whether the server does not know a script, so that it has to be sent whole. */
export function isUnknownScript(error: unknown): boolean {
  return errorMessage(error).startsWith('NOSCRIPT')
}

/** Whether a call failed because its server is a replica now. */
export function isReplica(error: unknown): boolean {
  return firstWord(errorMessage(error)) === 'READONLY'
}

/** Whether a call failed because the stream has no such group, or is not there at all. */
export function isMissingGroup(error: unknown): boolean {
  const cause = error instanceof InturnError ? error.cause : error
  return /^NOGROUP|no such key/.test(errorMessage(cause))
}

function firstWord(message: string): string {
  return /^[A-Z]{2,}\b/.exec(message)?.[0] ?? ''
}
