// What is committed beside an offset (I4): it says nothing that is not so, and fits into what brokers take.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { settledRuns, settledText } from '../../../../src/transports/kafka/settled-runs.ts'

const pairs = fc.array(fc.tuple(fc.integer({ min: 1, max: 10_000 }), fc.nat(10_000)), { maxLength: 2_000 })
const offset = fc.nat(2 ** 40)

function runsFrom(committed: number, gaps: readonly (readonly [number, number])[]) {
  let end = committed
  return gaps.map(([gap, length]) => {
    const first = end + gap
    end = first + length
    return { first, last: end }
  })
}

test('a text gives the first of its runs back, and has no more than 3 KiB', () => {
  fc.assert(
    fc.property(offset, pairs, (committed, gaps) => {
      const runs = runsFrom(committed, gaps)
      const text = settledText(committed, runs)
      const back = settledRuns(committed, text)
      expect(text.length).toBeLessThanOrEqual(3_072)
      expect(back).toEqual(runs.slice(0, back.length))
      expect(back.length === runs.length || text.length > 3_000).toBe(true)
    }),
  )
})

test('a text of another offset, or of somebody else, says nothing', () => {
  fc.assert(
    fc.property(offset, pairs, (committed, gaps) => {
      expect(settledRuns(committed + 1, settledText(committed, runsFrom(committed, gaps)))).toEqual([])
    }),
  )
  fc.assert(
    fc.property(offset, fc.string(), (committed, text) => {
      expect(settledRuns(committed, text)).toEqual([])
    }),
  )
  for (const text of [
    null,
    '',
    'inturn',
    'inturn 5',
    'inturn 5 1+',
    'inturn 5 1+1,x',
    `inturn 5 1+${'9'.repeat(16)}`,
  ]) {
    expect(settledRuns(5, text)).toEqual([])
  }
})
