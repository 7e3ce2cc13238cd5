// Tables stand in line, and nothing that comes from events can move a terminal's cursor.
import { describe, expect, test } from 'vitest'
import { printable, shortened } from '../../../src/cli/printable.ts'
import { grouped, pairLines, tableLines } from '../../../src/cli/table.ts'

describe('tables', () => {
  test('numbers to the right, texts to the left, nothing as a dash', () => {
    const rows = [
      ['a', 12_345, undefined],
      ['long name', 7, 'x'],
    ]
    expect(tableLines(['name', 'count', 'note'], rows)).toEqual([
      'name        count  note',
      'a          12,345  -',
      'long name       7  x',
    ])
    expect(tableLines(['name'], [])).toEqual([])
    expect(
      pairLines([
        ['a', 1],
        ['longer', 'x'],
      ]),
    ).toEqual(['a       1', 'longer  x'])
    expect(grouped(1_234_567)).toBe('1,234,567')
  })
})

describe('text from outside', () => {
  test('loses its control characters, line ends and turns of direction', () => {
    expect(printable('a\nb\tc\u001b[2Jd\u202e\u2028')).toBe(String.raw`a\nb\tc\u{1b}[2Jd\u{202e}\u{2028}`)
    expect(tableLines(['x'], [['\u001b[31m']])).toEqual(['x', String.raw`\u{1b}[31m`])
  })

  test('is cut where it is long', () => {
    expect(shortened('abcdef', 6)).toBe('abcdef')
    expect(shortened('abcdefg', 6)).toBe('abc...')
  })
})
