// Reading what scripts reply: numbers, bytes, and lists of them. Anything else means that somebody else wrote
// to the store's keys.
import { InturnError } from '../core/errors.ts'

/** A list, as it is. */
export function listIn(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : unexpected('a list', reply)
}

/** The element of a list. */
export function at(reply: unknown, index: number): unknown {
  return listIn(reply)[index]
}

/** Bytes. */
export function bytesIn(reply: unknown): Buffer {
  return Buffer.isBuffer(reply) ? reply : unexpected('bytes', reply)
}

/** Bytes as text. */
export function textIn(reply: unknown): string {
  return bytesIn(reply).toString()
}

/** A number, whole or as text. */
export function numberIn(reply: unknown): number {
  if (typeof reply === 'number') return reply
  const value = Buffer.isBuffer(reply) && reply.length > 0 ? Number(reply.toString()) : Number.NaN
  return Number.isNaN(value) ? unexpected('a number', reply) : value
}

/** A number that is there or empty. */
export function maybeNumberIn(reply: unknown): number | undefined {
  return Buffer.isBuffer(reply) && reply.length === 0 ? undefined : numberIn(reply)
}

/** A list of texts. */
export function textsIn(reply: unknown): string[] {
  return listIn(reply).map(textIn)
}

/** A flat list of names and values. */
export function mapIn(reply: unknown): Map<string, string> {
  const texts = textsIn(reply)
  const map = new Map<string, string>()
  for (let index = 0; index < texts.length; index += 2) map.set(texts[index] ?? '', texts[index + 1] ?? '')
  return map
}

/** A flat list as groups of so many. */
export function groupsIn(reply: unknown, size: number): unknown[][] {
  const list = listIn(reply)
  const groups: unknown[][] = []
  for (let index = 0; index < list.length; index += size) groups.push(list.slice(index, index + size))
  return groups
}

function unexpected(expected: string, reply: unknown): never {
  const message = `the store answered ${String(reply).slice(0, 100)} where inturn expected ${expected}`
  throw new InturnError('store-corrupt', message)
}
