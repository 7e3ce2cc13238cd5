// The order of rows of 32-bit words by their first words: a stable radix sort over 16-bit digits, which skips
// the digits that all rows share. Rows stay where they are; what is sorted is their numbers.
import { compareWords } from './wide-number.ts'

/** Rows in one array, `rowWords` apart, ordered by their first `keyWords` words. */
export interface WordRows {
  readonly words: Uint32Array
  readonly rowWords: number
  readonly keyWords: number
  readonly count: number
}

const digitSize = 65_536
/** Below this many rows, comparing is quicker than counting digits. */
const radixMin = 8192

/** The numbers of the rows in ascending order; equal rows stay in the order in which they stand. */
export function rowOrder(rows: WordRows): Uint32Array {
  const order = Uint32Array.from({ length: rows.count }, (_, row) => row)
  if (rows.count < radixMin) return order.sort((a, b) => compareRows(rows, a, b) || a - b)
  let from = order
  let to = new Uint32Array(rows.count)
  for (let word = rows.keyWords - 1; word >= 0; word--) {
    const varying = varyingBits(rows, word)
    for (const shift of [0, 16]) {
      if (((varying >>> shift) & 0xffff) === 0) continue
      sortByDigit(rows, { from, to }, { word, shift })
      ;[from, to] = [to, from]
    }
  }
  return from
}

function compareRows({ words, rowWords, keyWords }: WordRows, a: number, b: number): number {
  return compareWords({ words, at: a * rowWords }, { words, at: b * rowWords }, keyWords)
}

/** The bits in which the rows differ in this word. */
function varyingBits({ words, rowWords, count }: WordRows, word: number): number {
  const first = words[word] ?? 0
  let varying = 0
  for (let row = 0, at = word; row < count; row++, at += rowWords) varying |= (words[at] ?? 0) ^ first
  return varying
}

function sortByDigit(
  { words, rowWords, count }: WordRows,
  { from, to }: { readonly from: Uint32Array; readonly to: Uint32Array },
  { word, shift }: { readonly word: number; readonly shift: number },
): void {
  const next = new Uint32Array(digitSize + 1)
  for (let row = 0, at = word; row < count; row++, at += rowWords) {
    const digit = ((words[at] ?? 0) >>> shift) & 0xffff
    next[digit + 1] = (next[digit + 1] ?? 0) + 1
  }
  for (let digit = 1; digit < digitSize; digit++) next[digit] = (next[digit] ?? 0) + (next[digit - 1] ?? 0)
  for (let index = 0; index < count; index++) {
    const row = from[index] ?? 0
    const digit = ((words[row * rowWords + word] ?? 0) >>> shift) & 0xffff
    const place = next[digit] ?? 0
    next[digit] = place + 1
    to[place] = row
  }
}
