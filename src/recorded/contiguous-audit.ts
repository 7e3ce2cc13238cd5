// Audits contiguous numbering as the log goes by: nothing is kept of an event but what it does to its
// stream's holes. With ids, each number's packed id goes to a sorter, and only a log with repeats has them
// sorted in the end, to tell duplicates from conflicts exactly.
import { memoryBytesDefault } from './audit-report.ts'
import type { AuditOptions } from './audit-report.ts'
import { AuditSums } from './audit-sums.ts'
import { ContiguousTracks } from './contiguous-tracks.ts'
import type { EpochRange } from './contiguous-tracks.ts'
import { idWordCount } from './id-words.ts'
import { rowKind } from './line-block.ts'
import type { RecordedFields } from './recorded-fields.ts'
import { recordedCounter } from './recorded-fields.ts'
import { RowSorter } from './row-sorter.ts'
import type { SortedRow } from './row-sorter.ts'
import type { ScannedChunk } from './scan-log.ts'
import type { TempFolder } from './temp-folder.ts'
import { compareWords, safeWords, writeSafe } from './wide-number.ts'

/** Words of a number's place: stream, epoch, sequence. */
const placeWords = 1 + 2 * safeWords

/** One audit of contiguous numbers. */
export class ContiguousAudit {
  readonly sums: AuditSums
  readonly #tracks: ContiguousTracks
  readonly #options: AuditOptions
  readonly #ids: RowSorter | undefined
  #repeats = 0

  constructor(fields: RecordedFields, options: AuditOptions, folder: TempFolder) {
    this.sums = new AuditSums(options.gapsMax ?? 1000)
    const { start = 'lowest' } = options
    const before = start === 'lowest' ? undefined : Number(start) - 1
    this.#tracks = new ContiguousTracks(recordedCounter(fields), before)
    this.#options = options
    if (fields.id === undefined) return
    const memoryBytes = options.memoryBytes ?? memoryBytesDefault
    this.#ids = new RowSorter({
      rowWords: placeWords + idWordCount,
      keyWords: placeWords,
      memoryBytes,
      folder,
    })
  }

  /** Adds the event or fill in a row. */
  add({ block, linesBefore }: ScannedChunk, row: number, stream: number): void {
    const epoch = block.epochs[row] ?? 0
    if (block.kinds[row] === rowKind.fill) {
      const fill = block.fills.get(row)
      if (fill !== undefined && this.#tracks.fill(stream, epoch, fill)) this.sums.fills++
      else this.sums.addInvalid(linesBefore + (block.lines[row] ?? 0) + 1, 'half-the-modulus')
      return
    }
    const decision = this.#tracks.decide(stream, epoch, block.sequences[row] ?? 0)
    if (decision === 'first') this.sums.unique++
    else if (decision === 'repeat') this.sums.addDuplicates(stream, 1)
    else if (decision === 'filled') this.sums.addConflicts(stream, 1)
    else this.sums.addInvalid(linesBefore + (block.lines[row] ?? 0) + 1, 'half-the-modulus')
    if (decision === 'first' && this.#tracks.extent > 0) this.sums.addReordered(stream, this.#tracks.extent)
    if (decision === 'repeat') this.#repeats++
    if (this.#options.onTrouble !== undefined) this.#mark(stream, epoch, decision)
    if (this.#ids !== undefined && (decision === 'first' || decision === 'repeat')) {
      this.#keepId(
        this.#ids,
        { stream, epoch },
        block.ids.subarray(row * idWordCount, (row + 1) * idWordCount),
      )
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

  #mark(stream: number, epoch: number, decision: string): void {
    const { sequence, extent } = this.#tracks
    const isReordered = decision === 'first' && extent > 0
    if (!isReordered && decision !== 'repeat' && decision !== 'filled') return
    this.#options.onTrouble?.({ stream, epoch, sequence, kind: isReordered ? 'reordered' : 'repeated' })
  }

  #keepId(ids: RowSorter, { stream, epoch }: { stream: number; epoch: number }, id: Uint32Array): void {
    const at = ids.add()
    const { words } = ids
    words[at] = stream
    writeSafe(words, at + 1, epoch)
    writeSafe(words, at + 1 + safeWords, this.#tracks.sequence)
    for (let word = 0; word < idWordCount; word++) words[at + placeWords + word] = id[word] ?? 0
  }

  /** Compares each repeat's id with that of its number's first copy. */
  #splitRepeats(ids: RowSorter): void {
    const first = new Uint32Array(placeWords + idWordCount)
    let isFirst = true
    for (const row of ids.sorted()) {
      const isRepeat = !isFirst && compareWords(row, { words: first, at: 0 }, placeWords) === 0
      isFirst = false
      if (!isRepeat) copyRow(row, first)
      else if (!hasSameId(row, first)) this.sums.moveToConflicts(row.words[row.at] ?? 0, 1)
    }
  }
}

function copyRow({ words, at }: SortedRow, target: Uint32Array): void {
  for (let word = 0; word < target.length; word++) target[word] = words[at + word] ?? 0
}

function hasSameId({ words, at }: SortedRow, first: Uint32Array): boolean {
  return compareWords({ words, at: at + placeWords }, { words: first, at: placeWords }, idWordCount) === 0
}
