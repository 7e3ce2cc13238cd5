// A chunk's lines as columns of numbers: what threads hand to each other instead of objects.
import { idWordCount } from './id-words.ts'
import { hasBigNumbers } from './recorded-fields.ts'
import type { RecordedFields } from './recorded-fields.ts'
import type { FillContent } from './recorded-line.ts'
import { wideWords } from './wide-number.ts'

/** The kinds of rows; `invalid` and above is `invalid` plus an index into `invalidReasons`. */
export const rowKind = { event: 0, fill: 1, invalid: 2 } as const

/** A chunk's lines that are not blank, one row each. */
export interface LineBlock extends LineColumns {
  readonly rowCount: number
  /** How many lines the chunk has, blank ones included. */
  readonly lineCount: number
  /** What the fill rows say. */
  readonly fills: ReadonlyMap<number, Pick<FillContent, 'from' | 'to'>>
  /** The stream keys that this thread met for the first time, in the order of their numbers. */
  readonly newStreams: readonly string[]
}

/** The columns of a block, by row. */
export interface LineColumns {
  readonly kinds: Uint8Array<ArrayBuffer>
  /** The row's line in the chunk, from 0. */
  readonly lines: Uint32Array<ArrayBuffer>
  /** Where the row's bytes start in the chunk; they end where the next line starts. */
  readonly starts: Uint32Array<ArrayBuffer>
  readonly ends: Uint32Array<ArrayBuffer>
  /** The stream's number among the keys of one thread. */
  readonly streams: Uint32Array<ArrayBuffer>
  readonly epochs: Float64Array<ArrayBuffer>
  /** Contiguous numbering: the sequences. Empty otherwise. */
  readonly sequences: Float64Array<ArrayBuffer>
  /** Other numberings: the sequences as wide numbers. Empty otherwise. */
  readonly wideSequences: Uint32Array<ArrayBuffer>
  /** Linked numbering: the predecessors as wide numbers; `null` is all zero words. Empty otherwise. */
  readonly previous: Uint32Array<ArrayBuffer>
  /** The ids, packed; empty unless asked for. */
  readonly ids: Uint32Array<ArrayBuffer>
}

/** Columns for `capacity` rows, with room for what these fields bring. */
export function lineColumns(capacity: number, fields: RecordedFields): LineColumns {
  const isBig = hasBigNumbers(fields)
  return {
    kinds: new Uint8Array(capacity),
    lines: new Uint32Array(capacity),
    starts: new Uint32Array(capacity),
    ends: new Uint32Array(capacity),
    streams: new Uint32Array(capacity),
    epochs: new Float64Array(capacity),
    sequences: new Float64Array(isBig ? 0 : capacity),
    wideSequences: new Uint32Array(isBig ? capacity * wideWords : 0),
    previous: new Uint32Array(fields.previous === undefined ? 0 : capacity * wideWords),
    ids: new Uint32Array(fields.id === undefined ? 0 : capacity * idWordCount),
  }
}

/** The same columns with room for `capacity` rows. */
export function grownColumns(columns: LineColumns, capacity: number, fields: RecordedFields): LineColumns {
  const grown = lineColumns(capacity, fields)
  grown.kinds.set(columns.kinds)
  grown.lines.set(columns.lines)
  grown.starts.set(columns.starts)
  grown.ends.set(columns.ends)
  grown.streams.set(columns.streams)
  grown.epochs.set(columns.epochs)
  grown.sequences.set(columns.sequences)
  grown.wideSequences.set(columns.wideSequences)
  grown.previous.set(columns.previous)
  grown.ids.set(columns.ids)
  return grown
}

/** The buffers of a block, to be handed to another thread with it. */
export function buffersOf(block: LineColumns): ArrayBuffer[] {
  const { kinds, lines, starts, ends, streams, epochs, sequences, wideSequences, previous, ids } = block
  const columns = [kinds, lines, starts, ends, streams, epochs, sequences, wideSequences, previous, ids]
  return columns.map(({ buffer }) => buffer)
}
