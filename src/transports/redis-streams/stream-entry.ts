// One entry of a Redis stream, and how a message is found in it.

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** An entry: its id, and its fields with values of any bytes. */
export interface RedisStreamEntry {
  /** As Redis gave it: `1690000000000-0`. */
  readonly id: string
  /** The names of its fields, in their order. */
  readonly names: readonly string[]
  /** The value of a field as text, or as bytes where it is no UTF-8; `undefined` where it is missing. */
  field(name: string): string | Uint8Array | undefined
}

/** An entry that was read. */
export class ReadEntry implements RedisStreamEntry {
  readonly id: string
  readonly #fields: ReadonlyMap<string, Buffer>
  readonly #pairs: readonly (readonly [Buffer, Buffer])[]

  constructor(id: string, pairs: readonly (readonly [Buffer, Buffer])[]) {
    this.id = id
    this.#pairs = pairs
    this.#fields = new Map(pairs.map(([name, value]) => [name.toString(), value]))
  }

  get names(): readonly string[] {
    return [...this.#fields.keys()]
  }

  /** Every field as it stands in the entry. */
  get pairs(): readonly (readonly [string | Uint8Array, string | Uint8Array])[] {
    return this.#pairs.map(([name, value]) => [textOrBytes(name), textOrBytes(value)])
  }

  field(name: string): string | Uint8Array | undefined {
    const value = this.#fields.get(name)
    return value === undefined ? undefined : textOrBytes(value)
  }
}

/**
 * The message of an entry: its field `data`, else `event`, as JSON text; else its fields as an object. Where
 * an object cannot hold them, because a name is no UTF-8 or is there twice, they are a list: no event.
 */
export function messageOf(entry: RedisStreamEntry): unknown {
  const message = entry.field('data') ?? entry.field('event')
  if (message !== undefined) return message
  const pairs = pairsOf(entry)
  const names = new Set(pairs.map(([name]) => name))
  const isObject = names.size === pairs.length && [...names].every((name) => typeof name === 'string')
  return isObject ? Object.fromEntries(pairs) : pairs
}

/** The fields of an entry by name and value. */
export function pairsOf(entry: RedisStreamEntry): readonly (readonly [string | Uint8Array, unknown])[] {
  return entry instanceof ReadEntry ? entry.pairs : entry.names.map((name) => [name, entry.field(name)])
}

function textOrBytes(value: Buffer): string | Uint8Array {
  try {
    return decoder.decode(value)
  } catch {
    return value
  }
}
