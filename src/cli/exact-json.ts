// JSON whose numbers are exact, whatever their size: a bigint is written as the digits it has.
import { rawNumber } from '../core/exact-number.ts'

/** A value as JSON on one line. */
export function exactJson(value: unknown): string {
  return JSON.stringify(value, exactly)
}

/** A value as JSON that people can read too. */
export function readableJson(value: unknown): string {
  return JSON.stringify(value, exactly, 2)
}

function exactly(_key: string, field: unknown): unknown {
  if (typeof field === 'bigint') return rawNumber(field.toString())
  return Object.is(field, -0) ? rawNumber('-0') : field
}
