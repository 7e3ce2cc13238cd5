// What was read of a file, as a digest of all its bytes: a place in a file counts only for a file that has
// the same bytes in front of it, whatever its name, its age or its number on the disk. Upholds I4: nothing of
// another file is taken as done.
import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { bytesAt, Edges } from './edges.ts'

/** Bytes that were read at once, and what tells that they are still there. */
export interface ReadChunk {
  readonly start: number
  readonly end: number
  /** Of everything in front of it. */
  readonly before: Hash
  /** With the chunk itself. */
  readonly digest: string
}

const pieceBytes = 1024 * 1024

/** The digest of a file's first `end` bytes, which grows with what is read behind them. */
export class ReadContent {
  readonly #hash = createHash('sha256')
  readonly #edges = new Edges()
  #end = 0

  /** What a file has up to a place; shorter than that where the file is. */
  static async of(handle: FileHandle, end: number): Promise<ReadContent> {
    const content = new ReadContent()
    while (content.#end < end) {
      const bytes = await bytesAt(handle, content.#end, Math.min(end, content.#end + pieceBytes))
      if (bytes.length === 0) break
      content.#add(bytes)
    }
    return content
  }

  /** Of everything that was read. */
  get digest(): string {
    return digestOf(this.#hash)
  }

  /** Takes in the bytes that were read next. */
  take(bytes: Buffer): ReadChunk {
    const [start, before] = [this.#end, this.#hash.copy()]
    this.#add(bytes)
    return { start, end: this.#end, before, digest: this.digest }
  }

  /** Whether a file has only grown since. Beyond 128 KiB it goes by the first and the last bytes. */
  isIn(handle: FileHandle): Promise<boolean> {
    return this.#edges.areIn(handle)
  }

  #add(bytes: Buffer): void {
    this.#hash.update(bytes)
    this.#edges.take(bytes)
    this.#end += bytes.length
  }
}

/**
 * The digest of everything up to a place within a chunk, or at its end; `undefined` where the file does not
 * have the chunk any more that was read.
 */
export async function digestAt(
  handle: FileHandle,
  place: number,
  { start, end, before, digest }: ReadChunk,
): Promise<string | undefined> {
  if (place === end) return digest
  const bytes = await bytesAt(handle, start, end)
  if (digestOf(before.copy().update(bytes)) !== digest) return undefined
  return digestOf(before.copy().update(bytes.subarray(0, place - start)))
}

/** The digest so far; the hash goes on. */
function digestOf(hash: Hash): string {
  return hash.copy().digest('base64url')
}
