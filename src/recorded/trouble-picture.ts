// Where in their number ranges the worst streams are in trouble, as strips of bins to be drawn. Memory is
// bounded: beyond a million marks the rest are counted by the audit but not drawn.
import type { Sequence } from '../core/sequence.ts'
import type { AuditReport, StreamTrouble, TroubleMark } from './audit-report.ts'
import type { EpochRange } from './contiguous-tracks.ts'

/** How much of a bin's numbers is in trouble, from 0 to 1 by kind. */
export interface TroubleBin {
  missing: number
  duplicate: number
  conflict: number
  reordered: number
}

/** The number range of one epoch of a stream, in bins of equal width. */
export interface TroubleStrip {
  readonly trouble: StreamTrouble
  readonly epoch: number
  readonly low: Sequence
  readonly high: Sequence
  readonly bins: readonly TroubleBin[]
}

const marksMax = 1_000_000
const stripsMax = 12
/** Into how many bins a strip is cut. */
export const binCount = 240

/** Gathers what an audit sees and draws it at the end. */
export class TroublePicture {
  readonly strips: TroubleStrip[] = []
  /** How many events in trouble are not drawn. */
  marksLeftOut = 0
  /** How many strips of the streams with the most trouble are not drawn. */
  stripsLeftOut = 0
  readonly #marks: TroubleMark[] = []

  /** For the audit's `onTrouble`. */
  readonly mark = (mark: TroubleMark): void => {
    if (this.#marks.length < marksMax) this.#marks.push(mark)
    else this.marksLeftOut++
  }

  /** For the audit's `onRanges`. */
  readonly draw = (report: AuditReport, ranges: Iterable<EpochRange>): void => {
    const troubles = new Map(report.worst.map((trouble) => [trouble.number, trouble]))
    const strips: (TroubleStrip & { readonly stream: number })[] = []
    for (const { stream, epoch, low, high, holes } of ranges) {
      const trouble = troubles.get(stream)
      if (trouble === undefined) continue
      const strip = { trouble, stream, epoch, low, high, bins: emptyBins() }
      for (const hole of holes) addRange(strip, hole)
      strips.push(strip)
    }
    if (strips.length === 0) strips.push(...this.#stripsOfMarks(report, troubles))
    this.#addMarks(strips)
    const order = report.worst.map(({ number }) => number)
    strips.sort((a, b) => order.indexOf(a.stream) - order.indexOf(b.stream) || a.epoch - b.epoch)
    const troubled = strips.filter(({ bins }) => bins.some(isTroubled))
    this.strips.push(...troubled.slice(0, stripsMax))
    this.stripsLeftOut = troubled.length - this.strips.length
  }

  /** Where no ranges are known, the range from the first to the last trouble. */
  #stripsOfMarks(
    report: AuditReport,
    troubles: ReadonlyMap<number, StreamTrouble>,
  ): (TroubleStrip & { readonly stream: number })[] {
    const numbers = new Map([...troubles].map(([number, { stream }]) => [stream, number]))
    const spans = new Map<string, { stream: number; epoch: number; low: Sequence; high: Sequence }>()
    const widen = (stream: number, epoch: number, sequence: Sequence): void => {
      if (!troubles.has(stream)) return
      const span = spans.get(`${stream} ${epoch}`) ?? { stream, epoch, low: sequence, high: sequence }
      spans.set(`${stream} ${epoch}`, span)
      if (sequence < span.low) span.low = sequence
      if (sequence > span.high) span.high = sequence
    }
    for (const { stream, epoch, sequence } of this.#marks) widen(stream, epoch, sequence)
    for (const { stream, epoch, from, to } of report.gaps) {
      widen(numbers.get(stream) ?? -1, epoch, from)
      widen(numbers.get(stream) ?? -1, epoch, to)
    }
    return [...spans.values()].flatMap((span) => {
      const trouble = troubles.get(span.stream)
      if (trouble === undefined) return []
      const strip = { ...span, trouble, bins: emptyBins() }
      for (const gap of report.gaps) {
        if (gap.stream === trouble.stream && gap.epoch === span.epoch) addRange(strip, gap)
      }
      return strip
    })
  }

  #addMarks(strips: readonly (TroubleStrip & { readonly stream: number })[]): void {
    const byPlace = new Map(strips.map((strip) => [`${strip.stream} ${strip.epoch}`, strip]))
    for (const { stream, epoch, sequence, kind } of this.#marks) {
      const strip = byPlace.get(`${stream} ${epoch}`)
      if (strip === undefined) continue
      const bin = strip.bins[Math.floor(placeOf(strip, sequence))]
      if (bin !== undefined) bin[kind] = Math.min(1, bin[kind] + 1 / numbersPerBin(strip))
    }
  }
}

function emptyBins(): TroubleBin[] {
  return Array.from({ length: binCount }, () => ({ missing: 0, duplicate: 0, conflict: 0, reordered: 0 }))
}

function isTroubled({ missing, duplicate, conflict, reordered }: TroubleBin): boolean {
  return missing + duplicate + conflict + reordered > 0
}

/** Where a number stands among the bins; whole numbers are bin borders. */
function placeOf({ low, high }: Pick<TroubleStrip, 'low' | 'high'>, sequence: Sequence): number {
  const width = Number(BigInt(high) - BigInt(low) + 1n)
  return (Number(BigInt(sequence) - BigInt(low)) / width) * binCount
}

function numbersPerBin({ low, high }: TroubleStrip): number {
  return Math.max(1, Number(BigInt(high) - BigInt(low) + 1n) / binCount)
}

/** Adds missing numbers to the bins that they overlap, by how much of a bin they take. */
function addRange(
  strip: TroubleStrip,
  { from, to }: { readonly from: Sequence; readonly to: Sequence },
): void {
  const start = placeOf(strip, from)
  const end = start + (Number(BigInt(to) - BigInt(from) + 1n) / numbersIn(strip)) * binCount
  for (let index = Math.floor(start); index < Math.min(end, binCount); index++) {
    const bin = strip.bins[index]
    const share = Math.min(end, index + 1) - Math.max(start, index)
    if (bin !== undefined) bin.missing = Math.min(1, bin.missing + Math.max(0, share))
  }
}

function numbersIn({ low, high }: TroubleStrip): number {
  return Number(BigInt(high) - BigInt(low) + 1n)
}
