// The contract of the replay: which lines come out of which, in which order.
import { describe, expect, test } from 'vitest'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import { traceRules } from '../../../src/recorded/trace.ts'
import { scenarios } from './trace-scenarios.ts'
import { events, fill, traceText } from './traced-lines.ts'

describe('the text is the contract', () => {
  test('each kind of line has its fields', async () => {
    const lines = [
      { s: 'a "b"', n: 1 },
      { s: 'a "b"', n: 3 },
      { s: 'x', e: 2, fill: { from: 5, to: 6 } },
      { n: 1 },
    ]
    expect(await traceText(`\n${lines.map((line) => JSON.stringify(line)).join('\n\n')}`)).toBe(
      [
        '{"line":2,"stream":"a \\"b\\"","epoch":0,"sequence":1,"verdict":"deliver"}',
        '{"line":4,"stream":"a \\"b\\"","epoch":0,"sequence":3,"verdict":"hold"}',
        '{"verdict":"hold","fill":true,"stream":"x","epoch":2,"from":5,"to":6,"line":6}',
        '{"line":8,"verdict":"invalid","reason":"stream-missing"}',
        '{"verdict":"open","stream":"a \\"b\\"","from":2,"to":2,"held":1}',
        '{"verdict":"open","stream":"x","epoch":2,"from":1,"to":4,"held":0}',
        '',
      ].join('\n'),
    )
  })

  test('an empty log says nothing', async () => {
    expect(await traceText('')).toBe('')
    expect(await traceText('\n\n')).toBe('')
  })
})

describe('contiguous numbering', () => {
  scenarios([
    ['what is in turn is delivered', events(1, 2, 3), ['1 deliver a 1', '2 deliver a 2', '3 deliver a 3']],
    [
      'I1: a released event comes after what released it, with its own line',
      events(1, 4, 3, 2),
      ['1 deliver a 1', '2 hold a 4', '3 hold a 3', '4 deliver a 2', '3 deliver a 3', '2 deliver a 4'],
    ],
    [
      'a copy is a duplicate, held or delivered',
      events(1, 3, 3, 1),
      ['1 deliver a 1', '2 hold a 3', '3 duplicate a 3', '4 duplicate a 1', 'open a 2..2 held 1'],
    ],
    [
      'below the start a number is late once',
      events(0, 0, 1),
      ['1 late a 0 (below-start)', '2 duplicate a 0', '3 deliver a 1'],
    ],
    [
      'streams do not disturb each other, and end in first-seen order',
      [
        { s: 'b', n: 2 },
        { s: 'a', n: 2 },
        { s: 'b', n: 1 },
        { s: 'b', n: 4 },
      ],
      [
        '1 hold b 2',
        '2 hold a 2',
        '3 deliver b 1',
        '1 deliver b 2',
        '4 hold b 4',
        'open b 3..3 held 1',
        'open a 1..1 held 1',
      ],
    ],
    [
      'each gap tells how many held events lie behind it',
      events(1, 3, 4, 7),
      ['1 deliver a 1', '2 hold a 3', '3 hold a 4', '4 hold a 7', 'open a 2..2 held 3', 'open a 5..6 held 1'],
    ],
    [
      'beyond spanMax a number is implausible',
      events(1, 4, 5),
      ['1 deliver a 1', '2 hold a 4', '3 implausible a 5 (beyond-span-max)', 'open a 2..3 held 1'],
      { rules: { spanMax: 3 } },
    ],
    [
      'a full stream refuses what is not in turn',
      events(3, 4, 5, 1, 2),
      [
        '1 hold a 3',
        '2 hold a 4',
        '3 refuse a 5 (stream-full)',
        '4 deliver a 1',
        '5 deliver a 2',
        '1 deliver a 3',
        '2 deliver a 4',
      ],
      { rules: { heldMax: 2 } },
    ],
    [
      'first-seen: whatever comes first is the baseline',
      events(7, 8, 6),
      ['1 deliver a 7', '2 deliver a 8', '3 late a 6 (below-start)'],
      { rules: { numbering: contiguous({ start: 'first-seen' }) } },
    ],
    [
      'a start of 0 is waited for',
      events(1, 0),
      ['1 hold a 1', '2 deliver a 0', '1 deliver a 1'],
      { rules: { numbering: contiguous({ start: 0 }) } },
    ],
  ])
})

describe('ids', () => {
  const line = (n: number, id?: string): object => (id === undefined ? { s: 'a', n } : { s: 'a', n, id })
  const byId = { fields: { id: 'id' } }
  scenarios([
    [
      'one number with another id is a conflict, held or delivered',
      [line(1, 'x'), line(1, 'x'), line(1, 'y'), line(3, 'p'), line(3, 'q')],
      [
        '1 deliver a 1',
        '2 duplicate a 1',
        '3 conflict a 1 (other-id)',
        '4 hold a 3',
        '5 conflict a 3 (other-id)',
        'open a 2..2 held 1',
      ],
      byId,
    ],
    [
      'with an id and without one is a conflict; both without are copies',
      [line(1, 'x'), line(1), line(2), line(2), line(2, 'x')],
      [
        '1 deliver a 1',
        '2 conflict a 1 (other-id)',
        '3 deliver a 2',
        '4 duplicate a 2',
        '5 conflict a 2 (other-id)',
      ],
      byId,
    ],
    [
      'where no id is asked for, none conflicts',
      [line(1, 'x'), line(1, 'y')],
      ['1 deliver a 1', '2 duplicate a 1'],
    ],
    [
      'what was held is remembered once it is released',
      [line(2, 'x'), line(1, 'y'), line(2, 'z')],
      ['1 hold a 2', '2 deliver a 1', '1 deliver a 2', '3 conflict a 2 (other-id)'],
      byId,
    ],
  ])
})

describe('epochs', () => {
  scenarios([
    [
      'I3: before a new epoch opens, the held events of the old one end and its gaps are lost',
      events(1, 3, 6, [1, 1], 2, 4, 3, 7),
      [
        '1 deliver a 1',
        '2 hold a 3',
        '3 hold a 6',
        '2 epoch-ended a 3',
        '3 epoch-ended a 6',
        'lost a 2..2 at null',
        'lost a 4..5 at null',
        '4 deliver a 1/1',
        '5 late a 2 (account-lost)',
        '6 late a 4 (account-lost)',
        '7 duplicate a 3',
        '8 stale a 7 (epoch-over)',
      ],
    ],
    [
      'above its start a newer epoch is held and ends nothing',
      events(1, [1, 2], 2, [1, 1], 3),
      [
        '1 deliver a 1',
        '2 hold a 1/2',
        '3 deliver a 2',
        '4 deliver a 1/1',
        '2 deliver a 1/2',
        '5 stale a 3 (epoch-over)',
      ],
    ],
    [
      'an epoch that was never opened is stale',
      events([2, 1], [1, 1]),
      ['1 deliver a 2/1', '2 stale a 1/1 (epoch-over)'],
    ],
    [
      'open gaps of other epochs name theirs',
      events(1, 3, [1, 3]),
      ['1 deliver a 1', '2 hold a 3', '3 hold a 1/3', 'open a 2..2 held 2', 'open a 1/1..2 held 1'],
    ],
    [
      'first-seen: any number opens a newer epoch',
      events(5, [1, 9], [1, 8]),
      ['1 deliver a 5', '2 deliver a 1/9', '3 late a 1/8 (below-start)'],
      { rules: { numbering: contiguous({ start: 'first-seen' }) } },
    ],
  ])
})

describe('fills', () => {
  scenarios([
    [
      'a fill in turn is accounted for at once',
      [...events(1), fill(2, 3), ...events(4, 2)],
      ['1 deliver a 1', '2 fill a 2..3', '3 deliver a 4', '4 conflict a 2 (filled-number)'],
    ],
    [
      'a fill out of turn is held, and said once when it is in turn, with its own line and range',
      [fill(3, 5), ...events(4, 6, 1, 2)],
      [
        '1 hold-fill a 3..5',
        '2 conflict a 4 (filled-number)',
        '3 hold a 6',
        '4 deliver a 1',
        '5 deliver a 2',
        '1 fill a 3..5',
        '3 deliver a 6',
      ],
    ],
    [
      'held events inside a fill are delivered in turn',
      [...events(3), fill(1, 5)],
      ['1 hold a 3', '2 fill a 1..5', '1 deliver a 3'],
    ],
    [
      'a held fill around a held event is said once',
      [...events(4), fill(3, 5), ...events(1, 2)],
      [
        '1 hold a 4',
        '2 hold-fill a 3..5',
        '3 deliver a 1',
        '4 deliver a 2',
        '2 fill a 3..5',
        '1 deliver a 4',
      ],
    ],
    [
      'a fill at or below the position is a duplicate',
      [...events(1, 2), fill(1, 2)],
      ['1 deliver a 1', '2 deliver a 2', '3 duplicate-fill a 1..2'],
    ],
    [
      'a fill that is backwards or wider than spanMax is invalid',
      [fill(3, 2), fill(1, 6)],
      ['1 invalid (fill-not-a-range)', '2 invalid-fill a 1..6 (fill-too-wide)'],
      { rules: { spanMax: 5 } },
    ],
    [
      'a fill beyond spanMax is implausible',
      [...events(1), fill(5, 7)],
      ['1 deliver a 1', '2 implausible-fill a 5..7 (beyond-span-max)'],
      { rules: { spanMax: 5 } },
    ],
    [
      'a fill of an ended epoch is a duplicate up to its final position and stale above',
      [...events(1, [1, 1]), fill(1, 1), fill(1, 2), fill(1, 1, { e: 1 })],
      [
        '1 deliver a 1',
        '2 deliver a 1/1',
        '3 duplicate-fill a 1..1',
        '4 stale-fill a 1..2 (epoch-over)',
        '5 duplicate-fill a 1/1..1',
      ],
    ],
    [
      'a full stream refuses a fill that is not in turn',
      [...events(3), fill(5, 6), fill(1, 1)],
      ['1 hold a 3', '2 refuse-fill a 5..6 (stream-full)', '3 fill a 1..1', 'open a 2..2 held 1'],
      { rules: { heldMax: 1 } },
    ],
    [
      'a held fill of an ended epoch is said no more, and its numbers stay filled',
      [...events(1), fill(3, 3), ...events([1, 1], 3, 2)],
      [
        '1 deliver a 1',
        '2 hold-fill a 3..3',
        'lost a 2..2 at null',
        '3 deliver a 1/1',
        '4 conflict a 3 (filled-number)',
        '5 late a 2 (account-lost)',
      ],
    ],
    [
      'a held fill is no held event behind a gap',
      [fill(3, 3), ...events(5)],
      ['1 hold-fill a 3..3', '2 hold a 5', 'open a 1..2 held 1', 'open a 4..4 held 1'],
    ],
  ])
})

describe('other numberings', () => {
  const chain = (n: number, previous: number | null): object => ({ s: 'a', n, p: previous })
  const links = { rules: { numbering: linked() }, fields: { numbering: 'linked', previous: 'p' } } as const
  scenarios([
    [
      'linked: in turn is what names the position',
      [chain(10, null), chain(30, 20), chain(20, 10), chain(20, 10), chain(25, 20), chain(40, null)],
      [
        '1 deliver a 10',
        '2 hold a 30',
        '3 deliver a 20',
        '2 deliver a 30',
        '4 duplicate a 20',
        '5 conflict a 25 (predecessor-taken)',
        '6 conflict a 40 (null-previous-on-started-stream)',
      ],
      links,
    ],
    [
      'linked: its gap is open below and has no beginning where the first is missing',
      [chain(30, 20), { s: 'b', n: 10, p: null }, { s: 'b', n: 30, p: 20 }],
      ['1 hold a 30', '2 deliver b 10', '3 hold b 30', 'open a null..20 held 1', 'open b 11..20 held 1'],
      links,
    ],
    [
      'linked: a skip moves to the predecessor',
      [{ ...chain(30, 20), t: 0 }, { s: 'b', n: 1, p: null, t: 10 }, chain(40, 30), chain(20, null)],
      [
        '1 hold a 30',
        'lost a null..20 at 10',
        '1 deliver a 30',
        '2 deliver b 1',
        '3 deliver a 40',
        '4 late a 20 (below-start)',
      ],
      {
        rules: { ...links.rules, gapEnd: 'skip', patienceMs: 10 },
        fields: { ...links.fields, arrival: 't' },
      },
    ],
    ['linked: a fill is invalid', [fill(1, 2)], ['1 invalid (fill-needs-contiguous)'], links],
    [
      'increasing: whatever is greater is in turn, a number never seen is late',
      events(5, 900, 6, 5),
      ['1 deliver a 5', '2 deliver a 900', '3 late a 6 (never-seen)', '4 duplicate a 5'],
      { rules: { numbering: increasing() }, fields: { numbering: 'increasing' } },
    ],
    [
      'a modulus shows the wire number and the unwrapped one',
      events(6, 7, 1, 0, 4),
      [
        '1 deliver a 6 =6',
        '2 deliver a 7 =7',
        '3 hold a 1 =9',
        '4 deliver a 0 =8',
        '3 deliver a 1 =9',
        '5 hold a 4 =12',
        'open a 2..3 =10..11 held 1',
      ],
      { rules: { numbering: contiguous({ start: 6, modulus: 8 }) }, fields: { modulus: 8 } },
    ],
    [
      'half a modulus away is implausible, and no unwrapped number is made up',
      events(0, 4, 5),
      ['1 deliver a 0 =0', '2 implausible a 4 (half-the-modulus)', '3 late a 5 =-3 (below-start)'],
      { rules: { numbering: contiguous({ start: 0, modulus: 8 }) }, fields: { modulus: 8 } },
    ],
  ])

  test('a span is that of the numbering, whatever that is', () => {
    for (const numbering of ['increasing', 'linked'] as const) {
      expect(traceRules({ numbering, spanMax: 5 }).numbering).toEqual({ kind: numbering, spanMax: 5 })
      expect(traceRules({ numbering }).numbering).toEqual({ kind: numbering })
    }
  })

  test('numbers beyond 2^53 are said exactly', async () => {
    const log = '{"s":"a","n":9007199254740993}\n{"s":"a","n":"18446744073709551615"}\n'
    const said = await traceText(log, {
      rules: { numbering: increasing() },
      fields: { numbering: 'increasing' },
    })
    expect(said).toContain('"sequence":9007199254740993,')
    expect(said).toContain('"sequence":18446744073709551615,')
  })
})
