// Numbers of either form, in one order.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  after,
  before,
  comparePositions,
  sortableText,
  toSequence,
  width,
} from '../../../src/core/sequence.ts'

const big = fc.oneof(
  fc.bigInt({ min: -50n, max: 50n }),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
  fc.bigInt({ min: -(2n ** 53n) - 3n, max: -(2n ** 53n) + 3n }),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
)

describe('sequences', () => {
  test('have one canonical form, so that === and < are right for any two', () => {
    fc.assert(
      fc.property(big, big, (a, b) => {
        const [first, second] = [toSequence(a), toSequence(b)]
        expect(first === second).toBe(a === b)
        expect(first < second).toBe(a < b)
        expect(BigInt(first)).toBe(a)
      }),
    )
  })

  test('follow and precede one another across 2^53', () => {
    fc.assert(
      fc.property(big, (n) => {
        expect(after(toSequence(n))).toBe(toSequence(n + 1n))
        expect(before(toSequence(n))).toBe(toSequence(n - 1n))
        expect(width(toSequence(n), toSequence(n + 9n))).toBe(10)
      }),
    )
  })

  test('sort as text as they sort as numbers', () => {
    const small = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n })
    fc.assert(
      fc.property(fc.oneof(small, big), fc.oneof(small, big), (a, b) => {
        const [first, second] = [sortableText(toSequence(a)), sortableText(toSequence(b))]
        expect(first === second).toBe(a === b)
        expect(first < second).toBe(a < b)
      }),
    )
  })

  test('I1: places are ordered by epoch first', () => {
    expect(comparePositions({ epoch: 1, sequence: 9 }, { epoch: 2, sequence: 1 })).toBeLessThan(0)
    expect(comparePositions({ epoch: 2, sequence: 9n }, { epoch: 2, sequence: 1 })).toBeGreaterThan(0)
    expect(comparePositions({ epoch: 2, sequence: 1 }, { epoch: 2, sequence: 1 })).toBe(0)
  })
})
