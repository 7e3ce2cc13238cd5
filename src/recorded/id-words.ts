// An id as 160 bits that are equal only for equal ids: short ids, hexadecimal ones and UUIDs are packed
// whole, longer ones become 152 bits of their SHA-256. Conflicts are found by comparing these.
import { hash } from 'node:crypto'

/** Words in a packed id; all zero stands for no id. */
export const idWordCount = 5

const bytesMax = 19
const hexForm = 0x40
const uuidForm = 0x80
const hashForm = 0xff

/** Writes the id whose UTF-8 text stands from `start` to `end`. */
export function writeIdWords(target: Target, bytes: Uint8Array, { start, end }: Extent): void {
  const { packed } = target
  packed.fill(0)
  const length = end - start
  if (length <= bytesMax) {
    packed[0] = length + 1
    for (let index = 0; index < length; index++) packed[index + 1] = bytes[start + index] ?? 0
  } else if (!packHex(packed, bytes, { start, end })) {
    packed.set(hash('sha256', bytes.subarray(start, end), 'buffer').subarray(0, bytesMax), 1)
    packed[0] = hashForm
  }
  for (let word = 0; word < idWordCount; word++) {
    target.words[target.at + word] = target.packedWords[word] ?? 0
  }
}

/** Whether the words are but a hash of the id. */
export function isHashedId(words: Uint32Array, at: number): boolean {
  return new Uint8Array(Uint32Array.of(words[at] ?? 0).buffer)[0] === hashForm
}

/** The id that is packed whole; `undefined` where there is none, or but a hash. */
export function idText(words: Uint32Array, at: number): string | undefined {
  const bytes = Buffer.from(new Uint8Array(words.slice(at, at + idWordCount).buffer))
  const form = bytes[0] ?? 0
  if (form === 0 || form === hashForm) return undefined
  if (form < hexForm) return bytes.toString('utf8', 1, form)
  if (form < uuidForm) return bytes.toString('hex', 1, 1 + form - hexForm)
  return bytes.toString('hex', 1, 17).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Where the words go, and the room in which an id is packed. */
export class Target {
  readonly packedWords: Uint32Array = new Uint32Array(idWordCount)
  readonly packed: Uint8Array = new Uint8Array(this.packedWords.buffer)
  words: Uint32Array = new Uint32Array(0)
  at = 0
}

/** A piece of a buffer: from `start` to before `end`. */
export interface Extent {
  readonly start: number
  readonly end: number
}

/** Packs lower-case hexadecimal digits, alone or grouped as a UUID's; false if it is neither or too long. */
function packHex(packed: Uint8Array, bytes: Uint8Array, { start, end }: Extent): boolean {
  const length = end - start
  const isUuid = length === 36
  if (!isUuid && (length % 2 !== 0 || length > 2 * bytesMax)) return false
  let digits = 0
  for (let index = 0; index < length; index++) {
    const byte = bytes[start + index] ?? 0
    if (isUuid && (index === 8 || index === 13 || index === 18 || index === 23)) {
      if (byte !== 0x2d) return false
      continue
    }
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1
    if (digit < 0) return false
    const at = (digits >> 1) + 1
    packed[at] = ((packed[at] ?? 0) << 4) | digit
    digits++
  }
  packed[0] = (isUuid ? uuidForm : hexForm) + digits / 2
  return true
}
