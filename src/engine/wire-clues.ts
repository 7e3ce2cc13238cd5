// What an engine knows of events whose counter wraps, besides their number: which one they were asked for by,
// and whether earlier ones of their stream are still to come. Upholds I1.
import { counterOf, firstFrom } from '../core/counter.ts'
import type { CallArrival } from './call.ts'
import type { IncomingMessage } from './incoming-message.ts'
import type { Intake, TrackedIntake } from './intake.ts'
import type { TurnArrival } from './turn-outcome.ts'

/** An event that was asked for by its number has that one: a healer's answer is of no other turn. */
export function withAsked(intake: Intake, asked: NonNullable<IncomingMessage['asked']>): Intake {
  if (intake.kind !== 'tracked' || asked.from === null) return intake
  const { domain, arrival, path } = intake
  const counter = counterOf(domain.rules.numbering)
  if (counter === undefined || asked.stream !== path || asked.epoch !== arrival.epoch) return intake
  const wire = arrival.kind === 'fill' ? arrival.from : arrival.sequence
  const known = firstFrom(counter, Number(asked.from), Number(wire))
  return known > asked.to ? intake : { ...intake, arrival: { ...arrival, known } }
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
