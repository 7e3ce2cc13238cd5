// Held events at the head of a stream: tried again, taken out, stopped at; and positions that come from
// elsewhere.
import { describe, expect, test } from 'vitest'
import { recall } from '../../../src/core/conflict-memory.ts'
import { decideArrivals, decideBatch } from '../../../src/core/decide.ts'
import type { Removal } from '../../../src/core/head.ts'
import { advance, canAdvance, importedStream, removeHead } from '../../../src/core/head.ts'
import { nothingHeld } from '../../../src/core/held-index.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { TrackedNumbering } from '../../../src/core/numbering.ts'
import type { Failing, Halt } from '../../../src/core/stream-state.ts'
import { clockAt, RuledHistory, rulesFor } from './ruled-history.ts'
import type { Indexed } from './ruled-history.ts'

const operatorHalt: Halt = { cause: 'operator', at: 0, reason: 'maintenance', by: 'ann' }
const failingAtOne: Failing = { epoch: 0, sequence: 1, attempts: 1, firstAt: 0, error: 'no' }
const start = { epoch: 0, sequence: undefined }
const removal: Removal = { event: failingAtOne, before: start, reason: 'failed', failing: failingAtOne }

function event(sequence: number, previous?: number | null): Indexed {
  return { action: { kind: 'event', epoch: 0, sequence, print: sequence, previous }, index: sequence }
}

/** A stream that holds everything because an operator halted it, and the halt lifted again. */
function heldStream(numbering: TrackedNumbering, events: readonly Indexed[]): RuledHistory {
  const history = new RuledHistory(rulesFor({ numbering }))
  history.state = { ...history.state, halt: operatorHalt }
  history.arrive(events, 0)
  history.state = { ...history.state, halt: undefined }
  history.lines.length = 0
  return history
}

describe('a halted stream', () => {
  test('I6: holds even what is in turn, and gives it out in order once it is resumed', () => {
    const history = heldStream(contiguous(), [event(2), event(1), event(4)])
    expect(canAdvance(history)).toBe(true)
    expect(history.apply(history.run(advance))).toEqual(['#1 release 0/1', '#2 release 0/2'])
    expect(canAdvance(history)).toBe(false)
  })

  test('increasing: everything held is given out in ascending order', () => {
    const history = heldStream(increasing(), [event(9), event(4), event(7)])
    expect(history.state.held).toHaveLength(1)
    const lines = history.apply(history.run(advance))
    expect(lines).toEqual(['#4 release 0/4', '#7 release 0/7', '#9 release 0/9'])
  })

  test('I7: increasing: what is held behind the first is refused when the stream is full', () => {
    const history = new RuledHistory(rulesFor({ numbering: increasing(), heldMax: 1 }))
    history.state = { ...history.state, halt: operatorHalt }
    expect(history.arrive([event(5), event(6)], 0)).toEqual(['#5 hold 0/5', '#6 refuse(stream-full) 0/6'])
  })

  test('a full domain refuses what is not in turn', () => {
    const rules = rulesFor({ numbering: contiguous() })
    const arrivals = [3, 1].map((sequence) => ({ kind: 'event', epoch: 0, sequence, print: 0 }) as const)
    const context = { clock: clockAt(0), held: nothingHeld, domainFull: true }
    const { outcome } = decideBatch({ rules, state: new RuledHistory(rules).state }, arrivals, context)
    expect(outcome.verdicts).toMatchObject([
      { verdict: 'refuse', reason: 'domain-full' },
      { verdict: 'deliver' },
    ])
  })
})

describe('a place to stop', () => {
  test.each([
    ['contiguous', contiguous(), [event(1), event(2), event(3)]],
    ['linked', linked(), [event(1, null), event(2, 1), event(3, 2)]],
  ] as const)('%s: nothing goes beyond it, and the rest stays held', (_name, numbering, events) => {
    const history = heldStream(numbering, events)
    const lines = history.apply(history.run(advance, { stopAt: { epoch: 0, sequence: 2 } }))
    expect(lines).toEqual(['#1 release 0/1', '#2 release 0/2'])
    expect(history.state).toMatchObject({ position: 2, heldCount: 1, held: [{ after: 2, to: 3, count: 1 }] })
    expect(history.apply(history.run(advance))).toEqual(['#3 release 0/3'])
  })
})

describe('a pass that goes on', () => {
  test.each([
    ['contiguous', contiguous(), null],
    ['linked', linked(), 1],
  ] as const)('%s: knows what it held itself, and remembers it', (_name, numbering, previous) => {
    const history = heldStream(numbering, [event(1, null)])
    const second = { kind: 'event', epoch: 0, sequence: 2, print: 7 } as const
    const later = previous === null ? second : { ...second, previous }
    const { state, outcome } = history.run((pass) => {
      pass.draft.halt = operatorHalt
      decideArrivals(pass, [later])
      pass.draft.halt = undefined
      advance(pass)
    })
    expect(outcome.hold.size).toBe(0)
    expect(outcome.deliveries).toMatchObject([{ sequence: 1 }, { sequence: 2, arrival: 0 }])
    expect(state).toMatchObject({ position: 2, heldCount: 0 })
    expect(recall(state.memory, 0, 2)).toBe(7)
  })
})

describe('a failing event', () => {
  test('stops its stream until it is tried again', () => {
    const history = heldStream(contiguous(), [event(1), event(2)])
    history.state = { ...history.state, failing: failingAtOne }
    expect(history.apply(history.run(advance))).toEqual([])
    expect(history.arrive([event(3)], 0)).toEqual(['#3 hold 0/3'])
    history.apply(history.run(advance, { retry: true }))
    expect(history.state).toMatchObject({ position: 3, failing: undefined })
  })

  test.each([
    ['contiguous', contiguous(), [event(1), event(2)]],
    ['linked', linked(), [event(1, null), event(2, 1)]],
  ] as const)(
    'I3: %s: taken out it is removed, and a copy of it is a duplicate',
    (_name, numbering, events) => {
      const history = heldStream(numbering, events)
      const halt: Halt = { cause: 'failure', at: 0, reason: 'attempts used up' }
      history.state = { ...history.state, failing: failingAtOne, halt }
      expect(history.apply(history.run((pass) => void removeHead(pass, removal)))).toEqual(['removed 0/1'])
      expect(history.state).toMatchObject({
        position: 1,
        halt: undefined,
        failing: undefined,
        counts: { removed: 1 },
      })
      expect(history.apply(history.run(advance))).toEqual(['#2 release 0/2'])
      expect(history.arrive(events.slice(0, 1), 0)).toEqual(['#1 duplicate 0/1'])
    },
  )

  test('nothing is removed where nothing is in turn', () => {
    const history = heldStream(contiguous(), [event(2)])
    const { outcome } = history.run((pass) => expect(removeHead(pass, removal)).toBe(false))
    expect(outcome.inOrder).toEqual([])
  })

  test('nothing is removed where another event is in turn', () => {
    const history = heldStream(contiguous(), [event(1), event(2)])
    const second = { ...removal, event: { epoch: 0, sequence: 2 } }
    const { state, outcome } = history.run((pass) => expect(removeHead(pass, second)).toBe(false))
    expect(outcome.inOrder).toEqual([])
    expect(state).toEqual(history.state)
  })

  test('its dead letter says how often it was tried, and where it failed', () => {
    const history = heldStream(contiguous(), [event(1), event(2)])
    const failing = { ...failingAtOne, attempts: 5, stack: 'at handle' }
    const { outcome } = history.run((pass) => void removeHead(pass, { ...removal, failing }))
    const why = { reason: 'failed', detail: 'no', attempts: 5, stack: 'at handle' }
    expect(outcome.deadLetters).toMatchObject([{ sequence: 1, arrival: undefined, ...why }])
    expect(outcome.ledger).toEqual([{ kind: 'removed', epoch: 0, from: 1, to: 1, reason: 'no' }])
    expect(outcome.release).toEqual([{ epoch: 0, after: 0, to: 1 }])
  })
})

describe('an imported position', () => {
  test('contiguous: what lies at or below it is a duplicate, the next is in turn', () => {
    const rules = rulesFor({ numbering: contiguous() })
    const history = new RuledHistory(rules, importedStream(rules, { epoch: 2, sequence: 7 }))
    const at = (epoch: number, sequence: number): Indexed => ({
      action: { kind: 'event', epoch, sequence, print: 1 },
      index: 0,
    })
    expect(history.arrive([at(2, 7), at(2, 8), at(2, 0), at(1, 9)], 0)).toEqual([
      '#0 duplicate 2/7',
      '#0 deliver 2/8',
      '#0 late(below-start) 2/0',
      '#0 stale(epoch-over) 1/9',
    ])
    expect(history.state.counts).toMatchObject({ imported: 7, delivered: 1 })
  })

  test.each([linked(), increasing()])(
    '%j: what lies at or below it is a duplicate that is not proven',
    (numbering) => {
      const rules = rulesFor({ numbering })
      const history = new RuledHistory(rules, importedStream(rules, { epoch: 0, sequence: 70 }))
      expect(history.arrive([event(60, 50)], 0)).toEqual(['#60 duplicate(not-proven) 0/60'])
      expect(history.arrive([event(80, 70)], 0)).toEqual(['#80 deliver 0/80'])
    },
  )
})
