// Scans a line of NDJSON in bytes, without building anything: proves that the whole line is valid JSON and
// finds where the wanted fields stand. It may always say "not mine" and leave the line to JSON.parse (escaped
// or repeated keys, deep nesting, whatever is broken); what it accepts must mean the same there.

/** What stands at a wanted path. */
export const kindOf = { absent: 0, text: 1, number: 2, null: 3, other: 4, escapedText: 5 } as const

/** The values of {@link kindOf}. */
export type FieldKind = (typeof kindOf)[keyof typeof kindOf]

/** A wanted key at one level of a line. */
interface WantedKey {
  readonly key: Uint8Array
  readonly slot: number
  /** The wanted keys within its value, if that is an object. */
  readonly within: WantedKeys | undefined
  /** The line in which it was met last: twice in one line is not for this scanner. */
  line: number
}

/** Wanted keys by their length. */
type WantedKeys = readonly (readonly WantedKey[] | undefined)[]

const depthMax = 100
const notMine = -1

/** Scans lines for the same paths, one after another; what it found last stands in its fields. */
export class JsonScanner {
  /** Per path, what was found. */
  readonly kinds: Uint8Array
  /** Per path, where the value starts; of a text, behind its quote. */
  readonly starts: Int32Array
  /** Per path, where the value ends; of a text, at its closing quote. */
  readonly ends: Int32Array
  readonly #wanted: WantedKeys
  #line = 0
  #depth = 0

  constructor(paths: readonly (readonly string[])[]) {
    this.kinds = new Uint8Array(paths.length)
    this.starts = new Int32Array(paths.length)
    this.ends = new Int32Array(paths.length)
    this.#wanted = wantedKeys(paths.map((path, slot) => ({ path, slot })))
  }

  /** Where the newline of the line at `start` stands; -1 if the line is not for this scanner. */
  scan(bytes: Uint8Array, start: number): number {
    this.#line++
    this.#depth = 0
    for (let slot = 0; slot < this.kinds.length; slot++) this.kinds[slot] = kindOf.absent
    const opening = skipSpace(bytes, start)
    if (bytes[opening] !== 0x7b) return notMine
    const end = this.#object(bytes, opening + 1, this.#wanted)
    if (end < 0) return notMine
    const newline = skipSpace(bytes, end)
    return bytes[newline] === 0x0a ? newline : notMine
  }

  /** Where the object ends whose brace stands before `start`. */
  #object(bytes: Uint8Array, start: number, wanted: WantedKeys | undefined): number {
    if (++this.#depth > depthMax) return notMine
    let at = skipSpace(bytes, start)
    if (bytes[at] === 0x7d) return this.#leave(at + 1)
    for (;;) {
      if (bytes[at] !== 0x22) return notMine
      const keyEnd = stringEnd(bytes, at + 1)
      if (keyEnd < 0 && (keyEnd === notMine || wanted !== undefined)) return notMine
      const candidates = wanted?.[keyEnd - at - 1]
      const key = candidates && keyEndingAt(bytes, keyEnd, candidates)
      at = skipSpace(bytes, (keyEnd < 0 ? -keyEnd : keyEnd) + 1)
      if (bytes[at] !== 0x3a) return notMine
      at = skipSpace(bytes, at + 1)
      const end = key === undefined ? this.#value(bytes, at) : this.#wantedValue(bytes, at, key)
      if (end < 0) return notMine
      at = skipSpace(bytes, end)
      if (bytes[at] === 0x7d) return this.#leave(at + 1)
      if (bytes[at] !== 0x2c) return notMine
      at = skipSpace(bytes, at + 1)
    }
  }

  #array(bytes: Uint8Array, start: number): number {
    if (++this.#depth > depthMax) return notMine
    let at = skipSpace(bytes, start)
    if (bytes[at] === 0x5d) return this.#leave(at + 1)
    for (;;) {
      const end = this.#value(bytes, at)
      if (end < 0) return notMine
      at = skipSpace(bytes, end)
      if (bytes[at] === 0x5d) return this.#leave(at + 1)
      if (bytes[at] !== 0x2c) return notMine
      at = skipSpace(bytes, at + 1)
    }
  }

  #leave(end: number): number {
    this.#depth--
    return end
  }

  #value(bytes: Uint8Array, at: number): number {
    const first = bytes[at] ?? 0
    if (first === 0x22) {
      const end = stringEnd(bytes, at + 1)
      return end === notMine ? notMine : (end < 0 ? -end : end) + 1
    }
    if (first === 0x7b) return this.#object(bytes, at + 1, undefined)
    if (first === 0x5b) return this.#array(bytes, at + 1)
    return first === 0x2d || isDigit(first) ? numberEnd(bytes, at) : literalEnd(bytes, at)
  }

  #wantedValue(bytes: Uint8Array, at: number, key: WantedKey): number {
    if (key.line === this.#line) return notMine
    key.line = this.#line
    const { slot } = key
    const first = bytes[at] ?? 0
    if (first === 0x22) {
      const close = stringEnd(bytes, at + 1)
      if (close === notMine) return notMine
      return (
        this.#found({
          slot,
          kind: close < 0 ? kindOf.escapedText : kindOf.text,
          start: at + 1,
          end: Math.abs(close),
        }) + 1
      )
    }
    const isObject = first === 0x7b && key.within !== undefined
    const end = isObject ? this.#object(bytes, at + 1, key.within) : this.#value(bytes, at)
    const isNumber = first === 0x2d || isDigit(first)
    const kind = isNumber ? kindOf.number : first === 0x6e ? kindOf.null : kindOf.other
    return this.#found({ slot, kind, start: at, end })
  }

  #found({ slot, kind, start, end }: { slot: number; kind: FieldKind; start: number; end: number }): number {
    if (slot < 0) return end
    this.kinds[slot] = kind
    this.starts[slot] = start
    this.ends[slot] = end
    return end
  }
}

/** The wanted key whose name ends at `end`, where its quote closes. */
function keyEndingAt(
  bytes: Uint8Array,
  end: number,
  candidates: readonly WantedKey[],
): WantedKey | undefined {
  for (const candidate of candidates) {
    const { key } = candidate
    let index = key.length - 1
    const start = end - key.length
    while (index >= 0 && key[index] === bytes[start + index]) index--
    if (index < 0) return candidate
  }
  return undefined
}

function wantedKeys(
  paths: readonly { readonly path: readonly string[]; readonly slot: number }[],
): WantedKeys {
  const byLength: WantedKey[][] = []
  for (const [first = '', group] of Map.groupBy(paths, ({ path }) => path[0])) {
    const key = new TextEncoder().encode(first)
    const here = group.find(({ path }) => path.length === 1)
    const deeper = group.filter(({ path }) => path.length > 1)
    const within = deeper.map(({ path, slot }) => ({ path: path.slice(1), slot }))
    const wanted = {
      key,
      slot: here?.slot ?? -1,
      within: within.length > 0 ? wantedKeys(within) : undefined,
      line: 0,
    }
    ;(byLength[key.length] ??= []).push(wanted)
  }
  return byLength
}

function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start
  for (let byte = bytes[at]; byte === 0x20 || byte === 0x09 || byte === 0x0d; byte = bytes[at]) at++
  return at
}

/** Where the string's closing quote stands, negated if the string holds escapes; -1 if it is none. */
function stringEnd(bytes: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    const byte = bytes[at] ?? 0
    if (byte === 0x22) return at
    if (byte === 0x5c) return escapedStringEnd(bytes, at)
    if (byte < 0x20) return notMine
    at++
  }
}

function escapedStringEnd(bytes: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    const byte = bytes[at] ?? 0
    if (byte === 0x22) return -at
    if (byte < 0x20) return notMine
    at += byte === 0x5c ? escapeLength(bytes, at + 1) : 1
    if (at < start) return notMine
  }
}

/** The length of the escape whose backslash stands before `at`; a jump before the line if it is none. */
function escapeLength(bytes: Uint8Array, at: number): number {
  const letter = String.fromCharCode(bytes[at] ?? 0)
  if (letter !== 'u') return '"\\/bfnrt'.includes(letter) ? 2 : -at
  for (let digit = at + 1; digit < at + 5; digit++) if (!isHex(bytes[digit] ?? 0)) return -at
  return 6
}

function isHex(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** Where the digits end that start at `at`; -1 if there are none. */
function digitsEnd(bytes: Uint8Array, start: number): number {
  let at = start
  while (isDigit(bytes[at] ?? 0)) at++
  return at === start ? notMine : at
}

function numberEnd(bytes: Uint8Array, start: number): number {
  const first = bytes[start] === 0x2d ? start + 1 : start
  let at = bytes[first] === 0x30 ? first + 1 : digitsEnd(bytes, first)
  if (at > 0 && bytes[at] === 0x2e) at = digitsEnd(bytes, at + 1)
  if (at > 0 && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    const isSigned = bytes[at + 1] === 0x2b || bytes[at + 1] === 0x2d
    at = digitsEnd(bytes, isSigned ? at + 2 : at + 1)
  }
  return at
}

const literals = ['true', 'false', 'null'].map((text) => new TextEncoder().encode(text))

function literalEnd(bytes: Uint8Array, at: number): number {
  const literal = literals.find((text) => text.every((byte, index) => bytes[at + index] === byte))
  return literal === undefined ? notMine : at + literal.length
}
