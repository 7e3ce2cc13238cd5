// The measure by which the simulator judges a reading clock (I8).
import { expect, test } from 'vitest'
import { ReadingTime } from './reading-time.ts'

test('reads count, and breaks between them up to five seconds', () => {
  let now = 0
  const reading = new ReadingTime(() => now)
  now = 10_000
  expect(reading.totalMs).toBe(0)
  reading.begin()
  now = 12_000
  reading.end()
  now = 15_000
  reading.begin()
  reading.end()
  expect(reading.totalMs).toBe(5_000)
  now = 100_000
  expect(reading.totalMs).toBe(10_000)
})

test('a long read counts as a whole, and two at a time count once', () => {
  let now = 0
  const reading = new ReadingTime(() => now)
  reading.begin()
  reading.begin()
  now = 60_000
  reading.end()
  reading.end()
  expect(reading.totalMs).toBe(60_000)
})

test('a jump of the clock counts only up to five seconds', () => {
  let now = 0
  const reading = new ReadingTime(() => now)
  reading.begin()
  reading.beforeJump(3_000)
  now += 3_000
  expect(reading.totalMs).toBe(3_000)
  reading.beforeJump(3_600_000)
  now += 3_600_000
  expect(reading.totalMs).toBe(3_000)
  now += 10
  expect(reading.totalMs).toBe(3_010)
})
