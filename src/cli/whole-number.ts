// A flag that takes a whole number.
import { Option } from 'commander'
import { wholeNumberIn } from '../core/whole-number.ts'

/** A flag that takes a whole number from `least` to `most`. Another one is wrong usage. */
export function wholeNumberOption(flags: string, description: string, least = 0, most?: number): Option {
  const option = new Option(flags, description)
  const name = option.long ?? flags
  return option.argParser((text) => wholeNumberIn(text, { name, least, most, code: 'usage' }))
}
