// Reads a whole number that a flag takes.
import { InvalidArgumentError, Option } from 'commander'

/** A flag that takes a whole number: not negative, or from `least` on. */
export function wholeNumberOption(
  flags: string,
  description: string,
  range: { readonly least?: number; readonly most?: number } = {},
): Option {
  const { least, most } = range
  return new Option(flags, description).argParser((text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(value) && value >= (least ?? 0) && value <= (most ?? Infinity)) return value
    const from = least === undefined ? '' : ` from ${least}`
    const to = most === undefined ? '' : ` to ${most}`
    throw new InvalidArgumentError(`It takes a whole number${from}${to}, not ${text}.`)
  })
}
