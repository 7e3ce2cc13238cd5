// A script's arguments, packed into one as MessagePack: the server and its client take one long argument for
// much less than thousands of short ones.

const arrayOf32Bits = 0xdd
const fixedText = 0xa0
const textOf16Bits = 0xda
const textOf32Bits = 0xdb
const mostHeaderBytes = 5
/** What a number has as text, at most: `-2.2250738585072014e-308`. */
const mostDigits = 24

/** Text, a number as text, or bytes. */
export type ScriptArgument = string | number | Uint8Array

/** Arguments as one list of texts; the scripts take no other values. */
export function packedArguments(values: readonly ScriptArgument[]): Buffer {
  let size = mostHeaderBytes
  for (const value of values) {
    size += mostHeaderBytes
    if (typeof value === 'number') size += mostDigits
    else size += typeof value === 'string' ? 3 * value.length : value.length
  }
  const buffer = Buffer.allocUnsafe(size)
  buffer[0] = arrayOf32Bits
  let at = buffer.writeUInt32BE(values.length, 1)
  for (const value of values) {
    const text = typeof value === 'number' ? String(value) : value
    if (typeof text !== 'string') {
      at = putBytes(buffer, at, text)
      continue
    }
    const { length } = text
    let isShort = length < 32
    for (let index = 0; isShort && index < length; index++) {
      const code = text.charCodeAt(index)
      buffer[at + 1 + index] = code
      isShort = code < 128
    }
    if (isShort) {
      buffer[at] = fixedText + length
      at += 1 + length
    } else at = putText(buffer, at, text)
  }
  return buffer.subarray(0, at)
}

function putText(buffer: Buffer, at: number, text: string): number {
  const start = putLength(buffer, at, Buffer.byteLength(text))
  return start + buffer.write(text, start)
}

function putBytes(buffer: Buffer, at: number, bytes: Uint8Array): number {
  const start = putLength(buffer, at, bytes.length)
  buffer.set(bytes, start)
  return start + bytes.length
}

function putLength(buffer: Buffer, at: number, length: number): number {
  if (length < 32) return buffer.writeUInt8(fixedText + length, at)
  if (length < 65_536) return buffer.writeUInt16BE(length, buffer.writeUInt8(textOf16Bits, at))
  return buffer.writeUInt32BE(length, buffer.writeUInt8(textOf32Bits, at))
}
