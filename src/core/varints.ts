// Whole numbers as few bytes, written one after another and read again: seven bits a byte, the lowest first
// (LEB128), so that small numbers take little room. A writer is used again and again: it grows, and what is
// kept of it is copied out.
import { InturnError } from './errors.ts'

/** Writes numbers and bytes behind each other. */
export class ByteWriter {
  bytes: Uint8Array = new Uint8Array(4_096)
  /** How much is written. */
  at = 0

  /** Makes room for so many bytes more. */
  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.at + count))
    grown.set(this.bytes.subarray(0, this.at))
    this.bytes = grown
  }

  /** A whole number from 0, of at most 8 bytes, for which there is room. */
  number(value: number): void {
    this.numbers([value])
  }

  /** Whole numbers as {@link number} takes them. */
  numbers(values: readonly number[]): void {
    const { bytes } = this
    let { at } = this
    for (const value of values) {
      let rest = value
      for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) + 128
      bytes[at++] = rest
    }
    this.at = at
  }

  /** 32 bits, for which there is room. */
  word(value: number): void {
    const { bytes, at } = this
    bytes[at] = value & 255
    bytes[at + 1] = (value >>> 8) & 255
    bytes[at + 2] = (value >>> 16) & 255
    bytes[at + 3] = value >>> 24
    this.at = at + 4
  }

  /** 32 bits of every so many of some values, from the first on that is told; for which there is room. */
  words(values: readonly unknown[], first: number, step: number): void {
    const { bytes } = this
    let { at } = this
    for (let index = first; index < values.length; index += step) {
      const value = Number(values[index])
      bytes[at++] = value & 255
      bytes[at++] = (value >>> 8) & 255
      bytes[at++] = (value >>> 16) & 255
      bytes[at++] = value >>> 24
    }
    this.at = at
  }

  /** Bytes as they are. */
  append(added: Uint8Array): void {
    this.reserve(added.length)
    this.bytes.set(added, this.at)
    this.at += added.length
  }

  /** What is written by a function, as bytes of its own. */
  written(write: () => void): Uint8Array {
    this.at = 0
    write()
    return this.bytes.slice(0, this.at)
  }
}

/** Reads what a {@link ByteWriter} has written. */
export class ByteReader {
  readonly bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  /** @throws InturnError `store-corrupt` when the bytes end within the number */
  number(): number {
    const { bytes } = this
    let value = 0
    let scale = 1
    for (;;) {
      const byte = bytes[this.at++]
      if (byte === undefined)
        throw new InturnError('store-corrupt', 'stored bytes end in the middle of a number')
      value += (byte % 128) * scale
      if (byte < 128) return value
      scale *= 128
    }
  }

  /** 32 bits. */
  word(): number {
    const { bytes, at } = this
    this.at = at + 4
    const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
    const high = (bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8)
    return (low | (high << 16)) >>> 0
  }
}
