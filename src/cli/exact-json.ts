// JSON of what a store or a log has, with nothing lost on the way: numbers have every digit, whatever their
// size, and bytes are base64 text, with a word that they are.
import { pointerTo } from '../core/carried-data.ts'
import { ExactNumber, rawNumber } from '../core/exact-number.ts'

/** A value as JSON on one line. */
export function exactJson(value: unknown): string {
  return JSON.stringify(value, exactly)
}

/** A value as JSON that people can read too. */
export function readableJson(value: unknown): string {
  return JSON.stringify(value, exactly, 2)
}

/**
 * A field as JSON has it. Bytes are base64 text in a field `<name>_base64`. Bytes inside of it are base64
 * text in their places, and `<name>_base64_at` lists these as JSON pointers (RFC 6901).
 */
export function jsonField(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (value instanceof Uint8Array) return { [`${name}_base64`]: base64Of(value) }
  const places: string[] = []
  const json = withoutBytes(value, '', places)
  return places.length === 0 ? { [name]: value } : { [name]: json, [`${name}_base64_at`]: places }
}

function withoutBytes(value: unknown, place: string, places: string[]): unknown {
  if (value instanceof Uint8Array) {
    places.push(place)
    return base64Of(value)
  }
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return value
  if (Array.isArray(value)) {
    return value.map((item, index) => withoutBytes(item, pointerTo(place, index), places))
  }
  const fields = Object.entries(value)
  return Object.fromEntries(
    fields.map(([key, field]) => [key, withoutBytes(field, pointerTo(place, key), places)]),
  )
}

function exactly(this: unknown, key: string, field: unknown): unknown {
  if (typeof field === 'bigint') return rawNumber(field.toString())
  const given: unknown = Reflect.get(Object(this), key)
  if (given instanceof Uint8Array) return base64Of(given)
  return Object.is(field, -0) ? rawNumber('-0') : field
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
