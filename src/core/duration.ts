// Durations as people write them: `30s`, `500ms`, `2m`, `1h`, or a plain number of milliseconds.
import { givenText } from './check-names.ts'
import { InturnError } from './errors.ts'

/** Milliseconds, or a number with a unit: `ms`, `s`, `m`, `h`, `d`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/**
 * Reads a duration.
 *
 * @param value - a {@link Duration}, or text that may be one; at most about 24 days (2^31 - 1 ms), what a
 * timer can wait
 * @param name - the option it was given for, for the error
 * @throws InturnError `config-invalid` when it is none, negative, or too long
 */
export function durationMs(value: number | string, name: string): number {
  const ms = typeof value === 'string' ? parse(value) : value
  if (typeof ms !== 'number' || !Number.isFinite(ms) || ms < 0 || ms >= 2 ** 31) {
    const takes = "milliseconds or a duration like '30s', '500ms', '2m', below 24 days"
    throw new InturnError('config-invalid', `${name} takes ${takes}; not ${givenText(value)}`)
  }
  return Math.round(ms)
}

function parse(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim())
  if (match === null) return undefined
  const [, amount, unit = 'ms'] = match
  return Number(amount) * (Object.entries(unitMs).find(([name]) => name === unit)?.[1] ?? 1)
}
