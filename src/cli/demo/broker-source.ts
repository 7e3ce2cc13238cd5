// The source of the demo's worker: asks the broker in the parent process for deliveries, and tells it what is
// settled.
import type { Delivery, ReadRequest, Source } from '../../ports/source.ts'
import type { BrokerDelivery, FromWorker, ToWorker } from './broker-messages.ts'

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
