// Joins the outcome of the rules, which know events by their places, with the events: what a commit keeps and
// forgets, the same for a worker's turn and for an operator's action. Upholds I3.
import { invariant } from '../core/errors.ts'
import type { FillEvent, InturnEvent, TrackedEvent } from '../core/event.ts'
import type { Entry, EventRef, Outcome, Removed } from '../core/outcome.ts'
import type { Epoch, Position, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { deadLetterKey } from './dead-letter-key.ts'
import type { HeldCache } from './held-cache.ts'
import type { DeadLetter, LedgerEntry } from './records.ts'
import type { StreamChange } from './store.ts'

/** Whose outcome it is. */
export interface OutcomeOwner {
  readonly stream: StreamPath
  readonly arrivals: readonly { readonly event: InturnEvent | FillEvent }[]
  /** The events that were held before; the rules have asked it for all that they took. */
  readonly held: HeldCache
  /** Milliseconds since 1970, by the store's clock. */
  readonly at: number
  /** `inturn`, or the operator's name. */
  readonly by: string
}

/** What a commit keeps and forgets beside the state. */
export type OutcomeRecords = Pick<StreamChange, 'hold' | 'release' | 'deadLetters' | 'ledger'>

/** What an outcome has a commit keep and forget. */
export function outcomeRecords(outcome: Outcome, owner: OutcomeOwner): OutcomeRecords {
  const { stream, at: heldAt } = owner
  return {
    hold: [...outcome.hold.values()].map((held) => {
      return { stream, event: eventOf(held, owner), print: held.print, heldAt }
    }),
    release: outcome.release.map((range) => ({ stream, ...range })),
    deadLetters: outcome.deadLetters.map((removed) => letterOf(removed, owner)),
    ledger: outcome.ledger.map((entry) => entryOf(entry, owner)),
  }
}

/** The event that something was decided about. */
export function eventOf(place: EventRef, owner: OutcomeOwner): TrackedEvent {
  return trackedEvent(whatCame(place, owner), place)
}

function whatCame({ epoch, sequence, arrival }: EventRef, owner: OutcomeOwner): InturnEvent | FillEvent {
  const event = arrival === undefined ? owner.held.event(epoch, sequence) : owner.arrivals[arrival]?.event
  invariant(event !== undefined, `nobody knows the event ${String(sequence)} of epoch ${epoch}`)
  return event
}

function letterOf(removed: Removed, owner: OutcomeOwner): DeadLetter {
  const { kind: _, arrival: __, epoch, sequence, ...why } = removed
  const came = whatCame(removed, owner)
  const payload = 'data' in came ? trackedEvent(came, removed) : came
  const { stream, at } = owner
  const place =
    'data' in payload
      ? { stream, epoch, sequence, ...(payload.id !== undefined && { id: payload.id }), payload }
      : { stream, epoch: payload.epoch, payload }
  return { ...place, key: deadLetterKey(place), ...why, at }
}

function entryOf({ kind, epoch, from, to, reason }: Entry, { stream, at, by }: OutcomeOwner): LedgerEntry {
  return { kind, stream, epoch, ...(from !== null && { from }), to, at, by, reason }
}

/** The event as it goes on from here: with the unwrapped number, in the epoch of its producer's run. */
export function trackedEvent(event: InturnEvent | FillEvent, { epoch, sequence }: Position): TrackedEvent {
  invariant('data' in event, 'a fill is no event')
  if (isTracked(event, epoch, sequence)) return event
  const known = placed.get(event)
  if (known?.epoch === epoch && known.sequence === sequence) return known
  const isMoved = event.epoch !== epoch
  const copy = { ...event, sequence, ...(isMoved && { epoch, wireEpoch: event.wireEpoch ?? event.epoch }) }
  placed.set(event, copy)
  return copy
}

/** What is decided again has the same copies: what their schema gave is known by them. */
const placed = new WeakMap<InturnEvent, TrackedEvent>()

/** Whether an event has the place as it is. */
export function isTracked(event: InturnEvent, epoch: Epoch, sequence: Sequence): event is TrackedEvent {
  return event.epoch === epoch && event.sequence === sequence
}
