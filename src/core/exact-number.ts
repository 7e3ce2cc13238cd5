// Reads JSON without rounding: a number that no JavaScript number holds comes as an object that has its text.
// Upholds I3: two events that differ in such a number alone are different events.

/** `JSON.rawJSON` (ES2026), which the compiler does not know yet. */
const rawJson: unknown = Reflect.get(JSON, 'rawJSON')

/**
 * A number of a JSON text that a JavaScript number does not hold: a whole number beyond ±(2^53 - 1), or a
 * decimal that would come back as another one. `JSON.stringify` writes it as it came. Calculated with, a
 * whole number is the `bigint` and a decimal the nearest number.
 */
export class ExactNumber {
  /** As it stood in the JSON. */
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  get isWhole(): boolean {
    return digits.test(this.text)
  }

  /** The number itself, in what JavaScript has for it; of a decimal the nearest. */
  valueOf(): number | bigint {
    return this.isWhole ? BigInt(this.text) : Number(this.text)
  }

  toString(): string {
    return this.text
  }

  toJSON(): unknown {
    return rawNumber(this.text)
  }
}

/** What `JSON.stringify` writes as these digits. */
export function rawNumber(text: string): unknown {
  return typeof rawJson === 'function' ? Reflect.apply(rawJson, JSON, [text]) : text
}

/** A JSON value, and whether there is an {@link ExactNumber} in it. */
export interface ExactJson {
  readonly value: unknown
  readonly hasExactNumbers: boolean
}

/**
 * Reads a JSON text. Only a text that has a long number costs more than `JSON.parse`.
 *
 * @param revive - as the reviver of `JSON.parse`, for what is no number
 * @throws SyntaxError as `JSON.parse`
 */
export function parseExactly(text: string, revive?: (value: unknown) => unknown): ExactJson {
  const hasExactNumbers = hasUnheldNumber(text)
  if (!hasExactNumbers && revive === undefined) return { value: JSON.parse(text), hasExactNumbers }
  const reviver = (_key: string, value: unknown, ...[context]: { readonly source?: string }[]): unknown => {
    if (typeof value !== 'number') return revive === undefined ? value : revive(value)
    const source = context?.source
    return source === undefined || isHeld(source, value) ? value : new ExactNumber(source)
  }
  return { value: JSON.parse(text, reviver), hasExactNumbers }
}

const digits = /^-?[0-9]+$/
const largeExponent = /[0-9.][eE][-+]?[0-9]{3}/
const longRun = 16

/** Whether 16 digits and points stand together somewhere: one of every 16 places is among them then. */
function hasLongRun(text: string): boolean {
  for (let at = longRun - 1; at < text.length; at += longRun) {
    if (!isOfNumber(text, at)) continue
    let first = at
    let end = at + 1
    while (first > 0 && isOfNumber(text, first - 1)) first--
    while (end < text.length && isOfNumber(text, end)) end++
    if (end - first >= longRun) return true
  }
  return false
}

function isOfNumber(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return (code >= 48 && code <= 57) || code === 46
}

/** Each number of more than 15 digits or a large exponent, with what stands before it. Others are held. */
const longNumbers = /(?:^|[:,[\s])-?(?:[0-9][0-9.]{15,}|[0-9.]+(?=[eE][-+]?[0-9]{3}))(?:[eE][-+]?[0-9]+)?/g

/** Whether a number of a JSON text may not be held; inside of its texts something may look like one. */
function hasUnheldNumber(text: string): boolean {
  if (!hasLongRun(text) && !largeExponent.test(text)) return false
  const found = text.match(longNumbers)
  if (found === null) return false
  return found.some((long) => {
    const number = /^[-0-9]/.test(long) ? long : long.slice(1)
    return !isHeld(number, Number(number))
  })
}

/** Whether a number, read from its text, would be written as the same number again. */
function isHeld(text: string, value: number): boolean {
  if (digits.test(text)) return Number.isSafeInteger(value)
  const written = String(value)
  if (written === text) return true
  const [read, meant] = [decimalOf(written), decimalOf(text)]
  return read.digits === meant.digits && (read.digits === '' || read.exponent === meant.exponent)
}

/** The significant digits of a number, and the power of ten of the last one. Its sign is never lost. */
function decimalOf(text: string): { readonly digits: string; readonly exponent: number } {
  const [mantissa = '', power = '0'] = text.slice(text.startsWith('-') ? 1 : 0).split(/[eE]/)
  const [whole = '', part = ''] = mantissa.split('.')
  const all = whole + part
  let [first, end] = [0, all.length]
  while (all[first] === '0') first++
  while (end > first && all[end - 1] === '0') end--
  return { digits: all.slice(first, end), exponent: Number(power) - part.length + (all.length - end) }
}

/** A JSON value with each {@link ExactNumber} replaced; a copy. */
export function mapExactNumbers(value: unknown, replace: (number: ExactNumber) => unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (value instanceof ExactNumber) return replace(value)
  if (Array.isArray(value)) return value.map((item: unknown) => mapExactNumbers(item, replace))
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, mapExactNumbers(field, replace)]),
  )
}
