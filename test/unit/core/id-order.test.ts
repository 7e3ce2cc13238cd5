// The order of ids: numbers by number, texts by text.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareIds } from '../../../src/core/id-order.ts'

test('ids of digits are ordered by number, however many digits and zeros they have', () => {
  const id = fc.record({ number: fc.bigInt({ min: 0n, max: 2n ** 70n }), zeros: fc.nat(3) })
  const textOf = ({ number, zeros }: { number: bigint; zeros: number }) => '0'.repeat(zeros) + String(number)
  fc.assert(
    fc.property(id, id, (one, other) => {
      const byNumber = one.number < other.number ? -1 : one.number > other.number ? 1 : 0
      expect(Math.sign(compareIds(textOf(one), textOf(other)))).toBe(byNumber)
    }),
  )
})

test('other ids are ordered by text, behind the numbers', () => {
  const ulids = ['01ARZ3NDEKTSV4RRFFQ69G5FAV', '01BX5ZZKBKACTAV9WEVGEMMVRZ']
  const sorted = ['2', '10', ...ulids, 'a', 'b']
  expect(sorted.toReversed().sort(compareIds)).toEqual(sorted)
})

test('comparing is an order: it can be turned round, and carries over', () => {
  const ids = fc.oneof(fc.string({ maxLength: 4 }), fc.nat(200).map(String))
  fc.assert(
    fc.property(ids, ids, ids, (a, b, c) => {
      expect(Math.sign(compareIds(a, b)) + Math.sign(compareIds(b, a))).toBe(0)
      expect(compareIds(a, b) > 0 || compareIds(b, c) > 0 || compareIds(a, c) <= 0).toBe(true)
    }),
  )
})
