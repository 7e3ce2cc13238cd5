// Sorts rows of 32-bit words, with or without a line of bytes each, in bounded memory: what does not fit is
// written to the temporary folder as sorted runs, which are merged in the end. Upholds I7.
import { rowOrder } from './row-order.ts'
import { FileAppender, FileTaker } from './sorted-run.ts'
import type { TempFolder } from './temp-folder.ts'
import { compareWords } from './wide-number.ts'

/** What a sorter sorts, and where it may go with it. */
export interface RowSorterOptions {
  readonly rowWords: number
  /** Rows are ordered by this many of their first words; equal ones stay in the order in which they came. */
  readonly keyWords: number
  readonly memoryBytes: number
  readonly folder: TempFolder
}

/** A row in order, valid until the next one is taken. */
export interface SortedRow {
  readonly words: Uint32Array
  /** Where the row starts among the words. */
  readonly at: number
  /** The line that was added with the row. */
  readonly line: Uint8Array
}

/** Where a row is kept for longer. */
export interface KeptRow {
  readonly words: Uint32Array
  readonly at: 0
  line: Uint8Array
}

/** Keeps as many of a row's words as there is room for, and its line. */
export function copyRow({ words, at, line }: SortedRow, target: KeptRow): void {
  for (let word = 0; word < target.words.length; word++) target.words[word] = words[at + word] ?? 0
  target.line = line.length === 0 ? noLine : line.slice()
}

/** One source of the merge. */
interface Run {
  row: SortedRow
  /** Moves on to the run's next row; false at the end. */
  next(): boolean
  close(): void
}

/** The line of a row that has none. */
export const noLine: Uint8Array = new Uint8Array(0)

const wordBytes = 4
/** A row's own bytes beside its words: its place in the order, twice, and its line's extent. */
const rowOverheadBytes = 24

/** Takes rows in any order, gives them back sorted. */
export class RowSorter {
  /** Where the row in work is written, from {@link add}'s answer on. */
  words: Uint32Array
  readonly #options: RowSorterOptions
  #count = 0
  #lines: Buffer = Buffer.from(new ArrayBuffer(0))
  #lineEnds = new Float64Array(0)
  #lineBytes = 0
  readonly #runs: { readonly rows: string; readonly lines: string }[] = []

  constructor(options: RowSorterOptions) {
    this.#options = options
    this.words = new Uint32Array(1024 * options.rowWords)
  }

  /** Adds a row; its words, which are all 0 or left over, are to be written from the answer on. */
  add(line: Uint8Array = noLine): number {
    if (this.#isFull(line.length)) this.#spill()
    const { rowWords } = this.#options
    const at = this.#count * rowWords
    if (at + rowWords > this.words.length) this.#growRows()
    if (this.#lineBytes + line.length > 0) this.#keepLine(line)
    this.#count++
    return at
  }

  /** The rows in order. Can be asked for again until more are added. */
  *sorted(): Generator<SortedRow, void, void> {
    const runs = [...this.#runs.map((run) => this.#fileRun(run)), this.#memoryRun()]
    const heap = new RunHeap(runs, this.#options.keyWords)
    try {
      for (let run = heap.first; run !== undefined; run = heap.first) {
        yield run.row
        heap.moveOn()
      }
    } finally {
      for (const run of runs) run.close()
    }
  }

  #isFull(lineBytes: number): boolean {
    const { rowWords, memoryBytes } = this.#options
    const rowBytes = (this.#count + 1) * (rowWords * wordBytes + rowOverheadBytes)
    return this.#count > 0 && rowBytes + this.#lineBytes + lineBytes > memoryBytes
  }

  #growRows(): void {
    const words = new Uint32Array(this.words.length * 2)
    words.set(this.words)
    this.words = words
  }

  #keepLine(line: Uint8Array): void {
    // The rows before have no line.
    if (this.#lineBytes === 0) this.#lineEnds.fill(0, 0, this.#count)
    if (this.#lineBytes + line.length > this.#lines.length) {
      const lines = Buffer.from(new ArrayBuffer((this.#lineBytes + line.length) * 2))
      lines.set(this.#lines.subarray(0, this.#lineBytes))
      this.#lines = lines
    }
    this.#lines.set(line, this.#lineBytes)
    this.#lineBytes += line.length
    if (this.#count >= this.#lineEnds.length) {
      const ends = new Float64Array(Math.max(1024, this.#count * 2))
      ends.set(this.#lineEnds)
      this.#lineEnds = ends
    }
    this.#lineEnds[this.#count] = this.#lineBytes
  }

  /** Writes what is in memory as a run and forgets it. A row in a file ends with its line's length. */
  #spill(): void {
    const { rowWords, folder } = this.#options
    const run = { rows: folder.newFile(), lines: folder.newFile() }
    const rows = new FileAppender(run.rows)
    const lines = new FileAppender(run.lines)
    const fileRow = new Uint32Array(rowWords + 1)
    const fileBytes = new Uint8Array(fileRow.buffer)
    const memory = this.#memoryRun()
    while (memory.next()) {
      const { words, at, line } = memory.row
      for (let word = 0; word < rowWords; word++) fileRow[word] = words[at + word] ?? 0
      fileRow[rowWords] = line.length
      rows.append(fileBytes)
      lines.append(line)
    }
    rows.close()
    lines.close()
    this.#runs.push(run)
    this.#count = 0
    this.#lineBytes = 0
  }

  #memoryRun(): Run {
    const { rowWords, keyWords } = this.#options
    const { words } = this
    const order = rowOrder({ words, rowWords, keyWords, count: this.#count })
    let index = 0
    const run: Run = {
      row: { words, at: 0, line: noLine },
      next: () => {
        const number = order[index++]
        if (number === undefined) return false
        run.row = { words, at: number * rowWords, line: this.#lineOf(number) }
        return true
      },
      close: () => undefined,
    }
    return run
  }

  #lineOf(row: number): Uint8Array {
    if (this.#lineBytes === 0) return noLine
    return this.#lines.subarray(row === 0 ? 0 : this.#lineEnds[row - 1], this.#lineEnds[row])
  }

  #fileRun(files: { readonly rows: string; readonly lines: string }): Run {
    const { rowWords, memoryBytes } = this.#options
    const rowBytes = (rowWords + 1) * wordBytes
    const share = Math.min(1024 * 1024, Math.max(64 * 1024, memoryBytes / (4 * this.#runs.length)))
    const bytes = Math.floor(share / rowBytes) * rowBytes
    const rows = new FileTaker(files.rows, { bytes })
    const lines = new FileTaker(files.lines, { bytes })
    const words = new Uint32Array(rowWords + 1)
    const wordsAsBytes = new Uint8Array(words.buffer)
    const run: Run = {
      row: { words, at: 0, line: noLine },
      next: () => {
        const taken = rows.take(rowBytes)
        if (taken === undefined) return false
        wordsAsBytes.set(taken)
        run.row = { words, at: 0, line: lines.take(words[rowWords] ?? 0) ?? noLine }
        return true
      },
      close: () => {
        rows.close()
        lines.close()
      },
    }
    return run
  }
}

/** Runs with the one that has the smallest row first; of equal ones the earlier run. */
class RunHeap {
  readonly #heap: { readonly run: Run; readonly number: number }[] = []
  readonly #keyWords: number

  constructor(runs: readonly Run[], keyWords: number) {
    this.#keyWords = keyWords
    for (const [number, run] of runs.entries()) if (run.next()) this.#heap.push({ run, number })
    for (let at = this.#heap.length >> 1; at >= 0; at--) this.#sink(at)
  }

  get first(): Run | undefined {
    return this.#heap[0]?.run
  }

  /** Moves the first run on to its next row. */
  moveOn(): void {
    if (this.#heap[0]?.run.next() === false) {
      const last = this.#heap.pop()
      if (last !== undefined && this.#heap.length > 0) this.#heap[0] = last
    }
    this.#sink(0)
  }

  #sink(from: number): void {
    const heap = this.#heap
    for (let at = from; ;) {
      const left = 2 * at + 1
      const smaller = this.#isBelow(left + 1, left) ? left + 1 : left
      if (!this.#isBelow(smaller, at)) return
      const entry = heap[at]
      const child = heap[smaller]
      if (entry === undefined || child === undefined) return
      heap[at] = child
      heap[smaller] = entry
      at = smaller
    }
  }

  #isBelow(a: number, b: number): boolean {
    const left = this.#heap[a]
    const right = this.#heap[b]
    if (left === undefined || right === undefined) return false
    const order = compareWords(left.run.row, right.run.row, this.#keyWords)
    return order < 0 || (order === 0 && left.number < right.number)
  }
}
