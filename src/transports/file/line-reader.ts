// Cuts the bytes of a file into lines: big reads, whole lines only, and a line without its newline stays
// back until the rest has come. Of a line that is too long only the beginning is kept, so memory stays
// bounded. Upholds I7.
import { isUtf8 } from 'node:buffer'
import { createHash, hash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { LinePlace } from './line-delivery.ts'
import { LineDelivery } from './line-delivery.ts'
import type { ReadChunk, ReadContent } from './read-content.ts'

/** Where to go on reading. */
export interface ReadPlace {
  readonly offset: number
  /** How many lines lie before it. */
  readonly line: number
}

/** What a reader reads, and how much of it. */
export interface LineReaderOptions {
  readonly handle: FileHandle
  /** For people. */
  readonly path: string
  /** A longer line keeps its first `lineBytesMax` bytes. */
  readonly lineBytesMax: number
  /** Bytes from here on are not read; absent: as far as the file goes. */
  readonly sizeMax?: number
  /** What lies in front of where it starts; absent where nobody wants to know the file again. */
  readonly content?: ReadContent
}

const newline = 0x0a
const chunkBytes = 256 * 1024
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])
/** As in recorded logs: only ASCII has white space. */
const notBlank = /[^\t-\r ]/

/** Reads the lines of one open file. */
export class LineReader {
  readonly #options: LineReaderOptions
  #offset: number
  #line: number
  #ready: LineDelivery[] = []
  #taken = 0
  /** The beginning of a line whose newline has not come, at most `lineBytesMax` bytes. */
  #rest: Buffer = Buffer.alloc(0)
  #restLength = 0
  /** Of all bytes of that line, once it is too long. */
  #restHash: Hash | undefined
  #chunk: ReadChunk | undefined
  #isReplaced = false

  constructor(options: LineReaderOptions, start: ReadPlace) {
    this.#options = options
    this.#offset = start.offset
    this.#line = start.line
  }

  /** The offset behind the last byte that was read. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes from here on are not read. */
  get sizeMax(): number {
    return this.#options.sizeMax ?? Infinity
  }

  /** The file was written anew: what it has now is not what goes on behind that which was read. */
  get isReplaced(): boolean {
    return this.#isReplaced
  }

  /** Whether lines wait that were read and not taken. */
  get hasLines(): boolean {
    return this.#taken < this.#ready.length
  }

  /** Whether the file ends, so far, in a line without its newline. */
  get hasRest(): boolean {
    return this.#restLength > 0
  }

  /** The next lines that are not blank, at most `max`; empty at the end of what the file has now. */
  async read(max: number): Promise<readonly LineDelivery[]> {
    while (!this.hasLines && (await this.#readChunk()));
    const lines = this.#ready.slice(this.#taken, this.#taken + max)
    this.#taken += lines.length
    return lines
  }

  /** The last line of a file that does not end in a newline. */
  takeRest(): LineDelivery | undefined {
    const [bytes, length] = [this.#rest, this.#restLength]
    if (length === 0) return undefined
    this.#ready = []
    this.#taken = 0
    this.#add(bytes, { length, start: this.#offset - length, end: this.#offset })
    this.#dropRest()
    return this.#ready[this.#taken++]
  }

  async #readChunk(): Promise<boolean> {
    const { handle, content } = this.#options
    const bytes = Buffer.allocUnsafe(chunkBytes)
    const wanted = Math.min(chunkBytes, this.sizeMax - this.#offset)
    if (wanted <= 0 || this.#isReplaced) return false
    const { bytesRead } = await handle.read(bytes, 0, wanted, this.#offset)
    // Looked at behind the reading: whoever writes the file anew does it before or after that.
    this.#isReplaced = content !== undefined && !(await content.isIn(handle))
    if (bytesRead === 0 || this.#isReplaced) return false
    this.#chunk = content?.take(bytes.subarray(0, bytesRead))
    const hasMark = this.#offset === 0 && bytes.subarray(0, 3).equals(byteOrderMark)
    const start = this.#offset
    this.#offset += bytesRead
    this.#ready = []
    this.#taken = 0
    const skipped = hasMark ? 3 : 0
    this.#cut(bytes.subarray(skipped, bytesRead), start + skipped)
    return true
  }

  /** Takes the lines of a chunk, and keeps what comes behind the last newline. */
  #cut(chunk: Buffer, start: number): void {
    let from = 0
    if (this.#restLength > 0) {
      const end = chunk.indexOf(newline)
      this.#keep(end === -1 ? chunk : chunk.subarray(0, end))
      if (end === -1) return
      const length = this.#restLength
      this.#add(this.#rest, { length, start: start + end - length, end: start + end + 1 })
      this.#dropRest()
      from = end + 1
    }
    const last = chunk.lastIndexOf(newline)
    if (last >= from) this.#addAll(chunk.subarray(from, last + 1), start + from)
    this.#keep(chunk.subarray(Math.max(from, last + 1)))
  }

  #dropRest(): void {
    this.#rest = Buffer.alloc(0)
    this.#restLength = 0
    this.#restHash = undefined
  }

  #keep(bytes: Buffer): void {
    const { lineBytesMax } = this.#options
    this.#restLength += bytes.length
    if (this.#restLength > lineBytesMax) {
      this.#restHash ??= createHash('sha256').update(this.#rest)
      this.#restHash.update(bytes)
    }
    const room = Math.max(0, lineBytesMax - this.#rest.length)
    this.#rest = Buffer.concat([this.#rest, bytes.subarray(0, room)])
  }

  /** Adds whole lines, each with its newline. Text is decoded once for all of them. */
  #addAll(lines: Buffer, start: number): void {
    if (!isUtf8(lines)) {
      this.#addEach(lines, start)
      return
    }
    const text = lines.toString('utf8')
    const isAscii = text.length === lines.length
    let offset = start
    for (let at = 0; at < text.length;) {
      const end = text.indexOf('\n', at)
      const line = text.slice(at, end)
      const length = isAscii ? end - at : Buffer.byteLength(line)
      this.#addText(line, { length, start: offset, end: offset + length + 1 })
      offset += length + 1
      at = end + 1
    }
  }

  #addEach(lines: Buffer, start: number): void {
    for (let at = 0; at < lines.length;) {
      const end = lines.indexOf(newline, at)
      this.#add(lines.subarray(at, end), { length: end - at, start: start + at, end: start + end + 1 })
      at = end + 1
    }
  }

  #add(
    bytes: Buffer,
    place: { readonly length: number; readonly start: number; readonly end: number },
  ): void {
    const isWhole = place.length === bytes.length && place.length <= this.#options.lineBytesMax
    if (isWhole && isUtf8(bytes)) {
      this.#addText(bytes.toString('utf8'), place)
      return
    }
    const kept = Uint8Array.from(bytes.subarray(0, this.#options.lineBytesMax))
    const digest = place.length === bytes.length ? hash('sha256', bytes) : this.#restHash?.digest('hex')
    this.#push(kept, { ...place, digest })
  }

  #addText(
    text: string,
    place: { readonly length: number; readonly start: number; readonly end: number },
  ): void {
    const { length, start, end } = place
    if (length > this.#options.lineBytesMax) {
      this.#add(Buffer.from(text), place)
      return
    }
    if (text.charCodeAt(0) > 32 || notBlank.test(text)) this.#push(text, { length, start, end })
    else this.#line++
  }

  #push(
    message: string | Uint8Array,
    { length, start, end, digest }: Omit<LinePlace, 'line' | 'chunk'>,
  ): void {
    const place = { line: ++this.#line, start, end, length, digest, chunk: this.#chunk }
    this.#ready.push(new LineDelivery(this.#options.path, message, place))
  }
}
