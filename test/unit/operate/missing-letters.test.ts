// I3: the numbers without a dead letter are counted as one would count them one by one.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countMissingLetters } from '../../../src/operate/verify/stream-evidence.ts'

const place = fc.record({ epoch: fc.integer({ min: 0, max: 2 }), sequence: fc.integer({ min: 0, max: 12 }) })
const range = fc
  .tuple(place, fc.integer({ min: 0, max: 5 }))
  .map(([{ epoch, sequence }, more]) => ({ epoch, from: sequence, to: sequence + more }))

test('as one by one: each number of the ranges once, unless some letter is there', () => {
  fc.assert(
    fc.property(fc.array(range), fc.array(place), (ranges, letters) => {
      const missing = new Set<string>()
      for (const { epoch, from, to } of ranges) {
        for (let sequence = from; sequence <= to; sequence++) missing.add(`${epoch}/${sequence}`)
      }
      for (const { epoch, sequence } of letters) missing.delete(`${epoch}/${sequence}`)
      expect(countMissingLetters(ranges, letters)).toBe(missing.size)
    }),
  )
})
