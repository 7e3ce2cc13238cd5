// The health of a consumer for whoever asks for it again and again, a scrape or a probe. Upholds I7: a count
// that takes long is shown as it was last until it has ended, and made again only after twenty times as long
// as it took, so that watching takes a twentieth at most.
import type { KnownDomains } from './domain-rules.ts'
import type { Health, HealthOptions } from './health.ts'
import { readHealth } from './health.ts'
import type { ConsumerView } from './paging.ts'
import { TimedQuestion } from './timed-question.ts'

/** A count that takes no longer costs little whenever it is asked for. */
const shortMs = 100

/** The health as it was counted last. */
export class HealthCount {
  readonly #count: TimedQuestion<void>
  #last: Health | undefined
  #nextMs = 0

  constructor(view: ConsumerView, known: KnownDomains, options?: HealthOptions) {
    this.#count = new TimedQuestion(async () => {
      const beganMs = performance.now()
      this.#last = await readHealth(view, known, options)
      const tookMs = performance.now() - beganMs
      this.#nextMs = tookMs > shortMs ? beganMs + 21 * tookMs : 0
    })
  }

  /** `undefined`: no count has ended yet. Rejects as the count does. */
  async last(): Promise<Health | undefined> {
    if (performance.now() >= this.#nextMs) await this.#count.answer()
    return this.#last
  }
}
