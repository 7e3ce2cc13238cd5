// Checks whole numbers that users give, with one error for all: what takes which.
import { givenText } from './check-names.ts'
import { InturnError } from './errors.ts'
import type { ErrorCode } from './errors.ts'

/** Which whole numbers an option takes. */
export interface WholeRange {
  /** The option, with what it is an option of. */
  readonly name: string
  readonly least: number
  /** Absent: any that is safe. */
  readonly most?: number | undefined
  /** What it is where it is wrong; default `config-invalid`. */
  readonly code?: ErrorCode
}

/**
 * The number, if it is one of these.
 *
 * @throws InturnError
 */
export function wholeNumber(value: number, range: WholeRange): number {
  return checked(value, range, givenText(value))
}

/** The number that a text of digits says, if it is one of these. @throws InturnError */
export function wholeNumberIn(text: string, range: WholeRange): number {
  return checked(/^\d+$/.test(text) ? Number(text) : Number.NaN, range, text)
}

/** Checks options that take a whole number from 1, by their names. @throws InturnError */
export function checkCounts(by: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) wholeNumber(count, { name: `${by}: ${name}`, least: 1 })
}

function checked(value: number, range: WholeRange, given: string): number {
  const { name, least, most, code = 'config-invalid' } = range
  if (Number.isSafeInteger(value) && value >= least && value <= (most ?? Infinity)) return value
  const to = most === undefined ? '' : ` to ${most}`
  throw new InturnError(code, `${name} takes a whole number from ${least}${to}, not ${given}`)
}
