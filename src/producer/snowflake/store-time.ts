// The time of a store, told without asking it each time: what its clock showed when it was last asked, and
// how much time has passed here since. It is only as good as the last answer was quick; nothing that must
// hold depends on it.
import type { Timers } from '../../ports/timers.ts'

/** A store's time between two answers. */
export class StoreTime {
  readonly #timers: Timers
  /** The store's clock when the timers stood at 0. */
  #offsetMs = -Infinity

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** In whole milliseconds since 1970. */
  now(): number {
    return Math.floor(this.#offsetMs + this.#timers.elapsedMs())
  }

  /**
   * Learns what the store's clock showed at some moment between the question and now. What was known before
   * is kept if it can still be true, so that a slow answer does not set the time back.
   */
  learn(storeMs: number, askedAtMs: number): void {
    const leastMs = storeMs - this.#timers.elapsedMs()
    const mostMs = storeMs - askedAtMs
    this.#offsetMs = Math.min(Math.max(this.#offsetMs, leastMs), mostMs)
  }
}
