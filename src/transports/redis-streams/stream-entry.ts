// One entry of a Redis stream: how it is read from a reply, how a message is found in it, and its id: a time
// in milliseconds and a number, `1690000000000-0`, both of 64 bits.
import type { Delivery, LogPlace } from '../../ports/source.ts'
import { bytesIn, listIn, textIn } from '../../redis/reply.ts'

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

/** A delivery of a Redis stream. */
export interface EntryDelivery extends Delivery {
  /** The id of the entry: `1690000000000-0`. */
  readonly entryId: string
}

/** An entry, or the id of one that is no longer in the stream. */
export type EntryOrGone = ReadEntry | { readonly id: string; readonly isGone: true }

/** Entries; of those that are no longer in the stream their ids. */
export function entriesIn(reply: unknown): readonly EntryOrGone[] {
  return listIn(reply).map((item) => {
    const [id, fields] = listIn(item)
    if (fields === null || fields === undefined) return { id: textIn(id), isGone: true }
    const list = listIn(fields)
    const pairs: [Buffer, Buffer][] = []
    for (let index = 0; index + 1 < list.length; index += 2) {
      pairs.push([bytesIn(list[index]), bytesIn(list[index + 1])])
    }
    return new ReadEntry(textIn(id), pairs)
  })
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

  /** How large its fields are. */
  get bytes(): number {
    return this.#pairs.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
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

/** The id before all others. */
export const lowestId = '0-0'

/** Whether an id comes before another one. */
export function isBefore(one: string, other: string): boolean {
  const [oneMs, oneNumber] = partsOf(one)
  const [otherMs, otherNumber] = partsOf(other)
  return oneMs === otherMs ? oneNumber < otherNumber : oneMs < otherMs
}

/**
 * The place of an entry in its stream; `undefined` where its id is no time: a stream that was made anew may
 * begin with lower ones then.
 */
export function placeOfEntry(stream: string, id: string): LogPlace | undefined {
  const [ms, number] = partsOf(id)
  return ms < firstTime ? undefined : { log: `redis-streams ${stream}`, at: (ms << 64n) | number }
}

/** In 2001: ids below are not made by a clock. */
const firstTime = 1_000_000_000_000n

function partsOf(id: string): readonly [bigint, bigint] {
  const [ms = '0', number = '0'] = id.split('-')
  return [BigInt(ms), BigInt(number)]
}
