// The rules against the naive model: whatever comes, in whatever order, both say the same, line by line.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Contiguous } from '../../../src/core/numbering.ts'
import { NaiveStream } from './naive-stream.ts'
import type { RandomAction } from './random-history.ts'
import { randomHistory } from './random-history.ts'
import { RuledHistory, rulesFor } from './ruled-history.ts'

interface Setting {
  readonly start: number | undefined
  readonly modulus: number | undefined
  readonly heldMax: number
  readonly spanMax: number
  readonly conflictMemory: number
  readonly gapEnd: 'skip' | 'halt' | 'wait'
}

const setting: fc.Arbitrary<Setting> = fc.record({
  start: fc.constantFrom(1, 1, 0, 3, undefined),
  modulus: fc.constantFrom(undefined, undefined, 4, 5, 7, 8, 16),
  heldMax: fc.constantFrom(1, 4, 10, 100, 100),
  spanMax: fc.constantFrom(3, 8, 100, 100),
  conflictMemory: fc.constantFrom(0, 1, 3, 16),
  gapEnd: fc.constantFrom('skip', 'halt', 'wait'),
})

const history = setting.chain((chosen) =>
  fc.tuple(fc.constant(chosen), randomHistory({ modulus: chosen.modulus, withFills: true })),
)

function numberingOf({ start, modulus }: Setting): Contiguous {
  const numbering = { kind: 'contiguous', start: start ?? 'first-seen' } as const
  return modulus === undefined ? numbering : { ...numbering, modulus }
}

function unnamed<Action extends RandomAction>(action: Action): Action & { readonly isUnnamed?: true } {
  return action.kind === 'event' ? { ...action, isUnnamed: true } : action
}

describe('contiguous numbering is what the naive model says', () => {
  test('I1, I3: line by line, with every position, gap and clock', () => {
    fc.assert(
      fc.property(history, ([chosen, actions]) => {
        const naive = new NaiveStream({ kind: 'contiguous', ...chosen })
        const ruled = new RuledHistory(rulesFor({ ...chosen, numbering: numberingOf(chosen) }))
        actions.forEach((action, index) => {
          const said = naive.outcome.length
          const added =
            action.kind === 'gap-end'
              ? ruled.endHeadGap(index)
              : ruled.arrive([{ action: unnamed(action), index }], index)
          if (action.kind === 'gap-end') naive.endHeadGap(index)
          else naive.arrive({ ...action, index }, index)
          expect(added).toEqual(naive.outcome.slice(said))
          expect(ruled.state.position).toBe(naive.position)
          expect(ruled.gaps()).toEqual(naive.gapTexts())
          expect(ruled.state.heldCount).toBe(naive.heldCount)
        })
      }),
      { numRuns: 1_000 },
    )
  })
})
