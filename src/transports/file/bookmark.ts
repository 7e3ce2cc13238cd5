// How far a file was settled, and which file that was: a place counts only for a file that has the same bytes
// in front of it. Upholds I4: a file that was replaced, cut or written anew is read from its beginning, and
// nothing in it is taken as done.
import { randomUUID } from 'node:crypto'
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
  readonly log?: LogName
}

/** The name of what a file has, as long as it only grows; and the beginning of the file when it was given. */
export interface LogName {
  readonly id: string
  readonly bytes: number
  readonly digest: string
}

/** Where to go on in a file, what lies in front of that, and the bookmark as it counts now. */
export interface Resumed {
  readonly place: ReadPlace
  readonly content: ReadContent
  readonly bookmark: Bookmark & { readonly log: LogName }
}

/** So much of a file's beginning tells it from others, until something of it is settled. */
const nameBytes = 64 * 1024

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

/** Where to go on in a file; its beginning, under a new name, when it is not the file of the bookmark. */
export async function resumeAt(handle: FileHandle, known: Bookmark = atBeginning): Promise<Resumed> {
  const { size } = await handle.stat()
  const content = size < known.offset ? undefined : await ReadContent.of(handle, known.offset)
  if (content === undefined || content.digest !== known.digest) {
    const bookmark = { ...atBeginning, log: await newName(handle, size) }
    return { place: atBeginning, content: new ReadContent(), bookmark }
  }
  const { offset, line, openLineAt } = known
  const isNamed = known.log !== undefined && (offset > 0 || (await isBegunBy(handle, known.log)))
  const log = isNamed ? known.log : await newName(handle, size)
  const bookmark = { ...known, log }
  if (openLineAt === undefined || size === offset) return { place: { offset, line }, content, bookmark }
  const behind = await bytesAt(handle, offset, offset + 1)
  const hasEnded = behind.toString('latin1') === '\n'
  const place = hasEnded ? { offset: offset + 1, line } : { offset: openLineAt, line: line - 1 }
  return { place, content: await ReadContent.of(handle, place.offset), bookmark }
}

/** A name that no other file has. Nothing tells an empty file from another one that is begun later. */
async function newName(handle: FileHandle, size: number): Promise<LogName> {
  const bytes = Math.min(size, nameBytes)
  return { id: randomUUID(), bytes, digest: (await ReadContent.of(handle, bytes)).digest }
}

async function isBegunBy(handle: FileHandle, { bytes, digest }: LogName): Promise<boolean> {
  return bytes > 0 && (await ReadContent.of(handle, bytes)).digest === digest
}

function isLogName(log: unknown): log is LogName {
  if (typeof log !== 'object' || log === null || !('id' in log) || !('bytes' in log)) return false
  return typeof log.id === 'string' && Number.isSafeInteger(log.bytes) && 'digest' in log
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
    (!('openLineAt' in fields) || isWhole(fields.openLineAt)) &&
    (!('log' in fields) || isLogName(fields.log))
  )
}
