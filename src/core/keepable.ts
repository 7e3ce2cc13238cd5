// Makes of what was handed over as an object what a store keeps of it, before anything depends on it: JSON,
// with bigints and bytes. So a handler gets the same whether its event was in turn or held; and what no store
// can hold is `invalid` at the door, and does not fail its batch for ever. Upholds I3, I7 and I9.
import { ExactNumber } from './exact-number.ts'
import { errorText } from './thrown.ts'

/** How deep a value may be nested: JSON is written by recursion, and a stack is finite. */
const nestingMax = 500
/** Numbers that are named; an event that has more of them has them rounded all the same. */
const inexactMax = 10

/** A value as it is kept. */
export interface Kept {
  /** A copy, of plain objects and arrays. */
  readonly value: unknown
  /** Where it has an {@link ExactNumber}: the first ten places. Empty: it has none. */
  readonly inexact: readonly string[]
}

/** Why a value cannot be kept. */
export interface Unkeepable {
  readonly problem: string
  readonly isTooLarge: boolean
}

/**
 * A value as it is kept: what has a `toJSON` (a Date) as that says, class instances as plain objects, getters
 * as what they give; members that are undefined are left out, and are null in an array. Never throws.
 *
 * @param bytesMax - how many characters its JSON may have, about
 * @param about - how many characters others have had of them, and what problems call the value
 */
export function keepable(
  value: unknown,
  bytesMax: number,
  about: { readonly used?: number; readonly name?: string } = {},
): Kept | Unkeepable {
  const room = { bytes: bytesMax - (about.used ?? 0) }
  try {
    const plain = copyPlain(value, room, 0)
    if (plain !== undefined && room.bytes >= 0) return { value: plain, inexact: nothing }
  } catch {
    // The copy that is made with care says what it is.
  }
  const copying = new Copying(bytesMax, about)
  try {
    return { value: copying.copy(value, 0), inexact: copying.inexact }
  } catch (error) {
    if (copying.found !== undefined) return copying.found
    return { problem: `${copying.place} cannot be read: ${errorText(error)}`, isTooLarge: false }
  }
}

const nothing: readonly string[] = []

/**
 * A copy of what is nothing but plain objects and arrays of plain values, as nearly all is; `undefined` for
 * anything else, which is looked at with care.
 */
function copyPlain(value: unknown, room: { bytes: number }, depth: number): unknown {
  if (typeof value === 'string') {
    room.bytes -= value.length + 2
    return value
  }
  if (typeof value === 'number') {
    room.bytes--
    return Number.isFinite(value) ? value : undefined
  }
  if (typeof value === 'boolean' || value === null) return value
  if (typeof value !== 'object' || depth >= plainDepthMax || room.bytes < 0) return undefined
  return Array.isArray(value) ? copyPlainItems(value, room, depth) : copyPlainFields(value, room, depth)
}

const plainDepthMax = 20

function copyPlainItems(items: readonly unknown[], room: { bytes: number }, depth: number): unknown {
  const copy: unknown[] = []
  room.bytes -= 1 + items.length
  for (const item of items) {
    const own = copyPlain(item, room, depth + 1)
    if (own === undefined) return undefined
    copy.push(own)
  }
  return copy
}

function copyPlainFields(value: object, room: { bytes: number }, depth: number): unknown {
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined
  const copy: Record<string, unknown> = {}
  room.bytes -= 2
  for (const name of Object.keys(value)) {
    const field: unknown = Reflect.get(value, name)
    if (field === undefined) continue
    let own: unknown = field
    if (typeof field === 'string') room.bytes -= field.length + 2
    else own = copyPlain(field, room, depth + 1)
    if (own === undefined || name === '__proto__' || name === 'toJSON') return undefined
    room.bytes -= name.length + 3
    copy[name] = own
  }
  return copy
}

/** Whether a value of a JSON text is nested too deep. Most texts have too few brackets for it. */
export function isTooDeep(value: unknown, text: string): boolean {
  return countOf(text, '[') + countOf(text, '{') > nestingMax && isDeeper(value, nestingMax)
}

/** What a problem says of it. */
export const tooDeep: string = `is nested deeper than ${nestingMax} levels`

function countOf(text: string, bracket: string): number {
  let count = 0
  for (let at = text.indexOf(bracket); at >= 0 && count <= nestingMax; at = text.indexOf(bracket, at + 1)) {
    count++
  }
  return count
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((field) => isDeeper(field, levels - 1))
}

const boxes: ReadonlySet<string> = new Set(['Number', 'String', 'Boolean', 'BigInt'])

class Copying {
  readonly #bytesMax: number
  readonly #name: string
  #bytes: number
  /** The way to what is copied now: keys and indexes, and the objects that have them. */
  readonly #path: (string | number)[] = []
  readonly #around = new Set<object>()
  readonly inexact: string[] = []
  found: Unkeepable | undefined

  constructor(bytesMax: number, { used = 0, name = 'data' }: { used?: number; name?: string }) {
    this.#bytesMax = bytesMax
    this.#bytes = used
    this.#name = name
  }

  /** Where it stands: `data.items[3].price`. */
  get place(): string {
    const keys = this.#path.map((key) =>
      typeof key === 'number'
        ? `[${key}]`
        : /^[\w$]{1,50}$/.test(key)
          ? `.${key}`
          : `[${JSON.stringify(shortened(key))}]`,
    )
    return (this.#name + keys.join('')).slice(0, 200)
  }

  copy(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'object':
        return value === null ? this.#counted(value, 4) : this.#copyObject(value, depth, true)
      case 'string':
        return this.#counted(value, value.length + 2)
      case 'number':
        return Number.isFinite(value) ? this.#counted(value, 1) : this.#refuse(String(value))
      case 'bigint':
        return this.#counted(value, value.toString().length)
      case 'function':
      case 'symbol':
        return this.#refuse(`a ${typeof value}`)
      case 'boolean':
      case 'undefined':
        return value
    }
  }

  #copyObject(value: object, depth: number, asksJson: boolean): unknown {
    if (this.#around.has(value)) this.#fail('is in a circle')
    if (depth >= nestingMax) this.#fail(tooDeep)
    if (value instanceof ExactNumber) {
      if (this.inexact.length < inexactMax) this.inexact.push(this.place)
      return this.#counted(value, value.text.length)
    }
    if (value instanceof Uint8Array) return new Uint8Array(this.#counted(value, value.byteLength))
    this.#around.add(value)
    const copy = this.#copyOwn(value, depth, asksJson)
    this.#around.delete(value)
    return copy
  }

  #copyOwn(value: object, depth: number, asksJson: boolean): unknown {
    const toJson: unknown = asksJson && 'toJSON' in value ? value.toJSON : undefined
    if (typeof toJson === 'function') {
      if (value instanceof Date && Number.isNaN(value.getTime())) this.#refuse('an invalid Date')
      const json: unknown = Reflect.apply(toJson, value, [String(this.#path.at(-1) ?? '')])
      if (typeof json !== 'object' || json === null) return this.copy(json, depth + 1)
      if (json !== value) return this.#copyObject(json, depth + 1, false)
    }
    if (Array.isArray(value)) return this.#copyItems(value, depth)
    if (Object.getPrototypeOf(value) === Object.prototype) return this.#copyFields(value, depth)
    const kind = Object.prototype.toString.call(value).slice('[object '.length, -1)
    if (boxes.has(kind)) return this.copy(value.valueOf(), depth + 1)
    return kind === 'Object'
      ? this.#copyFields(value, depth)
      : this.#refuse(`${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${shortened(kind)}`)
  }

  #copyItems(items: readonly unknown[], depth: number): unknown {
    const { length } = items
    this.#counted(items, 1 + length)
    const copy: unknown[] = []
    for (let index = 0; index < length; index++) {
      this.#path.push(index)
      copy.push(this.copy(items[index], depth + 1) ?? null)
      this.#path.pop()
    }
    return copy
  }

  #copyFields(value: object, depth: number): unknown {
    const copy: Record<string, unknown> = {}
    this.#counted(value, 2)
    for (const name of Object.keys(value)) {
      this.#path.push(name)
      const member: unknown = Reflect.get(value, name)
      const isItsJson = name === 'toJSON' && typeof member === 'function'
      const field = isItsJson ? undefined : this.copy(member, depth + 1)
      if (field !== undefined) setField(copy, this.#counted(name, name.length + 3), field)
      this.#path.pop()
    }
    return copy
  }

  #counted<Value>(value: Value, bytes: number): Value {
    this.#bytes += bytes
    if (this.#bytes > this.#bytesMax) this.#fail(`has more than ${this.#bytesMax} characters`, true)
    return value
  }

  #refuse(what: string): never {
    return this.#fail(`is ${what}, which has no JSON`)
  }

  #fail(problem: string, isTooLarge = false): never {
    this.found = { problem: `${isTooLarge ? 'it' : this.place} ${problem}`, isTooLarge }
    throw new Error(problem)
  }
}

function setField(object: Record<string, unknown>, name: string, value: unknown): void {
  const isPlain = name !== '__proto__'
  if (isPlain) object[name] = value
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

function shortened(text: string): string {
  return text.length > 50 ? `${text.slice(0, 50)}...` : text
}
