// Which part of topics is read as history, as it is named and in offsets.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PartitionWindow } from '../../../../src/transports/kafka/topic-window.ts'
import { namedWindow, newestOf, windowText } from '../../../../src/transports/kafka/topic-window.ts'

const named = (since: string): unknown =>
  namedWindow({ since }, { by: 'kafkaHistory', topics: ['a.b', 'c'] }).since

test('an edge is a time, a duration before now, or places as origins show them', () => {
  expect(named('2026-01-02T03:04:05Z')).toMatchObject({ kind: 'time' })
  expect(named('2h')).toMatchObject({ kind: 'time' })
  const offsets = new Map(Object.entries({ 'a.b[3]': 1042, 'c[0]': 0 }))
  expect(named('a.b[3]@1042, c[0]@0')).toEqual({ kind: 'places', offsets })
})

test.each(['yesterday', '', 'd[0]@1', 'c[0]@1,2h', 'c[0]@-1', 'c@1', '400d'])('%j is no edge', (text) => {
  expect(() => named(text)).toThrow(expect.objectContaining({ code: 'config-invalid' }))
})

const partition = fc
  .tuple(fc.nat(1_000), fc.nat(1_000), fc.nat(1_000))
  .map(([first, skipped, length]): Omit<PartitionWindow, 'partition'> => ({
    topic: 'a',
    first,
    from: first + skipped,
    until: first + skipped + length,
  }))

test('the newest so many offsets are the end of each partition, and no more than were asked for', () => {
  fc.assert(
    fc.property(fc.array(partition, { maxLength: 8 }), fc.integer({ min: 1, max: 4_000 }), (list, most) => {
      const window = list.map((one, index) => ({ ...one, partition: index }))
      const newest = newestOf(window, most)
      const sizeOf = (all: readonly PartitionWindow[]): number =>
        all.reduce((sum, { from, until }) => sum + until - from, 0)
      expect(newest.map(({ until }) => until)).toEqual(window.map(({ until }) => until))
      newest.forEach(({ from, until }, index) => {
        expect(from).toBeGreaterThanOrEqual(window[index]?.from ?? 0)
        expect(from).toBeLessThanOrEqual(until)
      })
      // Each partition's share is rounded up, so that none is left out.
      expect(sizeOf(newest)).toBeLessThanOrEqual(most + window.length)
      expect(sizeOf(newest)).toBeGreaterThanOrEqual(Math.min(most, sizeOf(window)))
    }),
  )
})

test('a window is told in the offsets that were read', () => {
  const window = [
    { topic: 'a', partition: 0, first: 0, from: 3, until: 10 },
    { topic: 'a', partition: 1, first: 0, from: 5, until: 5 },
  ]
  expect(windowText(window)).toBe('a[0]@3 to 9')
  expect(windowText([])).toBe('nothing')
})
