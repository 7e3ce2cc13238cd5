// Finds out whether a value can be kept as JSON before anything depends on it: an event that no store can
// hold must be `invalid` at the door, and not fail its batch for ever. Upholds I3 and I7.

/** How deep a value may be nested: JSON is written by recursion, and a stack is finite. */
export const nestingMax = 500

/** Why a value cannot be kept. */
export interface Unkeepable {
  readonly problem: string
  readonly isTooLarge: boolean
}

/** Why a value cannot be kept, or has more than `bytesMax` characters; `undefined` when it can. */
export function unkeepable(value: unknown, bytesMax: number): Unkeepable | undefined {
  const check = new KeepableCheck(bytesMax)
  try {
    check.visit(value, 0)
    return undefined
  } catch (error) {
    if (check.found !== undefined) return check.found
    return { problem: `it has no JSON: ${String(error)}`, isTooLarge: false }
  }
}

/** The fields of an object as far as they can be kept; what cannot is replaced by the reason. */
export function keepablePart(value: object, bytesMax: number): object {
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => {
      const found = unkeepable(field, bytesMax)
      return [name, found === undefined ? field : `(not kept: ${found.problem})`]
    }),
  )
}

class KeepableCheck {
  readonly #bytesMax: number
  #bytes = 0
  found: Unkeepable | undefined

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  visit(value: unknown, depth: number): void {
    if (typeof value === 'object' && value !== null) this.#visitObject(value, depth)
    else if (typeof value === 'function' || typeof value === 'symbol')
      this.#fail(`a ${typeof value} has no JSON`)
    else this.#count(typeof value === 'string' ? value.length + 2 : 4)
  }

  #visitObject(value: object, depth: number): void {
    if (depth >= nestingMax) this.#fail(`it is nested deeper than ${nestingMax} levels, or in a circle`)
    if (value instanceof Uint8Array) this.#count(value.byteLength)
    else if (hasOwnJson(value)) this.visit(JSON.parse(JSON.stringify(value) ?? 'null'), depth + 1)
    else if (Array.isArray(value)) for (const item of value) this.visit(item, depth + 1)
    else this.#visitFields(value, depth)
  }

  #visitFields(value: object, depth: number): void {
    for (const [name, field] of Object.entries(value)) {
      this.#count(name.length + 2)
      this.visit(field, depth + 1)
    }
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#bytesMax) this.#fail(`it has more than ${this.#bytesMax} characters`, true)
  }

  #fail(problem: string, isTooLarge = false): never {
    this.found = { problem, isTooLarge }
    throw new Error(problem)
  }
}

function hasOwnJson(value: object): boolean {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}
