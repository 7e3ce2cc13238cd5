// An operator says that numbers were burned and will never come. It obeys the rules of any fill that arrives.
import { numbersText } from '../counter.ts'
import { decideBatch } from '../decide.ts'
import { invariant } from '../errors.ts'
import { canAdvance } from '../head.ts'
import type { ArrivalVerdict } from '../outcome.ts'
import type { FillArrival, PassContext } from '../pass.ts'
import type { RuledStream } from '../run-pass.ts'
import type { Sequence } from '../sequence.ts'
import type { StreamState } from '../stream-state.ts'
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
  const [said] = decided.outcome.verdicts
  invariant(said?.to !== undefined, 'a fill was decided without a verdict')
  const { verdict } = said
  const [from, to] = [Number(said.sequence), Number(said.to)]
  const overlaps = overlapsOf(state, { ...fill, from, to })
  if (verdict !== 'hold' && verdict !== 'fill') {
    return { operated: declined(whyNot(said)), overlaps, from, to }
  }
  const isInTurn = canAdvance({ rules, state: decided.state })
  const next = isInTurn ? 'a worker goes on from there' : 'accounted for when the stream gets there'
  const operated: Operated = {
    kind: 'granted',
    ...decided,
    done: `${numbersText({ from, to })} will never come; ${next}`,
  }
  return { operated, overlaps, from, to }
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

const whys: Partial<Record<ArrivalVerdict['verdict'], string>> = {
  duplicate: 'each of these numbers has an account, or is held, already',
  stale: 'their epoch is over',
  implausible: 'they lie further ahead than can be believed (spanMax)',
  refuse: 'there is no room: the stream holds as much as it may (heldMax)',
}

function whyNot({ verdict, reason }: ArrivalVerdict): string {
  if (reason === 'epoch-beyond-span-max') {
    return 'their epoch lies further ahead than can be believed (epochSpanMax)'
  }
  return whys[verdict] ?? `the fill is invalid${reason === undefined ? '' : ` (${reason})`}`
}
