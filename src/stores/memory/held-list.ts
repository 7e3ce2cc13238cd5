// The held events of one stream, ascending by (epoch, sequence). Events are kept as text, so that nobody
// outside can change what is held; a million of them is still one array.
import { comparePositions } from '../../core/sequence.ts'
import type { Position } from '../../core/sequence.ts'
import type { HeldEvent, HeldRange } from '../../ports/records.ts'
import { readEvent, recordText } from '../../storage/record-text.ts'

/** A held event as it is kept. */
export interface HeldEntry extends Position {
  readonly text: string
  readonly print: number
  readonly heldAt: number
}

/** A held event in the form in which it is kept. */
export function heldEntry({ event, print, heldAt }: HeldEvent): HeldEntry {
  return { epoch: event.epoch, sequence: event.sequence, text: recordText(event), print, heldAt }
}

/** Held events of one stream. */
export class HeldList {
  readonly #entries: HeldEntry[] = []

  get size(): number {
    return this.#entries.length
  }

  /** Keeps an event; one with the same number is replaced. Says whether there was none. */
  keep(entry: HeldEntry): boolean {
    const at = this.#firstAt(entry)
    const there = this.#entries[at]
    const isNew = there === undefined || comparePositions(there, entry) !== 0
    this.#entries.splice(at, isNew ? 0 : 1, entry)
    return isNew
  }

  /** Forgets a range; says how many events it had. */
  release(range: HeldRange): number {
    const [from, end] = this.#bounds(range)
    this.#entries.splice(from, end - from)
    return end - from
  }

  /** The events of a range, ascending. */
  within(range: HeldRange): HeldEvent[] {
    const [from, end] = this.#bounds(range)
    return this.#entries.slice(from, end).map((entry) => heldEvent(range.stream, entry))
  }

  /** All entries, ascending. */
  get entries(): readonly HeldEntry[] {
    return this.#entries
  }

  #bounds({ epoch, after, to }: HeldRange): [from: number, end: number] {
    const from = after === null ? this.#firstOfEpoch(epoch) : this.#firstBehind({ epoch, sequence: after })
    return [from, Math.max(from, this.#firstBehind({ epoch, sequence: to }))]
  }

  #firstAt(place: Position): number {
    return firstIndex(this.#entries, (entry) => comparePositions(entry, place) >= 0)
  }

  #firstBehind(place: Position): number {
    return firstIndex(this.#entries, (entry) => comparePositions(entry, place) > 0)
  }

  #firstOfEpoch(epoch: number): number {
    return firstIndex(this.#entries, (entry) => entry.epoch >= epoch)
  }
}

/** Where in an ordered list the items begin that lie far enough. */
export function firstIndex<Item>(items: readonly Item[], isThere: (item: Item) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const item = items[middle]
    if (item !== undefined && isThere(item)) high = middle
    else low = middle + 1
  }
  return low
}

/** A held event as the port shows it. */
export function heldEvent(stream: string, { text, print, heldAt }: HeldEntry): HeldEvent {
  return { stream, event: readEvent(text), print, heldAt }
}
