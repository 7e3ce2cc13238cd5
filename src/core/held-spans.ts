// The held spans of a stream: runs of numbers that wait, each with the clock of the gap in front of it.
// 20,000 held events above one hole are one span. Upholds I3: a held number lies in exactly one span.
import type { Epoch, Sequence } from './sequence.ts'
import type { GapClock, HeldSpan } from './stream-state.ts'

/** A span before the gap in front of it has a clock. */
export type UnclockedSpan = Omit<HeldSpan, 'clock'>

/** The span that one event makes. */
export function eventSpan(event: {
  readonly epoch: Epoch
  readonly after: Sequence | null
  readonly sequence: Sequence
}): UnclockedSpan {
  return { kind: 'events', epoch: event.epoch, after: event.after, to: event.sequence, count: 1 }
}

/** Index of the first span whose end is at or above (epoch, sequence). */
export function findHeld(held: readonly HeldSpan[], epoch: Epoch, sequence: Sequence): number {
  let low = 0
  let high = held.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const span = held[middle]
    const isBelow = span !== undefined && (span.epoch === epoch ? span.to < sequence : span.epoch < epoch)
    if (isBelow) low = middle + 1
    else high = middle
  }
  return low
}

/** The span whose range has the number in it, whether or not an event of that number is held. */
export function heldSpanAt(
  held: readonly HeldSpan[],
  epoch: Epoch,
  sequence: Sequence,
): HeldSpan | undefined {
  const span = held[findHeld(held, epoch, sequence)]
  if (span === undefined || span.epoch !== epoch) return undefined
  return span.after === null || span.after < sequence ? span : undefined
}

/** Whether `after..to` (`after` excluded) shares a number with a held span. */
export function overlapsHeld(
  held: readonly HeldSpan[],
  range: { readonly epoch: Epoch; readonly after: Sequence | null; readonly to: Sequence },
): boolean {
  const first =
    range.after === null ? findEpoch(held, range.epoch) : findAbove(held, range.epoch, range.after)
  const span = held[first]
  if (span === undefined || span.epoch !== range.epoch) return false
  return span.after === null || span.after < range.to
}

/** The spans with one more, which must overlap none. It keeps the clock of the gap it lands in. */
export function insertHeld(
  held: readonly HeldSpan[],
  added: UnclockedSpan,
  now: GapClock,
): readonly HeldSpan[] {
  const at = findHeld(held, added.epoch, added.to)
  const next = held[at]
  const previous = held[at - 1]
  const clock = next?.epoch === added.epoch ? next.clock : now
  let span: HeldSpan = { ...added, clock }
  let [from, until] = [at, at]
  if (previous !== undefined && isRun(previous, span)) {
    span = { ...previous, to: span.to, count: previous.count + span.count }
    from--
  }
  if (next !== undefined && isRun(span, next)) {
    span = { ...span, to: next.to, count: span.count + next.count }
    until++
  }
  return held.toSpliced(from, until - from, span)
}

/** Adds a number to the one run of an epoch that increasing numbering has, where nothing is ever missing. */
export function insertIncreasing(
  held: readonly HeldSpan[],
  added: { readonly epoch: Epoch; readonly sequence: Sequence },
  now: GapClock,
): HeldSpan[] {
  const { epoch, sequence } = added
  const at = findEpoch(held, epoch)
  const run = held[at]
  if (run === undefined || run.epoch !== epoch) {
    return held.toSpliced(at, 0, { kind: 'events', epoch, after: null, to: sequence, count: 1, clock: now })
  }
  const to = sequence > run.to ? sequence : run.to
  return held.with(at, { ...run, to, count: run.count + 1 })
}

/** Index of the first span of the epoch, or where it would be. */
export function findEpoch(held: readonly HeldSpan[], epoch: Epoch): number {
  return findHeld(held, epoch, Number.NEGATIVE_INFINITY)
}

function findAbove(held: readonly HeldSpan[], epoch: Epoch, sequence: Sequence): number {
  const at = findHeld(held, epoch, sequence)
  const span = held[at]
  return span !== undefined && span.epoch === epoch && span.to === sequence ? at + 1 : at
}

function isRun(first: HeldSpan, second: HeldSpan): boolean {
  return (
    first.kind === 'events' &&
    second.kind === 'events' &&
    first.epoch === second.epoch &&
    first.to === second.after
  )
}
