// Lists the conflicts of a log, in the order of their lines and up to a cap: for each of them both events,
// by line and id. A sorted row has an event's packed id and its line behind its key; only where the packed
// id is a hash does the text of the line go with the row, for the id to be read from.
import type { Sequence } from '../core/sequence.ts'
import type { AuditConflict } from './audit-report.ts'
import { CsvScanner } from './csv-scanner.ts'
import { idText, idWordCount, isHashedId } from './id-words.ts'
import { csvColumns, csvRecordReader } from './read-csv-record.ts'
import { jsonLineReader } from './read-json-line.ts'
import { csvHeader } from './read-recorded-events.ts'
import type { RecordedFields } from './recorded-fields.ts'
import { noLine } from './row-sorter.ts'
import type { SortedRow } from './row-sorter.ts'
import type { ScannedChunk } from './scan-log.ts'
import { readSafe, safeWords, writeSafe } from './wide-number.ts'
import type { WordsAt } from './wide-number.ts'

/** Where two events meet; the stream is known by number. */
export interface ConflictPlace {
  readonly stream: number
  readonly epoch: number
  readonly sequence: Sequence
}

/** An event of a conflict. */
type Party = AuditConflict['first']

/** One list. */
export class ConflictList {
  /** Words behind the key of a sorted row. */
  readonly tailWords: number
  readonly #max: number
  readonly #fields: RecordedFields
  #header: Uint8Array | undefined
  #readId: ((line: Buffer) => string | undefined) | undefined
  /** Up to twice as many as are listed; beyond the last of a full list nothing is kept. */
  readonly #conflicts: (Omit<AuditConflict, 'stream'> & { readonly stream: number })[] = []
  #lastLine = Infinity

  constructor(max: number, fields: RecordedFields) {
    this.#max = max
    this.#fields = fields
    this.tailWords = idWordCount + (max > 0 ? safeWords : 0)
  }

  /** What is sorted with the row beside its words. */
  textOf({ block, bytes, header }: ScannedChunk, row: number): Uint8Array {
    if (this.#max === 0 || !isHashedId(block.ids, row * idWordCount)) return noLine
    this.#header = header
    return bytes.subarray(block.starts[row], block.ends[row])
  }

  /** Writes what stands behind the key of the row. */
  writeTail({ words, at }: WordsAt, { block, linesBefore }: ScannedChunk, row: number): void {
    for (let word = 0; word < idWordCount; word++) words[at + word] = block.ids[row * idWordCount + word] ?? 0
    if (this.#max > 0) writeSafe(words, at + idWordCount, linesBefore + (block.lines[row] ?? 0) + 1)
  }

  /** Adds a conflict of two rows; `at` is where their tails start. */
  add(place: ConflictPlace, second: SortedRow, first: SortedRow): void {
    if (this.#isWanted(lineOf(second))) this.#add(place, second, this.#party(first))
  }

  /** Adds the event in a row, whose number the fill of an earlier line covers. */
  addFilled(place: ConflictPlace, chunk: ScannedChunk, row: number, fillLine: number): void {
    if (this.#max === 0) return
    const second = { words: new Uint32Array(this.tailWords), at: 0, line: this.textOf(chunk, row) }
    this.writeTail(second, chunk, row)
    if (this.#isWanted(lineOf(second))) this.#add(place, second, { line: fillLine, fill: true })
  }

  /** What is listed. `keys` are the streams by number. */
  list(keys: readonly string[]): AuditConflict[] {
    this.#cut()
    return this.#conflicts.map((conflict) => ({ ...conflict, stream: keys[conflict.stream] ?? '' }))
  }

  #isWanted(line: number): boolean {
    return this.#max > 0 && line <= this.#lastLine
  }

  #add(place: ConflictPlace, second: SortedRow, first: Party): void {
    const { stream, epoch, sequence } = place
    this.#conflicts.push({ stream, epoch, sequence, ...this.#party(second), first })
    if (this.#conflicts.length > 2 * this.#max) this.#cut()
  }

  #cut(): void {
    this.#conflicts.sort((a, b) => a.line - b.line)
    if (this.#conflicts.length < this.#max) return
    this.#conflicts.length = this.#max
    this.#lastLine = this.#conflicts.at(-1)?.line ?? Infinity
  }

  #party(row: SortedRow): Pick<Party, 'line' | 'id'> {
    const line = lineOf(row)
    const id = row.line.length > 0 ? this.#idIn(row.line) : idText(row.words, row.at)
    return { line, ...(id !== undefined && { id }) }
  }

  #idIn(line: Uint8Array): string | undefined {
    this.#readId ??= idReader(this.#fields, this.#header)
    return this.#readId(Buffer.from(line))
  }
}

function lineOf({ words, at }: SortedRow): number {
  return readSafe(words, at + idWordCount)
}

/** Reads the id of an event from its line; CSV has a header. */
function idReader(
  fields: RecordedFields,
  header: Uint8Array | undefined,
): (line: Buffer) => string | undefined {
  if (header === undefined) {
    const read = jsonLineReader(fields)
    return (line) => idOf(read(line.toString()))
  }
  const scanner = new CsvScanner(fields.delimiter)
  const names = Buffer.from(header)
  scanner.scan(names, 0)
  const read = csvRecordReader(scanner, fields, csvColumns(csvHeader(scanner, names), fields))
  return (line) => {
    scanner.scan(line, 0)
    return idOf(read(line))
  }
}

function idOf(content: ReturnType<ReturnType<typeof jsonLineReader>>): string | undefined {
  return content.kind === 'event' ? content.id : undefined
}
