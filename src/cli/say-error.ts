// Says a failure in one line and gives the exit code that goes with it. The stack is for INTURN_DEBUG only.
import { InturnError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'

const wrongUsage: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['usage', 'input-unreadable', 'config-invalid'])

/** Prints the failure on standard error; 2 for wrong usage and unreadable input, else 1. */
export function sayError(error: unknown): 1 | 2 {
  const message = error instanceof Error ? error.message : String(error)
  console.error(`inturn: ${message}`)
  if (process.env['INTURN_DEBUG'] !== undefined && error instanceof Error) console.error(error.stack)
  return error instanceof InturnError && wrongUsage.has(error.code) ? 2 : 1
}
