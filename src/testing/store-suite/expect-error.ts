// Expecting that a call fails, with the code that the contract names.
import { equal, ok } from 'node:assert/strict'
import type { ErrorCode } from '../../core/errors.ts'
import { InturnError } from '../../core/errors.ts'
import { errorText } from '../../core/thrown.ts'

/** Waits for a call to reject with an InturnError of this code. */
export async function expectError(code: ErrorCode, call: () => Promise<unknown>): Promise<void> {
  const failure: unknown = await call().then(
    () => undefined,
    (error: unknown) => error,
  )
  ok(failure instanceof InturnError, `expected the error ${code}, not ${errorText(failure)}`)
  equal(failure.code, code)
}
