// Turns what SQLite reports into inturn's errors. A fault is a failure of the file, its disk or its locks;
// anything else that a user's own statement meets (a constraint, a typing error) is the user's, and stays
// as it is.
import type { ErrorCode } from '../../core/errors.ts'
import { InturnError } from '../../core/errors.ts'
import { errorMessage, fieldOf } from '../../core/thrown.ts'

const busy = 5
const locked = 6
const ioErr = 10
const constraint = 19

interface Fault {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly advice: string
}

const unavailable = { code: 'store-unavailable', retryable: true } as const

/** By SQLite's primary result code. */
const faults: ReadonlyMap<number, Fault> = new Map<number, Fault>([
  [3, { ...unavailable, advice: 'the process may not open the file' }],
  [busy, { ...unavailable, advice: 'another process has it locked' }],
  [locked, { ...unavailable, advice: 'another connection has it locked' }],
  [7, { ...unavailable, advice: 'there is no memory left' }],
  [8, { code: 'store-read-only', retryable: false, advice: 'the file or its folder cannot be written to' }],
  [ioErr, { ...unavailable, advice: 'its disk failed' }],
  [11, { code: 'store-corrupt', retryable: false, advice: 'the file is damaged; restore a backup' }],
  [13, { code: 'store-full', retryable: true, advice: 'its disk is full; make room' }],
  [14, { ...unavailable, advice: 'the file cannot be opened; its folder must exist and be writable' }],
  [15, { ...unavailable, advice: 'its lock file failed' }],
  [17, { ...unavailable, advice: 'its schema is changing' }],
  [26, { code: 'store-corrupt', retryable: false, advice: 'the file is no SQLite database' }],
])

/** An error of the file itself as an InturnError; `undefined` for any other error. */
export function faultOf(error: unknown, file: string): InturnError | undefined {
  const code = primaryCode(error)
  if (code === undefined) return undefined
  const fault = faults.get(code)
  if (fault === undefined) return undefined
  const { retryable, advice } = fault
  const message = `${file}: ${advice} (${errorMessage(error)})`
  return new InturnError(fault.code, message, { retryable, cause: error })
}

/** Any error of a statement of inturn's own. */
export function ownFaultOf(error: unknown, file: string): unknown {
  const fault = faultOf(error, file)
  if (fault !== undefined || primaryCode(error) === undefined) return fault ?? error
  return new InturnError('store-corrupt', `${file}: its inturn tables are not as they should be`, {
    cause: error,
  })
}

/**
 * The error of a COMMIT that failed: whether it happened cannot be told when the disk failed in it. Only a
 * user's own tables have constraints that are checked there.
 */
export function commitFaultOf(error: unknown, file: string): unknown {
  if (primaryCode(error) === constraint) {
    const message = `${file}: what was written breaks a constraint that is checked at the commit`
    return new InturnError('handler-failed', `${message} (${errorMessage(error)})`, { cause: error })
  }
  if (primaryCode(error) !== ioErr) return ownFaultOf(error, file)
  return new InturnError('commit-unknown', `${file}: its disk failed during a commit`, {
    retryable: true,
    cause: error,
  })
}

/** Whether somebody else has the lock. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error)
  return code === busy || code === locked
}

function primaryCode(error: unknown): number | undefined {
  const code = fieldOf(error, 'errcode')
  return typeof code === 'number' ? code & 255 : undefined
}
