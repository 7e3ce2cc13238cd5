// Where the handlers of a simulation act. The external system does what the promise for `effects:
// 'external'` asks of one: it keeps the highest fence of each stream and the keys that it has seen. For I2
// and I5.
import type { StreamPath } from '../../src/core/stream-path.ts'
import type { History } from './history.ts'
import type { Produced } from './produced.ts'

/** An effect that commits with the position, or as a dead letter's second chance. */
export interface WrittenEffect {
  readonly produced: Produced
  readonly isRedrive: boolean
}

/** What handlers write through, in a store with transactions. */
export interface EffectTransaction {
  write(effect: WrittenEffect): void
  /** Whether handlers of several streams are called at once in it. */
  readonly isShared: boolean
}

/** A call of an external system. */
export interface ExternalCall {
  readonly consumer: string
  readonly path: StreamPath
  readonly idempotencyKey: string
  /** Absent: the caller knows none, and is believed. */
  readonly fence: number | undefined
  readonly produced: Produced
  readonly isRedrive: boolean
}

/** A system outside that refuses stale fences and repeats no effect. */
export class ExternalSystem {
  readonly #history: History
  readonly #fences = new Map<string, number>()
  readonly #keys = new Set<string>()

  constructor(history: History) {
    this.#history = history
  }

  /** Acts once per key. Throws when the fence is older than one that was seen for the stream. */
  act({ consumer, path, idempotencyKey, fence, produced, isRedrive }: ExternalCall): void {
    const scope = `${consumer} ${path}`
    const highest = this.#fences.get(scope) ?? 0
    if (fence !== undefined && fence < highest) {
      this.#history.note({ kind: 'effect-refused', consumer, produced })
      throw new Error(`fence ${fence} is older than ${highest}`)
    }
    this.#fences.set(scope, fence ?? highest)
    const own = { ...(fence !== undefined && { fence }), ...(isRedrive && { isRedrive }) }
    if (this.#keys.has(idempotencyKey)) {
      this.#history.note({ kind: 'effect-repeated', consumer, produced, ...own })
      return
    }
    this.#keys.add(idempotencyKey)
    this.#history.note({
      kind: 'effect',
      consumer,
      produced,
      effects: fence === undefined ? 'unfenced' : 'external',
      ...own,
    })
  }
}
