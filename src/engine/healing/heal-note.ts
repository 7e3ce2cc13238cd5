// What a turn notes about the healing of its stream's gaps: that an attempt begins, that it is still under
// way, that it has ended. Attempts are durable before anybody is asked. Upholds I7 and I8.
import type { HealAttempt, Healed } from '../../core/heal.ts'
import { beginHealing, noteAttempts, postponeHealing } from '../../core/heal.ts'
import type { StreamRules } from '../../core/rules.ts'
import type { Clock, StreamState } from '../../core/stream-state.ts'
import { backoffMs } from '../backoff.ts'
import type { HealingPolicy } from './resolve-healing.ts'

/**
 * Notes something in a state. It is asked anew each time its turn is decided anew, so it answers the same for
 * the same state.
 */
export type HealNote = (state: StreamState, clock: Clock) => Healed

/** An attempt for which somebody was asked. */
export interface AskedAttempt extends HealAttempt {
  /** What was searched, as its healer says it. */
  searched?: string
}

/** What notes are made from. */
export interface NoteParts {
  readonly rules: StreamRules
  readonly healing: HealingPolicy
  /** From 0 to below 1: where the wait lies between none and the longest. */
  readonly random: number
}

/** How much longer than one answer may take an attempt counts as under way, at least and at most. */
const marginLeastMs = 1_000
const marginMostMs = 5_000
const postponeLeastMs = 1_000
const postponeMostMs = 10_000
/** Characters of what was searched that are kept. */
const searchedMax = 500
/** By how much the longest wait grows with each stream that waits. */
const postponeEachMs = 4

/** How long an attempt counts as under way if nothing more is heard of it. */
export function runMs({ timeoutMs }: HealingPolicy): number {
  return timeoutMs + Math.min(marginMostMs, Math.max(marginLeastMs, timeoutMs))
}

/** Begins an attempt at each gap for which one is due. */
export function beginNote({ rules, healing, random }: NoteParts): HealNote {
  return (state, { now }) =>
    beginHealing({ rules, state }, now, (attempt) => now + runMs(healing) + wait(healing, attempt, random))
}

/** Puts off what is due, because others are being healed; for longer, the more of them wait. */
export function postponeNote({ rules, random }: NoteParts, waiting: number): HealNote {
  const mostMs = postponeMostMs + postponeEachMs * waiting
  const waitMs = Math.ceil(postponeLeastMs + (mostMs - postponeLeastMs) * random)
  return (state, { now }) => ({ state: postponeHealing({ rules, state }, now, now + waitMs), begun: [] })
}

/** Attempts are still under way. */
export function renewNote({ rules, healing, random }: NoteParts, attempts: readonly HealAttempt[]): HealNote {
  return (state, { now }) => ({
    state: noteAttempts({ rules, state }, attempts, ({ attempt }) => ({
      attempts: attempt,
      nextAt: now + runMs(healing) + wait(healing, attempt, random),
    })),
    begun: [],
  })
}

/**
 * Attempts have ended, and the next may come after a wait; where it was the last, what follows may come at
 * once. Attempts for which nobody was asked do not count.
 */
export function endNote(
  { rules, healing, random }: NoteParts,
  ended: { readonly asked: readonly AskedAttempt[]; readonly unasked: readonly HealAttempt[] },
): HealNote {
  const most = rules.heal?.attempts ?? 0
  return (state, { now }) => {
    const noted = noteAttempts({ rules, state }, ended.asked, ({ attempt, searched }) => ({
      attempts: attempt,
      nextAt: attempt >= most ? now : now + wait(healing, attempt, random),
      ...(searched !== undefined && { searched: shortened(searched) }),
    }))
    return {
      state: noteAttempts({ rules, state: noted }, ended.unasked, ({ attempt }) => ({
        attempts: attempt - 1,
        nextAt: now + postponeLeastMs + wait(healing, attempt, random),
      })),
      begun: [],
    }
  }
}

function wait(healing: HealingPolicy, attempt: number, random: number): number {
  return backoffMs(healing, attempt, random)
}

/** What is kept with each gap is bounded; all of it is told once, with the outcome. */
function shortened(searched: string): string {
  return searched.length <= searchedMax ? searched : `${searched.slice(0, searchedMax)}...`
}
