// Decides one turn of a stream: what arrived, then what is due by the clocks, then what is in turn. Upholds
// I8: whatever was fetched, or is in the inbox, is decided before a clock fires.
import { decideArrivals } from '../core/decide.ts'
import { endHeadGap } from '../core/gap-end.ts'
import type { Gap } from '../core/gaps.ts'
import { gapDueAt, headGap } from '../core/gaps.ts'
import type { Removal } from '../core/head.ts'
import { advance, removeHead } from '../core/head.ts'
import { healingOverAt, nextHealAt } from '../core/heal.ts'
import type { Arrival, Pass, PassContext } from '../core/pass.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Decided, RuledStream } from '../core/run-pass.ts'
import { runPass } from '../core/run-pass.ts'
import type { Position } from '../core/sequence.ts'
import { comparePositions } from '../core/sequence.ts'
import type { Clock, StreamState } from '../core/stream-state.ts'
import { haltStops } from '../core/stream-state.ts'
import type { DueTime } from '../ports/records.ts'
import { isPlaced } from './process-result.ts'

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
  /** The event in front of which the turn stops is taken out too, and the turn ends behind it. */
  readonly removesNext?: Removal | undefined
}

/** Decides a turn. Pure. */
export function decideTurn(stream: RuledStream, arrivals: readonly Arrival[], context: TurnContext): Decided {
  const { stopAt, removals = [], removesNext } = context
  const open = removals.filter(({ event }) => stopAt === undefined || liesUpTo(event, stopAt))
  const stops = [...open.map(({ before }) => before), stopAt]
  return runPass(stream, { ...context, stopAt: stops[0] }, (pass) => {
    decideUpTo(pass, arrivals, context)
    for (const [at, removal] of open.entries()) {
      // The turn itself has put another event in front, of an older epoch that this one would have ended:
      // that one has its turn first.
      if (!removeHead(pass, removal)) return
      pass.context = { ...context, stopAt: stops[at + 1] }
      advance(pass)
    }
    if (removesNext !== undefined) removeHead(pass, removesNext)
  })
}

/** Whether a stream that stands at a place has passed an event. */
function liesUpTo(event: Position, { epoch, sequence }: Removal['before']): boolean {
  return sequence !== undefined && comparePositions(event, { epoch, sequence }) <= 0
}

function decideUpTo(pass: Pass, arrivals: readonly Arrival[], context: TurnContext): void {
  const { rules, draft } = pass
  const { clock, isSweep, restFrom } = context
  decideArrivals(pass, arrivals)
  if (draft.heldCount === 0) return
  const { stopAt } = pass.context
  pass.context = {
    ...pass.context,
    retry: context.runsBegun === true || (isSweep && isRetryDue(draft, clock)),
  }
  advance(pass)
  if (!isSweep || context.keepsGaps || context.isPaused === true) return
  const mayEnd = (): boolean => !isAt(draft, stopAt) && isGapDue(rules, draft, clock)
  while (mayEnd() && isDecided(pass, headGap(rules, draft), restFrom)) endHeadGap(pass)
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

/** Whether nothing that may lie in a gap was refused for want of room, or is not read yet. */
function isDecided({ outcome }: Pass, gap: Gap | undefined, restFrom: Position | undefined): boolean {
  if (gap === undefined) return false
  const { epoch, from, to } = gap
  if (restFrom !== undefined && comparePositions({ epoch, sequence: to }, restFrom) >= 0) return false
  return !outcome.verdicts.some(({ verdict, reason, epoch: own, sequence, to: end = sequence }) => {
    const isWithin = own === epoch && sequence <= to && (from === null || end >= from)
    return isWithin && verdict === 'refuse' && isPlaced(reason)
  })
}
