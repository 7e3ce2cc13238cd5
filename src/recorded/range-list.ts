// Sorted, disjoint ranges of whole numbers, each with a value, that change in place: a stream's holes, each
// with the arrival that jumped over it. Cut into pieces so that a million ranges are as quick to change as
// ten.

/** A range of whole numbers, both ends included, and what is known of it. */
export interface ValuedRange {
  from: number
  to: number
  value: number
}

const pieceMax = 128

/** Ranges in pieces, none of them empty but for an empty list's only one. */
export class RangeList {
  readonly #pieces: ValuedRange[][] = [[]]

  /** Takes one number out of the range it lies in; that range's value, or `undefined` if it lies in none. */
  take(number: number): number | undefined {
    const { piece, index } = this.#find(number)
    const range = this.#pieces[piece]?.[index]
    if (range === undefined || range.from > number) return undefined
    const { value } = range
    const parts: ValuedRange[] = []
    if (range.from < number) parts.push({ from: range.from, to: number - 1, value })
    if (range.to > number) parts.push({ from: number + 1, to: range.to, value })
    this.#splice({ piece, index }, 1, parts)
    return value
  }

  /** Adds a range that lies in no other. */
  insert(range: ValuedRange): void {
    this.#splice(this.#find(range.from), 0, [range])
  }

  /** Takes `from..to` out; what was there, in order. */
  takeWithin(from: number, to: number): ValuedRange[] {
    const taken: ValuedRange[] = []
    for (;;) {
      const place = this.#find(from)
      const range = this.#pieces[place.piece]?.[place.index]
      if (range === undefined || range.from > to) return taken
      const { value } = range
      const parts: ValuedRange[] = []
      if (range.from < from) parts.push({ from: range.from, to: from - 1, value })
      if (range.to > to) parts.push({ from: to + 1, to: range.to, value })
      taken.push({ from: Math.max(range.from, from), to: Math.min(range.to, to), value })
      this.#splice(place, 1, parts)
    }
  }

  /** The value of the range in which the number lies; `undefined` if it lies in none. */
  valueAt(number: number): number | undefined {
    const { piece, index } = this.#find(number)
    const range = this.#pieces[piece]?.[index]
    return range !== undefined && range.from <= number ? range.value : undefined
  }

  /** Gives the ranges that lie in `from..to` a value. */
  assign(from: number, to: number, value: number): void {
    for (const range of this.#from(from)) {
      if (range.from > to) return
      range.value = value
    }
  }

  /** The ranges in order. */
  [Symbol.iterator](): Generator<ValuedRange, void, void> {
    return this.#from(-Infinity)
  }

  *#from(number: number): Generator<ValuedRange, void, void> {
    const { piece, index } = this.#find(number)
    for (let at = piece; at < this.#pieces.length; at++) {
      yield* at === piece ? (this.#pieces[at] ?? []).slice(index) : (this.#pieces[at] ?? [])
    }
  }

  /** Where the first range stands whose end is not below `number`; behind the last one if there is none. */
  #find(number: number): { piece: number; index: number } {
    const pieces = this.#pieces
    const piece = firstAtOrAbove(pieces.length - 1, (at) => (pieces[at]?.at(-1)?.to ?? Infinity) >= number)
    const ranges = pieces[piece] ?? []
    return { piece, index: firstAtOrAbove(ranges.length, (at) => (ranges[at]?.to ?? Infinity) >= number) }
  }

  #splice(at: { piece: number; index: number }, removed: number, added: readonly ValuedRange[]): void {
    const ranges = this.#pieces[at.piece] ?? []
    ranges.splice(at.index, removed, ...added)
    if (ranges.length > pieceMax) this.#pieces.splice(at.piece, 1, ranges.splice(0, pieceMax / 2), ranges)
    else if (ranges.length === 0 && this.#pieces.length > 1) this.#pieces.splice(at.piece, 1)
  }
}

/** The first of `0..count-1` for which the test holds, given that it holds for all behind; else `count`. */
function firstAtOrAbove(count: number, holds: (at: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
