// What each numbering means, in one vocabulary: an event stands for the step `after -> sequence`, and is in
// turn when the position has reached `after`. Contiguous is linked with `after = sequence - 1`; increasing
// has no `after`, as nothing can be missing.

import { findEpoch } from './held-spans.ts'
import type { Increasing, Linked } from './numbering.ts'
import type { StreamRules } from './rules.ts'
import type { Epoch, Sequence } from './sequence.ts'
import { after } from './sequence.ts'
import type { HeldSpan, StreamState } from './stream-state.ts'

/** Where an epoch begins: a known place before its first number, its chain's null, or wherever it is seen. */
export type Origin = { readonly after: Sequence | null } | 'first-seen'

/**
 * The place before the first number of an epoch that is not open. Held first, a first-seen number is the
 * first.
 */
export function originOf(rules: StreamRules, state: StreamState, epoch: Epoch): Origin {
  const { numbering } = rules
  if (numbering.kind === 'increasing') return 'first-seen'
  if (numbering.kind === 'linked') return { after: null }
  if (numbering.start !== 'first-seen') return { after: numbering.start - 1 }
  const lowest = firstHeld(state, epoch)
  return lowest === undefined ? 'first-seen' : { after: lowest.after }
}

/** Whether the position lies in this epoch. */
export function isCurrent(state: StreamState, epoch: Epoch): boolean {
  return state.position !== undefined && state.epoch === epoch
}

/**
 * Whether a step from `after` is the next one of its epoch: from the position, or from the epoch's origin.
 */
export function isInTurn(
  rules: StreamRules,
  state: StreamState,
  step: { readonly epoch: Epoch; readonly after: Sequence | null },
): boolean {
  if (rules.numbering.kind === 'increasing') return firstHeld(state, step.epoch) === undefined
  if (isCurrent(state, step.epoch)) return step.after === state.position
  const origin = originOf(rules, state, step.epoch)
  return origin === 'first-seen' || origin.after === step.after
}

/** Whether a held span, the first of its epoch, opens it. */
export function isOpening(rules: StreamRules, state: StreamState, span: HeldSpan): boolean {
  const origin = originOf(rules, state, span.epoch)
  return origin === 'first-seen' || origin.after === span.after
}

/**
 * The number before the gap in front of a held span: the end of the span below, the position, or the epoch's
 * origin. `null` where the chain's beginning is unknown; equal to the span's `after` where nothing is
 * missing.
 */
export function reachedBefore(rules: StreamRules, state: StreamState, at: number): Sequence | null {
  const span = state.held[at]
  const below = state.held[at - 1]
  if (span === undefined) return null
  if (below !== undefined && below.epoch === span.epoch) return below.to
  if (isCurrent(state, span.epoch)) return state.position ?? null
  const origin = originOf(rules, state, span.epoch)
  return origin === 'first-seen' ? span.after : origin.after
}

/** Whether a number is missing in front of the held span. */
export function hasGapBefore(rules: StreamRules, state: StreamState, at: number): boolean {
  const span = state.held[at]
  if (span === undefined || rules.numbering.kind === 'increasing') return false
  return reachedBefore(rules, state, at) !== span.after
}

/**
 * The first number of an epoch that the step from `first` opens; `undefined` where there is no lower bound.
 */
export function baselineOf(rules: StreamRules, first: Sequence | null): Sequence | undefined {
  const { numbering } = rules
  if (numbering.kind === 'contiguous' && numbering.start !== 'first-seen') return numbering.start
  return first === null ? undefined : after(first)
}

const positionMax = 2n ** 63n
const spanDefault = 2n ** 62n

/** Whether an increasing or linked number lies further above the position than can be believed. */
export function isBeyondSpan(
  { spanMax }: Increasing | Linked,
  position: Sequence | undefined,
  sequence: Sequence,
): boolean {
  if (position === undefined || sequence <= position) return false
  if (typeof sequence === 'number' && typeof position === 'number') {
    return spanMax !== undefined && sequence - position > spanMax
  }
  if (spanMax === undefined && position >= positionMax) return false
  return BigInt(sequence) - BigInt(position) > (spanMax ?? spanDefault)
}

/** Whether an event is the first of its numbering, which a producer that counts again begins with. */
export function isFirstNumber(
  { numbering }: StreamRules,
  event: { readonly sequence: Sequence; readonly after: Sequence | null },
): boolean {
  if (numbering.kind === 'linked') return event.after === null
  return (
    numbering.kind === 'contiguous' && numbering.modulus === undefined && event.sequence === numbering.start
  )
}

function firstHeld(state: StreamState, epoch: Epoch): HeldSpan | undefined {
  const span = state.held[findEpoch(state.held, epoch)]
  return span?.epoch === epoch ? span : undefined
}
