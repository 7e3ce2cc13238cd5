// The gaps of a stream, read off its held spans, and when the one at the head is due. Upholds I8: a gap's
// clock counts reading time, and is kept when the gap shrinks or is split.
import { findEpoch } from './held-spans.ts'
import { hasGapBefore, reachedBefore } from './numbering-rules.ts'
import type { StreamRules } from './rules.ts'
import type { Epoch, Sequence } from './sequence.ts'
import { after } from './sequence.ts'
import type { GapClock, StreamState } from './stream-state.ts'

/** A range of missing numbers in front of a held event. */
export interface Gap {
  readonly epoch: Epoch
  /** The first missing number; `null` where the beginning of the chain is unknown (linked). */
  readonly from: Sequence | null
  readonly to: Sequence
  readonly clock: GapClock
  /** Whether it is the next thing the stream waits for. */
  readonly isHead: boolean
  /** Held events behind it, up to the end of the stream. */
  readonly held: number
}

/** The gaps of a stream, in order. */
export function gapsOf(rules: StreamRules, state: StreamState): readonly Gap[] {
  const gaps: Gap[] = []
  let behind = countEvents(state)
  state.held.forEach((span, at) => {
    if (span.after !== null && hasGapBefore(rules, state, at)) {
      const reached = reachedBefore(rules, state, at)
      const { epoch, clock } = span
      const from = reached === null ? null : after(reached)
      gaps.push({ epoch, from, to: span.after, clock, isHead: at === 0, held: behind })
    }
    if (span.kind === 'events') behind -= span.count
  })
  return gaps
}

/** The gap that the stream waits for; `undefined` when the next number is held, or nothing is. */
export function headGap(rules: StreamRules, state: StreamState): Gap | undefined {
  const [span] = state.held
  if (span === undefined || span.after === null || !hasGapBefore(rules, state, 0)) return undefined
  const reached = reachedBefore(rules, state, 0)
  const from = reached === null ? null : after(reached)
  return {
    epoch: span.epoch,
    from,
    to: span.after,
    clock: span.clock,
    isHead: true,
    held: countEvents(state),
  }
}

/** What was searched in vain for what is missing, where that is known. */
export function searchedFor({ heal }: GapClock): { readonly searched?: string } {
  return heal?.searched === undefined ? {} : { searched: heal.searched }
}

/** Why what is missing is given up, and where it is not. */
export function givenUpFor(reason: string, { heal }: GapClock): string {
  return heal?.searched === undefined ? reason : `${reason}; searched: ${heal.searched}`
}

/** The reading time at which the head gap's patience ends; `undefined` when there is no head gap. */
export function gapDueAt(rules: StreamRules, state: StreamState): number | undefined {
  const [span] = state.held
  if (span === undefined || span.after === null || !hasGapBefore(rules, state, 0)) return undefined
  return span.clock.readingMs + rules.patienceMs
}

/** Whether the gap that halted the stream has closed, so that the halt ends by itself. */
export function isHaltingGapClosed(rules: StreamRules, state: StreamState): boolean {
  const gapTo = state.halt?.gapTo
  if (gapTo === undefined) return false
  for (let at = findEpoch(state.held, gapTo.epoch); !hasGapBefore(rules, state, at); at++) {
    const span = state.held[at]
    if (span === undefined || span.epoch !== gapTo.epoch) return false
    if (span.to >= gapTo.sequence) return true
  }
  return false
}

/** Held events; held fills, which count against the limit too, are none. */
function countEvents(state: StreamState): number {
  return state.held.reduce((sum, span) => (span.kind === 'events' ? sum + span.count : sum), 0)
}
