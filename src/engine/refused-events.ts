// Events that were refused and stay unsettled: a log's worker keeps them, reads on, and offers them again, of
// each stream the lowest number first. Upholds I1, I6 and I7: a full stream delays no other, the one that it
// waits for is not behind those that wait for it, and what waits too long or too far goes to its stream's
// inbox.
import type { Position } from '../core/sequence.ts'
import { comparePositions } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Delivery } from '../ports/source.ts'
import { sizeOf } from './incoming-message.ts'

/** A refused delivery, with the place of its event. */
export interface Refused<Message> {
  readonly delivery: Message
  readonly stream: StreamPath
  readonly place: Position
  /** When it was refused first, in elapsed milliseconds. */
  readonly sinceMs: number
  /**
   * It waits for its domain, its stream or a worker to go on, however long that takes: it is not put aside.
   */
  readonly stays: boolean
  /** Nobody knows which turn of its counter its number is of: only the order tells. */
  readonly isUnplaced: boolean
  /** The rules have placed it: the number of `place` is its own, however far its counter goes meanwhile. */
  readonly isPlaced: boolean
}

/** How much is kept, and for how long. */
interface RefusedLimits {
  readonly lookAheadMax: number
  readonly lookAheadBytesMax: number
  readonly refusePatienceMs: number
}

/** A refused delivery with its place in the order of reading. */
interface Kept<Message> extends Refused<Message> {
  readonly order: number
}

/** Refused deliveries of one worker. */
export class RefusedEvents<Message extends Delivery> {
  readonly #limits: RefusedLimits
  /** In the order in which they were read. */
  readonly #events = new Map<Message, Kept<Message>>()
  /**
   * Of each stream, ascending by place and then as they were read, and behind them the unplaced ones as they
   * were read. The streams take turns in being offered.
   */
  readonly #streams = new Map<StreamPath, Kept<Message>[]>()
  /** Those that are offered now. */
  readonly #offered = new Set<Message>()
  #added = 0
  #bytes = 0

  constructor(limits: RefusedLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#events.size
  }

  /** Whether there are some that can be taken in once there is room; unplaced ones may wait for ever. */
  get hasPlaced(): boolean {
    return this.#events.values().some(({ isUnplaced }) => !isUnplaced)
  }

  /** Whether some lie beyond the look-ahead. */
  get isBeyond(): boolean {
    return this.#isBeyondWithout(0, 0)
  }

  /** Whether a stream has deliveries. */
  hasStream(stream: StreamPath): boolean {
    return this.#streams.has(stream)
  }

  /** Whether a stream has unplaced deliveries. */
  hasUnplaced(stream: StreamPath): boolean {
    return this.#streams.get(stream)?.at(-1)?.isUnplaced === true
  }

  /** Keeps a refused delivery; one that was kept before keeps its age. */
  add(given: Refused<Message>): void {
    const { delivery, stream } = given
    this.#offered.delete(delivery)
    const known = this.#events.get(delivery)
    const { sinceMs, order } = known ?? { ...given, order: this.#added++ }
    const { place, isPlaced } = known?.isPlaced === true ? known : given
    const refused = { ...given, place, isPlaced, sinceMs, order }
    this.#events.set(delivery, refused)
    if (known === undefined) this.#bytes += sizeOf(delivery)
    const own = this.#streams.get(stream) ?? []
    this.#streams.set(stream, own)
    // What comes again mostly comes to the same place, and the others stay where they are.
    const isThere = known !== undefined && compare(known, refused) === 0
    if (known !== undefined && !isThere) own.splice(rankIn(own, known), 1)
    own.splice(rankIn(own, refused), isThere ? 1 : 0, refused)
  }

  /** Forgets a delivery that was taken in at last. */
  remove(delivery: Message): void {
    const refused = this.#events.get(delivery)
    if (refused === undefined) return
    this.#offered.delete(delivery)
    this.#events.delete(delivery)
    this.#bytes -= sizeOf(delivery)
    const own = this.#streams.get(refused.stream) ?? []
    own.splice(rankIn(own, refused), 1)
    if (own.length === 0) this.#streams.delete(refused.stream)
  }

  /**
   * The deliveries to be offered again now: the lowest numbers of each stream, of as many streams as there is
   * room. They count as offered until they are answered, or taken back.
   */
  offers(limit: number): readonly Message[] {
    const share = Math.max(1, Math.floor(limit / Math.max(1, this.#streams.size)))
    const offered: Message[] = []
    let left = Math.min(limit, this.#streams.size)
    for (const [stream, own] of this.#streams) {
      if (left-- === 0) break
      const next = own.slice(0, share).map(({ delivery }) => delivery)
      // A stream of which something is offered waits for the answer: its order depends on it.
      if (!next.some((delivery) => this.#offered.has(delivery))) offered.push(...next)
      this.#streams.delete(stream)
      this.#streams.set(stream, own)
    }
    for (const delivery of offered) this.#offered.add(delivery)
    return offered
  }

  /** Where a refused delivery was placed, if it was. */
  placeOf(delivery: Message): Pick<Refused<Message>, 'stream' | 'place'> | undefined {
    const refused = this.#events.get(delivery)
    return refused?.isPlaced === true ? refused : undefined
  }

  /** Says that an offer came to nothing. */
  takeBack(delivery: Message): void {
    this.#offered.delete(delivery)
  }

  /**
   * Deliveries that waited longer than the patience, or lie beyond the look-ahead; the oldest first. They
   * count as offered until they are removed, or taken back.
   */
  overdue(nowMs: number, limit: number): readonly Refused<Message>[] {
    const overdue: Refused<Message>[] = []
    let bytes = 0
    for (const refused of this.#events.values()) {
      const { delivery, sinceMs, stays } = refused
      if (overdue.length >= limit) break
      if (stays || this.#offered.has(delivery)) continue
      const isBeyond = this.#isBeyondWithout(overdue.length, bytes)
      if (!isBeyond && nowMs - sinceMs < this.#limits.refusePatienceMs) break
      overdue.push(refused)
      bytes += sizeOf(delivery)
    }
    for (const { delivery } of overdue) this.#offered.add(delivery)
    return overdue
  }

  /** Whether some lie beyond the look-ahead once so many, of so many bytes, are gone. */
  #isBeyondWithout(count: number, bytes: number): boolean {
    const { lookAheadMax, lookAheadBytesMax } = this.#limits
    return this.#events.size - count > lookAheadMax || this.#bytes - bytes > lookAheadBytesMax
  }
}

/** Where a delivery is among others of its stream, or would be. */
function rankIn<Message>(own: readonly Kept<Message>[], refused: Kept<Message>): number {
  let [from, to] = [0, own.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    const one = own[middle]
    if (one !== undefined && compare(one, refused) < 0) from = middle + 1
    else to = middle
  }
  return from
}

function compare<Message>(one: Kept<Message>, other: Kept<Message>): number {
  if (one.isUnplaced !== other.isUnplaced) return one.isUnplaced ? 1 : -1
  return (one.isUnplaced ? 0 : comparePositions(one.place, other.place)) || one.order - other.order
}
