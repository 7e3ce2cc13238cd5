// A state survives being stored, whatever is in it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeState, encodeState } from '../../../src/core/encode-state.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import { randomHistory } from './random-history.ts'
import { clockAt, RuledHistory, rulesFor } from './ruled-history.ts'

const odd: Partial<StreamState>[] = [
  {},
  { epoch: 7, position: 0, baseline: 0 },
  { epoch: -3, position: -9, baseline: -20 },
  { position: Number.MAX_SAFE_INTEGER, baseline: 1 },
  { position: 2n ** 70n, provenAbove: 2n ** 69n, memory: [0, 2n ** 70n, 4_294_967_295] },
  { position: 5, memory: [0, 3, 1, 0, 5, 2] },
  { position: 5, memory: [0, 4, 4_294_967_295, 0, 5, 2_147_483_648] },
  { halt: { cause: 'gap', at: 5, reason: '{"$bigint":1}', gapTo: { epoch: 1, sequence: 2n ** 80n } } },
  { failing: { epoch: 0, sequence: 4, attempts: 2, firstAt: 1, retryAt: 9, error: 'nö' } },
  { firstPrint: 0, newest: 0, duplicates: { count: 1, firstAt: 7, lastAt: 7 } },
  { ahead: [2 ** 46, 2 ** 47] },
  { firstPrint: 4_294_967_295, newest: 2 ** 45, producers: [1, 4_294_967_295] },
  { duplicates: { count: 2 ** 40, firstAt: 2 ** 41, lastAt: 2 ** 42 } },
  {
    restart: {
      evidence: 'time',
      wireEpoch: 0,
      settled: 0,
      firstAt: 1,
      lastAt: 2,
      from: 1,
      to: 2n ** 60n,
      since: 3,
    },
    runs: [
      { wireEpoch: 0, epoch: 1, since: 9, after: 8 },
      { wireEpoch: 0, epoch: 2, earlier: [7, 9] },
    ],
  },
  { held: [{ kind: 'fill', epoch: 0, after: null, to: 9, count: 1, clock: clockAt(3), reason: 'burned' }] },
]

describe('a stored state', () => {
  test.each(odd)('comes back as it was: %o', (some) => {
    const state = { ...unknownStream, ...some }
    expect(decodeState(encodeState(state))).toEqual(state)
  })

  test('comes back as it was after any history', () => {
    const numbering = fc.constantFrom(
      contiguous(),
      contiguous({ start: 'first-seen' }),
      increasing(),
      linked(),
    )
    fc.assert(
      fc.property(numbering, randomHistory({ withFills: true }), (kind, actions) => {
        const history = new RuledHistory(rulesFor({ numbering: kind, gapEnd: 'skip' }))
        actions.forEach((action, index) => {
          if (action.kind === 'gap-end') history.endHeadGap(index)
          else if (action.kind === 'fill') history.arrive([{ action, index }], index)
          else history.arrive([{ action: { ...action, previous: null }, index }], index)
        })
        const bytes = encodeState(history.state)
        expect(decodeState(bytes)).toEqual(history.state)
        expect(decodeState(Uint8Array.from(bytes))).toEqual(history.state)
      }),
      { numRuns: 300 },
    )
  })

  test('an ordinary stream with times and duplicates takes no more than 100 bytes', () => {
    const history = new RuledHistory(rulesFor({ numbering: contiguous() }))
    const now = 1_800_000_000_000
    for (let n = 1; n <= 1_000; n++) {
      const event = { kind: 'event', epoch: 0, sequence: n, print: 4_000_000_000 + n, time: now + n } as const
      history.arrive([{ action: event, index: n }], now)
      history.arrive([{ action: event, index: n }], now + n * 60_000)
    }
    expect(history.state.duplicates?.count).toBe(1_000)
    expect(encodeState(history.state).length).toBeLessThanOrEqual(100)
  })

  test.each([[[]], [[9, 0]], [[2, 0, 200]], [[2, 2, 0, 0, 0, 0, 0, 123, 34]]])(
    '%j is refused as corrupt',
    (bytes) => {
      expect(() => decodeState(new Uint8Array(bytes))).toThrow(
        expect.objectContaining({ code: 'store-corrupt' }),
      )
    },
  )

  test('what another version wrote is refused, and named', () => {
    const bytes = encodeState(unknownStream)
    bytes[0] = 1
    expect(() => decodeState(bytes)).toThrow(/has format 1, and this inturn reads 2/)
  })
})
