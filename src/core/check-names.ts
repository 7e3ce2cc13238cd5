// Checks options, of everything that takes some: their names, and whether each is what its type says, which
// JavaScript does not see to. An error names the option, what it takes and what it was given.
import { InturnError } from './errors.ts'
import { errorMessage } from './thrown.ts'

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
    const path = name === '' ? field : `${name}.${field}`
    const what = known.length === 0 ? 'none' : known.join(', ')
    if (!known.includes(field)) {
      throw new InturnError('config-invalid', `${path} is no option; there are ${what}`)
    }
    const method = methodOf.get(field)
    if (method !== undefined) checkMethod(Reflect.get(options, field), { path, method })
  }
}

/** Options that are the same wherever there are any: functions (no method), or objects with a method. */
const methodOf: ReadonlyMap<string, string> = new Map([
  ['now', ''],
  ['onWarning', ''],
  ['timers', 'sleep'],
  ['random', 'next'],
])

/** Checks options that are functions, by their names; one that is absent is its default. */
export function checkFunctions(by: string, functions: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(functions)) checkMethod(value, { path: `${by}: ${name}` })
}

/** Checks that an option is a function, or an object with a method; absent it is its default. */
export function checkMethod(
  value: unknown,
  { path, method = '', takes }: { readonly path: string; readonly method?: string; readonly takes?: string },
): void {
  const isObject = typeof value === 'object' && value !== null && method !== ''
  const called: unknown = isObject ? Reflect.get(value, method) : value
  if (value === undefined || (typeof called === 'function' && (isObject || method === ''))) return
  const what = takes ?? (method === '' ? 'a function' : `an object with ${method}()`)
  throw new InturnError('config-invalid', `${path} takes ${what}, not ${givenText(value)}`)
}

/** Checks options that are true or false, by their names; one that is absent is its default. */
export function checkFlags(by: string, flags: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined || typeof value === 'boolean') continue
    throw new InturnError('config-invalid', `${by}: ${name} takes true or false, not ${givenText(value)}`)
  }
}

/** Checks options that are a text with something in it, by their names. @throws InturnError */
export function checkTexts(by: string, texts: Readonly<Record<string, unknown>>, takes = 'a text'): void {
  for (const [name, value] of Object.entries(texts)) {
    if (typeof value === 'string' && value !== '') continue
    throw new InturnError('config-invalid', `${by}: ${name} takes ${takes}, not ${givenText(value)}`)
  }
}

/** Checks options that are lists of texts, by their names; one that is absent is its default. */
export function checkTextLists(by: string, lists: Readonly<Record<string, unknown>>): void {
  for (const [name, list] of Object.entries(lists)) {
    const isList = Array.isArray(list) && list.every((item) => typeof item === 'string')
    if (list === undefined || isList) continue
    throw new InturnError('config-invalid', `${by}: ${name} takes a list of texts, not ${givenText(list)}`)
  }
}

/** What an option was given, in an error: a text is said to be one, as `'8'` looks like a number. */
export function givenText(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : `the text '${value.slice(0, 100)}'`
  return errorMessage(value).slice(0, 100)
}
