// Numbers that the ledger says were taken out of their stream or came late, and of which neither a dead
// letter is kept nor the ledger says what became of it. Upholds I3: a dead letter that is simply gone shows
// here. Pure.
import type { Epoch, Position, Sequence } from '../../core/sequence.ts'
import { after, comparePositions, width } from '../../core/sequence.ts'

/** Numbers of one epoch, both ends included. */
export interface EpochRange {
  readonly epoch: Epoch
  readonly from: Sequence
  readonly to: Sequence
}

/**
 * How many numbers of the ranges have none of the letters. A number that lies in several ranges counts once:
 * an event that is taken out again, after its position was moved back, has the same dead letter as before.
 */
export function countMissingLetters(ranges: readonly EpochRange[], letters: readonly Position[]): number {
  const kept = letters.toSorted(comparePositions)
  let missing = 0
  let next = 0
  let last: Position | undefined
  for (const { epoch, from, to } of ranges.toSorted(byPlace)) {
    const start = last?.epoch === epoch && last.sequence >= from ? after(last.sequence) : from
    if (start > to) continue
    missing += width(start, to)
    let counted: Position | undefined
    for (let letter = kept[next]; letter !== undefined; letter = kept[++next]) {
      if (comparePositions(letter, { epoch, sequence: to }) > 0) break
      const isNew = counted === undefined || comparePositions(counted, letter) < 0
      if (isNew && comparePositions(letter, { epoch, sequence: start }) >= 0) missing--
      counted = letter
    }
    last = { epoch, sequence: to }
  }
  return missing
}

function byPlace(a: EpochRange, b: EpochRange): number {
  return comparePositions({ epoch: a.epoch, sequence: a.from }, { epoch: b.epoch, sequence: b.from })
}
