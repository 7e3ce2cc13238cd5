// The data of a message, where JSON cannot hold it: bytes are base64 text, all of the data as `data_base64`
// (CloudEvents 1.0), bytes inside of it at places that `data_base64_at` lists. Upholds I3: what is no base64
// is an error, never other bytes.
import { ExactNumber } from './exact-number.ts'

/** What a message may carry its data in. Null is unset, but for `data` by itself. */
export interface CarriedData {
  readonly data?: unknown
  readonly data_base64?: unknown
  readonly data_base64_at?: unknown
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** The data of a message. @throws Error with what is no base64, and where, or that there is data twice */
export function carriedData(message: CarriedData): unknown {
  const { data, data_base64: all, data_base64_at: places } = message
  if (isUnset(all)) return isUnset(places) ? data : withBytesAt(data, places)
  if (!isUnset(data)) throw new Error('it has both data and data_base64')
  return bytesOf(all, 'data_base64')
}

/** The JSON pointer (RFC 6901) to a member of what a pointer leads to. */
export function pointerTo(parent: string, key: string | number): string {
  return `${parent}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** Whether nothing was said: in JSON null is how many writers say so. */
export function isUnset(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

function bytesOf(text: unknown, name: string): Uint8Array {
  if (typeof text !== 'string' || !base64.test(text)) throw new Error(`${name} is no base64`)
  const bytes = atob(text)
  // RFC 4648, 3.5: of two texts for the same bytes one was not written by an encoder.
  const end = btoa(bytes.slice(bytes.length - (bytes.length % 3)))
  if (!text.endsWith(end)) {
    throw new Error(
      `${name} is no base64: ${text.slice(-4)} has bits behind its last byte; these bytes are ${end}`,
    )
  }
  return Uint8Array.from(bytes, (unit) => unit.charCodeAt(0))
}

function withBytesAt(data: unknown, places: unknown): unknown {
  if (!Array.isArray(places)) throw new Error('data_base64_at takes a list of JSON pointers')
  const left = new Set<unknown>(places)
  const copy = (value: unknown, place: string): unknown => {
    if (left.delete(place)) return bytesOf(value, `data${place}, which data_base64_at names,`)
    if (left.size === 0) return value
    if (Array.isArray(value)) return value.map((item, index) => copy(item, pointerTo(place, index)))
    if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, field]) => [key, copy(field, pointerTo(place, key))]),
    )
  }
  const whole = copy(data, '')
  const [missing] = left
  if (left.size > 0) throw new Error(`data has nothing at ${String(missing)}, which data_base64_at names`)
  return whole
}
