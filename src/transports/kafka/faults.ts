// Turns what the client reports into inturn's errors: what waiting may mend, and what somebody has to mend.
// Upholds I10.
import type { ErrorCode } from '../../core/errors.ts'
import { InturnError } from '../../core/errors.ts'
import { errorMessage, fieldOf } from '../../core/thrown.ts'

/** What no waiting mends, by what the client or the broker calls it. */
const refused = new RegExp(
  'AUTHORIZATION_FAILED|TOO_LARGE|INVALID_GROUP_ID|INVALID_TOPIC|PLT_KFK_(?:AUTHENTICATION|UNSUPPORTED|USER)',
)

/** A failure of the client as an error of inturn. */
export function kafkaFault(
  name: string,
  thrown: unknown,
  code: Extract<ErrorCode, 'source-unavailable' | 'sink-unavailable'> = 'source-unavailable',
): InturnError {
  if (thrown instanceof InturnError) return thrown
  const causes = causesOf(thrown)
  const words = new Set(causes.map((cause) => wordsOf(cause)))
  const isRefused = causes.some((cause) => refused.test(`${String(codeOf(cause))} ${apiIdOf(cause)}`))
  return new InturnError(code, `${name}: ${[...words].join('; ').slice(0, 1_000)}`, {
    retryable: !isRefused,
    cause: thrown,
  })
}

/** What Kafka's protocol calls a failure; several names where it is one of several parts. */
export function apiIdsOf(thrown: unknown): readonly string[] {
  return [...new Set(causesOf(thrown).map(apiIdOf))]
}

/** The errors that an error of several is made of. */
function causesOf(thrown: unknown, depth = 0): readonly unknown[] {
  const errors = fieldOf(thrown, 'errors')
  if (depth > 5 || !Array.isArray(errors) || errors.length === 0) return [thrown]
  return errors.slice(0, 10).flatMap((error: unknown) => causesOf(error, depth + 1))
}

function wordsOf(cause: unknown): string {
  const inner = fieldOf(cause, 'cause')
  const because = inner === undefined ? '' : ` (${errorMessage(inner)})`
  const id = apiIdOf(cause)
  return `${id === '' ? '' : `${id}: `}${errorMessage(cause)}${because}`
}

function apiIdOf(cause: unknown): string {
  const id = fieldOf(cause, 'apiId')
  return typeof id === 'string' ? id : ''
}

function codeOf(cause: unknown): unknown {
  return fieldOf(cause, 'code')
}
