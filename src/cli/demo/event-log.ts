// The demo's producer: it numbers each account's bookings from 1 and keeps them in a log that can be read
// again.
import type { SeededRandom } from '../../testing/seeded-random.ts'

/** A booking as it is sent. */
export interface Booking {
  readonly id: string
  readonly type: 'account.booked'
  readonly stream: string
  readonly sequence: number
  readonly data: { readonly amount: number }
}

/** The stream of the n-th account, from 0. */
export function accountName(index: number, accounts: number): string {
  return `account-${String(index + 1).padStart(String(accounts).length, '0')}`
}

/** The producer's log: every booking, in the order in which it happened. */
export class EventLog {
  readonly bookings: readonly Booking[]
  readonly #byAccount = new Map<string, Booking[]>()

  constructor(size: { readonly events: number; readonly streams: number }, random: SeededRandom) {
    this.bookings = Array.from({ length: size.events }, (_, index) => {
      // Each account has an event before chance takes over, so that none stays empty.
      const account = index < size.streams ? index : random.whole(0, size.streams - 1)
      const stream = accountName(account, size.streams)
      const own = this.#byAccount.get(stream) ?? []
      this.#byAccount.set(stream, own)
      const sequence = own.length + 1
      const amount = random.whole(-500, 1_000)
      const booking: Booking = {
        id: `${stream}#${sequence}`,
        type: 'account.booked',
        stream,
        sequence,
        data: { amount },
      }
      own.push(booking)
      return booking
    })
  }

  get streams(): readonly string[] {
    return [...this.#byAccount.keys()]
  }

  /** The last number of a stream. */
  lastOf(stream: string): number {
    return this.#byAccount.get(stream)?.length ?? 0
  }

  /** The bookings of a range of numbers, as a healer asks for them. */
  read(stream: string, from: number, to: number): readonly Booking[] {
    return this.#byAccount.get(stream)?.slice(from - 1, to) ?? []
  }

  /** What the bookings of a stream come to. */
  balanceOf(stream: string): number {
    return this.#byAccount.get(stream)?.reduce((sum, { data }) => sum + data.amount, 0) ?? 0
  }
}
