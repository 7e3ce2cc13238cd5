// The order of ids that carry one: Snowflake ids as decimal digits, by number; ULIDs, UUIDs of version 7 and
// the like, by text. Numbers come before texts.

const digits = /^\d+$/

/** Compares two ids, as `sort` wants it. */
export function compareIds(one: string, other: string): number {
  const [isNumber, isOtherNumber] = [digits.test(one), digits.test(other)]
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1
  if (!isNumber) return compareText(one, other)
  const [a, b] = [withoutZeros(one), withoutZeros(other)]
  return a.length - b.length || compareText(a, b)
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

function withoutZeros(text: string): string {
  return text.replace(/^0+(?=\d)/, '')
}
