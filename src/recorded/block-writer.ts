// Fills a block's columns line by line, on one thread: streams become numbers, ids are packed.
import { idWordCount, Target, writeIdWords } from './id-words.ts'
import type { Extent } from './id-words.ts'
import { grownColumns, lineColumns, rowKind } from './line-block.ts'
import type { LineBlock, LineColumns } from './line-block.ts'
import { hasBigNumbers } from './recorded-fields.ts'
import type { RecordedFields } from './recorded-fields.ts'
import { invalidReasons } from './recorded-line.ts'
import type { FillContent, LineContent } from './recorded-line.ts'
import { StreamIndex } from './stream-index.ts'
import { wideWords, writeWide } from './wide-number.ts'

/** Bytes a line is thought to have when a block is begun. */
const lineBytes = 96

/** Writes blocks one after another; the streams keep their numbers from block to block. */
export class BlockWriter {
  readonly streams: StreamIndex = new StreamIndex()
  /** The columns of the block in work; the row in work is `row`. */
  columns: LineColumns
  row = -1
  readonly #fields: RecordedFields
  readonly #isBig: boolean
  readonly #encoder = new TextEncoder()
  readonly #id = new Target()
  #fills = new Map<number, Pick<FillContent, 'from' | 'to'>>()

  constructor(fields: RecordedFields) {
    this.#fields = fields
    this.#isBig = hasBigNumbers(fields)
    this.columns = lineColumns(0, fields)
  }

  /** Begins the block of a chunk of so many bytes. */
  begin(chunkBytes: number): void {
    this.columns = lineColumns(Math.ceil(chunkBytes / lineBytes) + 16, this.#fields)
    this.row = -1
    this.#fills = new Map()
  }

  /** Begins the row of a line. */
  addRow(line: number, { start, end }: Extent): void {
    const row = ++this.row
    if (row >= this.columns.kinds.length) {
      this.columns = grownColumns(this.columns, row * 2, this.#fields)
    }
    this.columns.lines[row] = line
    this.columns.starts[row] = start
    this.columns.ends[row] = end
  }

  /** Writes the row's id, whose UTF-8 text stands in `bytes`. */
  setId(bytes: Uint8Array, extent: Extent): void {
    this.#id.words = this.columns.ids
    this.#id.at = this.row * idWordCount
    writeIdWords(this.#id, bytes, extent)
  }

  /** Writes a row whose content was read the long way. */
  setContent(content: LineContent): void {
    const { columns, row } = this
    if (content.kind === 'invalid') {
      columns.kinds[row] = rowKind.invalid + invalidReasons.indexOf(content.reason)
      return
    }
    const key = this.#encoder.encode(content.stream)
    columns.streams[row] = this.streams.idOf(key, 0, key.length)
    columns.epochs[row] = content.epoch
    if (content.kind === 'fill') {
      columns.kinds[row] = rowKind.fill
      this.#fills.set(row, { from: content.from, to: content.to })
      return
    }
    if (this.#isBig) writeWide(columns.wideSequences, row * wideWords, content.sequence)
    else columns.sequences[row] = Number(content.sequence)
    const { previous, id } = content
    if (previous !== undefined && previous !== null) writeWide(columns.previous, row * wideWords, previous)
    if (id === undefined) return
    // UTF-8 has no half characters; no text has a byte 0xff.
    const text = id.isWellFormed()
      ? this.#encoder.encode(id)
      : Buffer.concat([Buffer.of(0xff), Buffer.from(id, 'utf16le')])
    this.setId(text, { start: 0, end: text.length })
  }

  /** The finished block of a chunk of so many lines. */
  finish(lineCount: number): LineBlock {
    const newStreams = this.streams.takeNewKeys()
    return { ...this.columns, rowCount: this.row + 1, lineCount, fills: this.#fills, newStreams }
  }
}
