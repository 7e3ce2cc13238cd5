// Numbers of up to 128 bits as four 32-bit words, highest first, biased so that the order of the words is the
// order of the numbers. For columns and sorted rows, which hold no bigint.
import { toSequence } from '../core/sequence.ts'
import type { Sequence } from '../core/sequence.ts'

/** Words in a wide number. */
export const wideWords = 4

/** Words in a safe integer. */
export const safeWords = 2

const wordSize = 2 ** 32
const bias = 2n ** 127n
const highBias = 2 ** 21

/** Writes a number that lies within 128 bits, sign included. */
export function writeWide(words: Uint32Array, at: number, value: Sequence): void {
  if (typeof value === 'bigint') {
    writeBig(words, at, value)
    return
  }
  const high = Math.floor(value / wordSize)
  words[at] = value < 0 ? 0x7fffffff : 0x80000000
  words[at + 1] = value < 0 ? 0xffffffff : 0
  words[at + 2] = high
  words[at + 3] = value - high * wordSize
}

/** The number that stands at `at`. */
export function readWide(words: Uint32Array, at: number): Sequence {
  let value = 0n
  for (let word = 0; word < wideWords; word++) value = (value << 32n) | BigInt(words[at + word] ?? 0)
  return toSequence(value - bias)
}

/** Writes a safe integer as two words. */
export function writeSafe(words: Uint32Array, at: number, value: number): void {
  const high = Math.floor(value / wordSize)
  words[at] = high + highBias
  words[at + 1] = value - high * wordSize
}

/** The safe integer that stands at `at`. */
export function readSafe(words: Uint32Array, at: number): number {
  return ((words[at] ?? 0) - highBias) * wordSize + (words[at + 1] ?? 0)
}

/** Negative, 0 or positive as `count` words of `a` are below, equal to or above those of `b`. */
export function compareWords(a: WordsAt, b: WordsAt, count: number): number {
  for (let word = 0; word < count; word++) {
    const difference = (a.words[a.at + word] ?? 0) - (b.words[b.at + word] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** A place among words. */
export interface WordsAt {
  readonly words: Uint32Array
  readonly at: number
}

function writeBig(words: Uint32Array, at: number, value: bigint): void {
  let rest = value + bias
  for (let word = wideWords - 1; word >= 0; word--) {
    words[at + word] = Number(rest & 0xffffffffn)
    rest >>= 32n
  }
}
