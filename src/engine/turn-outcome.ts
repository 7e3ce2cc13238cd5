// What a turn of a stream comes to: what has to be delivered, in order, and what a commit has to change.
import { invariant } from '../core/errors.ts'
import type { FillEvent, InturnEvent, TrackedEvent } from '../core/event.ts'
import type { Arrival, FillVerdict } from '../core/pass.ts'
import type { Epoch, Position, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import type { Verdict, VerdictReason } from '../core/verdict.ts'
import type { DeadLetter, HeldEvent, HeldRange, LedgerEntry } from '../ports/records.ts'

/** An arrival of a turn, with the event or fill behind it. */
export interface TurnArrival {
  readonly arrival: Arrival
  readonly event: InturnEvent | FillEvent
}

/** An event that is in turn, with the place in front of it. */
export interface PlannedDelivery {
  readonly event: TrackedEvent
  /** Where the stream stands if this event fails. */
  readonly before: { readonly epoch: Epoch; readonly sequence: Sequence | undefined }
  /** From 1. */
  readonly attempt: number
}

/** What was decided about one arrival: a result of it, where nothing was released. */
export interface ArrivalVerdict {
  readonly stream: StreamPath
  readonly verdict: Verdict | FillVerdict
  readonly reason?: VerdictReason
  readonly epoch: Epoch
  /** Unwrapped; for a fill its first number. */
  readonly sequence: Sequence
  /** A fill's last number. */
  readonly to?: Sequence
  /** Held events that came in turn by it, in order. */
  readonly released: readonly TrackedEvent[]
}

/** What a turn comes to. */
export interface TurnOutcome {
  /** Nothing was decided, or only that there is no room. */
  readonly isIdle: boolean
  readonly state: StreamState
  readonly deliveries: readonly PlannedDelivery[]
  /** One per arrival. */
  readonly verdicts: readonly ArrivalVerdict[]
  readonly hold: readonly HeldEvent[]
  readonly release: readonly HeldRange[]
  readonly deadLetters: readonly DeadLetter[]
  readonly ledger: readonly LedgerEntry[]
}

/** The event as it goes on from here: with the unwrapped number, in the epoch of its producer's run. */
export function trackedEvent(event: InturnEvent | FillEvent, { epoch, sequence }: Position): TrackedEvent {
  invariant('data' in event, 'a fill is no event')
  if (event.epoch === epoch && hasNumber(event, sequence)) return event
  const known = placed.get(event)
  if (known?.epoch === epoch && known.sequence === sequence) return known
  const isMoved = event.epoch !== epoch
  const copy = { ...event, sequence, ...(isMoved && { epoch, wireEpoch: event.wireEpoch ?? event.epoch }) }
  placed.set(event, copy)
  return copy
}

/** A turn that is decided again has the same copies: what their schema gave is known by them. */
const placed = new WeakMap<InturnEvent, TrackedEvent>()

function hasNumber(event: InturnEvent, sequence: Sequence): event is TrackedEvent {
  return event.sequence === sequence
}

const none: readonly never[] = []

/** A turn of nothing but state, deliveries and verdicts. Written out: a spread costs more than the rest. */
function moved(
  state: StreamState,
  { isIdle, deliveries, verdicts }: Pick<TurnOutcome, 'isIdle' | 'deliveries' | 'verdicts'>,
): TurnOutcome {
  return { isIdle, state, deliveries, verdicts, hold: none, release: none, deadLetters: none, ledger: none }
}

/** What a turn comes to before it is decided. */
export function undecided(state: StreamState): TurnOutcome {
  return moved(state, { isIdle: true, deliveries: none, verdicts: none })
}

/** What a turn comes to of which each arrival is simply in turn. */
export function runOutcome(
  path: StreamPath,
  arrivals: readonly TurnArrival[],
  { before, state }: { readonly before: StreamState; readonly state: StreamState },
): TurnOutcome {
  const deliveries: PlannedDelivery[] = []
  const verdicts: ArrivalVerdict[] = []
  const { epoch } = state
  let place: PlannedDelivery['before'] = { epoch: before.epoch, sequence: before.position }
  for (const { event: given } of arrivals) {
    const sequence = 'data' in given ? (given.sequence ?? 0) : 0
    const isAsItCame = 'data' in given && given.epoch === epoch && hasNumber(given, sequence)
    const event = isAsItCame ? given : trackedEvent(given, { epoch, sequence })
    deliveries.push({ event, before: place, attempt: 1 })
    verdicts.push({ stream: path, verdict: 'deliver', epoch, sequence, released: none })
    place = event
  }
  return moved(state, { isIdle: false, deliveries, verdicts })
}
