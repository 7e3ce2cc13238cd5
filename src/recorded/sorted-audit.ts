// Audits increasing and linked numbering. As long as every event is the next of its stream nothing needs to
// be looked at twice; otherwise the numbers, kept in a sorter all along, are swept in order at the end.
import { memoryBytesDefault } from './audit-report.ts'
import type { AuditOptions } from './audit-report.ts'
import { AuditSums } from './audit-sums.ts'
import { ConflictList } from './conflict-list.ts'
import { numberKeyWords, numberKind, writeNumberRow } from './number-rows.ts'
import { NumberSweep } from './number-sweep.ts'
import type { RecordedFields } from './recorded-fields.ts'
import { RowSorter } from './row-sorter.ts'
import type { ScannedChunk } from './scan-log.ts'
import type { TempFolder } from './temp-folder.ts'
import { column, TrackTable } from './track-table.ts'
import { compareWords, wideWords } from './wide-number.ts'
import type { WordsAt } from './wide-number.ts'

/** One audit of increasing or linked numbers. */
export class SortedAudit {
  readonly sums: AuditSums
  readonly conflicts: ConflictList
  readonly #options: AuditOptions
  readonly #isLinked: boolean
  readonly #sorter: RowSorter
  readonly #table = new TrackTable()
  /** Per track, its greatest number so far. */
  #highs = new Uint32Array(1024 * wideWords)
  /** Per stream, its events so far. */
  readonly #arrivals: number[] = []
  #count = 0
  #isInOrder = true

  constructor(fields: RecordedFields, options: AuditOptions, folder: TempFolder) {
    this.sums = new AuditSums(options.gapsMax ?? 1000)
    this.#options = options
    this.#isLinked = fields.numbering === 'linked'
    const memoryBytes = options.memoryBytes ?? memoryBytesDefault
    this.conflicts = new ConflictList(options.conflictsMax ?? 0, fields)
    const rowWords = numberKeyWords + this.conflicts.tailWords
    this.#sorter = new RowSorter({ rowWords, keyWords: numberKeyWords, memoryBytes, folder })
  }

  /** Adds the event in a row. */
  add(chunk: ScannedChunk, row: number, stream: number): void {
    const { block } = chunk
    const epoch = block.epochs[row] ?? 0
    const arrival = this.#arrivals[stream] ?? 0
    this.#arrivals[stream] = arrival + 1
    this.#count++
    const number = { words: block.wideSequences, at: row * wideWords }
    const previous = { words: block.previous, at: row * wideWords }
    this.#isInOrder &&= this.#isNext({ stream, epoch }, number, previous)
    const at = this.#sorter.add(this.conflicts.textOf(chunk, row))
    writeNumberRow(
      { words: this.#sorter.words, at },
      { stream, epoch, kind: numberKind.event, arrival },
      number,
    )
    this.conflicts.writeTail({ words: this.#sorter.words, at: at + numberKeyWords }, chunk, row)
    if (this.#isLinked) this.#keepPredecessor({ stream, epoch, arrival }, previous, number)
  }

  /** Adds up what is known only at the end. */
  finish(): void {
    if (this.#isInOrder) {
      this.sums.unique = this.#count
      return
    }
    const { start = 'lowest', onTrouble } = this.#options
    const sweep = new NumberSweep(this.sums, { start, onTrouble, conflicts: this.conflicts })
    for (const row of this.#sorter.sorted()) sweep.add(row)
    sweep.finish()
  }

  /** Whether the event is beyond all of its stream so far and, if linked, names the last one. */
  #isNext(place: { stream: number; epoch: number }, number: WordsAt, previous: WordsAt): boolean {
    const track = this.#table.trackOf(place.stream, place.epoch)
    const { cells } = this.#table
    const at = this.#table.rowOf(track) * wideWords
    while (at >= this.#highs.length) {
      const highs = new Uint32Array(this.#highs.length * 2)
      highs.set(this.#highs)
      this.#highs = highs
    }
    const high = { words: this.#highs, at }
    const isFirst = cells[track + column.firstArrival] === -1
    const isAbove = isFirst || compareWords(number, high, wideWords) > 0
    const isLink =
      !this.#isLinked || (isFirst ? this.#mayBegin(previous) : compareWords(previous, high, wideWords) === 0)
    this.#highs.set(number.words.subarray(number.at, number.at + wideWords), at)
    if (isFirst) this.#table.noteFirstEvent(track, 0)
    return isAbove && isLink && cells[track + column.jumpedBy] === -1
  }

  /** Whether a chain may begin with this predecessor without a doubt. */
  #mayBegin(previous: WordsAt): boolean {
    if (this.#options.start === undefined || this.#options.start === 'lowest') return true
    return compareWords(previous, { words: new Uint32Array(wideWords), at: 0 }, wideWords) === 0
  }

  /** A row of its own for the number that an event names, with the event's number behind its key. */
  #keepPredecessor(
    place: { readonly stream: number; readonly epoch: number; readonly arrival: number },
    previous: WordsAt,
    number: WordsAt,
  ): void {
    const at = this.#sorter.add()
    const { words } = this.#sorter
    writeNumberRow({ words, at }, { ...place, kind: numberKind.predecessor }, previous)
    words.fill(0, at + numberKeyWords, at + numberKeyWords + this.conflicts.tailWords)
    for (let word = 0; word < wideWords; word++) {
      words[at + numberKeyWords + word] = number.words[number.at + word] ?? 0
    }
  }
}
