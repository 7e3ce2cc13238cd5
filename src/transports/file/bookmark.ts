// How far a file was settled, and which file that was: a place counts only for the file whose first bytes
// are the same. Upholds I4: a file that was replaced or cut is read from its beginning, and nothing in it is
// taken as done.
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { ReadPlace } from './line-reader.ts'

/** How far a file was settled. */
export interface Bookmark extends ReadPlace {
  /** Of the first bytes of the file, at most 1 KiB and not beyond the offset. */
  readonly head: string
  /** Where the last settled line starts, if it stood at the end of the file without a newline. */
  readonly openLineAt?: number
}

const headBytesMax = 1024

/** The beginning of any file. */
export const atBeginning: Bookmark = { offset: 0, line: 0, head: hashOf(Buffer.alloc(0)) }

/** The hash of the first bytes of a file that lie before `offset`. */
export async function headOf(handle: FileHandle, offset: number): Promise<string> {
  const bytes = Buffer.alloc(Math.min(offset, headBytesMax))
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0)
  return hashOf(bytes.subarray(0, bytesRead))
}

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
export async function resumeAt(handle: FileHandle, bookmark: Bookmark | undefined): Promise<ReadPlace> {
  const beginning: ReadPlace = { offset: 0, line: 0 }
  if (bookmark === undefined) return beginning
  const { offset, line, head, openLineAt } = bookmark
  const { size } = await handle.stat()
  if (size < offset || (await headOf(handle, offset)) !== head) return beginning
  if (openLineAt === undefined) {
    const isBehindLine = offset === 0 || (await byteAt(handle, offset - 1)) === '\n'
    return isBehindLine ? { offset, line } : beginning
  }
  if (size === offset) return { offset, line }
  const hasEnded = (await byteAt(handle, offset)) === '\n'
  return hasEnded ? { offset: offset + 1, line } : { offset: openLineAt, line: line - 1 }
}

async function byteAt(handle: FileHandle, offset: number): Promise<string> {
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, offset)
  return buffer.toString('latin1')
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url')
}

function isBookmark(fields: unknown): fields is Bookmark {
  if (typeof fields !== 'object' || fields === null) return false
  const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0
  return (
    'offset' in fields &&
    isWhole(fields.offset) &&
    'line' in fields &&
    isWhole(fields.line) &&
    'head' in fields &&
    typeof fields.head === 'string' &&
    (!('openLineAt' in fields) || isWhole(fields.openLineAt))
  )
}
