// A batch of records as producers write them (record batch format 2), unpacked, and gone over to its end. Its
// records stay bytes until they are given out: tens of thousands of them wait, and objects that wait are
// copied again and again by the collector. Upholds I3: what is no record is told before any of it is used.
import { InturnError } from '../../core/errors.ts'
import { FetchedRecord, RecordReader } from './fetched-record.ts'

/** An attribute of a batch: its records have the time when the broker took the last of them. */
const hasLogTime = 1 << 3

/** What a record takes in memory beside its bytes, about, once it is given out. */
const recordBytes = 100

/** What a batch says of all its records. */
export interface BatchFields {
  readonly firstOffset: bigint
  readonly lastOffsetDelta: number
  readonly attributes: number
  /** When its first record was made, and its last one taken; in milliseconds since 1970. */
  readonly firstTime: number
  readonly lastTime: number
  readonly producerId: bigint
}

/** A batch. */
export class RecordBatch {
  readonly fields: BatchFields
  /** Its records, unpacked. */
  readonly bytes: Buffer
  readonly #base: number
  /** Of each record: where it begins, behind its length, and how far its offset is from the first one. */
  readonly #starts: number[] = []
  readonly #deltas: number[] = []

  /** @throws Error where the bytes are not so many records, each of the length that it says */
  constructor(fields: BatchFields, bytes: Buffer, count: number) {
    this.fields = fields
    this.bytes = bytes
    this.#base = offsetOf(fields.firstOffset)
    const reader = new RecordReader(bytes)
    for (let left = count; left > 0; left--) {
      const length = reader.number()
      const start = reader.at
      const delta = goOver(reader)
      if (reader.at !== start + length)
        throw new Error('are corrupt: the length of one of them is another one')
      this.#starts.push(start)
      this.#deltas.push(delta)
    }
    if (reader.at > bytes.length) throw new Error('are corrupt: they end in the middle of one of them')
  }

  /** How many records it has. */
  get size(): number {
    return this.#starts.length
  }

  offsetAt(index: number): number {
    return this.#base + (this.#deltas[index] ?? 0)
  }

  /** What a record takes in memory, about. */
  bytesAt(index: number): number {
    return recordBytes + (this.#starts[index + 1] ?? this.bytes.length) - (this.#starts[index] ?? 0)
  }

  /** One of its records. */
  recordAt(index: number): FetchedRecord {
    const reader = new RecordReader(this.bytes, (this.#starts[index] ?? 0) + 1)
    const { attributes, firstTime, lastTime } = this.fields
    const made = firstTime + reader.number()
    const offset = this.#base + reader.number()
    return new FetchedRecord({ offset, timestamp: (attributes & hasLogTime) === 0 ? made : lastTime }, reader)
  }
}

/** Goes over a record, behind its length; how far its offset is from the first one. */
function goOver(reader: RecordReader): number {
  reader.skip(1)
  reader.number()
  const delta = reader.number()
  reader.skipPieces(2)
  reader.skipPieces(2 * reader.number())
  return delta
}

/** A record that says nothing: no key, no value and no headers, as bytes with their length in front. */
const nothing = Buffer.from([12, 0, 0, 0, 1, 1, 0])

/** A batch of one record that says nothing, at an offset and no time. */
export function emptyBatch(offset: number): RecordBatch {
  const fields = { lastOffsetDelta: 0, attributes: 0, firstTime: -1, lastTime: -1, producerId: -1n }
  return new RecordBatch({ firstOffset: BigInt(offset), ...fields }, nothing, 1)
}

/** An offset as a number: a log would have to take a billion records a second for 100 days to leave them. */
export function offsetOf(offset: bigint): number {
  const number = Number(offset)
  if (Number.isSafeInteger(number)) return number
  throw new InturnError('source-unavailable', `the offset ${offset} is beyond 2^53 - 1`)
}
