// A sorted run in the temporary folder: rows one after another in one file, their lines in another, both
// written and read from start to end.
import { closeSync, openSync, readSync } from 'node:fs'
import { writeAll } from './write-all.ts'

const bufferBytes = 1024 * 1024

/** Appends to a file through a buffer. */
export class FileAppender {
  readonly #file: number
  readonly #path: string
  readonly #buffer = Buffer.allocUnsafe(bufferBytes)
  #length = 0

  constructor(path: string) {
    this.#file = openSync(path, 'w')
    this.#path = path
  }

  append(bytes: Uint8Array): void {
    if (this.#length + bytes.length > bufferBytes) this.#flush()
    if (bytes.length > bufferBytes) this.#write(bytes)
    else {
      this.#buffer.set(bytes, this.#length)
      this.#length += bytes.length
    }
  }

  close(): void {
    this.#flush()
    closeSync(this.#file)
  }

  #flush(): void {
    this.#write(this.#buffer.subarray(0, this.#length))
    this.#length = 0
  }

  #write(bytes: Uint8Array): void {
    writeAll(this.#file, bytes, this.#path)
  }
}

/** Reads a file from start to end through a buffer. */
export class FileTaker {
  readonly #file: number
  #buffer: Buffer
  #start = 0
  #end = 0

  constructor(path: string, { bytes }: { readonly bytes: number }) {
    this.#file = openSync(path, 'r')
    this.#buffer = Buffer.from(new ArrayBuffer(bytes))
  }

  /** The next so many bytes, valid until the next call; `undefined` at the end of the file. */
  take(count: number): Buffer | undefined {
    if (this.#end - this.#start < count && !this.#fill(count)) return undefined
    const taken = this.#buffer.subarray(this.#start, this.#start + count)
    this.#start += count
    return taken
  }

  close(): void {
    closeSync(this.#file)
  }

  #fill(count: number): boolean {
    const rest = this.#buffer.subarray(this.#start, this.#end)
    const target = count > this.#buffer.length ? Buffer.from(new ArrayBuffer(count * 2)) : this.#buffer
    target.set(rest)
    this.#start = 0
    this.#end = rest.length
    this.#buffer = target
    while (this.#end < target.length) {
      const read = readSync(this.#file, target, this.#end, target.length - this.#end, null)
      if (read === 0) break
      this.#end += read
    }
    return this.#end >= count
  }
}
