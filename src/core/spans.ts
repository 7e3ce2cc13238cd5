// Sorted, disjoint, non-empty, non-touching ranges of whole numbers: a hole a million wide is one span, and
// so are 20,000 numbers in a row. Every function leaves its input as it was.
import type { Sequence } from './sequence.ts'
import { after, before } from './sequence.ts'

/** The whole numbers `from..to`, both included; `from <= to`. */
export interface Span {
  readonly from: Sequence
  readonly to: Sequence
}

/** Whether `value` lies in one of the spans. */
export function includes(spans: readonly Span[], value: Sequence): boolean {
  const span = spans[findSpan(spans, value)]
  return span !== undefined && span.from <= value
}

/** The spans with `added` in them; what overlaps or touches becomes one. */
export function addSpan(spans: readonly Span[], added: Span): Span[] {
  const first = findSpan(spans, before(added.from))
  const reach = after(added.to)
  let last = first
  let { from, to } = added
  for (let span = spans[last]; span !== undefined && span.from <= reach; span = spans[++last]) {
    if (span.from < from) from = span.from
    if (span.to > to) to = span.to
  }
  return [...spans.slice(0, first), { from, to }, ...spans.slice(last)]
}

/** The spans without the numbers of `removed`. */
export function removeSpan(spans: readonly Span[], removed: Span): Span[] {
  const first = findSpan(spans, removed.from)
  const kept: Span[] = []
  let last = first
  for (let span = spans[last]; span !== undefined && span.from <= removed.to; span = spans[++last]) {
    if (span.from < removed.from) kept.push({ from: span.from, to: before(removed.from) })
    if (span.to > removed.to) kept.push({ from: after(removed.to), to: span.to })
  }
  return [...spans.slice(0, first), ...kept, ...spans.slice(last)]
}

/** Index of the first span whose `to` is at or above `value`; `spans.length` if there is none. */
function findSpan(spans: readonly Span[], value: Sequence): number {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const span = spans[middle]
    if (span !== undefined && span.to < value) low = middle + 1
    else high = middle
  }
  return low
}
