// What a turn of a stream comes to: what has to be delivered, in order, and what a commit has to change.
import type { FillEvent, InturnEvent, TrackedEvent } from '../core/event.ts'
import type { Arrival, FillVerdict } from '../core/pass.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
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

/** What was decided about one arrival. */
export interface ArrivalVerdict {
  readonly verdict: Verdict | FillVerdict
  readonly reason?: VerdictReason
  readonly epoch: Epoch
  /** Unwrapped; for a fill its first number. */
  readonly sequence: Sequence
  /** A fill's last number. */
  readonly to?: Sequence
  /** Held events that came in turn by it, in order. */
  readonly released: TrackedEvent[]
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
