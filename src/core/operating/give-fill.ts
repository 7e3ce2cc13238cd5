// An operator says that numbers were burned and will never come. It obeys the rules of any fill that arrives.
import { decideBatch } from '../decide.ts'
import type { RuledStream } from '../decide.ts'
import { invariant } from '../errors.ts'
import { canAdvance } from '../head.ts'
import type { FillArrival, FillVerdict, PassContext } from '../pass.ts'
import type { Sequence } from '../sequence.ts'
import type { StreamState } from '../stream-state.ts'
import type { VerdictReason } from '../verdict.ts'
import type { Operated } from './operated.ts'
import { declined } from './operated.ts'

/** A part of a fill that it does not cover. */
export interface FillOverlap {
  readonly from: Sequence
  readonly to: Sequence
  /** What the numbers are: at or below the position, held as events, or filled already and held. */
  readonly what: 'accounted' | 'held' | 'filled'
}

/** What became of an operator's fill. */
export interface GivenFill {
  readonly operated: Operated
  readonly verdict: FillVerdict
  readonly overlaps: readonly FillOverlap[]
  /** The numbers, unwrapped. */
  readonly from: number
  readonly to: number
}

/**
 * Decides a fill. It is held even where it is in turn: a worker goes on over it. Pure.
 */
export function giveFill(stream: RuledStream, fill: FillArrival, context: PassContext): GivenFill {
  const { state, rules } = stream
  const decided = decideBatch(stream, [{ ...fill, isPlaced: true }], { ...context, isPaused: true })
  const [step] = decided.steps
  invariant(step?.kind === 'fill', 'a fill was decided without a verdict')
  const { verdict, from, to } = step
  const overlaps = overlapsOf(state, { ...fill, from, to })
  if (verdict !== 'hold' && verdict !== 'fill') {
    return { operated: declined(whyNot(verdict, step.reason)), verdict, overlaps, from, to }
  }
  const isInTurn = canAdvance({ rules, state: decided.state }, { clock: context.clock, held: context.held })
  const next = isInTurn ? 'a worker goes on over them' : 'they are filled when the stream gets there'
  const operated: Operated = {
    kind: 'granted',
    state: decided.state,
    steps: decided.steps,
    done: `the numbers ${from} to ${to} will never come; ${next}`,
  }
  return { operated, verdict, overlaps, from, to }
}

function overlapsOf(state: StreamState, { epoch, from, to }: FillArrival): readonly FillOverlap[] {
  const overlaps: FillOverlap[] = []
  const { position, held } = state
  const isCurrent = position !== undefined && state.epoch === epoch
  if (isCurrent && from <= position) {
    overlaps.push({ from, to: to < position ? to : position, what: 'accounted' })
  }
  for (const span of held) {
    const low = Math.max(Number(span.after) + 1, from)
    const high = Math.min(Number(span.to), to)
    if (span.epoch !== epoch || low > high) continue
    overlaps.push({ from: low, to: high, what: span.kind === 'fill' ? 'filled' : 'held' })
  }
  return overlaps
}

function whyNot(verdict: FillVerdict, reason: VerdictReason | undefined): string {
  switch (verdict) {
    case 'duplicate':
      return 'each of these numbers has an account, or is held, already'
    case 'stale':
      return 'their epoch is over'
    case 'implausible':
      return reason === 'epoch-beyond-span-max'
        ? 'their epoch lies further ahead than can be believed (epochSpanMax)'
        : 'they lie further ahead than can be believed (spanMax)'
    case 'refuse':
      return 'there is no room: the stream holds as much as it may (heldMax)'
    case 'invalid':
    case 'fill':
    case 'hold':
      return `the fill is invalid${reason === undefined ? '' : ` (${reason})`}`
  }
}
