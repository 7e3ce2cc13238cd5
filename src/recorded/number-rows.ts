// The rows that are sorted where numbers may have gaps: one for each event, and with linked numbering one for
// each predecessor that an event names. They come back stream by stream, from the greatest epoch and number
// down: then the earliest arrival among greater numbers, all that RFC 4737 asks for, is one running minimum.
import type { Sequence } from '../core/sequence.ts'
import { compareWords, readSafe, readWide, safeWords, wideWords, writeSafe } from './wide-number.ts'
import type { WordsAt } from './wide-number.ts'

const epochAt = 1
const numberAt = epochAt + safeWords
const kindAt = numberAt + wideWords
const arrivalAt = kindAt + 1

/** Words by which the rows are ordered; behind them stands an event's id, or who named a predecessor. */
export const numberKeyWords: number = arrivalAt + safeWords

/** What a row stands for. */
export const numberKind = { event: 0, predecessor: 1 } as const

/** What is written into a row. */
export interface NumberRow {
  readonly stream: number
  readonly epoch: number
  readonly kind: 0 | 1
  /** The event's arrival, counted in its stream. */
  readonly arrival: number
}

/** A number as words, from `at` on. */
type Words = WordsAt

/** Writes a row but for what stands behind its key. */
export function writeNumberRow({ words, at }: WordsAt, row: NumberRow, number: Words): void {
  words[at] = row.stream
  writeSafe(words, at + epochAt, row.epoch)
  for (let word = 0; word < safeWords; word++) words[at + epochAt + word] = ~(words[at + epochAt + word] ?? 0)
  for (let word = 0; word < wideWords; word++)
    words[at + numberAt + word] = ~(number.words[number.at + word] ?? 0)
  words[at + kindAt] = row.kind
  writeSafe(words, at + arrivalAt, row.arrival)
}

/** Reads rows that come in order; what it read last stands in its fields. */
export class NumberRowReader {
  stream = -1
  epoch = 0
  number: Sequence = 0
  isEvent = false
  arrival = 0
  /** Whether the row names no predecessor: it begins a chain. */
  isBeginning = false
  /** What of its place is new against the row before. */
  news: 'stream' | 'epoch' | 'number' | 'nothing' = 'stream'
  readonly #last = new Uint32Array(numberKeyWords)
  readonly #scratch = new Uint32Array(wideWords)

  read(row: WordsAt): void {
    const { words, at } = row
    this.news = this.#newsOf(row)
    this.isEvent = words[at + kindAt] === numberKind.event
    this.arrival = readSafe(words, at + arrivalAt)
    if (this.news === 'nothing') return
    this.stream = words[at] ?? 0
    this.#uncomplement(row, epochAt, safeWords)
    this.epoch = readSafe(this.#scratch, 0)
    this.#uncomplement(row, numberAt, wideWords)
    this.number = readWide(this.#scratch, 0)
    this.isBeginning = this.#scratch.every((word) => word === 0)
    this.#last.set(words.subarray(at, at + numberKeyWords))
  }

  #newsOf(row: WordsAt): 'stream' | 'epoch' | 'number' | 'nothing' {
    if (this.stream !== row.words[row.at]) return 'stream'
    const isSame = (from: number, count: number): boolean => {
      return (
        compareWords({ words: row.words, at: row.at + from }, { words: this.#last, at: from }, count) === 0
      )
    }
    if (!isSame(epochAt, safeWords)) return 'epoch'
    return isSame(numberAt, wideWords) ? 'nothing' : 'number'
  }

  #uncomplement({ words, at }: WordsAt, from: number, count: number): void {
    for (let word = 0; word < count; word++) this.#scratch[word] = ~(words[at + from + word] ?? 0)
  }
}

/** The number that stands behind a row's key. */
export function successorOf({ words, at }: WordsAt): Sequence {
  return readWide(words, at + numberKeyWords)
}
