// How far healing has come is a value beside each gap: counted before it begins, kept where a gap is split or
// shrinks, and never older than what was noted last. I7 and I8.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideBatch } from '../../../src/core/decide.ts'
import { gapsOf } from '../../../src/core/gaps.ts'
import {
  beginHealing,
  healAtOnce,
  isHealingLeft,
  isHealingOver,
  nextHealAt,
  noteAttempts,
  postponeHealing,
  restartHealing,
} from '../../../src/core/heal.ts'
import { nothingHeld } from '../../../src/core/held-index.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import type { Arrival } from '../../../src/core/pass.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import type { Clock, StreamState } from '../../../src/core/stream-state.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import { dueTimeOf, isGapDue } from '../../../src/engine/decide-turn.ts'

const rules: StreamRules = {
  ...defaultStreamLimits,
  numbering: contiguous(),
  conflictMemory: 0,
  patienceMs: 50,
  gapEnd: 'skip',
  heal: { afterMs: 10, attempts: 3 },
}
const arrive = (state: StreamState, sequences: readonly number[], at: number | Clock): StreamState => {
  const arrivals = sequences.map((sequence): Arrival => ({ kind: 'event', epoch: 0, sequence, print: 0 }))
  const clock = typeof at === 'number' ? { now: at, readingMs: at } : at
  return decideBatch({ rules, state }, arrivals, { clock, held: nothingHeld }).state
}
const progressOf = (state: StreamState): readonly unknown[] =>
  gapsOf(rules, state).map(({ from, to, clock }) => [from, to, clock.heal?.attempts ?? 0])

test('each gap has its own healing, and the earliest one says when the stream is due', () => {
  const early = arrive(unknownStream, [3], 100)
  const both = arrive(early, [6], 105)
  expect(nextHealAt(rules, both)).toBe(110)
  const { state, begun } = beginHealing({ rules, state: both }, 112, () => 150)
  expect(begun).toEqual([{ epoch: 0, from: 1, to: 2, attempt: 1 }])
  expect(nextHealAt(rules, state)).toBe(115)
})

test('a gap that is split or shrinks keeps what was tried; a new gap begins anew', () => {
  const { state } = beginHealing({ rules, state: arrive(unknownStream, [10], 0) }, 10, () => 20)
  expect(progressOf(arrive(state, [1, 5, 20], 11))).toEqual([
    [2, 4, 1],
    [6, 9, 1],
    [11, 19, 0],
  ])
})

test('what is noted of an attempt is noted in all that is left of its gap, and in no later attempt', () => {
  const { state, begun } = beginHealing({ rules, state: arrive(unknownStream, [10], 0) }, 10, () => 20)
  const split = arrive(state, [5], 11)
  const noted = noteAttempts({ rules, state: split }, begun, ({ attempt }) => ({
    attempts: attempt,
    nextAt: 40,
  }))
  expect(noted.held.map(({ clock }) => clock.heal)).toEqual([
    { attempts: 1, nextAt: 40 },
    { attempts: 1, nextAt: 40 },
  ])
  const second = beginHealing({ rules, state: noted }, 40, () => 99).state
  expect(noteAttempts({ rules, state: second }, begun, () => ({ attempts: 0, nextAt: 0 }))).toBe(second)
  expect(
    noteAttempts({ rules, state: restartHealing(second) }, begun, () => ({ attempts: 0, nextAt: 0 })),
  ).toEqual(restartHealing(second))
})

test('healing is over when the last attempt has ended, and left until then', () => {
  let state = arrive(unknownStream, [2], 0)
  for (const now of [10, 20, 30]) {
    expect(isHealingLeft(rules, state, now)).toBe(true)
    state = beginHealing({ rules, state }, now, () => now + 10).state
  }
  const clock = state.held[0]?.clock ?? { now: 0, readingMs: 0 }
  expect([39, 40].map((now) => isHealingOver(rules, clock, now))).toEqual([false, true])
  expect(isHealingLeft(rules, state, 40)).toBe(false)
  expect(nextHealAt(rules, state)).toBeUndefined()
  expect(nextHealAt(rules, restartHealing(state))).toBe(10)
})

test('healed at once, a gap is asked for now, also one that is younger than the first wait', () => {
  const young = arrive(unknownStream, [1, 4], 100)
  expect(nextHealAt(rules, young)).toBe(110)
  const asked = healAtOnce({ rules, state: young }, 101)
  expect(nextHealAt(rules, asked)).toBe(101)
  expect(beginHealing({ rules, state: asked }, 101, () => 200).begun).toMatchObject([{ attempt: 1, to: 3 }])
  expect(healAtOnce({ rules: { ...rules, heal: undefined }, state: young }, 101)).toBe(young)
})

test('without healing nothing is ever asked, and nothing waits for it', () => {
  const plain = { ...rules, heal: undefined }
  const state = arrive(unknownStream, [2], 0)
  expect(nextHealAt(plain, state)).toBeUndefined()
  expect(beginHealing({ rules: plain, state }, 1_000, () => 0)).toEqual({ state, begun: [] })
  expect(isGapDue(plain, state, { now: 0, readingMs: 50 })).toBe(true)
})

type Step =
  | { readonly kind: 'arrive'; readonly number: number }
  | { readonly kind: 'time'; readonly ms: number; readonly isRead: boolean }
  | { readonly kind: 'sweep'; readonly hasRoom: boolean; readonly runMs: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('arrive' as const), number: fc.integer({ min: 1, max: 30 }) }),
  fc.record({
    kind: fc.constant('time' as const),
    ms: fc.integer({ min: 0, max: 40 }),
    isRead: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('sweep' as const),
    hasRoom: fc.boolean(),
    runMs: fc.integer({ min: 1, max: 60 }),
  }),
)

/** What is wrong after a history, in words; empty if nothing is. */
function wrongAfter(steps: readonly Step[]): readonly string[] {
  const wrong: string[] = []
  let state = unknownStream
  let clock = { now: 1_000, readingMs: 0 }
  for (const one of steps) {
    if (one.kind === 'arrive') state = arrive(state, [one.number], clock)
    if (one.kind === 'time') {
      clock = { now: clock.now + one.ms, readingMs: clock.readingMs + (one.isRead ? one.ms : 0) }
    }
    if (one.kind !== 'sweep') continue
    const { now } = clock
    if (isGapDue(rules, state, clock)) {
      const heal = state.held[0]?.clock.heal
      if (heal?.attempts !== 3 || heal.nextAt > now) wrong.push(`given up with ${JSON.stringify(heal)}`)
      state = unknownStream
      continue
    }
    const stream = { rules, state }
    state = one.hasRoom
      ? beginHealing(stream, now, () => now + one.runMs).state
      : postponeHealing(stream, now, now + one.runMs)
    const most = Math.max(0, ...gapsOf(rules, state).map((gap) => gap.clock.heal?.attempts ?? 0))
    if (most > 3) wrong.push(`${most} attempts`)
    const due = dueTimeOf(rules, state, { canRun: false, hasWaiting: false, isPaused: false, clock })
    const isSpinning = (due.at ?? Infinity) <= now || (due.readingMs ?? Infinity) <= clock.readingMs
    const isForgotten = state.held.length > 0 && due.at === undefined && due.readingMs === undefined
    if (isSpinning || isForgotten) wrong.push(`due at ${JSON.stringify(due)}, looked at ${now}`)
  }
  return wrong
}

test('a stream that was looked at is due later, never at once again; attempts end (I7, I8)', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      expect(wrongAfter(steps)).toEqual([])
    }),
  )
})
