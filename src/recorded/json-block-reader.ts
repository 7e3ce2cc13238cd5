// Reads a chunk of NDJSON as a block. Plain lines, nearly all of them, go from bytes to numbers with nothing
// built in between; a plain line with an odd value is read from where the scanner found it; the rest,
// whatever is broken or unusual, is left to JSON.parse. All three ways must say the same.
import { pathKeys } from '../core/field-path.ts'
import { BlockWriter } from './block-writer.ts'
import { NumberText } from './exact-integer.ts'
import { JsonScanner, kindOf } from './json-scanner.ts'
import type { LineBlock } from './line-block.ts'
import { lineContent } from './line-content.ts'
import { jsonLineReader } from './read-json-line.ts'
import { isBlank, utf8Check } from './read-recorded-events.ts'
import { hasBigNumbers } from './recorded-fields.ts'
import type { RecordedFields } from './recorded-fields.ts'
import { notUtf8 } from './recorded-line.ts'
import { writeWide } from './wide-number.ts'

const newline = 0x0a
/** The most digits whose value cannot have been rounded. */
const digitsMax = 15

/** Where each field's path stands among the scanner's. */
interface Slots {
  readonly stream: readonly number[]
  readonly sequence: number
  readonly epoch: number | undefined
  readonly id: number | undefined
  readonly previous: number | undefined
  readonly fill: number
}

/** Reads one thread's chunks, one after another. */
export class JsonBlockReader {
  readonly #fields: RecordedFields
  readonly #writer: BlockWriter
  readonly #scanner: JsonScanner
  readonly #slots: Slots
  readonly #readLine: ReturnType<typeof jsonLineReader>
  readonly #isBig: boolean
  readonly #least: number
  readonly #most: number
  readonly #key: StreamKeyBytes

  constructor(fields: RecordedFields) {
    const paths: string[] = []
    const slotOf = (path: string): number => {
      if (!paths.includes(path)) paths.push(path)
      return paths.indexOf(path)
    }
    const slotIf = (path: string | undefined): number | undefined =>
      path === undefined ? path : slotOf(path)
    this.#slots = {
      stream: fields.stream.map(slotOf),
      sequence: slotOf(fields.sequence),
      epoch: slotIf(fields.epoch),
      id: slotIf(fields.id),
      previous: slotIf(fields.previous),
      fill: slotOf('fill'),
    }
    this.#fields = fields
    this.#writer = new BlockWriter(fields)
    this.#scanner = new JsonScanner(paths.map(pathKeys))
    this.#readLine = jsonLineReader(fields)
    this.#isBig = hasBigNumbers(fields)
    const { modulus = Infinity, wrapsTo = 0 } = fields
    this.#least = Math.max(0, wrapsTo)
    this.#most = wrapsTo + modulus - 1
    this.#key = new StreamKeyBytes(this.#scanner, this.#slots.stream)
  }

  /** The block of a chunk of whole lines, each with its newline. */
  read(bytes: Buffer): LineBlock {
    const writer = this.#writer
    writer.begin(bytes.length)
    const isText = utf8Check(bytes)
    let line = 0
    for (let start = 0; start < bytes.length; line++) {
      const scanned = this.#scanner.scan(bytes, start)
      const end = scanned < 0 ? bytes.indexOf(newline, start) : scanned
      if (scanned >= 0 || !isBlank(bytes, start, end)) {
        writer.addRow(line, { start, end: end + 1 })
        if (!isText(start, end)) writer.setContent(notUtf8)
        else if (scanned < 0) writer.setContent(this.#readLine(bytes.toString('utf8', start, end)))
        else if (!this.#setPlain(bytes)) writer.setContent(this.#contentAtSlots(bytes))
      }
      start = end + 1
    }
    return writer.finish(line)
  }

  /** Writes the row straight from the bytes, if every value is plain. */
  #setPlain(bytes: Buffer): boolean {
    const { kinds } = this.#scanner
    const { columns, row } = this.#writer
    const slots = this.#slots
    if (kinds[slots.fill] === kindOf.other) return false
    const sequence = this.#digits(bytes, slots.sequence)
    if (sequence < this.#least || sequence > this.#most) return false
    const epoch =
      slots.epoch === undefined || kinds[slots.epoch] === kindOf.absent ? 0 : this.#digits(bytes, slots.epoch)
    if (epoch < 0 || !this.#key.take(bytes)) return false
    if (slots.previous !== undefined && !this.#setPrevious(bytes, { slot: slots.previous, sequence }))
      return false
    if (slots.id !== undefined && !this.#setId(bytes, slots.id)) return false
    columns.streams[row] = this.#writer.streams.idOf(this.#key.bytes, this.#key.start, this.#key.end)
    columns.epochs[row] = epoch
    if (this.#isBig) writeWide(columns.wideSequences, row * 4, sequence)
    else columns.sequences[row] = sequence
    return true
  }

  /** The number of up to 15 digits in a slot, quoted or not; -1 if there is none. */
  #digits(bytes: Uint8Array, slot: number): number {
    const { kinds, starts, ends } = this.#scanner
    const kind = kinds[slot]
    const start = starts[slot] ?? 0
    const end = ends[slot] ?? 0
    const length = end - start
    if ((kind !== kindOf.number && kind !== kindOf.text) || length > digitsMax || length === 0) return -1
    let value = 0
    for (let at = start; at < end; at++) {
      const digit = (bytes[at] ?? 0) - 0x30
      if (digit < 0 || digit > 9) return -1
      value = value * 10 + digit
    }
    return value
  }

  #setPrevious(bytes: Uint8Array, { slot, sequence }: { slot: number; sequence: number }): boolean {
    if (this.#scanner.kinds[slot] === kindOf.null) return true
    const previous = this.#digits(bytes, slot)
    if (previous < 0 || previous >= sequence) return false
    writeWide(this.#writer.columns.previous, this.#writer.row * 4, previous)
    return true
  }

  #setId(bytes: Buffer, slot: number): boolean {
    const { kinds, starts, ends } = this.#scanner
    const kind = kinds[slot]
    if (kind === kindOf.absent || kind === kindOf.null) return true
    if (kind !== kindOf.text && kind !== kindOf.number) return false
    const extent = { start: starts[slot] ?? 0, end: ends[slot] ?? 0 }
    for (let at = extent.start; at < extent.end; at++) if ((bytes[at] ?? 0) >= 0x80) return false
    this.#writer.setId(bytes, extent)
    return true
  }

  #contentAtSlots(bytes: Buffer): ReturnType<typeof lineContent> {
    const { kinds, starts, ends } = this.#scanner
    const at = (slot: number | undefined): unknown => {
      const kind = slot === undefined ? kindOf.absent : kinds[slot]
      if (slot === undefined || kind === kindOf.absent) return undefined
      if (kind === kindOf.null) return null
      const start = starts[slot] ?? 0
      const text = bytes.toString('utf8', start, ends[slot])
      if (kind === kindOf.number) return new NumberText(text)
      if (kind === kindOf.text) return text
      const value: unknown = JSON.parse(kind === kindOf.escapedText ? `"${text}"` : text)
      return value
    }
    const slots = this.#slots
    const values = {
      stream: slots.stream.map(at),
      sequence: at(slots.sequence),
      epoch: at(slots.epoch),
      id: at(slots.id),
      previous: at(slots.previous),
      arrival: undefined,
      fill: at(slots.fill),
    }
    return lineContent(values, this.#fields)
  }
}

/** The bytes of a line's stream key, where they stand or, of several fields, joined elsewhere. */
class StreamKeyBytes {
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  readonly #scanner: JsonScanner
  readonly #slots: readonly number[]
  readonly #only: number
  #joined = new Uint8Array(256)

  constructor(scanner: JsonScanner, slots: readonly number[]) {
    this.#scanner = scanner
    this.#slots = slots
    this.#only = slots.length === 1 ? (slots[0] ?? -1) : -1
  }

  /** Takes the key of the line scanned last; false if it takes more than copying. */
  take(bytes: Uint8Array): boolean {
    if (this.#only < 0) return this.#join(bytes)
    this.bytes = bytes
    return this.#find(this.#only)
  }

  #find(slot: number): boolean {
    const { kinds, starts, ends } = this.#scanner
    this.start = starts[slot] ?? 0
    this.end = ends[slot] ?? 0
    return (kinds[slot] === kindOf.text || kinds[slot] === kindOf.number) && this.end > this.start
  }

  #join(bytes: Uint8Array): boolean {
    let length = 0
    for (const slot of this.#slots) {
      if (!this.#find(slot)) return false
      if (length + this.end - this.start + 1 > this.#joined.length) return false
      if (length > 0) this.#joined[length++] = 0x2f
      for (let at = this.start; at < this.end; at++) {
        const byte = bytes[at] ?? 0
        if (isUnreserved[byte] !== 1) return false
        this.#joined[length++] = byte
      }
    }
    this.bytes = this.#joined
    this.start = 0
    this.end = length
    return true
  }
}

/** 1 for the bytes that percent-encoding leaves as they are. */
const isUnreserved = Uint8Array.from({ length: 256 }, (_, byte) => {
  return byte < 0x80 && encodeURIComponent(String.fromCharCode(byte)).length === 1 ? 1 : 0
})
