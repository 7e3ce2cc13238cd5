// Times in words: how long something takes or took, and when it was, for people who read in a hurry.

const units = [
  { word: 'd', ms: 86_400_000 },
  { word: 'h', ms: 3_600_000 },
  { word: 'min', ms: 60_000 },
  { word: 's', ms: 1_000 },
] as const

/** A length of time in its two largest units: `2 h 5 min`, `12 s`, `0.4 s`. */
export function spell(ms: number): string {
  const whole = Math.max(0, ms)
  if (whole < 1_000) return whole === 0 ? '0 s' : `${Math.max(0.1, Math.round(whole / 100) / 10)} s`
  const first = units.findIndex((unit) => whole >= unit.ms)
  const [large, small] = [units[first], units[first + 1]]
  if (large === undefined) return `${Math.round(whole / 1_000)} s`
  const count = Math.floor(whole / large.ms)
  const rest = small === undefined ? 0 : Math.floor((whole - count * large.ms) / small.ms)
  return small === undefined || rest === 0
    ? `${count} ${large.word}`
    : `${count} ${large.word} ${rest} ${small.word}`
}

/** A moment in UTC, to the second: `2026-05-01 03:04:05Z`. */
export function moment(at: number): string {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return String(at)
  return date
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z')
}

/** A moment as it looks from another: `2026-05-01 03:04:05Z (2 h 5 min ago)`. */
export function momentFrom(at: number, now: number): string {
  const relative = at > now ? `in ${spell(at - now)}` : `${spell(now - at)} ago`
  return `${moment(at)} (${relative})`
}
