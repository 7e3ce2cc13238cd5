// The byte scanner and JSON.parse must say the same of every line, however it is written, nested, escaped or
// broken.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonBlockReader } from '../../../src/recorded/json-block-reader.ts'
import { JsonScanner } from '../../../src/recorded/json-scanner.ts'
import { rowKind } from '../../../src/recorded/line-block.ts'
import { jsonLineReader } from '../../../src/recorded/read-json-line.ts'
import type { RecordedFields } from '../../../src/recorded/recorded-fields.ts'
import { invalidReasons } from '../../../src/recorded/recorded-line.ts'
import { readWide } from '../../../src/recorded/wide-number.ts'

const plain: RecordedFields = {
  stream: ['s'],
  sequence: 'n',
  epoch: 'e',
  id: 'd.id',
  numbering: 'contiguous',
}
const joined: RecordedFields = { ...plain, stream: ['s', 'd.u'], modulus: 256 }
const chained: RecordedFields = { ...plain, numbering: 'linked', previous: 'p' }

const space = fc.constantFrom('', '', '', ' ', '\t', '  ', '\r')
const digits = fc.constantFrom(
  '0',
  '-0',
  '1',
  '7',
  '255',
  '256',
  '1.0',
  '1e3',
  '-3',
  '0.5',
  '1E-1',
  '10e-1',
  '01',
  '1.',
  '-',
)
const huge = fc.constantFrom(
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '18446744073709551615',
  '1e40',
  '1e999',
)
const close = fc.constantFrom(
  '0.99999999999999999999',
  '4503599627370497.5',
  '1e-400',
  '12345678901234567890.0',
)
const text = fc.constantFrom(
  'a',
  'b c',
  '',
  '7',
  '007',
  '9007199254740993',
  'ü',
  '名',
  '\\u0061',
  '\\n',
  '\\ud800',
  '\\"',
  '\\x',
  '%/',
)
const scalar = fc.oneof(
  digits,
  huge,
  close,
  text.map((t) => `"${t}"`),
  fc.constantFrom('null', 'true', 'false', 'nul', ''),
)
const key = fc.constantFrom(
  's',
  's',
  'n',
  'n',
  'e',
  'p',
  'd',
  'id',
  'u',
  'x',
  '\\u0073',
  'fill',
  'from',
  'to',
  '__proto__',
)

const { line } = fc.letrec<{ line: string; value: string; object: string; array: string }>((tie) => ({
  line: tie('object'),
  value: fc.oneof({ maxDepth: 3 }, scalar, tie('object'), tie('array')),
  array: fc
    .tuple(fc.array(tie('value'), { maxLength: 3 }), space)
    .map(([values, gap]) => `[${values.join(`${gap},`)}]`),
  object: fc
    .array(fc.tuple(key, space, tie('value'), space), { maxLength: 7 })
    .map((pairs) => `{${pairs.map(([name, a, value, b]) => `${a}"${name}"${b}:${a}${value}`).join(',')}}`),
}))
const usual = fc
  .tuple(scalar, scalar, scalar, scalar, space)
  .map(([s, n, e, id, gap]) => `{"s":${s},${gap}"n":${n},"e":${e},"d":{"id":${id},"u":"v"},"p":0}${gap}`)
const mutated = fc
  .tuple(fc.oneof(line, usual), fc.nat(), fc.constantFrom('', '"', '\\', '{', '}', ',', ':', '0', ' '))
  .map(
    ([whole, at, char]) =>
      whole.slice(0, at % (whole.length + 1)) + char + whole.slice((at % (whole.length + 1)) + 1),
  )
const anyLine = fc.oneof(usual, line, mutated).map((whole) => whole.replaceAll('\n', ''))

/** What the block's only row says, as the slow way says it; ids as their words. */
function fastContent(whole: string, fields: RecordedFields): object {
  const block = new JsonBlockReader(fields).read(Buffer.from(`${whole}\n`))
  if (block.rowCount === 0) return { kind: 'blank' }
  const kind = block.kinds[0] ?? 0
  if (kind >= rowKind.invalid) return { kind: 'invalid', reason: invalidReasons[kind - rowKind.invalid] }
  const place = { stream: block.newStreams[0], epoch: block.epochs[0] }
  if (kind === rowKind.fill) return { kind: 'fill', ...place, ...block.fills.get(0) }
  const sequence = fields.numbering === 'contiguous' ? block.sequences[0] : readWide(block.wideSequences, 0)
  const ids = [...block.ids.subarray(0, 5)]
  if (fields.previous === undefined) return { kind: 'event', ...place, sequence, ids }
  const isNull = block.previous.subarray(0, 4).every((word) => word === 0)
  return { kind: 'event', ...place, sequence, ids, previous: isNull ? null : readWide(block.previous, 0) }
}

function slowContent(whole: string, fields: RecordedFields): object {
  if (whole.trim() === '') return { kind: 'blank' }
  const content = jsonLineReader(fields)(whole)
  if (content.kind === 'fill') {
    const { kind, stream, epoch, from, to } = content
    return { kind, stream, epoch, from, to }
  }
  if (content.kind === 'invalid') return { kind: 'invalid', reason: content.reason }
  const { id, ...event } = content
  const idLine = JSON.stringify({ s: 'x', n: 1, d: { id } })
  const ids = new JsonBlockReader(plain).read(Buffer.from(`${idLine}\n`)).ids
  return { ...event, ids: [...ids.subarray(0, 5)] }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('a line read from its bytes says what JSON.parse says', () => {
  for (const [name, fields] of Object.entries({ plain, joined, chained })) {
    it(`with ${name} fields`, () => {
      fc.assert(
        fc.property(anyLine, (whole) => {
          expect(fastContent(whole, fields)).toEqual(slowContent(whole, fields))
        }),
        { numRuns: 5000 },
      )
    })
  }

  it('where a key is repeated, escaped or odd', () => {
    const lines = [
      '{"s":"a","n":1,"d":{"id":"x"},"d":{}}',
      '{"s":"a","n":1,"d":{"id":"x"},"d":5}',
      '{"s":"a","n":1,"d":5,"d":{"id":"x"}}',
      '{"s":"a","s":"b","n":1,"n":2}',
      '{"s":"a","n":1,"fill":{"from":1,"to":2},"fill":null}',
      '{"s":"a","n":1,"\\u006e":2}',
      '{"\\u0073":"a","n":1}',
      '{"s":"a","n":1,"__proto__":{"e":3}}',
      '{"s":"a","n":1}{}',
      '{"s":"a","n":1},',
      '{"s":"a","n":1,}',
      '{"s":"a","n":0x1}',
      '{"s":"\u0001","n":1}',
      `{"s":"a","n":1,"x":${'['.repeat(200)}${']'.repeat(200)}}`,
      '\ufeff{"s":"a","n":1}',
      '"s"',
      '5.0',
      '{"s":5.0,"n":5.0,"fill":5.0}',
    ]
    for (const whole of lines)
      expect([whole, fastContent(whole, plain)]).toEqual([whole, slowContent(whole, plain)])
  })

  it('and what the scanner accepts is JSON', () => {
    const scanner = new JsonScanner([['s']])
    fc.assert(
      fc.property(fc.oneof(anyLine, fc.json()), (whole) => {
        const isAccepted = scanner.scan(Buffer.from(`${whole}\n`), 0) >= 0
        expect([whole, isAccepted && !isJson(whole)]).toEqual([whole, false])
      }),
      { numRuns: 5000 },
    )
  })

  it('and the usual lines are not left to JSON.parse', () => {
    const scanner = new JsonScanner([['s'], ['d', 'id']])
    const whole = Buffer.from(
      '{"s": "a\\u0020b", "d": {"id": -1.5e+7, "x": [true, {"y": null}]}, "é": "\\\\"}\r\n',
    )
    expect(scanner.scan(whole, 0)).toBe(whole.length - 1)
  })

  it('ids that are objects are told apart by numbers that no JavaScript number holds', () => {
    const read = jsonLineReader(plain)
    const idOf = (n: string): unknown => Reflect.get(read(`{"s":"a","n":1,"d":{"id":{"n":${n}}}}`), 'id')
    expect([idOf('9007199254740993'), idOf('1.0')]).toEqual(['{"n":9007199254740993}', '{"n":1}'])
  })

  it('lines cut into any chunks, with any line ends', () => {
    const lines = ['{"s":"a","n":1}', '', '  ', '{"s":"a","n":2}', 'x']
    const block = new JsonBlockReader(plain).read(Buffer.from(`${lines.join('\r\n')}\n`))
    expect([block.rowCount, block.lineCount, [...block.lines.subarray(0, 3)]]).toEqual([3, 5, [0, 3, 4]])
  })
})
