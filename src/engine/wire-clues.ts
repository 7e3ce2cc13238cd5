// What an engine knows of events whose counter wraps, besides their number: which one they were asked for by,
// and whether earlier ones of their stream are still to come. Upholds I1.
import { aheadOf, counterOf, firstFrom } from '../core/counter.ts'
import type { CallArrival } from './call.ts'
import type { IncomingMessage } from './incoming-message.ts'
import type { Intake, TrackedIntake } from './intake.ts'
import type { TurnArrival } from './turn-outcome.ts'

/**
 * An event that was asked for by its number has that one: a healer's answer is of no other turn. What a
 * healer brings besides may be of any.
 */
export function withAsked(intake: Intake, asked: NonNullable<IncomingMessage['asked']>): Intake {
  if (intake.kind !== 'tracked') return intake
  const { domain, arrival, path } = intake
  const counter = counterOf(domain.rules.numbering)
  if (counter === undefined) return intake
  const { epoch, wireEpoch = epoch, from, to, isHealing = false } = asked
  const unasked = isHealing ? { ...intake, isUnasked: true } : intake
  if (asked.stream !== path || wireEpoch !== arrival.epoch || from === null) return unasked
  // Under that epoch there are several runs, and of which of them it is its time says.
  if (wireEpoch !== epoch) return intake
  // A fill may begin in front of what was asked for.
  const first = arrival.kind === 'fill' ? arrival.from : arrival.sequence
  const least = arrival.kind === 'fill' ? Number(from) - aheadOf({ ...counter, ...arrival }) : Number(from)
  const known = firstFrom(counter, least, Number(first))
  return known > to ? unasked : { ...intake, arrival: { ...arrival, known } }
}

/** Whether an arrival was asked for by its number, which is known nowhere else. */
export function isAnswer({ arrival }: Pick<TrackedIntake, 'arrival'>): boolean {
  return arrival.known !== undefined
}

/** An arrival as it comes behind refused ones; those that come again, and answers, do not. */
export function asBehind(arrival: CallArrival): TurnArrival {
  if (arrival.isAgain || isAnswer(arrival)) return arrival
  return { event: arrival.event, arrival: { ...arrival.arrival, isBehind: true } }
}
