// The first and the last bytes of what was read of a file: what tells at little cost that a file has only
// grown since, and was not written anew. Upholds I7: they are small, however large the file is.
import type { FileHandle } from 'node:fs/promises'

/** Bytes at each end. A file of twice as many, or fewer, is compared whole. */
const edgeBytes = 64 * 1024

/** The edges of the part of a file from its beginning to where it was read. */
export class Edges {
  #head: Buffer = Buffer.alloc(0)
  #tail: Buffer = Buffer.alloc(0)
  #end = 0

  /** The edges of a file up to a place, as they are now. */
  static async of(handle: FileHandle, end: number): Promise<Edges> {
    const edges = new Edges()
    edges.#head = await bytesAt(handle, 0, Math.min(end, edgeBytes))
    edges.#tail = await bytesAt(handle, Math.max(0, end - edgeBytes), end)
    edges.#end = end
    return edges
  }

  /** Takes in the bytes that were read next. */
  take(bytes: Buffer): void {
    const missing = edgeBytes - this.#head.length
    if (missing > 0) this.#head = Buffer.concat([this.#head, bytes.subarray(0, missing)])
    const kept = this.#tail.subarray(Math.max(0, this.#tail.length + bytes.length - edgeBytes))
    this.#tail = Buffer.concat([kept, bytes.subarray(Math.max(0, bytes.length - edgeBytes))])
    this.#end += bytes.length
  }

  /** Whether a file still has them where they were. */
  async areIn(handle: FileHandle): Promise<boolean> {
    const tail = await bytesAt(handle, this.#end - this.#tail.length, this.#end)
    if (!tail.equals(this.#tail)) return false
    return (await bytesAt(handle, 0, this.#head.length)).equals(this.#head)
  }
}

/** The bytes of a part of a file; fewer where it is shorter. */
export async function bytesAt(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start)
  let read = 0
  while (read < bytes.length) {
    const { bytesRead } = await handle.read(bytes, read, bytes.length - read, start + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  return bytes.subarray(0, read)
}
