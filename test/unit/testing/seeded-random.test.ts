// Randomness from a seed: the same everywhere, and even enough for simulations.
import { expect, test } from 'vitest'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'

test('the same seed gives the same draws, for good', () => {
  const random = new SeededRandom(42)
  const again = new SeededRandom(42)
  const draws = Array.from({ length: 5 }, () => random.whole(0, 999))
  expect(Array.from({ length: 5 }, () => again.whole(0, 999))).toEqual(draws)
  expect(draws).toMatchInlineSnapshot(`
    [
      456,
      564,
      574,
      964,
      831,
    ]
  `)
})

test('draws lie in their range, and each comes about as often as the others', () => {
  const random = new SeededRandom(7)
  const counts = [0, 0, 0, 0, 0]
  for (let draw = 0; draw < 10_000; draw++) {
    const value = random.whole(0, 4)
    counts[value] = (counts[value] ?? 0) + 1
  }
  for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200)
})

test('shuffling keeps every item', () => {
  const items = Array.from({ length: 50 }, (_, index) => index)
  const shuffled = new SeededRandom(3).shuffled(items)
  expect(shuffled).not.toEqual(items)
  expect([...shuffled].sort((a, b) => a - b)).toEqual(items)
})

test('neighbouring seeds have nothing in common', () => {
  const first = Array.from({ length: 100 }, (_, seed) => new SeededRandom(seed).whole(0, 9))
  for (let digit = 0; digit < 10; digit++) expect(first).toContain(digit)
})
