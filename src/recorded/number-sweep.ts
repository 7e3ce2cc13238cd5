// Goes through a log's numbers from the greatest down, stream by stream, and adds up what is doubled, late or
// missing. With linked numbering a predecessor that no event bears is one missing link; its gap reaches down
// to the next number that is borne or named.
import { after } from '../core/sequence.ts'
import type { Sequence } from '../core/sequence.ts'
import type { TroubleMark } from './audit-report.ts'
import type { AuditSums } from './audit-sums.ts'
import type { ConflictList } from './conflict-list.ts'
import { idWordCount } from './id-words.ts'
import { numberKeyWords, NumberRowReader, successorOf } from './number-rows.ts'
import { copyRow, noLine } from './row-sorter.ts'
import type { KeptRow, SortedRow } from './row-sorter.ts'
import { compareWords } from './wide-number.ts'

/** How a sweep counts. */
export interface SweepOptions {
  readonly start: Sequence | 'lowest'
  readonly onTrouble: ((mark: TroubleMark) => void) | undefined
  readonly conflicts: ConflictList
}

/** One sweep. */
export class NumberSweep {
  readonly #sums: AuditSums
  readonly #options: SweepOptions
  readonly #row = new NumberRowReader()
  /** Of the number in work: whether an event bears it, the first copy, who names it as predecessor. */
  #isBorne = false
  readonly #first: KeptRow
  #successors = new Set<Sequence>()
  /** Of the epoch in work: predecessors that nobody bears, not yet closed below; descending. */
  #unborne: Sequence[] = []
  /** Of the stream in work: its gaps, descending; arrivals of repeats; the latest late one by overtaker. */
  #gaps: { readonly epoch: number; readonly from: Sequence; readonly to: Sequence }[] = []
  #repeats = new Set<number>()
  #latest = new Map<number, number>()
  /** The earliest arrival among greater first copies of the stream. */
  #earliest = Infinity
  #stream = -1
  #epoch = 0

  constructor(sums: AuditSums, options: SweepOptions) {
    this.#sums = sums
    this.#options = options
    this.#first = { words: new Uint32Array(options.conflicts.tailWords), at: 0, line: noLine }
  }

  /** Adds the next row. */
  add(row: SortedRow): void {
    const next = this.#row
    next.read(row)
    if (next.news !== 'nothing') this.#endNumber()
    if (next.news === 'stream' || next.news === 'epoch') this.#endEpoch()
    if (next.news === 'stream') this.#endStream()
    this.#stream = next.stream
    this.#epoch = next.epoch
    if (next.isEvent) this.#addEvent(row)
    else this.#addPredecessor(row)
  }

  /** Adds up the last stream. */
  finish(): void {
    this.#endNumber()
    this.#endEpoch()
    this.#endStream()
  }

  #addEvent({ words, at, line }: SortedRow): void {
    const { arrival } = this.#row
    const copy = { words, at: at + numberKeyWords, line }
    const first = this.#first
    if (!this.#isBorne) {
      this.#isBorne = true
      copyRow(copy, first)
      this.#closeAbove(this.#row.number)
      this.#addFirstCopy(arrival)
      return
    }
    this.#repeats.add(arrival)
    const isDuplicate = compareWords(copy, first, idWordCount) === 0
    this.#mark(isDuplicate ? 'duplicate' : 'conflict')
    if (isDuplicate) this.#sums.addDuplicates(this.#stream, 1)
    else {
      const place = { stream: this.#stream, epoch: this.#epoch, sequence: this.#row.number }
      this.#sums.addConflicts(this.#stream, 1)
      this.#options.conflicts.add(place, copy, first)
    }
  }

  #addFirstCopy(arrival: number): void {
    this.#sums.unique++
    const earliest = this.#earliest
    if (earliest > arrival) {
      this.#earliest = arrival
      return
    }
    this.#sums.addReordered(this.#stream, 0)
    this.#latest.set(earliest, Math.max(arrival, this.#latest.get(earliest) ?? 0))
    this.#mark('reordered')
  }

  /** A repeat, which came by before as it bears a greater number, says nothing new. */
  #addPredecessor(row: SortedRow): void {
    if (this.#repeats.has(this.#row.arrival)) return
    if (this.#successors.size === 0 && !this.#isBorne && !this.#row.isBeginning)
      this.#unborne.push(this.#row.number)
    this.#successors.add(successorOf(row))
  }

  #mark(kind: TroubleMark['kind']): void {
    this.#options.onTrouble?.({ stream: this.#stream, epoch: this.#epoch, sequence: this.#row.number, kind })
  }

  #endNumber(): void {
    this.#sums.forks += Math.max(0, this.#successors.size - 1)
    if (this.#successors.size > 0) this.#successors = new Set()
    this.#isBorne = false
  }

  /** A chain may begin anywhere below its lowest event; with a given start, only there. */
  #endEpoch(): void {
    const { start } = this.#options
    if (start !== 'lowest') this.#closeAbove(undefined)
    this.#unborne = []
  }

  /** Makes gaps of the unborne predecessors above a number that is borne. */
  #closeAbove(borne: Sequence | undefined): void {
    if (this.#unborne.length === 0) return
    const { start } = this.#options
    for (const [index, to] of this.#unborne.entries()) {
      const below = this.#unborne[index + 1] ?? borne
      const from = below === undefined ? to : after(below)
      if (start === 'lowest') this.#gaps.push({ epoch: this.#epoch, from, to })
      else if (to >= start) {
        this.#gaps.push({ epoch: this.#epoch, from: below === undefined || from < start ? start : from, to })
      }
    }
    this.#unborne = []
  }

  #endStream(): void {
    for (const gap of this.#gaps.reverse()) this.#sums.addGap({ stream: this.#stream, ...gap }, 1n)
    const repeats = Float64Array.from(this.#repeats).sort()
    for (const [earliest, latest] of this.#latest) {
      const copies = countBelow(repeats, latest) - countBelow(repeats, earliest)
      this.#sums.noteExtent(latest - earliest - copies)
    }
    this.#gaps = []
    this.#repeats = new Set()
    this.#latest = new Map()
    this.#earliest = Infinity
  }
}

/** How many of the ascending values are below `limit`. */
function countBelow(values: Float64Array, limit: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] ?? 0) < limit) low = middle + 1
    else high = middle
  }
  return low
}
