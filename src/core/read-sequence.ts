// Reads a number from what a message carries. A missing or unreadable number is never defaulted or rounded:
// it comes back as a reason. Upholds I3: such an event becomes a dead letter, with the reason said.
import { ExactNumber } from './exact-number.ts'
import type { Epoch, Sequence } from './sequence.ts'
import { toSequence } from './sequence.ts'

/** Why a field is no number; the texts that `invalid` verdicts carry. */
export type NumberProblem = 'missing' | 'not-an-integer' | 'beyond-safe-integer'

const digitsOnly = /^[0-9]+$/

/**
 * Reads a sequence: an integer, or a string of ASCII digits with leading zeros allowed.
 *
 * A JavaScript number beyond 2^53 - 1 has been rounded already and is refused. A `bigint` or a digit string
 * beyond it is taken with `big: true` (increasing and linked numbering) and refused otherwise.
 */
export function readSequence(value: unknown, options: { readonly big: boolean }): Sequence | NumberProblem {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value === 0 ? 0 : value
    return Number.isInteger(value) ? 'beyond-safe-integer' : 'not-an-integer'
  }
  if (value instanceof ExactNumber) return readExact(value, options)
  if (typeof value === 'string')
    return digitsOnly.test(value) ? readDigits(value, options.big) : 'not-an-integer'
  if (typeof value === 'bigint') return narrow(toSequence(value), options.big)
  return value === undefined || value === null ? 'missing' : 'not-an-integer'
}

/** Reads an epoch: no epoch (`undefined`) is 0; anything else must be a safe integer, null included. */
export function readEpoch(value: unknown): Epoch | NumberProblem {
  if (value === undefined) return 0
  const epoch = readSequence(value, { big: false })
  return typeof epoch === 'bigint' ? 'beyond-safe-integer' : epoch
}

function readExact(number: ExactNumber, options: { readonly big: boolean }): Sequence | NumberProblem {
  return number.isWhole ? readSequence(number.valueOf(), options) : 'not-an-integer'
}

function readDigits(digits: string, big: boolean): Sequence | NumberProblem {
  if (digits.length <= 15) return Number(digits)
  return narrow(toSequence(BigInt(digits)), big)
}

function narrow(sequence: Sequence, big: boolean): Sequence | NumberProblem {
  return typeof sequence === 'bigint' && !big ? 'beyond-safe-integer' : sequence
}
