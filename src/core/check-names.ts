// Checks the names of options, of everything that takes some. An error names the option and what there is.
import { InturnError } from './errors.ts'

/**
 * Checks that these are options, and that none of them is unknown: a typing error must not pass for a
 * default.
 *
 * @param name - what the options are for, for the error; `''` at the top
 * @throws InturnError `config-invalid`
 */
export function checkNames(options: unknown, name: string, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const what = known.length === 0 ? 'no options' : `options: ${known.join(', ')}`
    throw new InturnError('config-invalid', `${name === '' ? 'this' : name} takes ${what}`)
  }
  for (const field of Object.keys(options)) {
    if (known.includes(field)) continue
    const path = name === '' ? field : `${name}.${field}`
    const what = known.length === 0 ? 'none' : known.join(', ')
    throw new InturnError('config-invalid', `${path} is no option; there are ${what}`)
  }
}
