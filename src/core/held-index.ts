// What the rules may ask about events that are held: asked of a store, and overlaid by what a pass itself
// holds.
import type { Epoch, Sequence } from './sequence.ts'
import { compareSequences } from './sequence.ts'

/** A held event as the rules need it. */
export interface HeldMember {
  readonly sequence: Sequence
  readonly print: number
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

/** An index with the events that a pass holds laid over those that were held before. */
export class OverlaidIndex implements HeldIndex {
  readonly #below: HeldIndex
  /** Made with the first note: most passes hold nothing. */
  #epochs: Map<Epoch, Map<Sequence, number>> | undefined

  constructor(below: HeldIndex) {
    this.#below = below
  }

  /** Remembers an event that is held from now on. */
  note(epoch: Epoch, sequence: Sequence, print: number): void {
    this.#epochs ??= new Map<Epoch, Map<Sequence, number>>()
    const prints = this.#epochs.get(epoch) ?? new Map<Sequence, number>()
    this.#epochs.set(epoch, prints.set(sequence, print))
  }

  print(epoch: Epoch, sequence: Sequence): number | undefined {
    return this.#epochs?.get(epoch)?.get(sequence) ?? this.#below.print(epoch, sequence)
  }

  members(epoch: Epoch, after: Sequence | null, to: Sequence): readonly HeldMember[] {
    const below = this.#below.members(epoch, after, to)
    const own = [...(this.#epochs?.get(epoch) ?? [])]
      .filter(([sequence]) => sequence <= to && (after === null || sequence > after))
      .map(([sequence, print]): HeldMember => ({ sequence, print }))
    if (own.length === 0) return below
    return [...below, ...own].sort((a, b) => compareSequences(a.sequence, b.sequence))
  }
}
