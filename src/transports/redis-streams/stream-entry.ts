// One entry of a Redis stream, and how a message is found in it.

const decoder = new TextDecoder('utf-8', { fatal: true })

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

  constructor(id: string, fields: ReadonlyMap<string, Buffer>) {
    this.id = id
    this.#fields = fields
  }

  get names(): readonly string[] {
    return [...this.#fields.keys()]
  }

  field(name: string): string | Uint8Array | undefined {
    const value = this.#fields.get(name)
    return value === undefined ? undefined : textOrBytes(value)
  }
}

/** The message of an entry: its field `data`, else `event`, as JSON text; else its fields as an object. */
export function messageOf(entry: RedisStreamEntry): unknown {
  return entry.field('data') ?? entry.field('event') ?? Object.fromEntries(pairsOf(entry))
}

/** The fields of an entry by name and value. */
export function pairsOf(entry: RedisStreamEntry): readonly (readonly [string, unknown])[] {
  return entry.names.map((name) => [name, entry.field(name)])
}

function textOrBytes(value: Buffer): string | Uint8Array {
  try {
    return decoder.decode(value)
  } catch {
    return value
  }
}
