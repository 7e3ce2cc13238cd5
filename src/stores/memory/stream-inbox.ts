// The inbox of one stream, ascending by place and arrival, so that its lowest entries are found without
// looking at the others. Entries are kept as text, so that nobody outside can change them.
import type { Position } from '../../core/sequence.ts'
import { comparePositions } from '../../core/sequence.ts'
import type { InboxEntry, InboxPage, InboxSize, StoredEntry } from '../../ports/records.ts'
import type { StoredInbox } from '../../ports/store-reader.ts'
import { placeOnWire } from '../../ports/store.ts'
import { inboxText, readInbox } from '../../storage/record-text.ts'
import { firstIndex } from './held-list.ts'

/** An entry in the form in which it is kept. */
export interface KeptEntry extends Pick<StoredEntry, 'arrivalId' | 'stream'> {
  readonly place: Position
  readonly isRedrive: boolean
  readonly text: string
}

/** An entry in the form in which it is kept, but for its arrival id. */
export function keptEntry(entry: InboxEntry): Omit<KeptEntry, 'arrivalId'> {
  const { stream, arrival, redrive } = entry
  return { stream, place: placeOnWire(arrival), isRedrive: redrive !== undefined, text: inboxText(entry) }
}

/** An entry as the port shows it. */
export function storedEntry({ stream, arrivalId, text }: KeptEntry): StoredEntry {
  return { stream, arrivalId, ...readInbox(text) }
}

/** Entries of one stream. */
export class StreamInbox {
  readonly #arrivals: KeptEntry[] = []
  readonly #redrives: KeptEntry[] = []
  #newest = 0
  #seen = 0

  get size(): number {
    return this.#arrivals.length + this.#redrives.length
  }

  get entries(): readonly KeptEntry[] {
    return [...this.#arrivals, ...this.#redrives]
  }

  /** How much there is; `undefined`: nothing. */
  get told(): InboxSize | undefined {
    if (this.size === 0) return undefined
    return { arrivals: this.#arrivals.length, redrives: this.#redrives.length, newest: this.#newest }
  }

  get stored(): StoredInbox {
    return { arrivals: this.#arrivals.length, redrives: this.#redrives.length, hasNew: this.hasNew }
  }

  /** Whether there are entries that nobody has looked at. */
  get hasNew(): boolean {
    return this.size > 0 && this.#newest > this.#seen
  }

  get isDue(): boolean {
    return this.hasNew || this.#redrives.length > 0
  }

  /** Appends an entry; `nth` rises with each. */
  append(entry: KeptEntry, nth: number): void {
    const list = entry.isRedrive ? this.#redrives : this.#arrivals
    const at = firstIndex(list, ({ place }) => comparePositions(place, entry.place) > 0)
    list.splice(at, 0, entry)
    this.#newest = nth
  }

  /** The inbox was looked at up to an entry. */
  look(seen: number): void {
    this.#seen = Math.max(this.#seen, seen)
  }

  /** Forgets entries; says how many it had of them. */
  forget(arrivalIds: readonly string[]): number {
    const ids = new Set(arrivalIds)
    let forgotten = 0
    for (const list of [this.#arrivals, this.#redrives]) {
      const rest = list.filter(({ arrivalId }) => !ids.has(arrivalId))
      forgotten += list.length - rest.length
      if (rest.length < list.length) list.splice(0, list.length, ...rest)
    }
    return forgotten
  }

  page({ redrives, from, below, limit }: InboxPage): StoredEntry[] {
    const list = redrives === true ? this.#redrives : this.#arrivals
    const firstOf = (bound: Position): number =>
      firstIndex(list, ({ place }) => comparePositions(place, bound) >= 0)
    const start = from === undefined ? 0 : firstOf(from)
    const end = below === undefined ? list.length : firstOf(below)
    return list.slice(start, Math.min(end, start + limit)).map(storedEntry)
  }
}
