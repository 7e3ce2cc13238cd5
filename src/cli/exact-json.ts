// JSON whose whole numbers are exact, whatever their size: a bigint is written as the digits it has.

/** `JSON.rawJSON` (ES2026), which the compiler does not know yet. */
const rawJson: unknown = Reflect.get(JSON, 'rawJSON')

/** A value as JSON on one line. */
export function exactJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => (typeof field === 'bigint' ? exact(field) : field))
}

/** A value as JSON that people can read too. */
export function readableJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, field: unknown) => (typeof field === 'bigint' ? exact(field) : field),
    2,
  )
}

function exact(value: bigint): unknown {
  return typeof rawJson === 'function' ? Reflect.apply(rawJson, JSON, [value.toString()]) : value.toString()
}
