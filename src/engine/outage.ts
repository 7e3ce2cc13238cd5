// The failures of a worker's store and source: how long it waits after each, and when they are over. The
// waits begin anew as soon as something ends well; that they are over is told only once nothing has failed
// for a while: where some calls fail and others do not, one that ends well says nothing of the next. Upholds
// I10.
import type { Random } from '../ports/timers.ts'

const firstRetryMs = 100
const longestRetryMs = 10_000

/** Failures, one after another. */
export class Outage {
  readonly #calmMs: number
  #failures = 0
  /** They have been told, and not that they are over, which they are not before then. */
  #overAtMs: number | undefined

  /** @param calmMs - nothing has failed for so long: then it is over */
  constructor(calmMs: number) {
    this.#calmMs = calmMs
  }

  /** Something has failed. Gives how long to wait, in milliseconds. */
  failed(nowMs: number, random: Random): number {
    const ceiling = Math.min(longestRetryMs, firstRetryMs * 2 ** this.#failures)
    const retryInMs = Math.ceil((ceiling * (1 + random.next())) / 2)
    this.#failures++
    this.#overAtMs = nowMs + retryInMs + this.#calmMs
    return retryInMs
  }

  /** Something has ended well. Gives whether that is the end, which it is once. */
  ended(nowMs: number): boolean {
    this.#failures = 0
    if (this.#overAtMs === undefined || nowMs < this.#overAtMs) return false
    this.#overAtMs = undefined
    return true
  }
}
