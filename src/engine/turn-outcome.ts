// What a turn of a stream comes to: what has to be delivered, in order, and what a commit has to change.
import type { FillEvent, InturnEvent, TrackedEvent } from '../core/event.ts'
import type { ArrivalVerdict as Verdict, Outcome, Standing } from '../core/outcome.ts'
import type { Arrival } from '../core/pass.ts'
import { comparePositions } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import type { OutcomeOwner, OutcomeRecords } from '../ports/outcome-records.ts'
import { eventOf, isTracked, outcomeRecords, trackedEvent } from '../ports/outcome-records.ts'

/** An arrival of a turn, with the event or fill behind it. */
export interface TurnArrival {
  readonly arrival: Arrival
  readonly event: InturnEvent | FillEvent
}

/** An event that is in turn, with the place in front of it. */
export interface PlannedDelivery {
  readonly event: TrackedEvent
  /** Where the stream stands if this event fails. */
  readonly before: Standing
  /** From 1. */
  readonly attempt: number
}

/** What was decided about one arrival: a result of it, where nothing was released. */
export interface ArrivalVerdict extends Omit<Verdict, 'kind' | 'released'> {
  readonly stream: StreamPath
  /** Held events that came in turn by it, in order. */
  readonly released: readonly TrackedEvent[]
}

/** What a turn comes to. */
export interface TurnOutcome extends OutcomeRecords {
  /** Nothing was decided, or only that there is no room. */
  readonly isIdle: boolean
  readonly state: StreamState
  readonly deliveries: readonly PlannedDelivery[]
  /** One per arrival. */
  readonly verdicts: readonly ArrivalVerdict[]
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

/** What a turn comes to by the outcome of the rules, from the state before to the one after. */
export function ruledOutcome(
  outcome: Outcome,
  owner: OutcomeOwner,
  { before, state }: { readonly before: StreamState; readonly state: StreamState },
): TurnOutcome {
  const { failing } = before
  return {
    ...outcomeRecords(outcome, owner),
    isIdle: outcome.isIdle && state.restart === before.restart && state.seen === before.seen,
    state,
    deliveries: outcome.deliveries.map((delivery) => {
      const isFailing = failing !== undefined && comparePositions(failing, delivery) === 0
      const attempt = isFailing ? failing.attempts + 1 : 1
      return { event: eventOf(delivery, owner), before: delivery.before, attempt }
    }),
    verdicts: outcome.verdicts.map((said) => {
      const { verdict, reason, epoch, sequence, to } = said
      const why = reason === undefined ? undefined : { reason }
      const end = to === undefined ? undefined : { to }
      const released = said.released.length === 0 ? none : said.released.map((one) => eventOf(one, owner))
      return { stream: owner.stream, verdict, ...why, epoch, sequence, ...end, released }
    }),
  }
}

/** What a turn comes to of which each arrival is simply in turn. */
export function runOutcome(
  path: StreamPath,
  arrivals: readonly TurnArrival[],
  { before, state }: { readonly before: StreamState; readonly state: StreamState },
): TurnOutcome {
  // oxlint-disable-next-line unicorn/no-new-array -- of its length at once: a list that grows is copied
  const deliveries = new Array<PlannedDelivery>(arrivals.length)
  // oxlint-disable-next-line unicorn/no-new-array -- of its length at once: a list that grows is copied
  const verdicts = new Array<ArrivalVerdict>(arrivals.length)
  const { epoch } = state
  let place: Standing = { epoch: before.epoch, sequence: before.position }
  let at = 0
  for (const { event: given } of arrivals) {
    const sequence = 'data' in given ? (given.sequence ?? 0) : 0
    const isAsItCame = 'data' in given && isTracked(given, epoch, sequence)
    const event = isAsItCame ? given : trackedEvent(given, { epoch, sequence })
    deliveries[at] = { event, before: place, attempt: 1 }
    verdicts[at++] = { stream: path, verdict: 'deliver', epoch, sequence, released: none }
    place = event
  }
  return moved(state, { isIdle: false, deliveries, verdicts })
}
