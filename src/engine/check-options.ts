// Checks of single options, shared by all that users write. Every error names the option and what it takes.
import type { Duration } from '../core/duration.ts'
import { durationMs } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import { wholeNumber } from '../core/whole-number.ts'

/** A whole number from `least` up, or its default. */
export function limit(
  value: number | undefined,
  option: {
    readonly name: string
    readonly fallback: number
    readonly least: number
    readonly most?: number
  },
): number {
  return wholeNumber(value ?? option.fallback, option)
}

/** A duration in milliseconds, at least 1, or its default. */
export function waitMs(
  value: Duration | undefined,
  option: { readonly name: string; readonly fallback: Duration },
): number {
  const ms = durationMs(value ?? option.fallback, option.name)
  if (ms >= 1) return ms
  throw new InturnError('config-invalid', `${option.name} takes at least 1 ms, not ${String(value)}`)
}
