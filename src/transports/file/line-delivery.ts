// One line of a file as the engine gets it. Where it was read is only put into words when somebody asks,
// because there are hundreds of thousands of them a second.
import type { Delivery, LogPlace } from '../../ports/source.ts'
import type { ReadChunk } from './read-content.ts'

/** Where a line stood, and how long it was. */
export interface LinePlace {
  /** From 1; blank lines count. */
  readonly line: number
  /** The offset of its first byte. */
  readonly start: number
  /** The offset behind it and its newline. */
  readonly end: number
  /** In bytes, without its newline. */
  readonly length: number
  /** The SHA-256 of the whole line, where only its beginning is kept. */
  readonly digest?: string | undefined
  /** What was read when its end was; absent where nobody wants to know the file again. */
  readonly chunk?: ReadChunk | undefined
}

/** A line of a file. */
export class LineDelivery implements Delivery {
  /** Text; bytes where they are no UTF-8, or only the beginning of a line that is too long. */
  readonly message: string | Uint8Array
  readonly place: LinePlace
  readonly fullBytes?: number
  readonly digest?: string
  /** Given by the source that read it, for settling. */
  ticket = -1
  /** The name of what was read, given by the source. */
  log: string | undefined
  readonly #path: string

  constructor(path: string, message: string | Uint8Array, place: LinePlace) {
    this.#path = path
    this.message = message
    this.place = place
    if (typeof message === 'string' || message.length >= place.length) return
    this.fullBytes = place.length
    if (place.digest !== undefined) this.digest = place.digest
  }

  get logPlace(): LogPlace | undefined {
    return this.log === undefined ? undefined : { log: this.log, at: this.place.start }
  }

  get origin(): string {
    const { line } = this.place
    const cut =
      this.fullBytes === undefined ? '' : ` (the first ${this.message.length} of ${this.fullBytes} bytes)`
    return `${this.#path}:${line}${cut}`
  }
}
