// Decides one turn of a stream: what arrived, then what is due by the clocks, then what is in turn. Upholds
// I8: whatever was fetched or handed over is decided before a clock fires.
import { decideBatch } from '../core/decide.ts'
import type { RuledStream } from '../core/decide.ts'
import { endHeadGap } from '../core/gap-end.ts'
import type { Gap } from '../core/gaps.ts'
import { gapDueAt, headGap } from '../core/gaps.ts'
import { advance } from '../core/head.ts'
import type { Arrival, Decided, PassContext, Step } from '../core/pass.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Position } from '../core/sequence.ts'
import { comparePositions } from '../core/sequence.ts'
import type { Clock, StreamState } from '../core/stream-state.ts'
import type { DueTime } from '../ports/due-time.ts'

/** What a turn is decided by. */
export interface TurnContext extends PassContext {
  /** Look at the clocks of gaps and retries too. */
  readonly isSweep: boolean
  /** Give no gap up all the same. */
  readonly keepsGaps: boolean
  /**
   * No gap that reaches this place is given up: events that were kept and are not decided yet may lie in it.
   */
  readonly restFrom?: Position | undefined
}

/** Decides a turn. Pure. */
export function decideTurn(stream: RuledStream, arrivals: readonly Arrival[], context: TurnContext): Decided {
  const { rules } = stream
  const decided = decideBatch(stream, arrivals, context)
  if (decided.state.heldCount === 0) return decided
  const { held } = decided
  let { state } = decided
  const steps: Step[] = [...decided.steps]
  const take = (next: Decided): boolean => {
    state = next.state
    steps.push(...next.steps)
    return next.steps.length > 0
  }
  const retry = context.isSweep && isRetryDue(state, context.clock)
  take(advance({ rules, state }, { ...context, held, retry }))
  if (!context.isSweep || context.keepsGaps) return { state, steps, held }
  while (isGapDue(rules, state, context.clock) && liesBefore(headGap(rules, state), context.restFrom)) {
    if (!take(endHeadGap({ rules, state }, { ...context, held }))) break
  }
  return { state, steps, held }
}

/** When a stream must be looked at again though nothing arrives. */
export function dueTimeOf(rules: StreamRules, state: StreamState, canRun: boolean): DueTime {
  if (canRun) return { at: 0 }
  if (state.halt !== undefined) return {}
  if (state.failing?.retryAt !== undefined) return { at: state.failing.retryAt }
  if (rules.gapEnd === 'wait') return {}
  const readingMs = gapDueAt(rules, state)
  return readingMs === undefined ? {} : { readingMs }
}

function isRetryDue(state: StreamState, clock: Clock): boolean {
  return state.failing?.retryAt !== undefined && state.failing.retryAt <= clock.now
}

/** Whether the patience of the gap at the head has ended, and something is to be done about it. */
export function isGapDue(rules: StreamRules, state: StreamState, clock: Clock): boolean {
  if (state.halt !== undefined || state.failing !== undefined || rules.gapEnd === 'wait') return false
  const dueAt = gapDueAt(rules, state)
  return dueAt !== undefined && dueAt <= clock.readingMs
}

function liesBefore(gap: Gap | undefined, restFrom: Position | undefined): boolean {
  if (gap === undefined || restFrom === undefined) return gap !== undefined
  return comparePositions({ epoch: gap.epoch, sequence: gap.to }, restFrom) < 0
}
