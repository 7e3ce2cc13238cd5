// The held events of one stream as far as a decision needs them: it is asked while something is decided,
// notes what it does not know, and the decision is made again once that has been read. One read serves all
// streams of a batch.
import type { TrackedEvent } from '../core/event.ts'
import type { HeldIndex, HeldMember } from '../core/held-index.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import { before, compareSequences } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { HeldEvent, HeldRange } from './records.ts'

const none: readonly HeldMember[] = []

/** What is known of one stream's held events. */
export class HeldCache implements HeldIndex {
  readonly #stream: StreamPath
  readonly #isEmpty: boolean
  readonly #epochs = new Map<Epoch, Map<Sequence, HeldEvent>>()
  readonly #read: HeldRange[] = []
  #missing: HeldRange[] = []

  /** `isEmpty`: nothing is held in the stream, so nothing has to be read. */
  constructor(stream: StreamPath, isEmpty: boolean) {
    this.#stream = stream
    this.#isEmpty = isEmpty
  }

  /** What was asked for and is not known; asked again, it is empty until something new is missing. */
  takeMissing(): readonly HeldRange[] {
    const missing = this.#missing
    this.#missing = []
    return missing
  }

  /** Says that these ranges have been read. */
  noteRead(ranges: readonly HeldRange[]): void {
    this.#read.push(...ranges)
  }

  /** Takes in an event that was read. Read once more it stays the one that it was: others refer to it. */
  add(held: HeldEvent): void {
    const { epoch, sequence } = held.event
    let events = this.#epochs.get(epoch)
    if (events === undefined) this.#epochs.set(epoch, (events = new Map<Sequence, HeldEvent>()))
    if (!events.has(sequence)) events.set(sequence, held)
  }

  print(epoch: Epoch, sequence: Sequence): number | undefined {
    const held = this.#epochs.get(epoch)?.get(sequence)
    if (held === undefined) this.#need({ epoch, after: before(sequence), to: sequence })
    return held?.print
  }

  /** The held events of a range, ascending, as far as they are known. */
  members(epoch: Epoch, after: Sequence | null, to: Sequence): readonly HeldMember[] {
    this.#need({ epoch, after, to })
    const events = this.#epochs.get(epoch)
    if (events === undefined) return none
    return [...events.values()]
      .map(({ event, print }) => ({ sequence: event.sequence, print }))
      .filter(({ sequence }) => sequence <= to && (after === null || sequence > after))
      .sort((a, b) => compareSequences(a.sequence, b.sequence))
  }

  /** A held event that is known. */
  event(epoch: Epoch, sequence: Sequence): TrackedEvent | undefined {
    return this.#epochs.get(epoch)?.get(sequence)?.event
  }

  #need(range: Omit<HeldRange, 'stream'>): void {
    if (this.#isEmpty || this.#read.some((read) => covers(read, range))) return
    this.#missing.push({ stream: this.#stream, ...range })
  }
}

function covers(read: HeldRange, range: Omit<HeldRange, 'stream'>): boolean {
  if (read.epoch !== range.epoch || read.to < range.to) return false
  return read.after === null || (range.after !== null && read.after <= range.after)
}
