// Everything that happened in a simulation, in its order, as seen from outside the system under test.
import type { DeadLetter, InboxEntry } from '../../src/ports/records.ts'
import type { StreamChange } from '../../src/ports/store.ts'
import type { Produced } from './produced.ts'

/** One thing that happened. */
export type Happening =
  | { readonly kind: 'available'; readonly consumer: string; readonly produced: Produced }
  | { readonly kind: 'read'; readonly consumer: string; readonly worker: string; readonly produced: Produced }
  | {
      readonly kind: 'settled'
      readonly consumer: string
      readonly worker: string
      readonly produced: Produced
    }
  | {
      readonly kind: 'released'
      readonly consumer: string
      readonly worker: string
      readonly produced: Produced
    }
  | { readonly kind: 'claimed'; readonly consumer: string; readonly stream: string; readonly fence: number }
  | {
      readonly kind: 'committed'
      readonly consumer: string
      readonly worker: string
      readonly fence: number
      readonly change: StreamChange
      /** The entries of the inbox that it decides. */
      readonly decided: readonly InboxEntry[]
    }
  | { readonly kind: 'handed-over'; readonly consumer: string; readonly entries: readonly InboxEntry[] }
  | { readonly kind: 'recorded'; readonly consumer: string; readonly deadLetters: readonly DeadLetter[] }
  | {
      readonly kind: 'called'
      readonly consumer: string
      readonly worker: string
      readonly fence: number
      readonly produced: Produced
    }
  | { readonly kind: 'failed'; readonly consumer: string; readonly produced: Produced }
  | {
      readonly kind: 'effect'
      readonly consumer: string
      readonly produced: Produced
      /**
       * `transaction`: committed with the position. `external`: accepted by a system that checks fences and
       * keys.
       * `unfenced`: by one that checks keys only.
       */
      readonly effects: 'transaction' | 'external' | 'unfenced'
      /** Of the call, where it had one. */
      readonly fence?: number
      /** Of a dead letter that was tried again, outside the order. */
      readonly isRedrive?: boolean
    }
  | {
      readonly kind: 'effect-refused' | 'effect-repeated'
      readonly consumer: string
      readonly produced: Produced
      readonly fence?: number
      readonly isRedrive?: boolean
    }
  | { readonly kind: 'started' | 'died' | 'stopped'; readonly worker: string }
  | { readonly kind: 'crashed'; readonly worker: string; readonly error: string }
  | { readonly kind: 'fault'; readonly worker: string; readonly what: string }
  | { readonly kind: 'jumped'; readonly ms: number }
  | { readonly kind: 'quiet' }

/** A happening with its time. */
export type Dated<What extends Happening = Happening> = What & {
  readonly atMs: number
  /** How long, until then, the consumer's source had been read: an upper bound of its reading clock. */
  readonly readMs?: number
}

/** The record of a simulation. */
export class History {
  readonly happenings: Dated[] = []
  readonly #elapsedMs: () => number
  readonly #readMs: (consumer: string) => number

  constructor(elapsedMs: () => number, readMs: (consumer: string) => number) {
    this.#elapsedMs = elapsedMs
    this.#readMs = readMs
  }

  /** Writes something down. */
  note(what: Happening): Dated {
    const atMs = this.#elapsedMs()
    const isRead = what.kind === 'committed' || what.kind === 'claimed'
    const dated = isRead ? { ...what, atMs, readMs: this.#readMs(what.consumer) } : { ...what, atMs }
    this.happenings.push(dated)
    return dated
  }

  /** It has not happened after all. */
  forget(happening: Dated | undefined): void {
    const at = happening === undefined ? -1 : this.happenings.lastIndexOf(happening)
    if (at >= 0) this.happenings.splice(at, 1)
  }

  /** Happenings of one kind, in their order. */
  of<Kind extends Happening['kind']>(kind: Kind): Dated<Extract<Happening, { kind: Kind }>>[] {
    return this.happenings.filter(
      (happening): happening is Dated<Extract<Happening, { kind: Kind }>> => happening.kind === kind,
    )
  }
}
