// A run of events that are simply in turn: decided at once, it is what the general rules decide one by one.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideRun } from '../../../src/core/decide-run.ts'
import { decideBatch } from '../../../src/core/decide.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { Numbering, TrackedNumbering } from '../../../src/core/numbering.ts'
import type { EventArrival } from '../../../src/core/pass.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import { randomHistory } from './random-history.ts'
import type { RandomAction } from './random-history.ts'
import { clockAt, RuledHistory, rulesFor } from './ruled-history.ts'
import type { Indexed } from './ruled-history.ts'

const numberings: readonly TrackedNumbering[] = [
  contiguous(),
  contiguous({ start: 'first-seen' }),
  contiguous({ modulus: 16 }),
  linked(),
  linked({ spanMax: 2 }),
  increasing(),
  increasing({ spanMax: 2 }),
]

function indexed(random: RandomAction, index: number, kind: Numbering['kind']): Indexed | undefined {
  if (random.kind === 'gap-end') return undefined
  if (random.kind === 'fill') return { action: random, index }
  const { back, ...event } = random
  if (kind !== 'linked') return { action: event, index }
  return { action: { ...event, previous: event.sequence > back ? event.sequence - back : null }, index }
}

/** What comes next: mostly the number that follows, sometimes a step beside it, a fill or another epoch. */
const nextOnes = fc.array(
  fc.record({
    step: fc.oneof(
      { weight: 12, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ min: -2, max: 3 }) },
    ),
    print: fc.integer({ min: 0, max: 3 }),
    newer: fc.oneof({ weight: 30, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
    time: fc.option(
      fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 2 ** 40, max: 2 ** 40 + 9 })),
      {
        nil: undefined,
      },
    ),
    producer: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
  }),
  { maxLength: 40 },
)

describe('a run of events in turn', () => {
  test.each(numberings)('I1: %o is decided at once as it is one by one', (numbering) => {
    let runs = 0
    let openings = 0
    const worlds = fc.record({
      actions: randomHistory({ withFills: numbering.kind === 'contiguous' }),
      cut: fc.oneof({ weight: 4, arbitrary: fc.nat(80) }, { weight: 1, arbitrary: fc.constant(0) }),
      begins: fc.integer({ min: -1, max: 1 }),
      conflictMemory: fc.constantFrom(0, 1, 3, 16),
      heldMax: fc.constantFrom(1, 1_000),
      isPaused: fc.oneof(
        { weight: 9, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
      nextOnes,
    })
    fc.assert(
      fc.property(worlds, ({ actions, cut, begins, conflictMemory, heldMax, isPaused, nextOnes: next }) => {
        const rules = rulesFor({ numbering, heldMax, gapEnd: 'skip', patienceMs: 0 })
        const history = new RuledHistory(rules)
        for (const [index, action] of actions.slice(0, cut).entries()) {
          const one = indexed(action, index, numbering.kind)
          if (one === undefined) history.endHeadGap(0)
          else history.arrive([one], 0)
        }
        const { state } = history
        const arrivals: EventArrival[] = []
        let position = Number(state.position ?? begins)
        for (const { step, newer, print, time, producer } of next) {
          const sequence = position + step
          const previous = numbering.kind === 'linked' ? { previous: position } : {}
          arrivals.push({
            kind: 'event',
            epoch: state.epoch + newer,
            sequence,
            print,
            time,
            producer,
            ...previous,
          })
          position = sequence
        }
        const now = { ...rules, conflictMemory }
        const arrived = arrivals.map((arrival) => ({ arrival }))
        const run = decideRun(now, state, arrived, { isPaused, clock: clockAt(0) })
        const context = { clock: clockAt(0), held: history.index(), isPaused }
        const decided = decideBatch({ rules: now, state }, arrivals, context)
        if (run === undefined) return
        runs++
        if (state.position === undefined) openings++
        expect(run).toEqual(decided.state)
        const { verdicts, deliveries, inOrder } = decided.outcome
        expect(verdicts).toEqual(
          arrivals.map(({ epoch, sequence }) => {
            return { kind: 'verdict', verdict: 'deliver', epoch, sequence, released: [] }
          }),
        )
        expect(inOrder).toEqual(verdicts)
        expect(deliveries.map(({ arrival }) => arrival)).toEqual([...arrivals.keys()])
      }),
      { numRuns: 1_000 },
    )
    const isWrapped = numbering.kind === 'contiguous' && numbering.modulus !== undefined
    expect(runs > 50).toBe(!isWrapped)
    const isKnown = numbering.kind === 'contiguous' && numbering.start !== 'first-seen'
    expect(openings > 10).toBe(isKnown && !isWrapped)
  })

  test('leaves the state as it was', () => {
    const rules = rulesFor({ numbering: contiguous() })
    const state = Object.freeze({ ...unknownStream, position: 4, memory: Object.freeze([0, 4, 9]) })
    const arrival = { kind: 'event', epoch: 0, sequence: 5, print: 7 } as const
    const run = decideRun(rules, state, [{ arrival }], {
      clock: clockAt(0),
    })
    expect(run).toMatchObject({ position: 5, memory: [0, 4, 9, 0, 5, 7], counts: { delivered: 1 } })
    expect(state.counts.delivered).toBe(0)
  })
})
