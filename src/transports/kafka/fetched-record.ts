// A record of a fetch, as the bytes that it lies in: of its key, its value and its headers nothing is made
// before it is asked for. Upholds I3: bytes that are no record are told by whoever goes over them first.
import { isUtf8 } from 'node:buffer'

/**
 * Reads the numbers of a record: zigzag varints, of 64 bits at most.
 * Source: https://kafka.apache.org/documentation/#record
 */
export class RecordReader {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number = 0) {
    this.bytes = bytes
    this.at = at
  }

  /** Beyond 2^53 the nearest one. */
  number(): number {
    const { bytes } = this
    const first = bytes[this.at++] ?? unended()
    if (first < 128) return (first >>> 1) ^ -(first & 1)
    let value = first - 128
    for (let scale = 128; ; scale *= 128) {
      const byte = bytes[this.at++] ?? unended()
      value += (byte & 127) * scale
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
  }

  /** Bytes with their length in front of them; `null` where that is below 0. */
  piece(): Buffer | null {
    const length = this.number()
    const start = this.at
    if (length < 0) return null
    this.at += length
    return this.bytes.subarray(start, this.at)
  }

  /** Goes over so many bytes; none where that is below 0. */
  skip(length: number): void {
    if (length > 0) this.at += length
  }

  /** Goes over bytes with their length in front of them, so many times. */
  skipPieces(count: number): void {
    for (let left = count; left > 0; left--) this.skip(this.number())
  }
}

function unended(): never {
  throw new Error('are corrupt: one of them ends in the middle of a number')
}

/** A record, and where it lies. */
export class FetchedRecord {
  readonly offset: number
  /** In milliseconds since 1970: when its producer made it or, as the topic says, when the broker took it. */
  readonly timestamp: number
  /** How many bytes its key, its value and its headers are, with their lengths. */
  readonly length: number
  readonly #bytes: Buffer
  readonly #keyAt: number
  readonly #keyLength: number
  readonly #valueAt: number
  readonly #valueLength: number
  readonly #headersAt: number
  readonly #headerCount: number

  /** `reader` stands in front of its key, and goes behind it. */
  constructor(place: { readonly offset: number; readonly timestamp: number }, reader: RecordReader) {
    const start = reader.at
    this.offset = place.offset
    this.timestamp = place.timestamp
    this.#bytes = reader.bytes
    this.#keyLength = reader.number()
    this.#keyAt = reader.at
    reader.skip(this.#keyLength)
    this.#valueLength = reader.number()
    this.#valueAt = reader.at
    reader.skip(this.#valueLength)
    this.#headerCount = reader.number()
    this.#headersAt = reader.at
    reader.skipPieces(2 * this.#headerCount)
    this.length = reader.at - start
  }

  get key(): Buffer | null {
    return this.#keyLength < 0 ? null : this.#bytes.subarray(this.#keyAt, this.#keyAt + this.#keyLength)
  }

  get value(): Buffer | null {
    return this.#valueLength < 0
      ? null
      : this.#bytes.subarray(this.#valueAt, this.#valueAt + this.#valueLength)
  }

  get hasKey(): boolean {
    return this.#keyLength >= 0
  }

  get hasValue(): boolean {
    return this.#valueLength >= 0
  }

  /** Its key as text; `undefined` where it has none, or its bytes are no UTF-8. */
  get keyText(): string | undefined {
    return textIn(this.#bytes, this.#keyAt, this.#keyLength)
  }

  /** Its value as text; `undefined` where it has none, or its bytes are no UTF-8. */
  get valueText(): string | undefined {
    return textIn(this.#bytes, this.#valueAt, this.#valueLength)
  }

  get hasHeaders(): boolean {
    return this.#headerCount > 0
  }

  /** In their order; a name may be there twice. */
  get headers(): readonly (readonly [name: Buffer | null, value: Buffer | null])[] {
    const reader = new RecordReader(this.#bytes, this.#headersAt)
    const length = Math.max(0, this.#headerCount)
    return Array.from({ length }, () => [reader.piece(), reader.piece()] as const)
  }
}

function textIn(bytes: Buffer, start: number, length: number): string | undefined {
  if (length < 0) return undefined
  const end = start + length
  const text = bytes.toString('utf8', start, end)
  // What is no UTF-8 becomes this character, which may be there as well.
  return !text.includes('\u{fffd}') || isUtf8(bytes.subarray(start, end)) ? text : undefined
}
