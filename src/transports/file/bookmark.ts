// How far a file was settled, and which file that was: a place counts only for a file that has the same bytes
// in front of it. Upholds I4: a file that was replaced, cut or written anew is read from its beginning, and
// nothing in it is taken as done.
import type { FileHandle } from 'node:fs/promises'
import { bytesAt } from './edges.ts'
import type { ReadPlace } from './line-reader.ts'
import { ReadContent } from './read-content.ts'

/** How far a file was settled. */
export interface Bookmark extends ReadPlace {
  /** Of all bytes of the file in front of the offset. */
  readonly digest: string
  /** Where the last settled line starts, if it stood at the end of the file without a newline. */
  readonly openLineAt?: number
}

/** Where to go on in a file, and what lies in front of that. */
export interface Resumed {
  readonly place: ReadPlace
  readonly content: ReadContent
}

/** The beginning of any file. */
export const atBeginning: Bookmark = { offset: 0, line: 0, digest: new ReadContent().digest }

/** A bookmark as the checkpoint keeps it. */
export function encodeBookmark(bookmark: Bookmark): string {
  return JSON.stringify(bookmark)
}

/** The bookmark in a checkpoint; `undefined` when there is none that can be read. */
export function decodeBookmark(text: string | undefined): Bookmark | undefined {
  if (text === undefined) return undefined
  try {
    const fields: unknown = JSON.parse(text)
    return isBookmark(fields) ? fields : undefined
  } catch {
    return undefined
  }
}

/** Where to go on in a file; its beginning when it is not the file of the bookmark. */
export async function resumeAt(
  handle: FileHandle,
  { offset, line, digest, openLineAt }: Bookmark = atBeginning,
): Promise<Resumed> {
  const { size } = await handle.stat()
  const content = size < offset ? undefined : await ReadContent.of(handle, offset)
  if (content === undefined || content.digest !== digest) {
    return { place: { offset: 0, line: 0 }, content: new ReadContent() }
  }
  if (openLineAt === undefined || size === offset) return { place: { offset, line }, content }
  const behind = await bytesAt(handle, offset, offset + 1)
  const hasEnded = behind.toString('latin1') === '\n'
  const place = hasEnded ? { offset: offset + 1, line } : { offset: openLineAt, line: line - 1 }
  return { place, content: await ReadContent.of(handle, place.offset) }
}

function isBookmark(fields: unknown): fields is Bookmark {
  if (typeof fields !== 'object' || fields === null) return false
  const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0
  return (
    'offset' in fields &&
    isWhole(fields.offset) &&
    'line' in fields &&
    isWhole(fields.line) &&
    'digest' in fields &&
    typeof fields.digest === 'string' &&
    (!('openLineAt' in fields) || isWhole(fields.openLineAt))
  )
}
