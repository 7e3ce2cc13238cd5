// What the demo's worker asks the parent process for: deliveries of the broker, which it tells what is
// settled; and what is missing, of the producer's log.
import type { Healer, HealRequest } from '../../ports/healer.ts'
import type { Delivery, ReadRequest, Source } from '../../ports/source.ts'
import type { BrokerDelivery, FromWorker, ToWorker } from './broker-messages.ts'
import type { Booking } from './event-log.ts'

/** A booking as this source delivers it. */
export interface BookingDelivery extends Delivery {
  readonly ticket: number
}

/** The way to the broker. */
export interface BrokerLink {
  send(message: FromWorker): void
  /** Calls back for every message of the broker. */
  onMessage(listener: (message: ToWorker) => void): void
}

/** A source over a link to the broker. */
export class BrokerSource implements Source<BookingDelivery> {
  readonly name = 'demo broker'
  readonly kind = 'queue'
  readonly #link: BrokerLink
  #answer: (deliveries: readonly BrokerDelivery[]) => void = () => undefined

  constructor(link: BrokerLink) {
    this.#link = link
    link.onMessage((message) => {
      if (message.kind === 'deliveries') this.#answer(message.deliveries)
    })
  }

  async open(): Promise<void> {}

  async read({ max, waitMs, signal }: ReadRequest): Promise<readonly BookingDelivery[]> {
    if (signal.aborted) return []
    const deliveries = await new Promise<readonly BrokerDelivery[]>((resolve) => {
      const stop = (): void => resolve([])
      signal.addEventListener('abort', stop, { once: true })
      this.#answer = (answer) => {
        signal.removeEventListener('abort', stop)
        resolve(answer)
      }
      this.#link.send({ kind: 'read', max, waitMs })
    })
    return deliveries.map(({ ticket, booking }) => ({ ticket, message: booking, origin: `demo:${ticket}` }))
  }

  async settle(deliveries: readonly BookingDelivery[]): Promise<void> {
    this.#link.send({ kind: 'settle', tickets: deliveries.map(({ ticket }) => ticket) })
  }

  /**
   * The demo's limits are never reached, so nothing is refused; a delivery that is not settled comes again.
   */
  async release(): Promise<void> {}

  async isCaughtUp(): Promise<boolean> {
    return false
  }

  async close(): Promise<void> {}
}

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
