// Reads the rows of an import: a stream with its position, from CSV or NDJSON, as they come.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { streamPath } from '../core/stream-path.ts'
import type { PositionRow, UnreadableRow } from '../operate/import-positions.ts'
import { formOf, readRecordedEvents } from '../recorded/read-recorded-events.ts'
import type { RecordedFields, RecordedFormat } from '../recorded/recorded-fields.ts'
import type { RecordedLine } from '../recorded/recorded-line.ts'

/** Where to find what in a row. */
export interface PositionColumns {
  /** The domain of all rows; absent: the column `domain`. */
  readonly domain?: string
  readonly stream: string
  readonly position: string
  readonly epoch?: string
  readonly format?: RecordedFormat
  /** What is between the cells of CSV. */
  readonly delimiter?: string
}

/** The rows of a file, or of standard input for `-`. */
export async function* positionRows(
  file: string,
  columns: PositionColumns,
): AsyncGenerator<PositionRow | UnreadableRow, void, void> {
  const { format, delimiter } = formOf(file, columns)
  const epoch = columns.epoch ?? (await epochColumn(file, format, delimiter))
  const fields: RecordedFields = {
    stream: columns.domain === undefined ? ['domain', columns.stream] : [columns.stream],
    sequence: columns.position,
    ...(epoch !== undefined && { epoch }),
    ...(delimiter !== undefined && { delimiter }),
    // Any whole number can be read so; what the domain takes, the import checks.
    numbering: 'increasing',
  }
  for await (const lines of readRecordedEvents(file, { ...fields, format })) {
    for (const line of lines) yield rowOf(line, columns.domain)
  }
}

function rowOf(content: RecordedLine, domain: string | undefined): PositionRow | UnreadableRow {
  const origin = `line ${content.line}`
  if (content.kind === 'invalid') {
    return { origin, problem: content.reason.replace('sequence', 'position') }
  }
  if (content.kind === 'fill') return { origin, problem: 'it is a fill, and no position' }
  const { stream, epoch, sequence: position } = content
  return { stream: domain === undefined ? stream : streamPath(domain, stream), epoch, position, origin }
}

/** Whether there is a column `epoch`: a line of NDJSON may lack it, a CSV file must have it in its header. */
async function epochColumn(
  file: string,
  format: RecordedFormat,
  delimiter = ',',
): Promise<string | undefined> {
  if (format === 'ndjson') return 'epoch'
  if (file === '-') return undefined
  const input = createReadStream(file)
  const opened = Promise.withResolvers<boolean>()
  input.once('open', () => opened.resolve(true)).once('error', () => opened.resolve(false))
  // Lines of a stream that has failed already would be waited for without end.
  if (!(await opened.promise)) return undefined
  try {
    for await (const header of createInterface({ input })) {
      return header
        .trim()
        .split(delimiter)
        .some((cell) => /^"?epoch"?$/.test(cell))
        ? 'epoch'
        : undefined
    }
  } catch {
    // Reading the file itself says what is wrong with it.
  } finally {
    input.destroy()
  }
  return undefined
}
