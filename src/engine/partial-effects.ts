// What becomes of a stream of which a command failed inside a commit: the commands before it had their
// effect, and the position did not move. Upholds I1 and I2: as long as that is not accounted for, no handler
// of the stream is called.
import { InturnError } from '../core/errors.ts'
import { hasPassed } from '../core/sequence.ts'
import type { Position } from '../core/sequence.ts'
import type { Failing } from '../core/stream-state.ts'
import { errorText } from '../core/thrown.ts'
import type { EffectPartial } from '../ports/commit-commands.ts'
import { partialText } from '../ports/commit-commands.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { decideFully } from './decide-fully.ts'
import { answerFailure } from './delivery.ts'
import type { EngineParts } from './engine-parts.ts'
import type { PlannedDelivery } from './turn-outcome.ts'
import type { Turn, TurnFailure } from './turn.ts'

/**
 * Ends a turn as it has to be after a command of its stream has failed in a commit; calls no handler.
 *
 * Failed in a commit, and kept there -> the stream's next turn passes over the events that had their effect,
 * and stops in front of the one whose command failed: halted where some of its commands ran, else as after
 * any failure of its handler. An event that comes in between, where none was before, would come too late: the
 * stream halts in front of it.
 */
export async function stopAtPartial(
  parts: EngineParts,
  unit: UnitOfWork,
  {
    turn,
    partial,
    sinceMs,
  }: { readonly turn: Turn; readonly partial: EffectPartial; readonly sinceMs: number },
): Promise<void> {
  const { effects, setup } = turn
  if (hasPassed(setup.state, partial)) {
    effects.settle()
    return
  }
  effects.honour(partial)
  const delivery = turn.deliveries.find((one) => isAt(partial, one.event) || isCalled(turn, one))
  if (delivery === undefined) return
  const isFailed = isAt(partial, delivery.event)
  if (isFailed) effects.settle()
  const about = { delivery, partial, now: Math.ceil(setup.clock.now + sinceMs) }
  const failure = isFailed && partial.ran === 0 ? failed(parts, turn, about) : halted(turn, about, isFailed)
  await decideFully(unit, turn, () => turn.stopBefore(failure))
}

interface About {
  readonly delivery: PlannedDelivery
  readonly partial: EffectPartial
  readonly now: number
}

/** None of the event's commands ran: it failed as if its handler had thrown. */
function failed({ random }: EngineParts, { setup }: Turn, about: About): TurnFailure {
  const { delivery, partial, now } = about
  const { event, attempt } = delivery
  const error = new InturnError('effect-failed', partialText(partial))
  const firstAt = attempt > 1 ? setup.state.failing?.firstAt : undefined
  const answer = answerFailure(setup.domain.failure, { event, attempt, error, firstAt, now }, random.next())
  return { delivery, error, answer }
}

function halted({ setup }: Turn, { delivery, partial, now }: About, isFailed: boolean): TurnFailure {
  const { event, attempt } = delivery
  const { epoch, sequence } = event
  const text = isFailed ? partialText(partial) : lateText(event, partial)
  const error = new InturnError('effect-partial', text)
  const firstAt = attempt > 1 ? (setup.state.failing?.firstAt ?? now) : now
  const failing: Failing = { epoch, sequence, attempts: attempt, firstAt, error: errorText(error) }
  return { delivery, error, answer: { failing, then: 'halt', reason: 'failed', cause: 'effect-partial' } }
}

function lateText({ sequence }: Position, partial: EffectPartial): string {
  const came = `${String(sequence)} came when events behind it had had their effect already`
  const then = 'skip it, and have the dead letter tried again'
  return `${came}: ${then} (in event ${String(partial.sequence)}, ${partialText(partial)})`
}

/** A filter that throws fails its event when that is called. */
function isCalled(turn: Turn, delivery: PlannedDelivery): boolean {
  try {
    return turn.isCalled(delivery)
  } catch {
    return true
  }
}

function isAt(place: Position, { epoch, sequence }: Position): boolean {
  return place.epoch === epoch && place.sequence === sequence
}
