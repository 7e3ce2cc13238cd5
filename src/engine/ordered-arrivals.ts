// Events of `unordered()` domains with `orderWithin`: a worker keeps each for a moment, unsettled, so that
// one with a lower id that arrives meanwhile is handled before it. Upholds I3 and I4: what waits here is with
// its source too, so nothing is lost if the process ends; and I7: what waits is bounded in time and number.
import { compareIds } from '../core/id-order.ts'
import type { OrderWithin } from '../core/numbering.ts'
import type { Timers } from '../ports/timers.ts'

/** What an event waits by. */
export interface IdOrder {
  readonly domain: string
  readonly id: string
  readonly within: OrderWithin
}

/** What the waiting depends on. */
export interface OrderedArrivalsParts<Message> {
  readonly timers: Timers
  /** At most this many events go on together. */
  readonly batchMax: number
  /** How an event is ordered; `undefined` for one that does not wait. */
  readonly orderOf: (message: Message) => IdOrder | undefined
}

interface Waiting<Message> {
  readonly message: Message
  readonly id: string
  readonly dueMs: number
}

/** The waiting events of one worker. */
export class OrderedArrivals<Message> {
  readonly #parts: OrderedArrivalsParts<Message>
  readonly #domains = new Map<string, WaitingDomain<Message>>()
  /** What has waited long enough, in order, where it is more than may go on together. */
  readonly #ready: Message[] = []

  constructor(parts: OrderedArrivalsParts<Message>) {
    this.#parts = parts
  }

  /** Whether an event waits. */
  get isWaiting(): boolean {
    return this.#ready.length > 0 || this.#domains.values().some(({ size }) => size > 0)
  }

  /** How long until the next one has waited long enough, in milliseconds; `Infinity` when none waits. */
  get nextInMs(): number {
    if (this.#ready.length > 0) return 0
    const dueMs = Math.min(...this.#domains.values().map((domain) => domain.nextDueMs))
    return Math.max(0, dueMs - this.#parts.timers.elapsedMs())
  }

  /** Takes in what was read, and gives out what does not wait, or no longer. */
  pass(read: readonly Message[]): readonly Message[] {
    const now = this.#parts.timers.elapsedMs()
    const on = read.filter((message) => !this.#keeps(message, now))
    for (const domain of this.#domains.values()) this.#ready.push(...domain.takeDue(now))
    on.push(...this.#ready.splice(0, this.#parts.batchMax))
    return on
  }

  #keeps(message: Message, now: number): boolean {
    const order = this.#parts.orderOf(message)
    if (order === undefined) return false
    const { domain, id, within } = order
    const waiting = this.#domains.get(domain) ?? new WaitingDomain<Message>(within.events)
    this.#domains.set(domain, waiting)
    waiting.add({ message, id, dueMs: now + within.ms })
    return true
  }
}

/** The waiting events of one domain. */
class WaitingDomain<Message> {
  readonly #max: number
  /** Ascending by id; of equal ids the one that came first is first. */
  readonly #byId: Waiting<Message>[] = []
  /** In order of arrival, which is that of their due times. */
  readonly #byArrival = new Set<Waiting<Message>>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#byId.length
  }

  get nextDueMs(): number {
    for (const { dueMs } of this.#byArrival) return dueMs
    return Infinity
  }

  add(waiting: Waiting<Message>): void {
    this.#byArrival.add(waiting)
    this.#byId.splice(this.#countUpTo(waiting.id), 0, waiting)
  }

  /** Takes out what is due, everything with a lower id, and the lowest ids where too many wait. */
  takeDue(now: number): readonly Message[] {
    let count = Math.max(0, this.size - this.#max)
    for (const { id, dueMs } of this.#byArrival) {
      if (dueMs > now) break
      count = Math.max(count, this.#countUpTo(id))
    }
    const taken = this.#byId.splice(0, count)
    for (const waiting of taken) this.#byArrival.delete(waiting)
    return taken.map(({ message }) => message)
  }

  /** How many ids are at or below this one. */
  #countUpTo(id: string): number {
    let [low, high] = [0, this.#byId.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const there = this.#byId[middle]
      if (there !== undefined && compareIds(there.id, id) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
