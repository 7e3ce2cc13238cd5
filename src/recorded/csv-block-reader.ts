// Reads a chunk of CSV as a block.
import { BlockWriter } from './block-writer.ts'
import { CsvScanner } from './csv-scanner.ts'
import type { LineBlock } from './line-block.ts'
import { csvColumns, csvRecordReader } from './read-csv-record.ts'
import { csvHeader, isBlank, utf8Check } from './read-recorded-events.ts'
import type { RecordedFields } from './recorded-fields.ts'
import { notUtf8 } from './recorded-line.ts'

/** Reads one thread's chunks, one after another. */
export class CsvBlockReader {
  readonly #scanner: CsvScanner
  readonly #fields: RecordedFields
  readonly #writer: BlockWriter
  #header: readonly string[] | undefined
  #headerBytes: Uint8Array | undefined
  #readRecord: ReturnType<typeof csvRecordReader> | undefined

  /** @param header - the column names; absent if they stand in the first chunk */
  constructor(fields: RecordedFields, header?: readonly string[]) {
    this.#fields = fields
    this.#scanner = new CsvScanner(fields.delimiter)
    this.#writer = new BlockWriter(fields)
    if (header !== undefined) this.#setHeader(header)
  }

  /** The column names, once the first record was read. */
  get header(): readonly string[] | undefined {
    return this.#header
  }

  /** The header as it stands in the log, if this reader met it. */
  get headerBytes(): Uint8Array | undefined {
    return this.#headerBytes
  }

  /** The block of a chunk of whole records. A header takes lines but is no row. */
  read(bytes: Buffer): LineBlock {
    const scanner = this.#scanner
    const writer = this.#writer
    writer.begin(bytes.length)
    const isText = utf8Check(bytes)
    let line = 0
    for (let start = 0; start < bytes.length;) {
      const end = scanner.scan(bytes, start)
      if (!isBlank(bytes, start, end)) {
        if (this.#readRecord === undefined) {
          this.#headerBytes = Uint8Array.from(bytes.subarray(start, end))
          this.#setHeader(csvHeader(scanner, bytes))
        } else {
          writer.addRow(line, { start, end })
          writer.setContent(isText(start, end) ? this.#readRecord(bytes) : notUtf8)
        }
      }
      line += scanner.lineCount
      start = end
    }
    return writer.finish(line)
  }

  #setHeader(header: readonly string[]): void {
    this.#header = header
    this.#readRecord = csvRecordReader(this.#scanner, this.#fields, csvColumns(header, this.#fields))
  }
}
