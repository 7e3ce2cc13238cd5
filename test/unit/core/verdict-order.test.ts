// Each verdict, and that it is checked before those behind it: one example for each neighbour in the order.
import { describe, expect, test } from 'vitest'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import type { Sequence } from '../../../src/core/sequence.ts'
import { verdicts } from '../../../src/core/verdict.ts'
import { RuledHistory, rulesFor } from './ruled-history.ts'
import type { Indexed } from './ruled-history.ts'

type Event = readonly [epoch: number, sequence: Sequence, print?: number, previous?: Sequence | null]
type Fill = { readonly epoch?: number; readonly from: number; readonly to: number }
type Happening = Event | Fill | 'give up'

function said(happenings: readonly Happening[], some: Partial<StreamRules> = {}): string[] {
  const history = new RuledHistory(rulesFor({ numbering: contiguous(), ...some }))
  happenings.forEach((happening, index) => {
    if (happening === 'give up') history.endHeadGap(index)
    else history.arrive([indexed(happening, index)], index)
  })
  return history.lines
}

function indexed(happening: Event | Fill, index: number): Indexed {
  if ('from' in happening) return { action: { kind: 'fill', epoch: 0, ...happening }, index }
  const [epoch, sequence, print = 1, previous] = happening
  return { action: { kind: 'event', epoch, sequence, print, previous }, index }
}

function last(happenings: readonly Happening[], some?: Partial<StreamRules>): string | undefined {
  return said(happenings, some)
    .at(-1)
    ?.replace(/^#\d+ /, '')
}

const skip = { gapEnd: 'skip' } as const

describe('the verdicts are checked in their order', () => {
  test('the order is the one that is written down', () => {
    const order = 'invalid stale late conflict duplicate implausible refuse deliver hold'
    expect(verdicts.join(' ')).toBe(order)
  })

  test('invalid before stale: what cannot be read has no place', () => {
    const rules = { numbering: contiguous({ modulus: 8 }) }
    expect(
      last(
        [
          [1, 1],
          [0, 8],
        ],
        rules,
      ),
    ).toBe('invalid(at-or-above-modulus) 0/8')
  })

  test('stale before late: above the final position of an ended epoch nothing is lost', () => {
    const history: Happening[] = [
      [0, 1],
      [0, 3],
      [1, 1],
    ]
    expect(last([...history, [0, 4]])).toBe('stale(epoch-over) 0/4')
    expect(last([...history, [0, 2]])).toBe('late(account-lost) 0/2')
    expect(last([...history, [0, 3]])).toBe('duplicate 0/3')
  })

  test('late before conflict: a lost number is late, whatever its id', () => {
    const history: Happening[] = [[0, 1], [0, 3], 'give up']
    expect(last([...history, [0, 2, 9]], skip)).toBe('late(account-lost) 0/2')
    expect(last([...history, [0, 2, 9], [0, 2, 9]], skip)).toBe('duplicate 0/2')
  })

  test('another event with the number of one that came late is no copy of it (I3)', () => {
    const history: Happening[] = [[0, 1], [0, 3], 'give up']
    expect(last([...history, [0, 2, 9], [0, 2, 8]], skip)).toBe('conflict(other-id) 0/2')
    const below = { numbering: contiguous({ start: 'first-seen' }) } as const
    expect(
      last(
        [
          [0, 7],
          [0, 6, 9],
          [0, 6, 9],
        ],
        below,
      ),
    ).toBe('duplicate 0/6')
    expect(
      last(
        [
          [0, 7],
          [0, 6, 9],
          [0, 6, 8],
        ],
        below,
      ),
    ).toBe('conflict(other-id) 0/6')
    expect(
      last([
        [0, 0, 9],
        [0, 0, 8],
      ]),
    ).toBe('conflict(other-id) 0/0')
  })

  test('conflict before duplicate: a used number with another id', () => {
    expect(
      last([
        [0, 1, 1],
        [0, 1, 2],
      ]),
    ).toBe('conflict(other-id) 0/1')
    expect(
      last([
        [0, 3, 1],
        [0, 3, 2],
      ]),
    ).toBe('conflict(other-id) 0/3')
    expect(
      last([
        [0, 1, 1],
        [0, 1, 1],
      ]),
    ).toBe('duplicate 0/1')
    expect(last([{ from: 1, to: 2 }, [0, 2]])).toBe('conflict(filled-number) 0/2')
    expect(last([{ from: 2, to: 2 }, [0, 2]])).toBe('conflict(filled-number) 0/2')
  })

  test('duplicate before implausible and refuse: a held copy needs no room', () => {
    expect(
      last(
        [
          [0, 3],
          [0, 3],
        ],
        { heldMax: 1, spanMax: 3 },
      ),
    ).toBe('duplicate 0/3')
  })

  test('implausible before refuse: a corrupt number is not worth a retry', () => {
    expect(
      last(
        [
          [0, 3],
          [0, 9],
        ],
        { heldMax: 1, spanMax: 5 },
      ),
    ).toBe('implausible(beyond-span-max) 0/9')
    expect(
      last(
        [
          [0, 3],
          [0, 5],
        ],
        { heldMax: 1, spanMax: 5 },
      ),
    ).toBe('refuse(stream-full) 0/5')
  })

  test('refuse before deliver, but what is in turn always has room', () => {
    expect(
      said(
        [
          [0, 2],
          [0, 1],
        ],
        { heldMax: 1 },
      ),
    ).toEqual(['#0 hold 0/2', '#1 deliver 0/1', '#0 release 0/2'])
  })

  test('I7: spanMax is the last number that is believed', () => {
    expect(
      last(
        [
          [0, 1],
          [0, 6],
        ],
        { spanMax: 5 },
      ),
    ).toBe('hold 0/6')
    expect(
      last(
        [
          [0, 1],
          [0, 7],
        ],
        { spanMax: 5 },
      ),
    ).toBe('implausible(beyond-span-max) 0/7')
  })
})

describe('reading a number under a numbering', () => {
  test.each<[string, StreamRules['numbering'], Event, string]>([
    ['a contiguous number beyond 2^53 - 1', contiguous(), [0, 2n ** 60n], 'invalid(beyond-safe-integer)'],
    ['a counter below zero', contiguous({ modulus: 8 }), [0, -1], 'invalid(below-zero-with-modulus)'],
    [
      'a counter half a turn away',
      contiguous({ start: 0, modulus: 8 }),
      [0, 3],
      'implausible(half-the-modulus)',
    ],
    ['a link without a predecessor field', linked(), [0, 5], 'invalid(previous-missing)'],
    ['a link to itself', linked(), [0, 5, 1, 5], 'invalid(previous-not-below-sequence)'],
  ])('%s', (...[, numbering, event, verdict]) => {
    expect(last([event], { numbering })).toBe(`${verdict} 0/${event[1]}`)
  })

  test('increasing numbers may be as large as they like', () => {
    const rules = { numbering: increasing() }
    expect(
      said(
        [
          [0, 2n ** 63n],
          [0, 2n ** 63n + 1n],
          [0, 5],
        ],
        rules,
      ),
    ).toEqual([`#0 deliver 0/${2n ** 63n}`, `#1 deliver 0/${2n ** 63n + 1n}`, '#2 late(never-seen) 0/5'])
  })

  test('a counter wraps around and back', () => {
    const history = new RuledHistory(rulesFor({ numbering: contiguous({ start: 0, modulus: 4 }) }))
    for (let n = 0; n < 12; n++) history.arrive([indexed([0, n % 4], n)], 0)
    expect(history.state.position).toBe(11)
    expect(history.arrive([indexed([0, 2], 12)], 0)).toEqual(['#12 duplicate 0/10'])
  })
})

describe('epochs', () => {
  test('the last eight ended epochs are remembered, older ones are stale', () => {
    const opened = Array.from({ length: 10 }, (_, epoch): Event => [epoch, 1])
    expect(last([...opened, [1, 1]])).toBe('duplicate 1/1')
    expect(last([...opened, [0, 1]])).toBe('stale(epoch-over) 0/1')
  })

  test('an unknown stream opens with any epoch, and what is held of older ones ends', () => {
    expect(
      said([
        [0, 3],
        [5, 1],
        [0, 2],
      ]),
    ).toEqual(['#0 hold 0/3', '#0 ended 0/3', 'lost 0/1..2', '#1 deliver 5/1', '#2 late(account-lost) 0/2'])
  })

  test('a linked epoch whose beginning was lost has no numbers below', () => {
    const rules = { numbering: linked(), ...skip }
    expect(
      said(
        [
          [0, 9, 1, 8],
          [1, 4, 1, null],
          [0, 7, 1, 6],
          [0, 9, 1, 8],
          [0, 9, 2, 8],
        ],
        rules,
      ).slice(1),
    ).toEqual([
      '#0 ended 0/9',
      'lost 0/null..8',
      '#1 deliver 1/4',
      '#2 late(below-start) 0/7',
      '#3 duplicate 0/9',
      '#4 conflict(other-id) 0/9',
    ])
  })

  test('I7: what came below a start is forgotten with its epoch, and never grows without end', () => {
    const history = new RuledHistory(rulesFor({ numbering: contiguous() }))
    for (let epoch = 0; epoch < 50; epoch++) {
      history.arrive([indexed([epoch, 0], epoch * 2), indexed([epoch, 1], epoch * 2 + 1)], 0)
    }
    expect(history.state.belowBaseline.length).toBeLessThanOrEqual(9)
    for (let epoch = 100; epoch < 20_100; epoch++) history.arrive([indexed([epoch, 0], epoch)], 0)
    expect(history.state.belowBaseline.length).toBeLessThanOrEqual(10_000)
  })
})

describe('halting', () => {
  const rules = { gapEnd: 'halt' } as const
  test('with a newer epoch held behind, only the halting gap matters', () => {
    expect(said([[0, 1], [1, 3], 'give up', [0, 5], [1, 1], [1, 2]], rules)).toEqual([
      '#0 deliver 0/1',
      '#1 hold 1/3',
      'halted 1/1..2',
      '#3 hold 0/5',
      '#4 hold 1/1',
      '#5 hold 1/2',
      '#3 ended 0/5',
      'lost 0/2..4',
      '#4 release 1/1',
      '#5 release 1/2',
      '#1 release 1/3',
    ])
  })

  test('I1: of the epochs that are held, the lowest opens first', () => {
    const history: Happening[] = [[0, 1], [0, 3], 'give up', [2, 1], [1, 1], [0, 2]]
    expect(said(history, rules).slice(5)).toEqual([
      '#5 deliver 0/2',
      '#1 release 0/3',
      '#4 release 1/1',
      '#3 release 2/1',
    ])
  })

  test('first-seen: what is held first while the stream is halted is the baseline', () => {
    const numbering = contiguous({ start: 'first-seen' })
    expect(
      said([[0, 1], [0, 3], 'give up', [1, 7], [1, 6], [1, 9], [0, 2]], { ...rules, numbering }).slice(3),
    ).toEqual([
      '#3 hold 1/7',
      '#4 late(below-start) 1/6',
      '#5 hold 1/9',
      '#6 deliver 0/2',
      '#1 release 0/3',
      '#3 release 1/7',
    ])
  })
})
