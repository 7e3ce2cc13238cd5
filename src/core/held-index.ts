// What the rules may ask about events that are held: asked of a store, and overlaid by what a pass itself
// holds.
import type { EventRange, HeldArrival } from './outcome.ts'
import type { Epoch, Sequence } from './sequence.ts'
import { compareSequences, placeText } from './sequence.ts'

/** A held event as the rules need it. */
export interface HeldMember {
  readonly sequence: Sequence
  readonly print: number
  /** Which arrival of the pass it is, where the pass itself holds it. */
  readonly arrival?: number
}

/** What the rules may ask about events that are already held. */
export interface HeldIndex {
  /** The fingerprint of a held event; `undefined` when no event with that number is held. */
  print(epoch: Epoch, sequence: Sequence): number | undefined
  /** The held events of an epoch above `after` (`null`: from the lowest) and up to `to`, ascending. */
  members(epoch: Epoch, after: Sequence | null, to: Sequence): readonly HeldMember[]
}

/** An index of held events when none are held. */
export const nothingHeld: HeldIndex = { print: () => undefined, members: () => [] }

/** An index with the events that a pass holds, by their places, laid over those that were held before. */
export class OverlaidIndex implements HeldIndex {
  readonly #below: HeldIndex
  readonly #own: Map<string, HeldArrival>

  constructor(below: HeldIndex, own: Map<string, HeldArrival>) {
    this.#below = below
    this.#own = own
  }

  print(epoch: Epoch, sequence: Sequence): number | undefined {
    return this.#own.get(placeText({ epoch, sequence }))?.print ?? this.#below.print(epoch, sequence)
  }

  members(epoch: Epoch, after: Sequence | null, to: Sequence): readonly HeldMember[] {
    return this.#both(this.#below.members(epoch, after, to), { epoch, after, to })
  }

  /** Takes the events of a range, ascending: the pass holds them no more. */
  take(range: EventRange): { readonly events: readonly HeldMember[]; readonly isStored: boolean } {
    const { epoch } = range
    const stored = this.#below.members(epoch, range.after, range.to)
    const events = this.#both(stored, range)
    for (const { sequence } of events) this.#own.delete(placeText({ epoch, sequence }))
    return { events, isStored: stored.length > 0 }
  }

  #both(below: readonly HeldMember[], { epoch, after, to }: EventRange): readonly HeldMember[] {
    if (this.#own.size === 0) return below
    const own = [...this.#own.values()].filter(
      (one) => one.epoch === epoch && one.sequence <= to && (after === null || one.sequence > after),
    )
    if (own.length === 0) return below
    return [...below, ...own].sort((a, b) => compareSequences(a.sequence, b.sequence))
  }
}
