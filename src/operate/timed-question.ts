// A question to a store or a source that may not answer: whoever watches hears in time that it has not.
// Upholds I7: one is asked at a time, and who asks meanwhile waits for the same answer.
import { systemTimers } from '../ports/timers.ts'

/** Half of the time that Prometheus gives a scrape where it is not told otherwise. */
export const answerMsMax = 5_000

/** A question that is asked again and again. */
export class TimedQuestion<Answer> {
  readonly #ask: () => Promise<Answer>
  #asked: Promise<Answer> | undefined

  constructor(ask: () => Promise<Answer>) {
    this.#ask = ask
  }

  /** `undefined`: there was no answer in time. Rejects as the question does. */
  async answer(): Promise<Answer | undefined> {
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = undefined
    })
    const answered = new AbortController()
    const late = systemTimers.sleep(answerMsMax, answered.signal).then(() => undefined)
    try {
      return await Promise.race([this.#asked, late])
    } finally {
      answered.abort()
    }
  }
}
