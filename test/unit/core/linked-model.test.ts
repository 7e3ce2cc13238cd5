// Linked numbering against the naive model, line by line.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linked } from '../../../src/core/numbering.ts'
import { NaiveStream } from './naive-stream.ts'
import { randomHistory } from './random-history.ts'
import type { RandomEvent } from './random-history.ts'
import { RuledHistory, rulesFor } from './ruled-history.ts'

const setting = fc.record({
  heldMax: fc.constantFrom(1, 4, 100, 100),
  conflictMemory: fc.constantFrom(0, 1, 3, 16),
  gapEnd: fc.constantFrom('skip', 'halt', 'wait'),
})

/** Linked numbers start at 1 in the model; the predecessor lies `back` below, or there is none. */
function linkedEvent(event: RandomEvent): RandomEvent & { readonly previous: number | null | undefined } {
  const sequence = Math.max(1, event.sequence)
  const below = sequence - event.back
  if (event.back < 0) return { ...event, sequence, previous: undefined }
  return { ...event, sequence, previous: below <= 0 ? null : below }
}

describe('linked numbering is what the naive model says', () => {
  test('I1, I3: line by line, with every position, gap and clock', () => {
    fc.assert(
      fc.property(setting, randomHistory({ withFills: true }), (chosen, actions) => {
        const naive = new NaiveStream({ kind: 'linked', spanMax: 100, ...chosen })
        const ruled = new RuledHistory(rulesFor({ ...chosen, spanMax: 100, numbering: linked() }))
        actions.forEach((random, index) => {
          const said = naive.outcome.length
          const action = random.kind === 'event' ? linkedEvent(random) : random
          const added =
            action.kind === 'gap-end' ? ruled.endHeadGap(index) : ruled.arrive([{ action, index }], index)
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
