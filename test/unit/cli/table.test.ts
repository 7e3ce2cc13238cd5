// Tables stand in line, and nothing that comes from events can move a terminal's cursor.
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exactJson, readableJson } from '../../../src/cli/exact-json.ts'
import { printable, printableLines, shortened } from '../../../src/cli/printable.ts'
import { grouped, pairLines, tableLines } from '../../../src/cli/table.ts'
import { parseExactly } from '../../../src/core/exact-number.ts'
import { LineSink, streamOutlet } from '../../../src/recorded/line-sink.ts'

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

  test('stand in line where characters are wide, or have no width of their own', () => {
    const rows = [
      ['東京', 1],
      ['Zoe\u0308', 2],
      ['🚀 x', 3],
      ['abc', 4],
    ] as const
    expect(tableLines(['key', 'n'], rows)).toEqual([
      'key   n',
      '東京  1',
      'Zoe\u0308   2',
      '🚀 x  3',
      'abc   4',
    ])
  })
})

describe('text from outside', () => {
  test('loses its control characters, line ends and turns of direction', () => {
    expect(printable('a\nb\tc\u001b[2Jd\u202e\u2028')).toBe(String.raw`a\nb\tc\u001b[2Jd\u202e\u2028`)
    expect(printable('\u3164\ufe0f\u{e0041}')).toBe(String.raw`\u3164\ufe0f\udb40\udc41`)
    expect(tableLines(['x'], [['\u001b[31m']])).toEqual(['x', String.raw`\u001b[31m`])
    expect(printableLines('a\tb\r\n\rc\n')).toBe('a\tb\r\n\\u000dc\n')
  })

  test('as JSON is the same value, and as text too no character that a terminal obeys', () => {
    const hostile = fc.string({
      unit: fc.constantFrom('\u001b', '\u009b', '\u202e', '\u{e0041}', '\n', '"', '\\', 'a'),
    })
    const text = fc.oneof(hostile, fc.string({ unit: 'binary' }))
    const value = fc.jsonValue({ stringUnit: 'binary' })
    fc.assert(
      fc.property(fc.dictionary(text, fc.oneof(text, value)), (data) => {
        for (const json of [exactJson(data), readableJson(data)]) {
          expect(JSON.parse(printableLines(json))).toEqual(JSON.parse(json))
          expect(printableLines(json).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]/u)
          expect(printable(json)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]/u)
        }
      }),
    )
  })

  test('as JSON has the numbers that it had', () => {
    const { value } = parseExactly('{"a":[9007199254740993,0.1000000000000000000001,-0]}')
    expect(exactJson({ value, big: 9_007_199_254_740_993n })).toBe(
      '{"value":{"a":[9007199254740993,0.1000000000000000000001,-0]},"big":9007199254740993}',
    )
  })

  test('a recorded log is shown so on a terminal, and only there', async () => {
    const given: string[] = []
    const stream = new PassThrough({ encoding: 'utf8' })
    stream.on('data', (text: string) => given.push(text))
    for (const shown of [undefined, printableLines]) {
      const sink = new LineSink(streamOutlet(stream, shown))
      sink.add(Buffer.from('{"stream":"\u202ea"}\r\n'))
      await sink.end()
    }
    expect(given).toEqual(['{"stream":"\u202ea"}\r\n', '{"stream":"\\u202ea"}\r\n'])
  })

  test('is cut where it is long', () => {
    expect(shortened('abcdef', 6)).toBe('abcdef')
    expect(shortened('abcdefg', 6)).toBe('abc...')
    expect(shortened('ab🚀defg', 6)).toBe('ab...')
  })
})
