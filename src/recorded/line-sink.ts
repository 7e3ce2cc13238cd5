// Writes lines as they stand, to a file or a stream. A line that ended its log without a newline gets one
// only if another line follows it.
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { writeAll } from './write-all.ts'

const newline = 0x0a
const bufferBytes = 1024 * 1024

/** Where whole buffers go. */
interface Outlet {
  write(bytes: Buffer): Promise<void>
  close(): void
}

/** Writes lines through a buffer. */
export class LineSink {
  /** Lines written so far. */
  count = 0
  readonly #outlet: Outlet
  #buffer = Buffer.allocUnsafe(bufferBytes)
  #length = 0
  #needsNewline = false

  constructor(outlet: Outlet) {
    this.#outlet = outlet
  }

  /** Appends a line; true if the buffer is full and {@link flush} is to be awaited. */
  add(line: Uint8Array): boolean {
    const length = this.#length + line.length + 1
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * bufferBytes))
      larger.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = larger
    }
    if (this.#needsNewline) this.#buffer[this.#length++] = newline
    this.#buffer.set(line, this.#length)
    this.#length += line.length
    this.#needsNewline = line.length > 0 && line.at(-1) !== newline
    this.count++
    return this.#length >= bufferBytes
  }

  /** Writes what is in the buffer. */
  async flush(): Promise<void> {
    await this.#outlet.write(this.#buffer.subarray(0, this.#length))
    this.#buffer = Buffer.allocUnsafe(bufferBytes)
    this.#length = 0
  }

  /** Writes the rest and closes the outlet. */
  async end(): Promise<void> {
    await this.flush()
    this.#outlet.close()
  }
}

/** A file that is made or overwritten. */
export function fileOutlet(path: string): Outlet {
  const file = openSync(path, 'w')
  return {
    write: async (bytes) => writeAll(file, bytes, path),
    close: () => closeSync(file),
  }
}

/**
 * A stream that stays open; once its reader has gone, what is written goes nowhere.
 *
 * @param shown - what whole lines look like there; absent: they stand as they are
 */
export function streamOutlet(stream: Writable, shown?: (lines: string) => string): Outlet {
  return {
    write: async (bytes) => {
      const text = shown === undefined ? bytes : shown(bytes.toString('utf8'))
      if (bytes.length > 0 && stream.writable && !stream.write(text)) await drained(stream)
    },
    close: () => undefined,
  }
}

async function drained(stream: Writable): Promise<void> {
  const stop = new AbortController()
  const { signal } = stop
  const ends = [once(stream, 'drain', { signal }), once(stream, 'close', { signal })]
  await Promise.race(ends).finally(() => stop.abort())
  await Promise.allSettled(ends)
}
