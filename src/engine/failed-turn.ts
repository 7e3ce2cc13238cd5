// Stops a turn in front of the event that failed, and decides what comes next for it by its domain's policy.
import type { UnitOfWork } from '../ports/store.ts'
import { decideFully } from './decide-fully.ts'
import { answerFailure } from './delivery.ts'
import type { EngineParts } from './engine-parts.ts'
import type { PlannedDelivery } from './turn-outcome.ts'
import type { Turn, TurnFailure } from './turn.ts'

/** A handler that failed. */
export interface FailedDelivery {
  readonly turn: Turn
  readonly delivery: PlannedDelivery
  readonly error: unknown
  /** How long the unit of work has lasted by then, in milliseconds: waits begin when the handler failed. */
  readonly sinceMs: number
}

/** Decides the turn again so that it ends in front of the failed delivery. */
export async function stopTurn(parts: EngineParts, unit: UnitOfWork, failed: FailedDelivery): Promise<void> {
  const { turn } = failed
  const failure = failureOf(parts, failed)
  await decideFully(unit, turn, () => turn.stopBefore(failure))
}

/** The failure, and what comes next for its event. */
export function failureOf(
  parts: EngineParts,
  { turn, delivery, error, sinceMs }: FailedDelivery,
): TurnFailure {
  const { domain, state, clock } = turn.setup
  const { event, attempt } = delivery
  const firstAt = attempt > 1 ? state.failing?.firstAt : undefined
  const now = Math.ceil(clock.now + sinceMs)
  const answer = answerFailure(domain.failure, { event, attempt, error, firstAt, now }, parts.random.next())
  return { delivery, error, answer }
}
