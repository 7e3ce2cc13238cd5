// How much is kept: ranges, not numbers. Counted, never timed.
import { describe, expect, test } from 'vitest'
import { decideBatch } from '../../../src/core/decide.ts'
import { gapsOf } from '../../../src/core/gaps.ts'
import type { HeldIndex, HeldMember } from '../../../src/core/held-index.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import { clockAt, rulesFor } from './ruled-history.ts'

const many = 20_000
const rules = rulesFor({ numbering: contiguous(), heldMax: many })

/** An index that counts how often it is asked. */
class CountedIndex implements HeldIndex {
  questions = 0
  print(): number {
    this.questions++
    return 1
  }
  members(): readonly HeldMember[] {
    this.questions++
    return []
  }
}

function decide(
  state: StreamState,
  sequences: readonly number[],
  held: HeldIndex = new CountedIndex(),
): StreamState {
  const arrivals = sequences.map((sequence) => ({ kind: 'event', epoch: 0, sequence, print: 1 }) as const)
  return decideBatch({ rules, state }, arrivals, { clock: clockAt(0), held }).state
}

function numbers(count: number, at: (index: number) => number): number[] {
  return Array.from({ length: count }, (_, index) => at(index))
}

describe('I7: what is kept grows with holes, not with numbers', () => {
  test('20,000 held above one hole are one span, whichever end they come from', () => {
    const upwards = decide(
      unknownStream,
      numbers(many, (index) => index + 2),
    )
    const downwards = decide(
      unknownStream,
      numbers(many, (index) => many + 1 - index),
    )
    expect(upwards.held).toEqual(downwards.held)
    expect(upwards).toMatchObject({ heldCount: many, held: [{ after: 1, to: many + 1, count: many }] })
  })

  test('closing the hole asks for no more fingerprints than the memory takes', () => {
    const index = new CountedIndex()
    const state = decide(
      decide(
        unknownStream,
        numbers(many, (at) => at + 2),
      ),
      [1],
      index,
    )
    expect(state).toMatchObject({ position: many + 1, held: [], heldCount: 0 })
    expect(index.questions).toBeLessThanOrEqual(rules.conflictMemory)
  })

  test('a hole a million wide is one gap', () => {
    const state = decide(unknownStream, [1_000_000])
    expect(gapsOf(rules, state)).toMatchObject([{ from: 1, to: 999_999, held: 1 }])
  })

  test('20,000 alternating numbers are 20,000 spans, and one again when the holes are filled', () => {
    const odd = decide(
      unknownStream,
      numbers(many, (index) => index * 2 + 2),
    )
    expect(odd.held).toHaveLength(many)
    expect(gapsOf(rules, odd)).toHaveLength(many)
    const filled = decide(
      { ...odd, heldCount: 0 },
      numbers(many - 1, (index) => index * 2 + 3),
    )
    expect(filled.held).toHaveLength(1)
  })
})
