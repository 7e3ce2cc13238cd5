// Laws that hold for every history, whatever the verdicts were: order, exactly once, one account for each
// number.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideBatch } from '../../../src/core/decide.ts'
import { nothingHeld } from '../../../src/core/held-index.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { Numbering, TrackedNumbering } from '../../../src/core/numbering.ts'
import { comparePositions, width } from '../../../src/core/sequence.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import { randomHistory } from './random-history.ts'
import type { RandomAction } from './random-history.ts'
import { clockAt, RuledHistory, rulesFor } from './ruled-history.ts'
import type { Indexed } from './ruled-history.ts'

const numberings: readonly TrackedNumbering[] = [
  contiguous(),
  contiguous({ start: 0 }),
  contiguous({ start: 'first-seen' }),
  contiguous({ modulus: 16 }),
  linked(),
  increasing(),
]

/** An event as the numbering wants it; a fill only where there are fills. */
function indexed(
  random: Exclude<RandomAction, { kind: 'gap-end' }>,
  index: number,
  kind: Numbering['kind'],
): Indexed {
  if (random.kind === 'fill') return { action: random, index }
  const { back, ...event } = random
  if (kind !== 'linked') return { action: event, index }
  return { action: { ...event, previous: event.sequence > back ? event.sequence - back : null }, index }
}

function deliveredPlaces(lines: readonly string[]): string[] {
  return lines.flatMap((line) => /(?:deliver|release) (?<place>.*)$/.exec(line)?.groups?.['place'] ?? [])
}

/** What a complete stream's arrivals are made of: every number at least once, in any order, cut anywhere. */
const arrivals = fc.integer({ min: 1, max: 40 }).chain((size) => {
  const numbers = Array.from({ length: size }, (_, index) => index + 1)
  const copies = fc.array(fc.integer({ min: 1, max: size }), { maxLength: 20 })
  const order = copies.chain((more) =>
    fc.shuffledSubarray([...numbers, ...more], { minLength: size + more.length }),
  )
  return fc.record({ size: fc.constant(size), order, cuts: fc.array(fc.nat(60)) })
})

function batchesOf<Item>(items: readonly Item[], cuts: readonly number[]): Item[][] {
  const ends = [...new Set([0, ...cuts.filter((cut) => cut < items.length), items.length])].sort(
    (a, b) => a - b,
  )
  return ends.slice(1).map((end, index) => items.slice(ends[index], end))
}

describe('a complete stream', () => {
  test.each([
    ['contiguous', contiguous(), (n: number) => ({ sequence: n })],
    ['linked', linked(), (n: number) => ({ sequence: n * 7, previous: n === 1 ? null : (n - 1) * 7 })],
  ] as const)(
    'I1: %s, shuffled, repeated and cut anywhere, is delivered once and in order',
    (_name, numbering, at) => {
      fc.assert(
        fc.property(arrivals, ({ size, order, cuts }) => {
          const history = new RuledHistory(rulesFor({ numbering }))
          const events = order.map((n, index): Indexed => ({
            action: { kind: 'event', epoch: 0, print: n, ...at(n) },
            index,
          }))
          for (const batch of batchesOf(events, cuts)) history.arrive(batch, 0)
          const expected = Array.from({ length: size }, (_, index) => `0/${at(index + 1).sequence}`)
          expect(deliveredPlaces(history.lines)).toEqual(expected)
          expect(history.held.size).toBe(0)
          expect(history.state.heldCount).toBe(0)
        }),
        { numRuns: 500 },
      )
    },
  )
})

describe('every history', () => {
  test.each(numberings)('decisions do not depend on where batches begin: %j', (numbering) => {
    const withFills = numbering.kind === 'contiguous'
    fc.assert(
      fc.property(randomHistory({ withFills, modulus: 16 }), fc.array(fc.nat(80)), (actions, cuts) => {
        const rules = rulesFor({ numbering, heldMax: 6, spanMax: 20 })
        const items = actions.flatMap((action, index) => {
          return action.kind === 'gap-end' ? [] : indexed(action, index, numbering.kind)
        })
        const [single, batched] = [new RuledHistory(rules), new RuledHistory(rules)]
        for (const item of items) single.arrive([item], 5)
        for (const batch of batchesOf(items, cuts)) batched.arrive(batch, 5)
        expect(batched.lines).toEqual(single.lines)
        expect(batched.state).toEqual(single.state)
      }),
      { numRuns: 300 },
    )
  })

  test.each(numberings)(
    'I1: effects are in strictly increasing order of epoch and sequence: %j',
    (numbering) => {
      fc.assert(
        fc.property(randomHistory({ withFills: numbering.kind === 'contiguous' }), (actions) => {
          const history = play(actions, numbering)
          let before = { epoch: -1, sequence: 0 }
          for (const place of deliveredPlaces(history.lines)) {
            const [epoch = 0, sequence = 0] = place.split('/').map(Number)
            expect(comparePositions({ epoch, sequence }, before)).toBeGreaterThan(0)
            before = { epoch, sequence }
          }
        }),
        { numRuns: 300 },
      )
    },
  )

  test.each(numberings.filter(({ kind }) => kind === 'contiguous'))(
    'I1, I3: each number up to the position has exactly one account: %j',
    (numbering) => {
      fc.assert(
        fc.property(randomHistory({ withFills: true }), (actions) => {
          const { state } = play(actions, numbering)
          const { position, baseline, counts } = state
          const current = position === undefined || baseline === undefined ? 0 : width(baseline, position)
          const accounts = Object.values<number>({ ...counts }).reduce((sum, count) => sum + count, 0)
          expect(accounts).toBe(state.endedNumbers + current)
          expect(Object.values<number>({ ...counts }).every((count) => count >= 0)).toBe(true)
        }),
        { numRuns: 500 },
      )
    },
  )

  test.each(numberings)(
    'I3: a held number lies in exactly one span, and the count is right: %j',
    (numbering) => {
      fc.assert(
        fc.property(randomHistory({ withFills: numbering.kind === 'contiguous' }), (actions) => {
          const history = play(actions, numbering)
          expectSoundSpans(history.state, numbering)
          const events = history.state.held.filter(({ kind }) => kind === 'events')
          expect(events.reduce((sum, span) => sum + span.count, 0)).toBe(history.held.size)
        }),
        { numRuns: 300 },
      )
    },
  )

  test('the state that is given stays as it was', () => {
    const frozen = deepFreeze(
      play([{ kind: 'event', epoch: 0, sequence: 3, back: 1, print: 1 }], contiguous()).state,
    )
    const arrival = { kind: 'event', epoch: 0, sequence: 1, print: 1 } as const
    const rules = rulesFor({ numbering: contiguous() })
    const { state } = decideBatch({ rules, state: frozen }, [arrival], {
      clock: clockAt(1),
      held: nothingHeld,
    })
    expect(frozen.position).toBeUndefined()
    expect(state.position).toBe(1)
  })
})

function play(actions: readonly RandomAction[], numbering: TrackedNumbering): RuledHistory {
  const history = new RuledHistory(rulesFor({ numbering, gapEnd: 'skip', heldMax: 20, spanMax: 40 }))
  actions.forEach((action, index) => {
    if (action.kind === 'gap-end') history.endHeadGap(index)
    else history.arrive([indexed(action, index, numbering.kind)], index)
  })
  return history
}

/** Sorted, disjoint and not empty; neighbouring runs of events are one. */
function expectSoundSpans({ held, heldCount }: StreamState, numbering: TrackedNumbering): void {
  expect(held.reduce((sum, span) => sum + span.count, 0)).toBe(heldCount)
  held.forEach((span, index) => {
    expect(span.after === null || span.after < span.to).toBe(true)
    expect(span.count).toBeGreaterThan(0)
    const below = held[index - 1]
    if (below === undefined || below.epoch !== span.epoch) return
    expect(span.after !== null && below.to <= span.after).toBe(true)
    const isOneRun = below.kind === 'events' && span.kind === 'events' && below.to === span.after
    expect(isOneRun).toBe(false)
    expect(numbering.kind).not.toBe('increasing')
  })
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null)
    for (const part of Object.values<unknown>({ ...Object.freeze(value) })) deepFreeze(part)
  return value
}
