// Decides one turn of a stream: what arrived, then what is due by the clocks, then what is in turn. Upholds
// I8: whatever was fetched, or is in the inbox, is decided before a clock fires.
import { decideBatch } from '../core/decide.ts'
import type { RuledStream } from '../core/decide.ts'
import { endHeadGap } from '../core/gap-end.ts'
import type { Gap } from '../core/gaps.ts'
import { gapDueAt, headGap } from '../core/gaps.ts'
import { advance, removeHead } from '../core/head.ts'
import { healingOverAt, nextHealAt } from '../core/heal.ts'
import type { Arrival, Decided, PassContext, Step } from '../core/pass.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Position } from '../core/sequence.ts'
import { comparePositions } from '../core/sequence.ts'
import type { Clock, StreamState } from '../core/stream-state.ts'
import { haltStops } from '../core/stream-state.ts'
import type { DueTime } from '../ports/records.ts'

/** What a turn is decided by. */
export interface TurnContext extends PassContext {
  /** Look at the clocks of gaps and retries too. */
  readonly isSweep: boolean
  /** The failing event is tried now, whatever the clock says: its attempt was committed before. */
  readonly runsBegun?: boolean
  /** Give no gap up all the same. */
  readonly keepsGaps: boolean
  /**
   * No gap that reaches this place is given up: events that were kept and are not decided yet may lie in it.
   */
  readonly restFrom?: Position | undefined
  /** Events that are taken out of the stream in their turn, in order. */
  readonly removals?: readonly Removal[]
}

/** An event that is taken out in its turn, and the place in front of it. */
interface Removal {
  readonly event: Position
  readonly before: NonNullable<PassContext['stopAt']>
}

/** Decides a turn. Pure. */
export function decideTurn(stream: RuledStream, arrivals: readonly Arrival[], context: TurnContext): Decided {
  const { rules } = stream
  const { stopAt, removals = [] } = context
  const open = removals.filter(({ event }) => stopAt === undefined || liesUpTo(event, stopAt))
  const [first] = open
  if (first === undefined) return decideUpTo(stream, arrivals, context)
  const decided = decideUpTo(stream, arrivals, { ...context, stopAt: first.before })
  const steps: Step[] = [...decided.steps]
  let { state } = decided
  for (const [at, { event }] of open.entries()) {
    const removed = removeHead({ rules, state }, { ...context, held: decided.held })
    const last = removed.steps.at(-1)
    // The turn itself has put another event in front, of an older epoch that this one would have ended: that
    // one has its turn first.
    if (last?.kind !== 'removed' || comparePositions(last, event) !== 0) break
    const next = open[at + 1]?.before ?? stopAt
    const behind = advance(
      { rules, state: removed.state },
      { ...context, held: decided.held, ...(next !== undefined && { stopAt: next }) },
    )
    state = behind.state
    for (const step of removed.steps) steps.push(step)
    for (const step of behind.steps) steps.push(step)
  }
  return { state, steps, held: decided.held }
}

/** Whether a stream that stands at a place has passed an event. */
function liesUpTo(event: Position, { epoch, sequence }: Removal['before']): boolean {
  return sequence !== undefined && comparePositions(event, { epoch, sequence }) <= 0
}

function decideUpTo(stream: RuledStream, arrivals: readonly Arrival[], context: TurnContext): Decided {
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
  const retry = context.runsBegun === true || (context.isSweep && isRetryDue(state, context.clock))
  take(advance({ rules, state }, { ...context, held, retry }))
  const keepsGaps = context.keepsGaps || context.isPaused === true
  if (!context.isSweep || keepsGaps) return { state, steps, held }
  const mayEnd = (): boolean => !isAt(state, context.stopAt) && isGapDue(rules, state, context.clock)
  while (mayEnd() && liesBefore(headGap(rules, state), context.restFrom)) {
    if (!take(endHeadGap({ rules, state }, { ...context, held }))) break
  }
  return { state, steps, held }
}

/** What a stream's due time depends on beside its state. */
export interface DueQuestion {
  /** A held event is in turn, or an entry of the inbox may be. */
  readonly canRun: boolean
  /** Entries of the inbox wait for room. */
  readonly hasWaiting: boolean
  readonly isPaused: boolean
  readonly clock: Clock
}

/**
 * How often a stream is looked at that waits for something of which nobody may tell it: that its domain goes
 * on, or has room for what is in its inbox.
 */
const waitingLookMs = 60_000

/** When a stream must be looked at again though nothing arrives. */
export function dueTimeOf(rules: StreamRules, state: StreamState, question: DueQuestion): DueTime {
  const { canRun, hasWaiting, isPaused, clock } = question
  const healAt = nextHealAt(rules, state)
  const lookAt = clock.now + waitingLookMs
  if (isPaused) {
    const waits = canRun || hasWaiting || state.heldCount > 0
    return waits ? { at: earliest(healAt, lookAt) } : {}
  }
  if (canRun) return { at: 0 }
  if (hasWaiting && state.heldCount === 0) return { at: lookAt }
  const retryAt = !haltStops(state) ? state.failing?.retryAt : undefined
  const at = earliest(retryAt, healAt)
  const patienceAt = isGapEndOpen(rules, state) ? gapDueAt(rules, state) : undefined
  const overAt = patienceAt === undefined ? undefined : headHealingOverAt(rules, state)
  if (patienceAt === undefined || overAt === undefined) return at === Infinity ? {} : { at }
  if (overAt > clock.now) return { at: earliest(at, overAt) }
  return { ...(at !== Infinity && { at }), readingMs: patienceAt }
}

/** Whether the stream has come to the event that it stops in front of: then that one is next, and no gap. */
function isAt({ epoch, position }: StreamState, stopAt: PassContext['stopAt']): boolean {
  return stopAt !== undefined && stopAt.sequence === position && stopAt.epoch === epoch
}

function earliest(one: number | undefined, other: number | undefined): number {
  return Math.min(one ?? Infinity, other ?? Infinity)
}

/** Whether a clock of the stream has run out: that of a retry, or of the gap at its head. */
export function isClockDue(rules: StreamRules, state: StreamState, clock: Clock): boolean {
  return state.heldCount > 0 && (isRetryDue(state, clock) || isGapDue(rules, state, clock))
}

function isRetryDue(state: StreamState, clock: Clock): boolean {
  return state.failing?.retryAt !== undefined && state.failing.retryAt <= clock.now
}

/**
 * Whether healing and patience of the gap at the head have ended, and something is to be done about it.
 */
export function isGapDue(rules: StreamRules, state: StreamState, clock: Clock): boolean {
  if (!isGapEndOpen(rules, state)) return false
  const dueAt = gapDueAt(rules, state)
  if (dueAt === undefined || dueAt > clock.readingMs) return false
  const overAt = headHealingOverAt(rules, state)
  return overAt !== undefined && overAt <= clock.now
}

/** Whether the stream stands in a way in which its head gap can be ended by the clock. */
function isGapEndOpen(rules: StreamRules, state: StreamState): boolean {
  return !haltStops(state) && state.failing === undefined && rules.gapEnd !== 'wait'
}

function headHealingOverAt(rules: StreamRules, { held }: StreamState): number | undefined {
  const [head] = held
  return head === undefined ? undefined : healingOverAt(rules, head.clock)
}

function liesBefore(gap: Gap | undefined, restFrom: Position | undefined): boolean {
  if (gap === undefined || restFrom === undefined) return gap !== undefined
  return comparePositions({ epoch: gap.epoch, sequence: gap.to }, restFrom) < 0
}
