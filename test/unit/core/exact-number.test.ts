// JSON is read without rounding: every number is what its text says, or keeps the text.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExactNumber, parseExactly } from '../../../src/core/exact-number.ts'
import { canonicalJson } from '../../../src/core/fingerprint.ts'
import { readText, recordText } from '../../../src/storage/record-text.ts'

const read = (text: string): unknown => parseExactly(text).value
const isExact = (text: string): boolean => read(text) instanceof ExactNumber

describe('a number that a JavaScript number holds is one', () => {
  const held = ['0', '-0', '1', '-1.5', '0.1', '1.10', '1e3', '1E+3', '100', '9007199254740991']
  const long = ['0.30000000000000004', '1.7976931348623157e308', '5e-324', '1e308', '1.0000000000000000000']
  it.each([...held, ...long, '2.50e-100', '0e999', '0.00000000000000000000000'])('%s', (text) => {
    expect(read(text)).toBe(JSON.parse(text))
    expect(parseExactly(`{"a":[${text}, ${text}]}`).hasExactNumbers).toBe(false)
  })

  it('whatever JavaScript writes (property)', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const isFar = Number.isInteger(number) && !Number.isSafeInteger(number) && Math.abs(number) < 1e21
        expect(isExact(JSON.stringify(number))).toBe(isFar)
      }),
    )
  })
})

describe('one that it does not hold keeps its text', () => {
  it('wherever it stands in the text', () => {
    for (let before = 0; before < 40; before++) {
      for (const number of ['9007199254740993', '0.1000000000000001', '1e400', '-1.5E-400']) {
        const json = `{"text":"${'x'.repeat(before)}","number":${number}}`
        expect(parseExactly(json).hasExactNumbers).toBe(number !== '0.1000000000000001')
        expect(JSON.stringify(read(json))).toBe(json)
      }
    }
  })

  const whole = ['9007199254740992', '9007199254740993', '-9007199254740993', '1'.repeat(400)]
  const decimal = [
    '0.99999999999999999999',
    '9007199254740993.0',
    '1e400',
    '-1e-400',
    '1.234567e-320',
    '1e+309',
  ]
  it.each([...whole, ...decimal])('%s', (text) => {
    for (const json of [text, `[${text}]`, ` [ 1,\n${text}\t]`, `{"a":${text}}`]) {
      const { value, hasExactNumbers } = parseExactly(json)
      expect(hasExactNumbers).toBe(true)
      expect(JSON.stringify(value)).toBe(json.replace(/\s/g, ''))
    }
    expect(canonicalJson(read(text))).toBe(text)
  })

  it('of any digits, point and exponent: what is written again has the same value (property)', () => {
    const digits = fc.stringMatching(/^[0-9]{1,40}$/)
    const parts = fc.record({
      minus: fc.constantFrom('', '-'),
      whole: fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9][0-9]{0,40}$/)),
      point: fc.oneof(
        fc.constant(''),
        digits.map((part) => `.${part}`),
      ),
      power: fc.oneof(
        fc.constant(''),
        fc.integer({ min: -400, max: 400 }).map((power) => `e${power}`),
      ),
    })
    fc.assert(
      fc.property(parts, ({ minus, whole, point, power }) => {
        const text = minus + whole + point + power
        const written = JSON.stringify(read(`{"n":${text}}`)).slice('{"n":'.length, -1)
        expect(valueOf(written)).toEqual(valueOf(text))
      }),
    )
  })

  it('digits inside of texts are texts', () => {
    const json = '{"9007199254740993":"9007199254740993","b":" 9007199254740993, 1e400"}'
    expect(read(json)).toEqual(JSON.parse(json))
  })

  it('a text of a million digits or zeros takes no time that grows faster than it', () => {
    for (const text of [`1${'0'.repeat(1e6)}1`, `0.${'0'.repeat(1e6)}1`, `${'9'.repeat(1e6)}.5e5`]) {
      expect(isExact(text)).toBe(true)
    }
  })
})

describe('an exact number', () => {
  it('is calculated with as the bigint that it is; a decimal as the nearest number', () => {
    expect(new ExactNumber('9007199254740993').valueOf()).toBe(9_007_199_254_740_993n)
    expect(String(read('9007199254740993'))).toBe('9007199254740993')
    expect(Number(read('0.1000000000000000000001'))).toBe(0.1)
  })

  it('is kept by a store as it is, beside marks and bigints (property)', () => {
    const number = fc.constantFrom('9007199254740993', '1e400', '0.1000000000000000000001')
    const leaf = fc.oneof(
      number.map((text) => new ExactNumber(text)),
      fc.bigInt(),
      fc.constantFrom(-0, 2 ** 60),
      fc.string(),
    )
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        leaf,
        fc.array(tie('value')),
        fc.dictionary(fc.constantFrom('a', '$bigint'), tie('value'), { noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(value, (data) => {
        expect(readText(recordText({ data }))).toStrictEqual({ data })
      }),
    )
  })
})

/** The value of a JSON number as digits without zeros around them, and a power of ten. */
function valueOf(text: string): unknown {
  const [mantissa = '', power = '0'] = text.split(/e/i)
  const [whole = '', part = ''] = mantissa.split('.')
  let units = BigInt(whole + part)
  let exponent = Number(power) - part.length
  if (units === 0n) return 0
  for (; units % 10n === 0n; units /= 10n) exponent++
  return [whole.startsWith('-') && units > 0n ? -units : units, exponent]
}
