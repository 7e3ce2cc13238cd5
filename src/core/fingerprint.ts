// 32-bit fingerprints of what an event claims to be, so that two events with one number can be told apart
// without keeping either. Source: MurmurHash3 (Austin Appleby, public domain), over UTF-16 code units.

import { ExactNumber } from './exact-number.ts'

/** The fingerprint of a text: 32 bits, unsigned. Two different texts share one with a chance of 2^-32. */
export function fingerprint(text: string): number {
  return digest(seed, text, text.length)
}

const seed = 0x9747b28c
const idPrefix = 'id:'
/** What has come of the prefix when the id begins. */
const idBegun = 0x9be16d4b

/** The hash that was begun, over the text; `length`: of all that is hashed. */
function digest(begun: number, text: string, length: number): number {
  let hash = begun
  for (let index = 0; index < text.length; index++) {
    let unit = Math.imul(text.charCodeAt(index), 0xcc9e2d51)
    unit = Math.imul((unit << 15) | (unit >>> 17), 0x1b873593)
    hash ^= unit
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  hash ^= length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * What identifies an event beside its number: its id, or the canonical JSON of its data where it has none.
 */
export function eventFingerprint(id: string | undefined, data: unknown): number {
  return id === undefined
    ? fingerprint(`data:${canonicalJson(data)}`)
    : digest(idBegun, id, idPrefix.length + id.length)
}

/** JSON with sorted keys and no white space, so that equal values have equal texts (RFC 8785 in spirit). */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'bigint' || value instanceof ExactNumber) return value.toString()
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value instanceof Date) return JSON.stringify(value)
  if (value instanceof Uint8Array) return `bytes[${value.join(',')}]`
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`)
  return `{${fields.join(',')}}`
}
