// Deliveries whose event is kept in a store that is not durable: they stay unsettled until their stream has
// got there, and what an inbox has is decided, so that the source still has them if the process ends. Upholds
// I4.
import type { Position } from '../core/sequence.ts'
import { comparePositions } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Delivery } from '../ports/source.ts'

interface Unsettled<Message> {
  readonly delivery: Message
  readonly place: Position
  /** It went to its stream's inbox, where it may still be when the stream has passed its place. */
  readonly isInInbox?: boolean
}

/** Unsettled deliveries by stream. */
export class UnsettledEvents<Message extends Delivery> {
  readonly #kind: 'log' | 'queue'
  readonly #streams = new Map<StreamPath, readonly Unsettled<Message>[]>()

  constructor(kind: 'log' | 'queue') {
    this.#kind = kind
  }

  /**
   * Keeps a delivery. A log has every copy at a place of its own; a queue that delivers a copy again has
   * given up on the one before, so that only the last one is kept.
   */
  keep(stream: StreamPath, kept: Unsettled<Message>): void {
    const { delivery, place } = kept
    const others = (this.#streams.get(stream) ?? []).filter((other) => {
      const isReplaced = this.#kind === 'queue' && comparePositions(other.place, place) === 0
      return other.delivery !== delivery && !isReplaced
    })
    this.#streams.set(stream, [...others, kept])
  }

  /** What is kept with this place. */
  find(stream: StreamPath, place: Position): Unsettled<Message> | undefined {
    return this.#streams.get(stream)?.find((one) => comparePositions(one.place, place) === 0)
  }

  /** Takes out the deliveries of a stream up to a position; `staysInbox`: but for those of its inbox. */
  takeUpTo(stream: StreamPath, position: Position, staysInbox: boolean): readonly Message[] {
    const all = this.#streams.get(stream)
    if (all === undefined) return []
    const { left = [], ended = [] } = Object.groupBy(all, ({ place, isInInbox = false }) =>
      comparePositions(place, position) > 0 || (staysInbox && isInInbox) ? 'left' : 'ended',
    )
    if (left.length === 0) this.#streams.delete(stream)
    else if (ended.length > 0) this.#streams.set(stream, left)
    return ended.map(({ delivery }) => delivery)
  }
}
