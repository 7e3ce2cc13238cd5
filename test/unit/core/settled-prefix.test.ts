// The longest settled prefix: what a log source may forget (I4).
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SettledPrefix } from '../../../src/core/settled-prefix.ts'

describe('the settled prefix', () => {
  test('is nowhere before anything is settled', () => {
    const prefix = new SettledPrefix<string>()
    prefix.add('a')
    expect(prefix.end).toBeUndefined()
    expect(prefix.pending).toBe(1)
  })

  test('stops at the first place that is not settled, and remembers what is done beyond it', () => {
    const prefix = new SettledPrefix<string>()
    const [a, b, c] = [prefix.add('a'), prefix.add('b'), prefix.add('c')]
    prefix.settle(c)
    prefix.settle(a)
    expect(prefix.end).toBe('a')
    prefix.settle(b)
    expect(prefix.end).toBe('c')
    expect(prefix.pending).toBe(0)
  })

  test('is not moved by settling twice, or by a ticket that was never given', () => {
    const prefix = new SettledPrefix<string>()
    const a = prefix.add('a')
    prefix.settle(a)
    prefix.settle(a)
    prefix.settle(7)
    prefix.settle(-1)
    const b = prefix.add('b')
    expect(prefix.end).toBe('a')
    prefix.settle(b)
    expect(prefix.end).toBe('b')
  })

  test('gives the same as looking for the first hole, in any order of reading and settling', () => {
    const step = fc.record({ read: fc.boolean(), pick: fc.nat() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 4_000, size: 'max' }), (steps) => {
        const prefix = new SettledPrefix<number>()
        const tickets: number[] = []
        const open: number[] = []
        let lowestOpen = 0
        const settled = new Set<number>()
        for (const { read, pick } of steps) {
          if (read || open.length === 0) {
            open.push(tickets.length)
            tickets.push(prefix.add(tickets.length))
            continue
          }
          const [place = 0] = open.splice(pick % Math.min(open.length, 8), 1)
          settled.add(place)
          prefix.settle(tickets[place] ?? 0)
          while (settled.has(lowestOpen)) lowestOpen++
          expect(prefix.end).toBe(lowestOpen === 0 ? undefined : lowestOpen - 1)
          expect(prefix.pending).toBe(tickets.length - lowestOpen)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('tells what is settled behind its hole as runs of neighbours', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (settled) => {
        const prefix = new SettledPrefix<number>()
        const tickets = settled.map((_, place) => prefix.add(place))
        for (const [place, isSettled] of settled.entries()) if (isSettled) prefix.settle(tickets[place] ?? -1)
        const runs = [...prefix.runsBeyond()]
        const told = runs.flatMap(({ first, last }) =>
          Array.from({ length: last - first + 1 }, (_, index) => first + index),
        )
        const end = prefix.end ?? -1
        expect(told).toEqual(settled.flatMap((isSettled, place) => (isSettled && place > end ? [place] : [])))
        for (const [index, { first }] of runs.entries())
          expect(first).toBeGreaterThan((runs[index - 1]?.last ?? end) + 1)
      }),
    )
  })
})
