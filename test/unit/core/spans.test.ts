// Spans against sets of numbers.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addSpan, includes, removeSpan } from '../../../src/core/spans.ts'
import type { Span } from '../../../src/core/spans.ts'

const span = fc
  .tuple(fc.integer({ min: -5, max: 30 }), fc.integer({ min: 0, max: 6 }))
  .map(([from, more]): Span => ({ from, to: from + more }))
const changes = fc.array(fc.tuple(fc.boolean(), span), { maxLength: 40 })

function numbersOf({ from, to }: Span): number[] {
  return Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => Number(from) + index)
}

test('spans are the set that was added and removed: sorted, disjoint, not empty, not touching', () => {
  fc.assert(
    fc.property(changes, span, (list, range) => {
      let spans: readonly Span[] = []
      const numbers = new Set<number>()
      for (const [isAdded, change] of list) {
        spans = isAdded ? addSpan(spans, change) : removeSpan(spans, change)
        for (const n of numbersOf(change))
          if (isAdded) numbers.add(n)
          else numbers.delete(n)
      }
      expect(spans.flatMap(numbersOf)).toEqual([...numbers].sort((a, b) => a - b))
      spans
        .slice(1)
        .forEach(({ from }, index) => expect(from).toBeGreaterThan(Number(spans[index]?.to ?? from) + 1))
      for (const n of numbersOf(range)) expect(includes(spans, n)).toBe(numbers.has(n))
    }),
  )
})

test('a span may lie beyond 2^53, and beside it', () => {
  const edge = Number.MAX_SAFE_INTEGER
  const spans = addSpan(addSpan([], { from: edge - 1, to: edge }), {
    from: 2n ** 53n,
    to: 2n ** 53n + 5n,
  })
  expect(spans).toEqual([{ from: edge - 1, to: 2n ** 53n + 5n }])
})
