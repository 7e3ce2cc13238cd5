// Puts a recorded log in order: the same lines, byte for byte, stream by stream, each number once. Lines are
// read once and sorted in bounded memory, so standard input needs no copy of its own. Upholds I3: what is no
// first copy is a duplicate or goes to the rejects.
import { memoryBytesDefault } from './audit-report.ts'
import { openInput } from './byte-input.ts'
import type { RecordedLog } from './byte-input.ts'
import { ContiguousTracks } from './contiguous-tracks.ts'
import { rowKind } from './line-block.ts'
import { LineOrder } from './line-order.ts'
import type { OrderedLine, PlacedLine } from './line-order.ts'
import type { LineSink } from './line-sink.ts'
import { formOf } from './read-recorded-events.ts'
import { checkFields, recordedCounter } from './recorded-fields.ts'
import type { RecordedFields, RecordedFormat } from './recorded-fields.ts'
import { scanLog } from './scan-log.ts'
import type { ScannedChunk, ScanOptions } from './scan-log.ts'
import { StreamKeys } from './stream-keys.ts'
import { TempFolder } from './temp-folder.ts'
import { readWide, wideWords } from './wide-number.ts'

/** What to put in order, and where it goes. */
export interface Resequencing extends Partial<Pick<ScanOptions, 'threads' | 'chunkBytes' | 'allowEmpty'>> {
  readonly fields: RecordedFields
  /** By the path's extension unless given. */
  readonly format?: RecordedFormat
  /** Default 512 MiB. */
  readonly memoryBytes?: number
  /** Called once, when all is read and the first line is about to be written. */
  readonly openOutput: () => LineSink
  /** Where invalid and conflicting lines go, in the order of the log; absent, they are only counted. */
  readonly openRejects?: () => LineSink
  readonly onProgress?: (bytesRead: number, bytesInAll: number | undefined) => void
}

/** What became of the lines. */
export interface ResequenceSummary {
  readonly streams: number
  /** First copies and fill lines, which are all written. */
  readonly written: number
  readonly fills: number
  readonly duplicates: number
  readonly conflicts: number
  readonly invalid: number
}

/**
 * Puts a log in order.
 *
 * @throws InturnError `input-unreadable`, or `usage` for fields that make no sense or are not in the CSV
 */
export async function resequenceLog(log: RecordedLog, options: Resequencing): Promise<ResequenceSummary> {
  const { format, ...form } = formOf(log, { format: options.format, delimiter: options.fields.delimiter })
  const fields = { ...checkFields(options.fields), ...form }
  using folder = new TempFolder()
  const lines = new LineOrder({ memoryBytes: options.memoryBytes ?? memoryBytesDefault, folder })
  const sorting = new Sorting(fields, lines, options.openRejects !== undefined)
  const input = await openInput(log)
  let header: Uint8Array | undefined
  try {
    let bytesRead = 0
    const { threads, chunkBytes, allowEmpty } = options
    const pace = {
      ...(threads !== undefined && { threads }),
      ...(chunkBytes !== undefined && { chunkBytes }),
      ...(allowEmpty !== undefined && { allowEmpty }),
    }
    for await (const chunk of scanLog(input, { fields, format, ...pace })) {
      header = chunk.header
      sorting.addChunk(chunk)
      bytesRead += chunk.bytes.length
      options.onProgress?.(bytesRead, input.size)
    }
  } finally {
    await input.close()
  }
  const counts = await writeOrdered(sorting, { lines, header, openOutput: options.openOutput })
  if (options.openRejects !== undefined) await writeRejects(lines, options.openRejects())
  return { ...counts, streams: sorting.streamCount }
}

type Place = Pick<PlacedLine, 'stream' | 'epoch' | 'sequence'>
type Unplaced = 'invalid' | 'conflict' | 'duplicate'
type LineFill = { readonly from: number; readonly to: number }

/** Sorts rows into lines to be ordered, duplicates and rejects. */
class Sorting {
  fills = 0
  duplicates = 0
  conflicts = 0
  invalid = 0
  readonly #fields: RecordedFields
  readonly #lines: LineOrder
  readonly #keepsRejects: boolean
  readonly #keys = new StreamKeys()
  readonly #tracks: ContiguousTracks | undefined

  constructor(fields: RecordedFields, lines: LineOrder, keepsRejects: boolean) {
    this.#fields = fields
    this.#lines = lines
    this.#keepsRejects = keepsRejects
    if (fields.numbering === 'contiguous') this.#tracks = new ContiguousTracks(recordedCounter(fields))
  }

  get streamCount(): number {
    return this.#keys.keys.length
  }

  addChunk(chunk: ScannedChunk): void {
    const { block, thread, bytes, isNewlineAdded } = chunk
    this.#keys.addKeys(thread, block.newStreams)
    for (let row = 0; row < block.rowCount; row++) {
      const end = block.ends[row] ?? 0
      const text = bytes.subarray(block.starts[row], isNewlineAdded && end === bytes.length ? end - 1 : end)
      this.#addLine(chunk, row, text)
    }
  }

  /** A conflict, known only when the lines are in order, goes to the rejects. */
  addConflict({ line, text }: Pick<OrderedLine, 'line' | 'text'>): void {
    this.conflicts++
    if (this.#keepsRejects) this.#lines.reject(line, text)
  }

  #addLine(chunk: ScannedChunk, row: number, text: Uint8Array): void {
    const { block, linesBefore } = chunk
    const kind = block.kinds[row] ?? 0
    const line = linesBefore + (block.lines[row] ?? 0) + 1
    const fill = block.fills.get(row)
    const place = kind >= rowKind.invalid ? 'invalid' : this.#placeOf(chunk, row, fill)
    if (place === 'invalid') this.#addInvalid(line, text)
    else if (place === 'conflict') this.addConflict({ line, text })
    else if (place === 'duplicate') this.duplicates++
    else this.#lines.add({ ...place, line, text, isFill: fill !== undefined }, block, row)
    if (typeof place !== 'string' && fill !== undefined) this.fills++
  }

  /** The place of an event or a fill in the order, or why it has none. */
  #placeOf({ block, thread }: ScannedChunk, row: number, fill: LineFill | undefined): Place | Unplaced {
    const stream = this.#keys.numberOf(thread, block.streams[row] ?? 0)
    const epoch = block.epochs[row] ?? 0
    const tracks = this.#tracks
    if (tracks === undefined)
      return { stream, epoch, sequence: readWide(block.wideSequences, row * wideWords) }
    if (fill !== undefined) {
      return tracks.fill(stream, epoch, fill) ? { stream, epoch, sequence: tracks.filledFrom } : 'invalid'
    }
    const decision = tracks.decide(stream, epoch, block.sequences[row] ?? 0)
    if (decision === 'half') return 'invalid'
    if (decision === 'filled') return 'conflict'
    if (decision === 'repeat' && this.#fields.id === undefined) return 'duplicate'
    return { stream, epoch, sequence: tracks.sequence }
  }

  #addInvalid(line: number, text: Uint8Array): void {
    this.invalid++
    if (this.#keepsRejects) this.#lines.reject(line, text)
  }
}

interface Ordered {
  readonly lines: LineOrder
  readonly header: Uint8Array | undefined
  readonly openOutput: () => LineSink
}

async function writeOrdered(
  sorting: Sorting,
  { lines, header, openOutput }: Ordered,
): Promise<Omit<ResequenceSummary, 'streams'>> {
  const output = openOutput()
  if (header !== undefined) output.add(header)
  let written = 0
  for (const line of lines.ordered()) {
    if (line.copy === 'duplicate') sorting.duplicates++
    else if (line.copy === 'conflict') sorting.addConflict(line)
    else {
      written++
      if (output.add(line.text)) await output.flush()
    }
  }
  await output.end()
  const { fills, duplicates, conflicts, invalid } = sorting
  return { written, fills, duplicates, conflicts, invalid }
}

async function writeRejects(lines: LineOrder, sink: LineSink): Promise<void> {
  for (const text of lines.rejected()) if (sink.add(text)) await sink.flush()
  await sink.end()
}
