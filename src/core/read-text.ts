// Reads a text from what a message carries.
import { ExactNumber } from './exact-number.ts'

/** A text, or a whole number as text; `undefined` for anything else. */
export function readText(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  if (typeof value === 'bigint' || value instanceof ExactNumber) return value.toString()
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined
}
