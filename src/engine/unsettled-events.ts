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
  readonly #isReplaced: (kept: Message, by: Message) => boolean
  readonly #streams = new Map<StreamPath, readonly Unsettled<Message>[]>()

  /**
   * A log has every copy at a place of its own. A queue that delivers a copy again has given up on the one
   * before, so that only the last one is kept; but another event with the same number is no copy.
   *
   * @param isReplaced - of two deliveries with one number: the second takes the place of the first
   */
  constructor(isReplaced: (kept: Message, by: Message) => boolean) {
    this.#isReplaced = isReplaced
  }

  /** Keeps a delivery. */
  keep(stream: StreamPath, kept: Unsettled<Message>): void {
    const { delivery, place } = kept
    const others = (this.#streams.get(stream) ?? []).filter((other) => {
      return other.delivery !== delivery && !this.#isCopied(other, delivery, place)
    })
    this.#streams.set(stream, [...others, kept])
  }

  /** The kept delivery that this one takes the place of. */
  find(stream: StreamPath, delivery: Message, place: Position): Unsettled<Message> | undefined {
    return this.#streams.get(stream)?.find((one) => this.#isCopied(one, delivery, place))
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

  #isCopied(kept: Unsettled<Message>, by: Message, place: Position): boolean {
    return comparePositions(kept.place, place) === 0 && this.#isReplaced(kept.delivery, by)
  }
}
