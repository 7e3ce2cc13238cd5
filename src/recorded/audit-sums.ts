// Adds an audit up: the counts of the whole log, the trouble of each stream that has any, and the gaps up to
// the cap, in order. Memory grows with troubled streams.
import { toSequence } from '../core/sequence.ts'
import type { Sequence } from '../core/sequence.ts'
import type { AuditGap, AuditReport, StreamTrouble } from './audit-report.ts'
import type { InvalidReason } from './recorded-line.ts'

const invalidLinesMax = 20
const worstMax = 12

/** The trouble of one stream, as it adds up. */
interface Trouble {
  missing: bigint
  duplicates: number
  conflicts: number
  outOfOrder: number
}

/** What is added up while a log goes by. */
export class AuditSums {
  unique = 0
  fills = 0
  filled = 0
  forks = 0
  #invalid = 0
  #missing = 0n
  #gapCount = 0
  #outOfOrder = 0
  #extentMax = 0
  #duplicates = 0
  #conflicts = 0
  readonly #gapsMax: number
  readonly #gaps: (Omit<AuditGap, 'stream'> & { readonly stream: number })[] = []
  readonly #invalidLines: { readonly line: number; readonly reason: InvalidReason }[] = []
  readonly #troubles = new Map<number, Trouble>()

  constructor(gapsMax: number) {
    this.#gapsMax = gapsMax
  }

  addInvalid(line: number, reason: InvalidReason): void {
    this.#invalid++
    if (this.#invalidLines.length < invalidLinesMax) this.#invalidLines.push({ line, reason })
  }

  addDuplicates(stream: number, count: number): void {
    this.#duplicates += count
    this.#troubleOf(stream).duplicates += count
  }

  addConflicts(stream: number, count: number): void {
    this.#conflicts += count
    this.#troubleOf(stream).conflicts += count
  }

  /** Some of the stream's duplicates turned out to be conflicts. */
  moveToConflicts(stream: number, count: number): void {
    this.addDuplicates(stream, -count)
    this.addConflicts(stream, count)
  }

  addReordered(stream: number, extent: number): void {
    this.#outOfOrder++
    this.#troubleOf(stream).outOfOrder++
    this.noteExtent(extent)
  }

  noteExtent(extent: number): void {
    this.#extentMax = Math.max(this.#extentMax, extent)
  }

  /** Adds the gap behind all that were added; `count` numbers are known to be missing in it. */
  addGap(gap: { stream: number; epoch: number; from: Sequence; to: Sequence }, count: bigint): void {
    this.#gapCount++
    this.#missing += count
    this.#troubleOf(gap.stream).missing += count
    if (this.#gaps.length < this.#gapsMax) this.#gaps.push(gap)
  }

  /** The report. `keys` are the streams by number. */
  report(keys: readonly string[]): Omit<AuditReport, 'conflictLines'> {
    const sound = this.unique + this.fills
    const wrong = this.#duplicates + this.#conflicts + this.#invalid
    return {
      events: sound + wrong,
      streams: keys.length,
      unique: this.unique,
      duplicates: this.#duplicates,
      conflicts: this.#conflicts,
      invalid: this.#invalid,
      fills: this.fills,
      filled: this.filled,
      missing: toSequence(this.#missing),
      gaps: this.#gaps.map((gap) => ({ ...gap, stream: keys[gap.stream] ?? '' })),
      gapCount: this.#gapCount,
      outOfOrder: this.#outOfOrder,
      reorderExtentMax: this.#extentMax,
      forks: this.forks,
      clean: wrong + this.#gapCount + this.#outOfOrder + this.forks === 0,
      invalidLines: this.#invalidLines,
      worst: this.#worst(keys),
    }
  }

  #worst(keys: readonly string[]): StreamTrouble[] {
    const worst: { readonly stream: number; readonly trouble: Trouble }[] = []
    for (const [stream, trouble] of this.#troubles) {
      if (weightOf(trouble) === 0) continue
      worst.push({ stream, trouble })
      if (worst.length > 2 * worstMax) keepWorst(worst)
    }
    keepWorst(worst)
    return worst.map(({ stream, trouble }) => {
      return { ...trouble, stream: keys[stream] ?? '', number: stream, missing: toSequence(trouble.missing) }
    })
  }

  #troubleOf(stream: number): Trouble {
    const known = this.#troubles.get(stream)
    if (known !== undefined) return known
    const trouble = { missing: 0n, duplicates: 0, conflicts: 0, outOfOrder: 0 }
    this.#troubles.set(stream, trouble)
    return trouble
  }
}

function weightOf({ missing, duplicates, conflicts, outOfOrder }: Trouble): number {
  return Number(missing) + duplicates + conflicts + outOfOrder
}

function keepWorst(worst: { readonly stream: number; readonly trouble: Trouble }[]): void {
  worst.sort((a, b) => weightOf(b.trouble) - weightOf(a.trouble) || a.stream - b.stream)
  worst.length = Math.min(worst.length, worstMax)
}
