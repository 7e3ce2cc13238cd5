// Randomness that is the same for the same seed, on every machine. Source: sfc32 (Chris Doty-Humphrey,
// PractRand), filled from the seed by splitmix32.
import type { Random } from '../ports/timers.ts'

/** A random source with the draws that tests need. */
export class SeededRandom implements Random {
  readonly #state: [number, number, number, number]

  constructor(seed: number) {
    let mixed = seed | 0
    const next = (): number => {
      mixed = (mixed + 0x9e3779b9) | 0
      let word = mixed ^ (mixed >>> 16)
      word = Math.imul(word, 0x21f0aaad)
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
      return (word ^ (word >>> 15)) | 0
    }
    this.#state = [next(), next(), next(), 1]
    for (let round = 0; round < 12; round++) this.next()
  }

  /** From 0 to below 1. */
  next(): number {
    const [a, b, c, counter] = this.#state
    const word = (((a + b) | 0) + counter) | 0
    this.#state[3] = (counter + 1) | 0
    this.#state[0] = b ^ (b >>> 9)
    this.#state[1] = (c + (c << 3)) | 0
    this.#state[2] = (((c << 21) | (c >>> 11)) + word) | 0
    return (word >>> 0) / 2 ** 32
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** One of the choices. */
  pick<Choice>(choices: readonly [Choice, ...Choice[]]): Choice {
    return choices[this.whole(0, choices.length - 1)] ?? choices[0]
  }

  /** The same items in another order. */
  shuffled<Item>(items: readonly Item[]): Item[] {
    const shuffled: Item[] = []
    for (const item of items) {
      const at = this.whole(0, shuffled.length)
      const moved = shuffled[at]
      shuffled[at] = item
      if (moved !== undefined) shuffled.push(moved)
    }
    return shuffled
  }

  /** A random source of its own, so that draws here and there do not disturb each other. */
  fork(): SeededRandom {
    return new SeededRandom(Math.floor(this.next() * 2 ** 32))
  }
}
