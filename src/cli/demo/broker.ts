// The demo's broker: a queue that delivers at least once. What a worker has not settled when it dies comes
// again.
import type { BrokerDelivery } from './broker-messages.ts'
import type { Booking } from './event-log.ts'

/** A queue of bookings. */
export class Broker {
  #waiting: BrokerDelivery[] = []
  readonly #underWay = new Map<number, BrokerDelivery>()
  #tickets = 0
  #wake: () => void = () => undefined
  /** Deliveries that came again because their worker died. */
  redelivered = 0

  /** Bookings that no worker has settled. */
  get unsettled(): number {
    return this.#waiting.length + this.#underWay.size
  }

  /** Deliveries that a worker has in hand. */
  get underWay(): number {
    return this.#underWay.size
  }

  push(bookings: readonly Booking[]): void {
    for (const booking of bookings) this.#waiting.push({ ticket: ++this.#tickets, booking })
    this.#wake()
  }

  /** The next deliveries; waits for the first one, and gives none when it does not come. */
  async take(max: number, waitMs: number): Promise<readonly BrokerDelivery[]> {
    if (this.#waiting.length === 0) await this.#arrival(waitMs)
    const taken = this.#waiting.splice(0, max)
    for (const delivery of taken) this.#underWay.set(delivery.ticket, delivery)
    return taken
  }

  settle(tickets: readonly number[]): void {
    for (const ticket of tickets) this.#underWay.delete(ticket)
  }

  /** Takes back what was delivered and not settled. */
  takeBack(): void {
    this.redelivered += this.#underWay.size
    this.#waiting = [...this.#underWay.values(), ...this.#waiting]
    this.#underWay.clear()
    this.#wake()
  }

  /** Takes back deliveries that reached nobody. */
  giveBack(deliveries: readonly BrokerDelivery[]): void {
    for (const { ticket } of deliveries) this.#underWay.delete(ticket)
    this.#waiting = [...deliveries, ...this.#waiting]
    this.#wake()
  }

  #arrival(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(end, waitMs)
      this.#wake = end
    })
  }
}
