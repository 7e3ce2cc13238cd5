// Time in the replay: the clock that arrivals move, what falls due by it, and streams that halt.
import { describe, expect, test } from 'vitest'
import { arrivalMs } from '../../../src/recorded/trace-clock.ts'
import { scenarios } from './trace-scenarios.ts'
import { at, fill } from './traced-lines.ts'

describe('an arrival', () => {
  test.each([
    [1_700_000_000_000, 1_700_000_000_000],
    ['1700000000000', 1_700_000_000_000],
    [' 12.5 ', 12.5],
    ['1970-01-01T00:00:01.5Z', 1_500],
    ['1970-01-01T01:00:00+01:00', 0],
    ['1970-01-01 00:00:02', 2_000],
    ['1970-01-02', 86_400_000],
    ['yesterday', undefined],
    ['', undefined],
    [Number.POSITIVE_INFINITY, undefined],
  ])('%s is %s', (arrival, ms) => {
    expect(arrivalMs(arrival)).toBe(ms)
  })
})

describe('the clock', () => {
  const skip = { rules: { gapEnd: 'skip', patienceMs: 10 }, fields: { arrival: 't' } } as const
  const wait = { rules: { gapEnd: 'wait', patienceMs: 10 }, fields: { arrival: 't' } } as const
  scenarios([
    [
      'what is due at an arrival fires before it is decided',
      [at(0, 1), at(5, 3), at(14, 5), at(15, 2)],
      [
        '1 deliver a 1',
        '2 hold a 3',
        '3 hold a 5',
        'lost a 2..2 at 15',
        '2 deliver a 3',
        '4 late a 2 (account-lost)',
        'open a 4..4 held 1',
      ],
      skip,
    ],
    [
      'each gap has its own clock, and one behind may be due at once',
      [at(0, 2), at(0, 4), at(9, 6), at(30, 9)],
      [
        '1 hold a 2',
        '2 hold a 4',
        '3 hold a 6',
        'lost a 1..1 at 10',
        '1 deliver a 2',
        'lost a 3..3 at 10',
        '2 deliver a 4',
        'lost a 5..5 at 19',
        '3 deliver a 6',
        '4 hold a 9',
        'open a 7..8 held 1',
      ],
      skip,
    ],
    [
      'I8: a gap that shrinks or is split keeps its clock',
      [at(0, 6), at(8, 3), at(9, 1), at(10, 9)],
      [
        '1 hold a 6',
        '2 hold a 3',
        '3 deliver a 1',
        'lost a 2..2 at 10',
        '2 deliver a 3',
        'lost a 4..5 at 10',
        '1 deliver a 6',
        '4 hold a 9',
        'open a 7..8 held 1',
      ],
      skip,
    ],
    [
      'due at once, the stream seen first goes first; else by due time',
      [at(0, 2, 'b'), at(0, 2, 'a'), at(1, 2, 'c'), at(50, 1, 'd')],
      [
        '1 hold b 2',
        '2 hold a 2',
        '3 hold c 2',
        'lost b 1..1 at 10',
        '1 deliver b 2',
        'lost a 1..1 at 10',
        '2 deliver a 2',
        'lost c 1..1 at 11',
        '3 deliver c 2',
        '4 deliver d 1',
      ],
      skip,
    ],
    [
      'a gap of a newer epoch, given up, opens it',
      [
        { s: 'a', n: 1, t: 0 },
        { s: 'a', e: 1, n: 3, t: 0 },
        { s: 'b', n: 1, t: 10 },
        { s: 'a', n: 2, t: 10 },
      ],
      [
        '1 deliver a 1',
        '2 hold a 1/3',
        'lost a 1/1..2 at 10',
        '2 deliver a 1/3',
        '3 deliver b 1',
        '4 stale a 2 (epoch-over)',
      ],
      skip,
    ],
    [
      'invalid lines move the clock, lines without a time leave it, and it never goes back',
      [at(100, 2), { s: 'a', t: 110 }, at(50, 4), { s: 'a', n: 6 }],
      [
        '1 hold a 2',
        'lost a 1..1 at 110',
        '1 deliver a 2',
        '2 invalid (sequence-missing)',
        '3 hold a 4',
        '4 hold a 6',
        'open a 3..3 held 2',
        'open a 5..5 held 1',
      ],
      skip,
    ],
    [
      'times may be ISO text or digits, and text without a zone is UTC',
      [at('2024-01-01T00:00:00.000Z', 2), at('2024-01-01T00:00:00.009', 4), at('1704067200010', 6)],
      [
        '1 hold a 2',
        '2 hold a 4',
        'lost a 1..1 at 1704067200010',
        '1 deliver a 2',
        '3 hold a 6',
        'open a 3..3 held 2',
        'open a 5..5 held 1',
      ],
      skip,
    ],
    [
      'before the first time no time passes',
      [{ s: 'a', n: 2 }, at(1_000, 4), at(1_009, 6), at(1_010, 8)],
      [
        '1 hold a 2',
        '2 hold a 4',
        '3 hold a 6',
        'lost a 1..1 at 1010',
        '1 deliver a 2',
        'lost a 3..3 at 1010',
        '2 deliver a 4',
        '4 hold a 8',
        'open a 5..5 held 2',
        'open a 7..7 held 1',
      ],
      skip,
    ],
    [
      'without --arrival there is no time',
      [at(0, 2), at(1e6, 4)],
      ['1 hold a 2', '2 hold a 4', 'open a 1..1 held 2', 'open a 3..3 held 1'],
      { rules: { gapEnd: 'skip', patienceMs: 0 } },
    ],
    [
      'with wait nothing is said when a gap is due; at the end it is overdue',
      [at(0, 2), at(5, 4), at(10, 6)],
      [
        '1 hold a 2',
        '2 hold a 4',
        '3 hold a 6',
        'overdue a 1..1 held 3',
        'open a 3..3 held 2',
        'open a 5..5 held 1',
      ],
      wait,
    ],
    [
      'the end of an epoch is dated by the clock',
      [at(0, 1), at(3, 3), { s: 'a', e: 1, n: 1, t: 7 }],
      ['1 deliver a 1', '2 hold a 3', '2 epoch-ended a 3', 'lost a 2..2 at 7', '3 deliver a 1/1'],
      skip,
    ],
  ])
})

describe('halting at a gap', () => {
  const halt = { rules: { gapEnd: 'halt', patienceMs: 10 }, fields: { arrival: 't' } } as const
  scenarios([
    [
      'a halted stream holds, and the last missing number in turn ends the halt',
      [at(0, 1), at(0, 3), at(10, 4), at(11, 2), at(12, 5)],
      [
        '1 deliver a 1',
        '2 hold a 3',
        'halted a 2..2 at 10',
        '3 hold a 4',
        '4 deliver a 2',
        '2 deliver a 3',
        '3 deliver a 4',
        '5 deliver a 5',
      ],
      halt,
    ],
    [
      'what only shrinks the gap is held; what closes it releases all',
      [at(0, 1), at(0, 4), at(10, 2), at(11, 3)],
      [
        '1 deliver a 1',
        '2 hold a 4',
        'halted a 2..3 at 10',
        '3 hold a 2',
        '4 hold a 3',
        '3 deliver a 2',
        '4 deliver a 3',
        '2 deliver a 4',
      ],
      halt,
    ],
    [
      'in turn and the last that is missing, wherever the gap ended: deliver',
      [at(0, 1), at(0, 4), at(10, 3), at(11, 2)],
      [
        '1 deliver a 1',
        '2 hold a 4',
        'halted a 2..3 at 10',
        '3 hold a 3',
        '4 deliver a 2',
        '3 deliver a 3',
        '2 deliver a 4',
      ],
      halt,
    ],
    [
      'a newer epoch does not open while the stream is halted',
      [at(0, 2), at(10, 9, 'b'), { s: 'a', e: 1, n: 1, t: 11 }, at(12, 1)],
      [
        '1 hold a 2',
        'halted a 1..1 at 10',
        '2 hold b 9',
        '3 hold a 1/1',
        '4 deliver a 1',
        '1 deliver a 2',
        '3 deliver a 1/1',
        'open b 1..8 held 1',
      ],
      halt,
    ],
    [
      'a fill closes it too',
      [at(0, 1), at(0, 4), at(10, 6), fill(2, 3, { t: 11 })],
      [
        '1 deliver a 1',
        '2 hold a 4',
        'halted a 2..3 at 10',
        '3 hold a 6',
        '4 fill a 2..3',
        '2 deliver a 4',
        'open a 5..5 held 1',
      ],
      halt,
    ],
    [
      'a gap behind, due meanwhile, halts the stream at the next line; at the end a halted gap is overdue',
      [at(0, 1), at(0, 3), at(0, 5), at(10, 2), { s: 'b', n: 1 }],
      [
        '1 deliver a 1',
        '2 hold a 3',
        '3 hold a 5',
        'halted a 2..2 at 10',
        '4 deliver a 2',
        '2 deliver a 3',
        'halted a 4..4 at 10',
        '5 deliver b 1',
        'overdue a 4..4 held 1',
      ],
      halt,
    ],
  ])
})
