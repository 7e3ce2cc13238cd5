// Increasing numbering against the naive model, line by line, with numbers beyond 2^53.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { increasing } from '../../../src/core/numbering.ts'
import { toSequence } from '../../../src/core/sequence.ts'
import { NaiveIncreasing } from './naive-increasing.ts'
import { RuledHistory, rulesFor } from './ruled-history.ts'

const event = fc.record({
  epoch: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 1, 2),
  offset: fc.integer({ min: -8, max: 4 }),
  print: fc.constantFrom(1, 1, 1, 2),
})

describe('increasing numbering is what the naive model says', () => {
  test.each([0n, 2n ** 53n - 20n, 2n ** 80n])('I1, I3: line by line, near %s', (base) => {
    const memory = fc.constantFrom(0, 1, 4, 16)
    fc.assert(
      fc.property(memory, fc.array(event, { maxLength: 80, size: 'max' }), (conflictMemory, events) => {
        const naive = new NaiveIncreasing(conflictMemory)
        const ruled = new RuledHistory(rulesFor({ numbering: increasing(), conflictMemory }))
        events.forEach(({ epoch, offset, print }, index) => {
          const sequence = base + BigInt(Math.floor(index / 2) + offset)
          naive.arrive({ index, epoch, sequence, print })
          const action = { kind: 'event', epoch, sequence: toSequence(sequence), print } as const
          ruled.arrive([{ action, index }], index)
        })
        expect(ruled.lines).toEqual(naive.outcome)
        expect(ruled.state.position).toEqual(
          naive.position === undefined ? undefined : toSequence(naive.position),
        )
      }),
      { numRuns: 1_000 },
    )
  })
})
