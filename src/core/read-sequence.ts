// Reads a number from what a message carries. A missing or unreadable number is never defaulted or rounded:
// it comes back as a reason. Upholds I3: such an event becomes a dead letter, with the reason said.
import { ExactNumber } from './exact-number.ts'
import type { Epoch, Sequence } from './sequence.ts'
import { toSequence } from './sequence.ts'

/** Why a field is no number; the texts that `invalid` verdicts carry. */
export type NumberProblem = 'missing' | 'not-an-integer' | 'beyond-safe-integer' | 'beyond-128-bits'

/** Why a field is no epoch. */
export type EpochProblem = NumberProblem | 'below-zero'

const digitsOnly = /^[0-9]+$/
const signedDigits = /^-?[0-9]+$/
const leadingZeros = /^(-?)0+(?=[0-9])/
/** The digits of 2^127: what has more is not made a number of at all. */
const digitsMax = 39
const limit = 2n ** 127n

/** Which numbers a reader takes. */
export interface NumberReading {
  /** Beyond 2^53 - 1, up to 128 bits. */
  readonly big: boolean
  /** Digit strings with a minus: of a counter that goes below zero. */
  readonly signed?: boolean
}

/**
 * Reads a sequence: an integer, or a string of ASCII digits with leading zeros allowed, with `signed: true`
 * behind a minus too.
 *
 * A JavaScript number beyond 2^53 - 1 has been rounded already and is refused. A `bigint` or a digit string
 * beyond it is taken with `big: true` (increasing and linked numbering), below 2^127, and refused otherwise.
 */
export function readSequence(value: unknown, options: NumberReading): Sequence | NumberProblem {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value === 0 ? 0 : value
    return Number.isInteger(value) ? 'beyond-safe-integer' : 'not-an-integer'
  }
  if (value instanceof ExactNumber) return readExact(value, options)
  if (typeof value === 'string') {
    const form = options.signed === true ? signedDigits : digitsOnly
    return form.test(value) ? readDigits(value, options.big) : 'not-an-integer'
  }
  if (typeof value === 'bigint') return narrow(value, options.big)
  return value === undefined || value === null ? 'missing' : 'not-an-integer'
}

/**
 * Reads an epoch: no epoch (`undefined`) is 0; anything else must be a safe integer from 0 on, null included.
 * Of a stream that is unknown the epoch is 0, so that one below it would be over before it begins.
 */
export function readEpoch(value: unknown): Epoch | EpochProblem {
  if (value === undefined) return 0
  const epoch = readSequence(value, { big: false, signed: true })
  if (typeof epoch === 'bigint') return 'beyond-safe-integer'
  return typeof epoch === 'number' && epoch < 0 ? 'below-zero' : epoch
}

/** What is wrong with an epoch, and what it takes. */
export function epochText(problem: EpochProblem): string {
  return `the epoch is ${problem}: it takes a whole number from 0 on, as a number or digits`
}

function readExact(number: ExactNumber, { big }: NumberReading): Sequence | NumberProblem {
  return number.isWhole ? readDigits(number.text, big) : 'not-an-integer'
}

function readDigits(digits: string, big: boolean): Sequence | NumberProblem {
  if (digits.length <= 15) return Number(digits) + 0
  const significant = digits.replace(leadingZeros, '$1')
  if (significant.length > digitsMax + 1) return big ? 'beyond-128-bits' : 'beyond-safe-integer'
  return narrow(BigInt(significant), big)
}

function narrow(value: bigint, big: boolean): Sequence | NumberProblem {
  const sequence = toSequence(value)
  if (typeof sequence === 'number') return sequence
  if (!big) return 'beyond-safe-integer'
  return sequence >= limit || sequence <= -limit ? 'beyond-128-bits' : sequence
}
