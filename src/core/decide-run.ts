// Decides a run of events of which each is simply in turn, as nearly all are, without a step or a draft for
// each of them. What it decides is what `decideBatch` would: a property test holds the two together. Upholds
// I1.
import { isBeyondSpan } from './numbering-rules.ts'
import type { Arrival, PassContext } from './pass.ts'
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
  if (arrivals.length === 0 || isPaused === true || !isPlain(rules, state)) return undefined
  let position: Sequence | undefined = state.position
  for (const { arrival } of arrivals) {
    const isNext =
      arrival.kind === 'event' && arrival.epoch === state.epoch && follows(rules, arrival, position)
    if (!isNext) return undefined
    position = arrival.sequence
  }
  return after(rules, state, { arrivals, clock })
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

function follows(
  { numbering }: StreamRules,
  arrival: Extract<Arrival, { readonly kind: 'event' }>,
  position: Sequence | undefined,
): boolean {
  if (position === undefined) return false
  const { sequence } = arrival
  if (numbering.kind === 'contiguous') return typeof position === 'number' && sequence === position + 1
  if (sequence <= position || isBeyondSpan(numbering, position, sequence)) return false
  return numbering.kind === 'increasing' || arrival.previous === position
}

/** The state that has moved over the events. */
function after(
  rules: StreamRules,
  state: StreamState,
  { arrivals, clock }: { readonly arrivals: readonly Arrived[]; readonly clock: Clock },
): StreamState {
  const size = rules.conflictMemory
  const memory = remembered(state, arrivals, size)
  const { delivered } = state.counts
  const counts = { ...state.counts, delivered: delivered + arrivals.length }
  const last = arrivals.at(-1)?.arrival
  const moved = { ...state, memory, counts }
  if (last?.kind === 'event') moved.position = last.sequence
  for (const { arrival } of arrivals) {
    const isTold = arrival.time !== undefined || arrival.producer !== undefined
    if (isTold) noteAccepted(moved, arrival, clock)
  }
  return moved
}

/** The conflict memory with the events behind what it has: each is above all that was accepted. */
function remembered({ memory, epoch }: StreamState, arrivals: readonly Arrived[], size: number): Sequence[] {
  const added = arrivals.slice(-Math.max(size, 1))
  if (size === 0) return []
  const kept = memory.slice(Math.max(0, memory.length - (size - added.length) * 3))
  for (const { arrival } of added) {
    if (arrival.kind === 'event') kept.push(epoch, arrival.sequence, arrival.print)
  }
  return kept
}
