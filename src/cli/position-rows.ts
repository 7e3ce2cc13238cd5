// Reads the rows of an import: a stream with its position, from CSV or NDJSON, as they come.
import { streamPath } from '../core/stream-path.ts'
import type { PositionRow, UnreadableRow } from '../operate/import-positions.ts'
import type { ReadFields } from '../recorded/read-recorded-events.ts'
import { readRecordedEvents } from '../recorded/read-recorded-events.ts'
import type { RecordedFormat } from '../recorded/recorded-fields.ts'
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
  const { domain, stream, position: sequence, epoch, format, delimiter } = columns
  const fields: ReadFields = {
    stream: domain === undefined ? ['domain', stream] : [stream],
    sequence,
    ...(epoch === undefined ? { epoch: 'epoch', mayLackEpoch: true } : { epoch }),
    ...(format !== undefined && { format }),
    ...(delimiter !== undefined && { delimiter }),
    // Any whole number can be read so; what the domain takes, the import checks.
    numbering: 'increasing',
  }
  for await (const lines of readRecordedEvents(file, fields)) {
    for (const line of lines) yield rowOf(line, domain)
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
