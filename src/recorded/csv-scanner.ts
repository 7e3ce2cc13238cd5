// Finds the cells of one CSV record in bytes (RFC 4180): quoted cells may hold delimiters, newlines and
// doubled quotes. A quote that is never closed spoils its own line only: the next line is read as if it
// were not there.
import type { Cut } from './record-chunks.ts'

/** A quoted cell must close within this many bytes of its record's start, or it is a stray quote. */
const csvRecordBytesMax = 1024 * 1024

const quote = 0x22
const newline = 0x0a
const carriageReturn = 0x0d

/** Scans records one after another; what it found last stands in its fields. */
export class CsvScanner {
  /** Where the cells start and end, quotes excluded, as many as `cellCount`. */
  readonly starts: number[] = []
  readonly ends: number[] = []
  cellCount = 0
  /** Whether the record's quotes are in order. */
  isSound = true
  /** How many lines the record takes. */
  lineCount = 1
  readonly #delimiter: number

  constructor(delimiter = ',') {
    this.#delimiter = delimiter.charCodeAt(0)
  }

  /** Scans the record at `start`; where the next one starts. `bytes` ends with a newline. */
  scan(bytes: Uint8Array, start: number): number {
    this.cellCount = 0
    this.isSound = true
    this.lineCount = 1
    let at = start
    for (;;) {
      const end = bytes[at] === quote ? this.#quotedCell(bytes, start, at) : this.#plainCell(bytes, at)
      if (end < 0) return this.#strayQuote(bytes, start)
      if (bytes[end] === newline || end >= bytes.length) return end + 1
      at = end + 1
    }
  }

  /** The text of a cell of the record scanned last. */
  text(bytes: Buffer, cell: number): string {
    const start = this.starts[cell] ?? 0
    const text = bytes.toString('utf8', start, this.ends[cell] ?? start)
    return bytes[start - 1] === quote ? text.replaceAll('""', '"') : text
  }

  /** Where the cell's delimiter or newline stands. */
  #plainCell(bytes: Uint8Array, start: number): number {
    let end = start
    while (end < bytes.length && bytes[end] !== this.#delimiter && bytes[end] !== newline) end++
    const isLineEnd = bytes[end] === newline && end > start && bytes[end - 1] === carriageReturn
    this.#add(start, isLineEnd ? end - 1 : end)
    return end
  }

  /** Where the cell's delimiter or newline stands; -1 if the quote does not close or something follows it. */
  #quotedCell(bytes: Uint8Array, record: number, start: number): number {
    const last = Math.min(bytes.length, record + csvRecordBytesMax)
    let lines = 0
    let at = start + 1
    for (; at < last; at++) {
      if (bytes[at] === newline) lines++
      if (bytes[at] !== quote) continue
      if (bytes[at + 1] !== quote) break
      at++
    }
    if (at >= last) return -1
    this.#add(start + 1, at)
    this.lineCount += lines
    const end = bytes[at + 1] === carriageReturn && bytes[at + 2] === newline ? at + 2 : at + 1
    return end >= bytes.length || bytes[end] === this.#delimiter || bytes[end] === newline ? end : -1
  }

  #strayQuote(bytes: Uint8Array, start: number): number {
    this.isSound = false
    this.lineCount = 1
    const end = bytes.indexOf(newline, start)
    return end < 0 ? bytes.length : end + 1
  }

  #add(start: number, end: number): void {
    this.starts[this.cellCount] = start
    this.ends[this.cellCount] = end
    this.cellCount++
  }
}

/** Cuts behind the last record that is sure to be whole. */
export function cutAtRecord(delimiter?: string): Cut {
  return (bytes, length) => {
    const scanner = new CsvScanner(delimiter)
    const whole = bytes.subarray(0, bytes.lastIndexOf(newline, length - 1) + 1)
    let at = 0
    while (at < whole.length) {
      const next = scanner.scan(whole, at)
      if (!scanner.isSound && length - at < csvRecordBytesMax) break
      at = next
    }
    return at
  }
}
