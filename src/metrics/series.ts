// What is counted, in plain numbers: raising one is an addition, and makes nothing. Upholds I7: there are as
// many series as labels have values, which are bounded.
import type { MetricLabel } from './catalogue.ts'
import { bucketsS } from './catalogue.ts'

/** The labels of one series. */
export type Labels = Readonly<Partial<Record<MetricLabel, string>>>

/** A number with its labels. */
export interface NumberPoint {
  readonly labels: Labels
  value: number
}

/** A histogram with its labels; `counts` has one more than there are boundaries, and each its own bucket. */
export interface HistogramPoint {
  readonly labels: Labels
  readonly counts: number[]
  sum: number
  count: number
}

/** The series of one metric. */
export class Series<Point extends { readonly labels: Labels }> {
  readonly #points = new Map<string, Point>()
  readonly #make: (labels: Labels) => Point

  constructor(make: (labels: Labels) => Point) {
    this.#make = make
  }

  get points(): readonly Point[] {
    return [...this.#points.values()]
  }

  /** The series of these labels. Whoever needs it often keeps it. */
  of(labels: Labels): Point {
    const key = keyOf(labels)
    const known = this.#points.get(key)
    if (known !== undefined) return known
    const made = this.#make(labels)
    this.#points.set(key, made)
    return made
  }

  /** What these labels name is no more: it is not measured as what it was last. */
  forget(labels: Labels): void {
    this.#points.delete(keyOf(labels))
  }
}

function keyOf(labels: Labels): string {
  return Object.values(labels).join('\u0000')
}

/** A series of numbers from 0. */
export function numberSeries(): Series<NumberPoint> {
  return new Series((labels) => ({ labels, value: 0 }))
}

/** A series of histograms. */
export function histogramSeries(): Series<HistogramPoint> {
  return new Series((labels) => ({ labels, counts: bucketsS.map(() => 0).concat(0), sum: 0, count: 0 }))
}

/** Notes a time in a histogram. */
export function note(point: HistogramPoint, valueS: number): void {
  let at = 0
  while (at < bucketsS.length && valueS > (bucketsS[at] ?? Infinity)) at++
  point.counts[at] = (point.counts[at] ?? 0) + 1
  point.sum += valueS
  point.count++
}
