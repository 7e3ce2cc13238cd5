// Reading what the server replies: entries, ids and numbers. Anything else means that it is no Redis that
// inturn knows.
import { InturnError } from '../../core/errors.ts'
import { ReadEntry } from './stream-entry.ts'

/** An entry, or the id of one that is no longer in the stream. */
export type EntryOrGone = ReadEntry | { readonly id: string; readonly isGone: true }

/** A list, as it is. */
export function listIn(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : unexpected('a list', reply)
}

/** A text. */
export function textIn(reply: unknown): string {
  return Buffer.isBuffer(reply) || typeof reply === 'string' ? reply.toString() : unexpected('a text', reply)
}

/** A number, whole or as text. */
export function numberIn(reply: unknown): number {
  if (typeof reply === 'number') return reply
  const value = Number(textIn(reply))
  return Number.isNaN(value) ? unexpected('a number', reply) : value
}

/** Entries; of those that are no longer in the stream their ids. */
export function entriesIn(reply: unknown): readonly EntryOrGone[] {
  return listIn(reply).map((item) => {
    const [id, fields] = listIn(item)
    if (fields === null || fields === undefined) return { id: textIn(id), isGone: true }
    const list = listIn(fields)
    const pairs: [Buffer, Buffer][] = []
    for (let index = 0; index + 1 < list.length; index += 2) {
      pairs.push([bytesIn(list[index]), bytesIn(list[index + 1])])
    }
    return new ReadEntry(textIn(id), pairs)
  })
}

function bytesIn(reply: unknown): Buffer {
  return Buffer.isBuffer(reply) ? reply : unexpected('bytes', reply)
}

function unexpected(expected: string, reply: unknown): never {
  const message = `Redis answered ${String(reply).slice(0, 100)} where inturn expected ${expected}`
  throw new InturnError('source-unavailable', message)
}
