// Reads a whole number that a flag takes.
import { InvalidArgumentError } from 'commander'

/** A whole number that is not negative. */
export function wholeNumber(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(number)) return number
  throw new InvalidArgumentError(`It takes a whole number, not ${text}.`)
}
