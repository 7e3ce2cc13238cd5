// How far the healing of each gap of a stream has come, and when somebody is asked next. Pure: who asks, and
// whom, is the engine's affair. Upholds I7 and I8: attempts are counted before they begin, and a gap is not
// given up before the last one has ended.
import { hasGapBefore, reachedBefore } from './numbering-rules.ts'
import type { StreamRules } from './rules.ts'
import type { RuledStream } from './run-pass.ts'
import type { Epoch, Sequence } from './sequence.ts'
import { after } from './sequence.ts'
import type { GapClock, HealProgress, HeldSpan, StreamState } from './stream-state.ts'

/** One attempt at one gap, as the gap was when the attempt began. */
export interface HealAttempt {
  readonly epoch: Epoch
  /** The first missing number; `null` where the beginning of the chain is unknown (linked). */
  readonly from: Sequence | null
  readonly to: Sequence
  /** From 1. */
  readonly attempt: number
}

/** A state with attempts noted in it. */
export interface Healed {
  readonly state: StreamState
  /** The attempts that are begun with it, ascending. */
  readonly begun: readonly HealAttempt[]
}

/**
 * When the next attempt at any gap of a stream is due, in milliseconds since 1970; `undefined`: none is.
 * Nothing else matters to it: a stream that is halted, failing or paused is healed too.
 */
export function nextHealAt(rules: StreamRules, state: StreamState): number | undefined {
  if (rules.heal === undefined) return undefined
  let next = Infinity
  state.held.forEach((span, at) => {
    const dueAt = nextAttemptAt(rules, span.clock)
    if (dueAt !== undefined && dueAt < next && isGapAt({ rules, state }, at)) next = dueAt
  })
  return next === Infinity ? undefined : next
}

/**
 * When the healing of a gap is over: what comes next may come then. `undefined`: attempts are left.
 */
export function healingOverAt(rules: StreamRules, clock: GapClock): number | undefined {
  if (rules.heal === undefined) return 0
  const { attempts, nextAt } = clock.heal ?? notBegun
  return attempts < rules.heal.attempts ? undefined : nextAt
}

/** Whether the last attempt at a gap has ended, or none is made. */
export function isHealingOver(rules: StreamRules, clock: GapClock, now: number): boolean {
  const overAt = healingOverAt(rules, clock)
  return overAt !== undefined && overAt <= now
}

/** Whether an attempt at some gap of the stream is left, or under way. */
export function isHealingLeft(rules: StreamRules, state: StreamState, now: number): boolean {
  if (rules.heal === undefined) return false
  return state.held.some(
    ({ clock }, at) => !isHealingOver(rules, clock, now) && isGapAt({ rules, state }, at),
  )
}

/**
 * Begins an attempt at each gap for which one is due.
 *
 * @param nextAtOf - by the number of the attempt: when it is over at the latest, and the next may begin
 */
export function beginHealing(
  stream: RuledStream,
  now: number,
  nextAtOf: (attempt: number) => number,
): Healed {
  const begun: HealAttempt[] = []
  const state = changeClocks(stream, (span, from, to) => {
    const dueAt = nextAttemptAt(stream.rules, span.clock)
    if (dueAt === undefined || dueAt > now) return undefined
    const attempt = (span.clock.heal ?? notBegun).attempts + 1
    begun.push({ epoch: span.epoch, from, to, attempt })
    return { attempts: attempt, nextAt: nextAtOf(attempt) }
  })
  return { state, begun }
}

/** Puts off what is due until `nextAt`; no attempt is counted. */
export function postponeHealing(stream: RuledStream, now: number, nextAt: number): StreamState {
  return changeClocks(stream, ({ clock }) => {
    const dueAt = nextAttemptAt(stream.rules, clock)
    if (dueAt === undefined || dueAt > now) return undefined
    return { attempts: (clock.heal ?? notBegun).attempts, nextAt }
  })
}

/**
 * Notes how far some attempts are in the gaps that are left of theirs. Gaps of which a later attempt has
 * begun, or whose healing was restarted, stay as they are.
 */
export function noteAttempts<Attempt extends HealAttempt>(
  stream: RuledStream,
  attempts: readonly Attempt[],
  progressOf: (attempt: Attempt) => HealProgress,
): StreamState {
  return changeClocks(stream, ({ epoch, clock }, from, to) => {
    const own = attempts.find(
      (attempt) =>
        attempt.epoch === epoch &&
        attempt.attempt === clock.heal?.attempts &&
        (from === null || from <= attempt.to) &&
        (attempt.from === null || attempt.from <= to),
    )
    return own === undefined ? undefined : progressOf(own)
  })
}

/** Forgets what was tried: every gap of the stream is healed from the beginning, at once where it is old. */
export function restartHealing(state: StreamState): StreamState {
  if (state.held.every(({ clock }) => clock.heal === undefined)) return state
  const held = state.held.map((span) => {
    const { now, readingMs } = span.clock
    return { ...span, clock: { now, readingMs } }
  })
  return { ...state, held }
}

/** The same, but at once: also of a gap that would be left to close by itself for a while. */
export function healAtOnce({ rules, state }: RuledStream, now: number): StreamState {
  const restarted = restartHealing(state)
  if (rules.heal === undefined) return restarted
  return changeClocks({ rules, state: restarted }, () => ({ attempts: 0, nextAt: now }))
}

const notBegun: HealProgress = { attempts: 0, nextAt: 0 }

/** When the next attempt at a gap is due; `undefined`: it was the last. */
export function nextAttemptAt({ heal }: StreamRules, clock: GapClock): number | undefined {
  if (heal === undefined) return undefined
  if (clock.heal === undefined) return clock.now + heal.afterMs
  return clock.heal.attempts < heal.attempts ? clock.heal.nextAt : undefined
}

function isGapAt({ rules, state }: RuledStream, at: number): boolean {
  return state.held[at]?.after !== null && hasGapBefore(rules, state, at)
}

/**
 * The state with new progress at some of its gaps; the same one if there is none. What was searched is known
 * until something else was.
 */
function changeClocks(
  { rules, state }: RuledStream,
  progressOf: (span: HeldSpan, from: Sequence | null, to: Sequence) => HealProgress | undefined,
): StreamState {
  let hasChanged = false
  const held = state.held.map((span, at) => {
    if (span.after === null || !hasGapBefore(rules, state, at)) return span
    const reached = reachedBefore(rules, state, at)
    const heal = progressOf(span, reached === null ? null : after(reached), span.after)
    if (heal === undefined) return span
    hasChanged = true
    return { ...span, clock: { ...span.clock, heal: { ...span.clock.heal, ...heal } } }
  })
  return hasChanged ? { ...state, held } : state
}
