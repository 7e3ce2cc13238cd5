// Mends the end of an NDJSON file behind a crash: a last line that only lacks its newline gets it, a torn one
// is cut off. What is cut was never said to be sent, so it is sent again. Upholds I3.
import type { FileHandle } from 'node:fs/promises'
import { InturnError } from '../../core/errors.ts'

const newline = 0x0a
const chunkBytes = 64 * 1024

/**
 * Makes the file end in a newline, or be empty.
 *
 * @throws InturnError `sink-unavailable` when it ends in something that was never an event: it is left alone
 */
export async function mendLastLine(path: string, handle: FileHandle): Promise<void> {
  const { size } = await handle.stat()
  if (size === 0) return
  const [last] = await bytesAt(handle, size - 1, size)
  if (last === newline) return
  const start = await lastLineStart(handle, size)
  const line = await bytesAt(handle, start, size)
  if (isWhole(line)) await handle.write('\n')
  else if (isTorn(line)) await handle.truncate(start)
  else {
    const message = `Cannot write ${path}: it does not end in a newline, and what it ends in is no torn event`
    throw new InturnError('sink-unavailable', message)
  }
}

/** Where the line begins that has no newline. */
async function lastLineStart(handle: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - chunkBytes)
    const at = (await bytesAt(handle, start, end)).lastIndexOf(newline)
    if (at !== -1) return start + at + 1
    end = start
  }
  return 0
}

/** No beginning of an object is an object itself, so a line that is one lacks nothing but its newline. */
function isWhole(line: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}

/** The beginning of an object, or the zeros that a power failure leaves where a file grew last. */
function isTorn(line: Buffer): boolean {
  return line[0] === 0x7b || line[0] === 0
}

async function bytesAt(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start)
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
  return bytes.subarray(0, bytesRead)
}
