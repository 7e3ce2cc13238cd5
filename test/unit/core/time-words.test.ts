// Times in words, as they stand in explanations and tables.
import { describe, expect, test } from 'vitest'
import { moment, momentFrom, spell } from '../../../src/core/time-words.ts'

describe('spell', () => {
  test.each([
    [0, '0 s'],
    [40, '0.1 s'],
    [440, '0.4 s'],
    [1_000, '1 s'],
    [59_999, '59 s'],
    [61_000, '1 min 1 s'],
    [120_000, '2 min'],
    [7_500_000, '2 h 5 min'],
    [90_000_000, '1 d 1 h'],
    [-5, '0 s'],
  ])('%i ms is %j', (ms, text) => {
    expect(spell(ms)).toBe(text)
  })
})

describe('moment', () => {
  test('is UTC to the second, and relative where asked', () => {
    const at = Date.UTC(2026, 4, 1, 3, 4, 5, 678)
    expect(moment(at)).toBe('2026-05-01 03:04:05Z')
    expect(momentFrom(at, at + 3_600_000)).toBe('2026-05-01 03:04:05Z (1 h ago)')
    expect(momentFrom(at, at - 12_000)).toBe('2026-05-01 03:04:05Z (in 12 s)')
    expect(moment(Number.NaN)).toBe('NaN')
  })
})
