// A simulated queue: each copy is settled by itself, and one that is not comes again after a while.
import type { Copy, CopySource } from './broker.ts'
import type { Arrivals } from './produced.ts'

interface Slot {
  readonly copy: Copy
  /** When it may be delivered, in elapsed milliseconds. */
  readyAtMs: number
  isSettled: boolean
}

/** What a queue is made of. */
export interface SimulatedQueueOptions {
  readonly elapsedMs: () => number
  /** How long a copy stays with its connection before it comes again. */
  readonly visibilityMs: number
  /** A copy is available for the first time. */
  readonly onAvailable: (copy: Copy) => void
}

/** A queue of copies. */
export class SimulatedQueue implements CopySource {
  readonly kind = 'queue'
  readonly #options: SimulatedQueueOptions
  /** Everything that is not settled. */
  #slots: Slot[]
  readonly #byPlace = new Map<number, Slot>()
  readonly #seen = new Set<number>()

  constructor(arrivals: readonly Arrivals[], options: SimulatedQueueOptions) {
    this.#options = options
    const copies = arrivals.flatMap(({ produced, copiesAtMs }) =>
      copiesAtMs.map((atMs) => ({ produced, atMs })),
    )
    this.#slots = copies.map(({ produced, atMs }, place): Slot => {
      const copy = { message: produced.message, produced, place, origin: `queue#${place}` }
      return { copy, readyAtMs: atMs, isSettled: false }
    })
    for (const slot of this.#slots) this.#byPlace.set(slot.copy.place, slot)
  }

  /** Delivers now what was kept back. */
  heal(): void {
    for (const slot of this.#slots)
      if (slot.readyAtMs === Infinity) slot.readyAtMs = this.#options.elapsedMs()
  }

  /** Copies that are not settled, and not kept back. */
  get open(): readonly Copy[] {
    return this.#slots.filter(({ readyAtMs }) => readyAtMs !== Infinity).map(({ copy }) => copy)
  }

  take(_connection: string, max: number): readonly Copy[] {
    const now = this.#options.elapsedMs()
    const ready = this.#slots.filter(({ readyAtMs }) => readyAtMs <= now)
    ready.sort((a, b) => a.readyAtMs - b.readyAtMs || a.copy.place - b.copy.place)
    const taken = ready.slice(0, max)
    for (const slot of taken) {
      slot.readyAtMs = now + this.#options.visibilityMs
      if (this.#seen.has(slot.copy.place)) continue
      this.#seen.add(slot.copy.place)
      this.#options.onAvailable(slot.copy)
    }
    return taken.map(({ copy }) => copy)
  }

  nextAtMs(): number {
    let next = Infinity
    for (const { readyAtMs } of this.#slots) next = Math.min(next, readyAtMs)
    return next
  }

  settle(_connection: string, copies: readonly Copy[]): void {
    for (const { place } of copies) {
      const slot = this.#byPlace.get(place)
      if (slot !== undefined) slot.isSettled = true
    }
    this.#slots = this.#slots.filter(({ isSettled }) => !isSettled)
  }

  release(_connection: string, copies: readonly Copy[], delayMs: number): void {
    for (const { place } of copies) {
      const slot = this.#byPlace.get(place)
      if (slot !== undefined) slot.readyAtMs = this.#options.elapsedMs() + delayMs
    }
  }

  connect(): void {
    // Every connection reads the same queue.
  }

  disconnect(): void {
    // What a connection had comes again when its time is over.
  }

  isEmpty(): boolean {
    const now = this.#options.elapsedMs()
    return this.#slots.every(({ readyAtMs }) => readyAtMs > now)
  }
}
