// Follows a dotted path through a parsed line: through objects only, and only their own fields.
import { NumberText } from './exact-integer.ts'

/** The value at the path; `undefined` if there is none. */
export function valueAt(line: unknown, path: readonly string[]): unknown {
  let value = line
  for (const part of path) {
    if (!isRecord(value) || !Object.hasOwn(value, part)) return undefined
    value = value[part]
  }
  return value
}

/** Whether the value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText)
  )
}
