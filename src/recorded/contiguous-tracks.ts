// Follows every stream's numbers while a recorded log goes by, contiguous numbering: the range seen, its
// holes and fills. Decides each event as first copy, repeat or filled, and measures reordering (RFC 4737): a
// hole keeps the arrival that jumped over it, the earliest greater one for all its numbers (below the lowest
// number that is the epoch's first arrival). So memory grows with epochs and holes, never with events.
import type { Counter } from '../core/counter.ts'
import { nearestTo } from '../core/counter.ts'
import { fillWidth } from './line-content.ts'
import { RangeList } from './range-list.ts'
import type { ValuedRange } from './range-list.ts'
import { column, TrackTable } from './track-table.ts'

/** What an event is to its stream; `half` lies exactly half the modulus away and stands for no number. */
export type ContiguousDecision = 'first' | 'repeat' | 'filled' | 'half'

/** The numbers that were seen of one epoch of one stream. */
export interface EpochRange {
  readonly stream: number
  readonly epoch: number
  readonly low: number
  readonly high: number
  readonly holes: Iterable<ValuedRange>
  readonly fills: Iterable<ValuedRange>
}

/** No arrival: nothing greater came before. */
const none = -1

/** Follows streams that are known by number, counted from 0 in the order in which they were first seen. */
export class ContiguousTracks {
  /** The last event's number, unwrapped. */
  sequence = 0
  /** The last fill's first number, unwrapped. */
  filledFrom = 0
  /** The line of the fill that covers the last event's number, where that is `filled`. */
  filledBy = 0
  /** How far behind the earliest greater arrival the last first copy came; 0 if it came in order. */
  extent = 0
  readonly #counter: Counter | undefined
  /** The number before the first of a stream, where that is known. */
  readonly #before: number
  readonly #table = new TrackTable()
  readonly #holes = new Map<number, RangeList>()
  readonly #fills = new Map<number, RangeList>()

  constructor(counter: Counter | undefined, before: number = -Infinity) {
    this.#counter = counter
    this.#before = before
  }

  /** How many streams were seen. */
  get streamCount(): number {
    return this.#table.streamCount
  }

  /** Decides an event. */
  decide(stream: number, epoch: number, wire: number): ContiguousDecision {
    const track = this.#table.trackOf(stream, epoch)
    const { cells } = this.#table
    const high = cells[track + column.high] ?? 0
    const sequence = this.#counter === undefined ? wire : this.#unwrap(high, wire)
    this.sequence = sequence
    if (sequence === high + 1 && cells[track + column.eventHigh] === high) {
      cells[track + column.high] = sequence
      cells[track + column.eventHigh] = sequence
      this.#arrive(track, none)
      return 'first'
    }
    return Number.isNaN(sequence) ? 'half' : this.#decideOther(track, sequence)
  }

  /** Notes that a line says `from..to` were burned; false if the bounds lie half the modulus away. */
  fill(
    stream: number,
    epoch: number,
    wire: { readonly from: number; readonly to: number },
    line: number = none,
  ): boolean {
    const track = this.#table.trackOf(stream, epoch)
    const { cells } = this.#table
    const high = cells[track + column.high] ?? 0
    const from = this.#counter === undefined ? wire.from : this.#unwrap(high, wire.from)
    if (Number.isNaN(from)) return false
    this.filledFrom = from
    const to = from + fillWidth(wire, this.#counter?.modulus) - 1
    const low = cells[track + column.low] ?? 0
    const filled = this.#holes.get(track)?.takeWithin(from, to) ?? []
    if (Number.isNaN(high)) filled.push({ from, to, value: none })
    if (to > high) filled.push({ from: Math.max(from, high + 1), to, value: none })
    if (from < low) filled.push({ from, to: Math.min(to, low - 1), value: none })
    if (from > high + 1) this.#addHole(track, { from: high + 1, to: from - 1, value: none })
    const first = cells[track + column.firstArrival] ?? none
    if (to < low - 1) this.#addHole(track, { from: to + 1, to: low - 1, value: first })
    cells[track + column.high] = to > high || Number.isNaN(high) ? to : high
    cells[track + column.low] = from < low || Number.isNaN(low) ? from : low
    for (const range of filled) listOf(this.#fills, track).insert({ ...range, value: line })
    return true
  }

  /** What was seen, by stream and ascending epoch. */
  *ranges(): Generator<EpochRange, void, void> {
    const { cells } = this.#table
    for (let stream = 0; stream < this.streamCount; stream++) {
      for (const track of this.#table.tracksOf(stream)) {
        yield {
          stream,
          epoch: cells[track + column.epoch] ?? 0,
          low: cells[track + column.low] ?? 0,
          high: cells[track + column.high] ?? 0,
          holes: this.#holes.get(track) ?? [],
          fills: this.#fills.get(track) ?? [],
        }
      }
    }
  }

  #decideOther(track: number, sequence: number): ContiguousDecision {
    const { cells } = this.#table
    const high = cells[track + column.high] ?? 0
    if (!(sequence <= high)) {
      this.#passOver(track, sequence)
      if (sequence > high + 1) {
        this.#addHole(track, { from: high + 1, to: sequence - 1, value: this.#table.arrivalsOf(track) })
      }
      cells[track + column.high] = sequence
      if (Number.isNaN(high)) cells[track + column.low] = sequence
      this.#arrive(track, none)
      return 'first'
    }
    const low = cells[track + column.low] ?? 0
    const first = cells[track + column.firstArrival] ?? none
    let jumpedBy: number | undefined = first
    if (sequence >= low) jumpedBy = this.#holes.get(track)?.take(sequence)
    if (jumpedBy === undefined) {
      const filledBy = this.#fills.get(track)?.valueAt(sequence)
      this.filledBy = filledBy ?? none
      return filledBy === undefined ? 'repeat' : 'filled'
    }
    if (sequence < low) {
      if (sequence < low - 1) this.#addHole(track, { from: sequence + 1, to: low - 1, value: first })
      cells[track + column.low] = sequence
    }
    if (jumpedBy === none) this.#passOver(track, sequence)
    this.#arrive(track, jumpedBy)
    return 'first'
  }

  /** Makes an event the greatest one of its epoch: the holes that fills left below it are jumped over. */
  #passOver(track: number, sequence: number): void {
    const { cells } = this.#table
    const eventHigh = cells[track + column.eventHigh] ?? 0
    const from = Number.isNaN(eventHigh) ? -Infinity : eventHigh
    if (eventHigh !== cells[track + column.high]) {
      this.#holes.get(track)?.assign(from, sequence, this.#table.arrivalsOf(track))
    }
    cells[track + column.eventHigh] = sequence
  }

  /** Counts a first copy and measures how far behind it came. */
  #arrive(track: number, jumpedBy: number): void {
    const { cells } = this.#table
    const byEpoch = cells[track + column.jumpedBy] ?? none
    const isLate = jumpedBy !== none || byEpoch !== none
    const isFirst = cells[track + column.firstArrival] === none
    if (isFirst) this.#table.noteFirstEvent(track, this.#table.arrivalsOf(track))
    this.extent = isLate || isFirst ? this.#extentOf(track, jumpedBy) : 0
    this.#table.countArrival(track)
  }

  #extentOf(track: number, jumpedBy: number): number {
    const byEpoch = this.#table.cells[track + column.jumpedBy] ?? none
    const isEither = jumpedBy === none || byEpoch === none
    const earliest = isEither ? Math.max(jumpedBy, byEpoch) : Math.min(jumpedBy, byEpoch)
    return earliest === none ? 0 : this.#table.arrivalsOf(track) - earliest
  }

  /** What a number on the wire stands for: the nearest to the greatest seen; NaN exactly half-way round. */
  #unwrap(high: number, wire: number): number {
    const reference = Number.isNaN(high) ? this.#before : Math.max(high, this.#before)
    if (this.#counter === undefined || reference === -Infinity) return wire
    const number = nearestTo(this.#counter, wire, reference)
    return (number - reference) * 2 === this.#counter.modulus ? NaN : number
  }

  #addHole(track: number, hole: ValuedRange): void {
    listOf(this.#holes, track).insert(hole)
  }
}

function listOf(lists: Map<number, RangeList>, track: number): RangeList {
  const known = lists.get(track)
  if (known !== undefined) return known
  const list = new RangeList()
  lists.set(track, list)
  return list
}
