// The order in which a log's lines come out: by stream, epoch and number, a fill before the event of its
// first number, copies as they arrived. Rejected lines come out as they arrived.
import type { Sequence } from '../core/sequence.ts'
import { idWordCount } from './id-words.ts'
import type { LineBlock } from './line-block.ts'
import { RowSorter } from './row-sorter.ts'
import type { TempFolder } from './temp-folder.ts'
import { compareWords, readSafe, safeWords, wideWords, writeSafe, writeWide } from './wide-number.ts'

const epochAt = 1
const numberAt = epochAt + safeWords
const kindAt = numberAt + wideWords
const lineAt = kindAt + 1
const idAt = lineAt + safeWords
const rowWords = idAt + idWordCount
/** Words of the place that only one event can have. */
const placeWords = lineAt
const fillKind = 0
const eventKind = 1

/** A line with its place in the order. */
export interface PlacedLine {
  readonly stream: number
  readonly epoch: number
  readonly sequence: Sequence
  readonly isFill: boolean
  readonly line: number
  readonly text: Uint8Array
}

/** A line in its turn: the first of its place, a further copy, or one with another id. */
export interface OrderedLine {
  readonly copy: 'first' | 'duplicate' | 'conflict'
  readonly line: number
  readonly text: Uint8Array
}

/** Takes lines in any order, gives them back in turn. */
export class LineOrder {
  readonly #placed: RowSorter
  readonly #rejected: RowSorter

  constructor({ memoryBytes, folder }: { readonly memoryBytes: number; readonly folder: TempFolder }) {
    const share = memoryBytes / 8
    this.#placed = new RowSorter({ rowWords, keyWords: idAt, memoryBytes: memoryBytes - share, folder })
    this.#rejected = new RowSorter({ rowWords: safeWords, keyWords: safeWords, memoryBytes: share, folder })
  }

  /** Adds a line; its id is the row's in the block. */
  add(placed: PlacedLine, { ids }: LineBlock, row: number): void {
    const at = this.#placed.add(placed.text)
    const { words } = this.#placed
    words[at] = placed.stream
    writeSafe(words, at + epochAt, placed.epoch)
    writeWide(words, at + numberAt, placed.sequence)
    words[at + kindAt] = placed.isFill ? fillKind : eventKind
    writeSafe(words, at + lineAt, placed.line)
    for (let word = 0; word < idWordCount; word++)
      words[at + idAt + word] = ids[row * idWordCount + word] ?? 0
  }

  /** Adds a line that has no place. */
  reject(line: number, text: Uint8Array): void {
    const at = this.#rejected.add(text)
    writeSafe(this.#rejected.words, at, line)
  }

  /** The placed lines in turn; each is valid until the next. */
  *ordered(): Generator<OrderedLine, void, void> {
    const first = new Uint32Array(rowWords)
    const firstRow = { words: first, at: 0 }
    let isFirst = true
    for (const row of this.#placed.sorted()) {
      const line = readSafe(row.words, row.at + lineAt)
      const isEvent = row.words[row.at + kindAt] === eventKind
      if (isFirst || !isEvent || compareWords(row, firstRow, placeWords) !== 0) {
        for (let word = 0; word < rowWords; word++) first[word] = row.words[row.at + word] ?? 0
        isFirst = false
        yield { copy: 'first', line, text: row.line }
        continue
      }
      const id = { words: row.words, at: row.at + idAt }
      const isSame = compareWords(id, { words: first, at: idAt }, idWordCount) === 0
      yield { copy: isSame ? 'duplicate' : 'conflict', line, text: row.line }
    }
  }

  /** The rejected lines as they arrived. */
  *rejected(): Generator<Uint8Array, void, void> {
    for (const { line } of this.#rejected.sorted()) yield line
  }
}
