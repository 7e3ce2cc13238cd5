// Deliveries made with care. Once a worker has died with a stream in hand, an attempt is committed before
// its handler starts. Upholds I7: a handler that ends its process runs out of attempts too; and I6: a death
// counts as an attempt only of an event that was marked alone.
//
// An event under care: in turn -> marked, in company or alone -> delivered, or failed as ever. A marked one
// whose worker died: suspected -> marked alone, which is counted -> ... -> its attempts are used up.
import type { Failing } from '../core/stream-state.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { decideFully } from './decide-fully.ts'
import type { EngineParts } from './engine-parts.ts'
import type { PlannedDelivery } from './turn-outcome.ts'
import type { Care, Turn } from './turn.ts'

/** What is said of an attempt that ended with its worker. */
export const diedText = 'the worker died, or was lost, while the handler ran'

/** How a turn is met. */
export interface CarefulPlan {
  readonly care: Care
  /** Every delivery is made with care, whatever its stream's state says. */
  readonly isWary: boolean
  /** The turn ends with what it runs, and marks nothing for another. */
  readonly isLast?: boolean
  /** How long the unit of work has lasted, in milliseconds. */
  readonly sinceMs: number
}

/** Whether the turn would deliver an event whose last attempt ended with its worker. */
export function isSuspect({ setup, deliveries }: Turn): boolean {
  return deliveries.length > 0 && !setup.runsMarked && setup.state.failing?.runningBy !== undefined
}

/** Whether some of the turn's deliveries have to be made with care. */
export function needsCare(turn: Turn, isWary: boolean): boolean {
  const { setup, deliveries } = turn
  if (deliveries.length === 0) return false
  return isWary || setup.runsMarked || setup.state.caution > 0 || isSuspect(turn)
}

/**
 * Ends a turn, before its handlers are called, in front of the first event that is not marked yet: marks it
 * for the turn that follows, or takes it out if its attempts are used up and the last one ended its worker.
 */
export async function takeCare(
  parts: EngineParts,
  unit: UnitOfWork,
  planned: { readonly turn: Turn; readonly plan: CarefulPlan },
): Promise<void> {
  const { turn, plan } = planned
  if (!needsCare(turn, plan.isWary)) return
  const { state, runsMarked, domain } = turn.setup
  const { failing } = state
  // Events with a lower place may have come since, and stand in front of the marked one: then they are next,
  // and the mark is gone.
  const isHead = isAt(failing, turn.deliveries[0])
  const next = nextCall(turn, runsMarked && isHead ? 1 : 0)
  if (next === undefined) return
  const isSuspected = isSuspect(turn)
  if (isSuspected && isAt(failing, next) && next.attempt > domain.failure.attempts) {
    await decideFully(unit, turn, () => turn.stopBefore(outOfAttempts(turn, next, failing)))
    return
  }
  const mayGoOn = plan.isLast !== true && unit.domains.get(domain.name)?.paused !== true
  const goesOn = mayGoOn && (isSuspected || plan.isWary || state.caution > 0)
  const mark = { care: plan.care, failing: goesOn ? markOf(parts, turn, { next, plan }) : undefined }
  await decideFully(unit, turn, () => turn.endBefore(next, mark))
}

/** The first delivery that calls its handler. A filter that throws is met when the event is called. */
function nextCall(turn: Turn, from: number): PlannedDelivery | undefined {
  return turn.deliveries.slice(from).find((delivery) => {
    try {
      return turn.isCalled(delivery)
    } catch {
      return true
    }
  })
}

/** What says that an attempt has begun. */
function markOf(
  { claimMs }: EngineParts,
  { setup }: Turn,
  { next, plan }: { readonly next: PlannedDelivery; readonly plan: CarefulPlan },
): Failing {
  const { epoch, sequence } = next.event
  const { failing } = setup.state
  const now = Math.ceil(setup.clock.now + plan.sinceMs)
  return {
    epoch,
    sequence,
    attempts: plan.care.isAlone ? next.attempt : next.attempt - 1,
    firstAt: failing !== undefined && isAt(failing, next) ? failing.firstAt : now,
    retryAt: now + claimMs,
    error: diedText,
    runningBy: plan.care.worker,
  }
}

function outOfAttempts(
  { setup }: Turn,
  delivery: PlannedDelivery,
  failing: Failing,
): Parameters<Turn['stopBefore']>[0] {
  const { epoch, sequence, attempts, firstAt, error } = failing
  const { then } = setup.domain.failure
  const answer = {
    failing: { epoch, sequence, attempts, firstAt, error },
    then,
    reason: 'worker-died',
  } as const
  return { delivery, error: new Error(error), answer }
}

function isAt(failing: Failing | undefined, delivery: PlannedDelivery | undefined): failing is Failing {
  if (failing === undefined || delivery === undefined) return false
  return failing.epoch === delivery.event.epoch && failing.sequence === delivery.event.sequence
}
