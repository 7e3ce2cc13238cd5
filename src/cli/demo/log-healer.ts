// The healer of the demo's worker: asks the producer's log, in the parent process, for what is missing.
import type { Healer, HealRequest } from '../../ports/healer.ts'
import type { BrokerLink } from './broker-source.ts'
import type { Booking } from './event-log.ts'

/** A healer over the link to the parent process. */
export class LogHealer implements Healer {
  readonly name = "the producer's log"
  readonly #link: BrokerLink
  readonly #open = new Map<number, (bookings: readonly Booking[]) => void>()
  #questions = 0

  constructor(link: BrokerLink) {
    this.#link = link
    link.onMessage((message) => {
      if (message.kind === 'healed') this.#open.get(message.question)?.(message.bookings)
    })
  }

  async heal({ stream, from, to, signal }: HealRequest): Promise<readonly Booking[]> {
    const question = ++this.#questions
    try {
      return await new Promise((resolve) => {
        this.#open.set(question, resolve)
        signal.addEventListener('abort', () => resolve([]), { once: true })
        this.#link.send({ kind: 'heal', question, asked: { stream, from: Number(from), to: Number(to) } })
      })
    } finally {
      this.#open.delete(question)
    }
  }
}
