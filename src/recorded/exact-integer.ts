// Reads the text of a JSON number exactly. `JSON.parse` rounds 9007199254740993 and 0.99999999999999999999; a
// number that orders events must not be rounded.

/** Digits that are sure to be beyond 128 bits; longer numbers are not spelled out. */
const digitsMax = 60
const numberText = /^(?<minus>-?)(?<whole>[0-9]+)(?:\.(?<part>[0-9]+))?(?:[eE](?<exponent>[+-]?[0-9]+))?$/

/** A JSON number as it stands in the text. */
export class NumberText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/**
 * The integer that the text of a JSON number stands for: `1.0` and `1e3` are integers. `undefined` if it is
 * none. What has more than 60 digits comes back as 10^60 or -10^60, which is out of every range.
 */
export function exactInteger(text: string): bigint | undefined {
  const { minus = '', whole = '', part = '', exponent = '0' } = numberText.exec(text)?.groups ?? {}
  const digits = (whole + part).replace(/^0+/, '')
  if (digits === '') return whole === '' ? undefined : 0n
  const significant = digits.replace(/0+$/, '')
  const zeros = digits.length - significant.length - part.length + Number(exponent)
  if (zeros < 0) return undefined
  const size =
    significant.length + zeros > digitsMax ? 10n ** 60n : BigInt(significant) * 10n ** BigInt(zeros)
  return minus === '' ? size : -size
}
