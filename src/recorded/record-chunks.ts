// Cuts a recorded log into chunks of whole records, in order, so that each can be read by itself, on any
// thread. Memory is one chunk, or one record if that is longer, up to a limit. Upholds I7.
import { InturnError } from '../core/errors.ts'
import type { ByteInput } from './byte-input.ts'

/** Whole records, each with its end of line. */
export interface RecordChunk {
  /** A buffer of its own, so that it can be handed to another thread. */
  readonly bytes: Buffer<ArrayBuffer>
  /** Whether the last record stood at the end of the input without a newline; `bytes` has one then. */
  readonly isNewlineAdded: boolean
}

/** How many of the first `length` bytes are whole records; 0 if not even one is. */
export type Cut = (bytes: Buffer, length: number) => number

/** The longest record that is read, in bytes. */
const recordBytesMax = 256 * 1024 * 1024

const newline = 0x0a
const byteOrderMark = [0xef, 0xbb, 0xbf]

/** Cuts behind the last newline. */
export function cutAtNewline(bytes: Buffer, length: number): number {
  return bytes.lastIndexOf(newline, length - 1) + 1
}

/**
 * The input's chunks of about `chunkBytes`; a byte order mark at its start is left out.
 *
 * @throws InturnError `input-unreadable`, also for a record beyond 256 MiB
 */
export async function* recordChunks(
  input: ByteInput,
  options: { readonly cut: Cut; readonly chunkBytes: number },
): AsyncGenerator<RecordChunk, void, void> {
  let carried: Uint8Array = new Uint8Array(0)
  let isFirst = true
  for (;;) {
    const size = Math.max(options.chunkBytes, carried.length * 2)
    if (carried.length > recordBytesMax) throw tooLong(input.name)
    const bytes = Buffer.from(new ArrayBuffer(size + 1))
    bytes.set(carried)
    const length = await fill(input, bytes.subarray(0, size), carried.length)
    const start = isFirst && byteOrderMark.every((byte, index) => bytes[index] === byte) ? 3 : 0
    isFirst = false
    if (length < size) {
      if (length > start) yield lastChunk(bytes, start, length)
      return
    }
    const end = options.cut(bytes, length)
    carried = Uint8Array.from(bytes.subarray(end, length))
    if (end > start) yield { bytes: bytes.subarray(start, end), isNewlineAdded: false }
  }
}

async function fill(input: ByteInput, target: Uint8Array, from: number): Promise<number> {
  let length = from
  while (length < target.length) {
    const count = await input.read(target, length)
    if (count === 0) break
    length += count
  }
  return length
}

function lastChunk(bytes: Buffer<ArrayBuffer>, start: number, length: number): RecordChunk {
  const isNewlineAdded = bytes[length - 1] !== newline
  if (isNewlineAdded) bytes[length] = newline
  return { bytes: bytes.subarray(start, isNewlineAdded ? length + 1 : length), isNewlineAdded }
}

function tooLong(name: string): InturnError {
  const mebibytes = recordBytesMax / 1024 / 1024
  return new InturnError('input-unreadable', `Cannot read ${name}: it has a line of over ${mebibytes} MiB`)
}
