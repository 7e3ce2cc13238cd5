// Reads a recorded log line by line, in order, as what each line says. For callers that need the lines
// themselves; the audit, which needs only sums, scans blocks instead.
import { isUtf8 } from 'node:buffer'
import { InturnError } from '../core/errors.ts'
import { checkNotEmpty, openInput } from './byte-input.ts'
import type { EmptyInput, RecordedLog } from './byte-input.ts'
import { CsvScanner, cutAtRecord } from './csv-scanner.ts'
import { csvColumns, csvRecordReader } from './read-csv-record.ts'
import { jsonLineReader } from './read-json-line.ts'
import { cutAtNewline, recordChunks } from './record-chunks.ts'
import { checkFields } from './recorded-fields.ts'
import type { RecordedFields, RecordedFormat } from './recorded-fields.ts'
import { notUtf8 } from './recorded-line.ts'
import type { RecordedLine } from './recorded-line.ts'

/** Reads the next chunk's lines. */
type ChunkReader = (bytes: Buffer) => RecordedLine[]

const chunkBytes = 256 * 1024
const newline = 0x0a

/** How a log is read for its lines. */
export interface ReadFields extends RecordedFields {
  readonly format?: RecordedFormat
  /** A header of CSV may lack the column of the epoch, as a line of NDJSON may. */
  readonly mayLackEpoch?: true
}

/** What says how the lines of a log are written. */
interface LogForm {
  readonly format?: RecordedFormat | undefined
  readonly delimiter?: string | undefined
}

/**
 * How the lines of a log are written, unless it is said: by the path's extension, also where it is packed,
 * CSV for `.csv` and, with tabs, for `.tsv`; CSV where a delimiter is given; else NDJSON.
 *
 * @throws InturnError `usage` for a delimiter that is none
 */
export function formOf(log: RecordedLog, given: LogForm): { format: RecordedFormat; delimiter?: string } {
  const extension = typeof log === 'string' ? /\.([ct]sv)(?:\.gz|\.zst)?$/i.exec(log)?.[1]?.toLowerCase() : ''
  const { delimiter = extension === 'tsv' ? '\t' : undefined } = given
  const isCsv = given.delimiter !== undefined || extension === 'csv' || extension === 'tsv'
  const format = given.format ?? (isCsv ? 'csv' : 'ndjson')
  if (given.delimiter !== undefined) checkDelimiter(given.delimiter, format)
  return { format, ...(delimiter !== undefined && { delimiter }) }
}

function checkDelimiter(delimiter: string, format: RecordedFormat): void {
  if (format !== 'csv') throw new InturnError('usage', 'A delimiter goes with CSV only, and NDJSON has none')
  if (/^[^\P{ASCII}"\r\n\0]$/u.test(delimiter)) return
  const takes = "A delimiter is one ASCII character, as ';' or '|', or tab; no quote and no end of line"
  throw new InturnError('usage', `${takes}; not ${JSON.stringify(delimiter)}`)
}

/**
 * The lines of a recorded log that are not blank, in order, in batches.
 *
 * @param log - a file, or `-` for standard input
 * @param fields - where to find what; `format` is by the path's extension unless given
 * @throws InturnError `input-unreadable`, or `usage` for fields that make no sense or are not in the CSV
 */
export async function* readRecordedEvents(
  log: RecordedLog,
  fields: ReadFields,
  empty: EmptyInput = {},
): AsyncGenerator<readonly RecordedLine[], void, void> {
  checkFields(fields)
  const { format, delimiter } = formOf(log, fields)
  const isCsv = format === 'csv'
  const read = isCsv
    ? csvChunkReader({ ...fields, ...(delimiter !== undefined && { delimiter }) })
    : jsonChunkReader(fields)
  const input = await openInput(log)
  let isEmpty = true
  try {
    for await (const { bytes } of recordChunks(input, {
      cut: isCsv ? cutAtRecord(delimiter) : cutAtNewline,
      chunkBytes,
    })) {
      const lines = read(bytes)
      isEmpty &&= lines.length === 0
      yield lines
    }
    checkNotEmpty(input, isEmpty, empty)
  } finally {
    await input.close()
  }
}

function jsonChunkReader(fields: RecordedFields): ChunkReader {
  const readLine = jsonLineReader(fields)
  let line = 0
  return (bytes) => {
    const lines: RecordedLine[] = []
    const isText = utf8Check(bytes)
    for (let start = 0; start < bytes.length;) {
      const end = bytes.indexOf(newline, start)
      line++
      if (!isBlank(bytes, start, end)) {
        const content = isText(start, end) ? readLine(bytes.toString('utf8', start, end)) : notUtf8
        lines.push({ line, ...content })
      }
      start = end + 1
    }
    return lines
  }
}

function csvChunkReader(fields: ReadFields): ChunkReader {
  const scanner = new CsvScanner(fields.delimiter)
  let readRecord: ReturnType<typeof csvRecordReader> | undefined
  let line = 1
  return (bytes) => {
    const lines: RecordedLine[] = []
    const isText = utf8Check(bytes)
    for (let start = 0; start < bytes.length;) {
      const end = scanner.scan(bytes, start)
      if (!isBlank(bytes, start, end)) {
        if (readRecord !== undefined)
          lines.push({ line, ...(isText(start, end) ? readRecord(bytes) : notUtf8) })
        else readRecord = csvRecordReader(scanner, fields, csvColumns(csvHeader(scanner, bytes), fields))
      }
      line += scanner.lineCount
      start = end
    }
    return lines
  }
}

/** The column names in the record that `scanner` scanned last. */
export function csvHeader(scanner: CsvScanner, bytes: Buffer): string[] {
  return Array.from({ length: scanner.cellCount }, (_, cell) => scanner.text(bytes, cell))
}

/** Says of the lines of a chunk whether they are UTF-8; where the whole chunk is, that costs nothing. */
export function utf8Check(bytes: Uint8Array): (start: number, end: number) => boolean {
  if (isUtf8(bytes)) return () => true
  return (start, end) => isUtf8(bytes.subarray(start, end))
}

/** Whether only white space stands there. */
export function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (byte !== 0x20 && (byte < 0x09 || byte > 0x0d)) return false
  }
  return true
}
