// Audits contiguous numbering as the log goes by: nothing is kept of an event but what it does to its
// stream's holes. With ids, each number's packed id goes to a sorter, and only a log with repeats has them
// sorted in the end, to tell duplicates from conflicts exactly.
import { memoryBytesDefault } from './audit-report.ts'
import type { AuditOptions, TroubleMark } from './audit-report.ts'
import { AuditSums } from './audit-sums.ts'
import { ConflictList } from './conflict-list.ts'
import { ContiguousTracks } from './contiguous-tracks.ts'
import type { EpochRange } from './contiguous-tracks.ts'
import { idWordCount } from './id-words.ts'
import { rowKind } from './line-block.ts'
import type { RecordedFields } from './recorded-fields.ts'
import { recordedCounter } from './recorded-fields.ts'
import { copyRow, noLine, RowSorter } from './row-sorter.ts'
import type { KeptRow, SortedRow } from './row-sorter.ts'
import type { ScannedChunk } from './scan-log.ts'
import type { TempFolder } from './temp-folder.ts'
import { compareWords, readSafe, safeWords, writeSafe } from './wide-number.ts'

/** Words of a number's place: stream, epoch, sequence. */
const placeWords = 1 + 2 * safeWords

/** One audit of contiguous numbers. */
export class ContiguousAudit {
  readonly sums: AuditSums
  readonly conflicts: ConflictList
  readonly #tracks: ContiguousTracks
  readonly #options: AuditOptions
  readonly #ids: RowSorter | undefined
  #repeats = 0

  constructor(fields: RecordedFields, options: AuditOptions, folder: TempFolder) {
    this.sums = new AuditSums(options.gapsMax ?? 1000)
    this.conflicts = new ConflictList(options.conflictsMax ?? 0, fields)
    const { start = 'lowest' } = options
    const before = start === 'lowest' ? undefined : Number(start) - 1
    this.#tracks = new ContiguousTracks(recordedCounter(fields), before)
    this.#options = options
    if (fields.id === undefined) return
    const memoryBytes = options.memoryBytes ?? memoryBytesDefault
    this.#ids = new RowSorter({
      rowWords: placeWords + this.conflicts.tailWords,
      keyWords: placeWords,
      memoryBytes,
      folder,
    })
  }

  /** Adds the event or fill in a row. */
  add(chunk: ScannedChunk, row: number, stream: number): void {
    const { block, linesBefore } = chunk
    const epoch = block.epochs[row] ?? 0
    const line = linesBefore + (block.lines[row] ?? 0) + 1
    if (block.kinds[row] === rowKind.fill) {
      const fill = block.fills.get(row)
      if (fill !== undefined && this.#tracks.fill(stream, epoch, fill, line)) this.sums.fills++
      else this.sums.addInvalid(line, 'half-the-modulus')
      return
    }
    const decision = this.#tracks.decide(stream, epoch, block.sequences[row] ?? 0)
    if (decision === 'half') this.sums.addInvalid(line, 'half-the-modulus')
    else if (decision === 'filled') this.#addFilled(chunk, row, { stream, epoch })
    else {
      if (decision === 'first') this.#addFirst(stream, epoch)
      else this.#addRepeat(stream, epoch)
      if (this.#ids !== undefined) this.#keepId(this.#ids, chunk, row, { stream, epoch })
    }
  }

  /** Adds up what is known only at the end. */
  finish(): void {
    if (this.#ids !== undefined && this.#repeats > 0) this.#splitRepeats(this.#ids)
    for (const range of this.#tracks.ranges()) {
      for (const { from, to } of range.fills) this.sums.filled += to - from + 1
      this.#addGaps(range)
    }
  }

  /** What was seen, by stream and epoch. */
  ranges(): Iterable<EpochRange> {
    return this.#tracks.ranges()
  }

  #addGaps({ stream, epoch, low, holes }: EpochRange): void {
    const { start = 'lowest' } = this.#options
    const first = start === 'lowest' ? low : Number(start)
    const add = (from: number, to: number): void => {
      if (from <= to) this.sums.addGap({ stream, epoch, from, to }, BigInt(to) - BigInt(from) + 1n)
    }
    add(first, low - 1)
    for (const hole of holes) add(Math.max(hole.from, first), hole.to)
  }

  #addFirst(stream: number, epoch: number): void {
    const { sequence, extent } = this.#tracks
    this.sums.unique++
    if (extent === 0) return
    this.sums.addReordered(stream, extent)
    this.#mark({ stream, epoch, sequence, kind: 'reordered' })
  }

  /** A duplicate, unless its id will tell otherwise. */
  #addRepeat(stream: number, epoch: number): void {
    this.sums.addDuplicates(stream, 1)
    this.#repeats++
    if (this.#ids === undefined) {
      this.#mark({ stream, epoch, sequence: this.#tracks.sequence, kind: 'duplicate' })
    }
  }

  #addFilled(chunk: ScannedChunk, row: number, { stream, epoch }: { stream: number; epoch: number }): void {
    const { sequence, filledBy } = this.#tracks
    this.sums.addConflicts(stream, 1)
    this.conflicts.addFilled({ stream, epoch, sequence }, chunk, row, filledBy)
    this.#mark({ stream, epoch, sequence, kind: 'conflict' })
  }

  #mark(mark: TroubleMark): void {
    this.#options.onTrouble?.(mark)
  }

  #keepId(
    ids: RowSorter,
    chunk: ScannedChunk,
    row: number,
    { stream, epoch }: { stream: number; epoch: number },
  ): void {
    const at = ids.add(this.conflicts.textOf(chunk, row))
    const { words } = ids
    words[at] = stream
    writeSafe(words, at + 1, epoch)
    writeSafe(words, at + 1 + safeWords, this.#tracks.sequence)
    this.conflicts.writeTail({ words, at: at + placeWords }, chunk, row)
  }

  /** Compares each repeat's id with that of its number's first copy. */
  #splitRepeats(ids: RowSorter): void {
    const words = new Uint32Array(placeWords + this.conflicts.tailWords)
    const first: KeptRow = { words, at: 0, line: noLine }
    let isFirst = true
    for (const row of ids.sorted()) {
      const isRepeat = !isFirst && compareWords(row, first, placeWords) === 0
      isFirst = false
      if (!isRepeat) {
        copyRow(row, first)
        continue
      }
      const place = placeOf(row)
      const isDuplicate = compareWords(tailOf(row), tailOf(first), idWordCount) === 0
      this.#mark({ ...place, kind: isDuplicate ? 'duplicate' : 'conflict' })
      if (isDuplicate) continue
      this.sums.moveToConflicts(place.stream, 1)
      this.conflicts.add(place, tailOf(row), tailOf(first))
    }
  }
}

function placeOf({ words, at }: SortedRow): { stream: number; epoch: number; sequence: number } {
  const sequence = readSafe(words, at + 1 + safeWords)
  return { stream: words[at] ?? 0, epoch: readSafe(words, at + 1), sequence }
}

function tailOf({ words, at, line }: SortedRow): SortedRow {
  return { words, at: at + placeWords, line }
}
