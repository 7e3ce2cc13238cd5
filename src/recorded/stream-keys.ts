// The streams of a log in the order in which they are first seen, whichever thread met them: threads number
// the keys that they meet, this gives every key one number for all.

/** All stream keys of a log. */
export class StreamKeys {
  readonly keys: string[] = []
  readonly #numbers = new Map<string, number>()
  readonly #threads: ThreadKeys[] = []

  /** Notes the keys that a thread met for the first time, in the order of its numbers. */
  addKeys(thread: number, keys: readonly string[]): void {
    const known = this.#thread(thread)
    for (const key of keys) known.keys.push(key)
    if (known.keys.length > known.numbers.length) {
      const numbers = new Int32Array(known.keys.length * 2)
      numbers.set(known.numbers)
      known.numbers = numbers
    }
  }

  /** For a thread's numbers: the stream's number + 1, or 0 for one that was not asked for yet. */
  numbersOf(thread: number): Int32Array {
    return this.#thread(thread).numbers
  }

  /** The number of the stream that is `local` to the thread; a new stream gets the next one. */
  numberOf(thread: number, local: number): number {
    const { numbers, keys } = this.#thread(thread)
    const known = (numbers[local] ?? 0) - 1
    if (known >= 0) return known
    const key = keys[local] ?? ''
    const number = this.#numbers.get(key) ?? this.keys.length
    if (number === this.keys.length) {
      this.#numbers.set(key, number)
      this.keys.push(key)
    }
    numbers[local] = number + 1
    return number
  }

  #thread(thread: number): ThreadKeys {
    return (this.#threads[thread] ??= { keys: [], numbers: new Int32Array(1024) })
  }
}

/** What one thread met: its keys, and their numbers for all, + 1. */
interface ThreadKeys {
  readonly keys: string[]
  numbers: Int32Array
}
