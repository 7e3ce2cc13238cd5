// Reads the rows of an import: a stream with its position, from CSV or NDJSON, as they come.
import { streamPath } from '../core/stream-path.ts'
import type { PositionRow, UnreadableRow } from '../operate/import-positions.ts'
import { openInput } from '../recorded/byte-input.ts'
import { formOf, readRecordedEvents } from '../recorded/read-recorded-events.ts'
import type { RecordedFields, RecordedFormat } from '../recorded/recorded-fields.ts'
import type { RecordedLine } from '../recorded/recorded-line.ts'

/** A header that is longer than this is none. */
const headerBytesMax = 64 * 1024

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
  const header = await firstLine(file)
  const isThere = header.split(delimiter).some((cell) => /^"?epoch"?$/.test(cell))
  return isThere ? 'epoch' : undefined
}

async function firstLine(file: string): Promise<string> {
  const input = await openInput(file)
  const bytes = new Uint8Array(headerBytesMax)
  let length = 0
  try {
    while (length < bytes.length && !bytes.subarray(0, length).includes(0x0a)) {
      const came = await input.read(bytes, length)
      if (came === 0) break
      length += came
    }
  } finally {
    await input.close()
  }
  const [line = ''] = new TextDecoder().decode(bytes.subarray(0, length)).split('\n')
  return line.trim()
}
