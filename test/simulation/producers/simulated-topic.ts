// The topic between the producers and a consumer: it doubles, delays, reorders and drops what it is given,
// and brings again what was not settled in time.
import type { Delivery, ReadRequest, Source } from '../../../src/ports/source.ts'
import type { Timers } from '../../../src/ports/timers.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'

/** What befalls messages. */
export interface TopicFate {
  readonly doubleChance: number
  readonly jitterMs: number
  readonly visibilityMs: number
}

/** A message as it is delivered. */
export interface TopicDelivery extends Delivery {
  readonly place: number
}

interface Slot extends TopicDelivery {
  readyAtMs: number
}

/** A topic. */
export class SimulatedTopic {
  readonly #timers: Timers
  readonly #random: SeededRandom
  readonly #fate: TopicFate
  readonly #slots = new Map<number, Slot>()
  #places = 0

  constructor(timers: Timers, random: SeededRandom, fate: TopicFate) {
    this.#timers = timers
    this.#random = random
    this.#fate = fate
  }

  /** Messages that are not settled. */
  get unsettled(): number {
    return this.#slots.size
  }

  /** Takes a message; with a chance of `dropChance` it is lost. */
  push(message: string, dropChance: number): void {
    const { doubleChance, jitterMs } = this.#fate
    const copies = this.#random.chance(dropChance) ? 0 : this.#random.chance(doubleChance) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      const place = ++this.#places
      const readyAtMs = this.#timers.elapsedMs() + this.#random.whole(0, jitterMs)
      this.#slots.set(place, { message, place, origin: `topic#${place}`, readyAtMs })
    }
  }

  /** A consumer's connection. */
  source(timers: Timers): Source<TopicDelivery> {
    return {
      name: 'topic',
      kind: 'queue',
      open: () => Promise.resolve(),
      read: (request) => this.#read(timers, request),
      settle: async (deliveries) => {
        for (const { place } of deliveries) this.#slots.delete(place)
      },
      release: async (deliveries, delayMs) => {
        for (const { place } of deliveries) this.#delay(place, delayMs)
      },
      isCaughtUp: async () => this.#ready().length === 0,
      close: () => Promise.resolve(),
    }
  }

  async #read(timers: Timers, { max, waitMs, signal }: ReadRequest): Promise<readonly TopicDelivery[]> {
    const untilMs = timers.elapsedMs() + waitMs
    for (;;) {
      const taken = signal.aborted ? [] : this.#ready().slice(0, max)
      for (const { place } of taken) this.#delay(place, this.#fate.visibilityMs)
      const leftMs = untilMs - timers.elapsedMs()
      if (taken.length > 0 || leftMs <= 0 || signal.aborted) return taken
      await timers.sleep(Math.min(leftMs, 50), signal)
    }
  }

  #ready(): Slot[] {
    const now = this.#timers.elapsedMs()
    const ready = [...this.#slots.values()].filter(({ readyAtMs }) => readyAtMs <= now)
    return ready.sort((a, b) => a.readyAtMs - b.readyAtMs || a.place - b.place)
  }

  #delay(place: number, ms: number): void {
    const slot = this.#slots.get(place)
    if (slot !== undefined) slot.readyAtMs = this.#timers.elapsedMs() + ms
  }
}
