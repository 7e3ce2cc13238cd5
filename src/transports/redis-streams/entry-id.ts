// The ids of entries: a time in milliseconds and a number, `1690000000000-0`. Both have 64 bits.

/** The id before all others. */
export const lowestId = '0-0'

/** Whether an id comes before another one. */
export function isBefore(one: string, other: string): boolean {
  const [oneMs, oneNumber] = partsOf(one)
  const [otherMs, otherNumber] = partsOf(other)
  return oneMs === otherMs ? oneNumber < otherNumber : oneMs < otherMs
}

function partsOf(id: string): readonly [bigint, bigint] {
  const [ms = '0', number = '0'] = id.split('-')
  return [BigInt(ms), BigInt(number)]
}
