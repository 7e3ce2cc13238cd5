// Decides a run of events of which each is simply in turn, as nearly all are, without a draft or an outcome
// for each of them. What it decides is what `decideBatch` would: a property test holds the two together.
// Upholds I1.
import { isBeyondSpan } from './numbering-rules.ts'
import type { Increasing, Linked } from './numbering.ts'
import type { Arrival, EventArrival, PassContext } from './pass.ts'
import { noteAccepted } from './producer-runs.ts'
import type { StreamRules } from './rules.ts'
import type { Sequence } from './sequence.ts'
import type { Clock, StreamState } from './stream-state.ts'

/** Something that arrived, with whatever came along. */
export interface Arrived {
  readonly arrival: Arrival
}

/** What the context of a pass may say that a run has to know. */
export type RunContext = Pick<PassContext, 'isPaused' | 'clock'>

/**
 * The state after some events, where each of them is in turn in a stream in which nothing waits and nothing
 * is to be told; `undefined` where that is not so, or is not known so easily. Pure.
 */
export function decideRun(
  rules: StreamRules,
  state: StreamState,
  arrivals: readonly Arrived[],
  { isPaused, clock }: RunContext,
): StreamState | undefined {
  const first = arrivals[0]?.arrival
  if (first === undefined || isPaused === true || !isPlain(rules, state)) return undefined
  const begun = state.position === undefined ? opened(rules, state, first) : state
  let { position } = begun
  if (position === undefined) return undefined
  const { numbering } = rules
  for (const { arrival } of arrivals) {
    if (arrival.kind !== 'event' || arrival.epoch !== begun.epoch) return undefined
    const { sequence } = arrival
    const isNext: boolean =
      numbering.kind === 'contiguous'
        ? typeof position === 'number' && sequence === position + 1
        : follows(numbering, arrival, position)
    if (!isNext) return undefined
    position = sequence
  }
  return after(rules, begun, { arrivals, clock, position })
}

/** The state of a stream that nothing is known of, in front of the first number of its first epoch. */
function opened({ numbering, conflictMemory }: StreamRules, state: StreamState, first: Arrival): StreamState {
  const { kind } = numbering
  const isKnown = kind === 'contiguous' && numbering.start !== 'first-seen' && state.memory.length === 0
  if (!isKnown || first.kind !== 'event' || first.sequence !== numbering.start) return state
  const { start } = numbering
  const firstPrint = conflictMemory > 0 ? first.print : undefined
  return { ...state, epoch: first.epoch, baseline: start, position: start - 1, firstPrint }
}

/**
 * Whether nothing is held, stopped or told in the stream, its numbers are as they come, and nothing is
 * remembered of an epoch that is to come.
 */
function isPlain({ numbering }: StreamRules, state: StreamState): boolean {
  const isWrapped = numbering.kind === 'contiguous' && numbering.modulus !== undefined
  const isStill = state.halt !== undefined || state.failing !== undefined || state.restart !== undefined
  const { epoch, memory } = state
  const isBelow = (memory.at(-3) ?? epoch) <= epoch
  return !isWrapped && !isStill && isBelow && state.held.length === 0 && state.runs.length === 0
}

function follows(numbering: Linked | Increasing, arrival: EventArrival, position: Sequence): boolean {
  const { sequence } = arrival
  if (sequence <= position || isBeyondSpan(numbering, position, sequence)) return false
  return numbering.kind === 'increasing' || arrival.previous === position
}

/** The state that has moved over the events. */
function after(
  rules: StreamRules,
  state: StreamState,
  run: { readonly arrivals: readonly Arrived[]; readonly clock: Clock; readonly position: Sequence },
): StreamState {
  const { arrivals, clock, position } = run
  const memory = remembered(state, arrivals, rules.conflictMemory)
  const counts = { ...state.counts }
  counts.delivered += arrivals.length
  const moved = { ...state, position, memory, counts }
  for (const { arrival } of arrivals) {
    const isTold = arrival.time !== undefined || arrival.producer !== undefined
    if (isTold) noteAccepted(moved, arrival, clock)
  }
  return moved
}

/** The conflict memory with the events behind what it has: each is above all that was accepted. */
function remembered({ memory, epoch }: StreamState, arrivals: readonly Arrived[], size: number): Sequence[] {
  const count = Math.min(arrivals.length, size)
  const before = Math.min(memory.length, (size - count) * 3)
  // oxlint-disable-next-line unicorn/no-new-array -- of its length at once: a list that grows is copied
  const kept = new Array<Sequence>(before + count * 3)
  const dropped = memory.length - before
  let at = 0
  for (; at < before; at++) kept[at] = memory[dropped + at] ?? 0
  for (let index = arrivals.length - count; index < arrivals.length; index++) {
    const arrival = arrivals[index]?.arrival
    if (arrival?.kind !== 'event') continue
    kept[at++] = epoch
    kept[at++] = arrival.sequence
    kept[at++] = arrival.print
  }
  return kept
}
