// An event as its handler, filter and schema see it. Inside of inturn and in stores its data is the input of
// its schema, and its numbers are exact; here it is the schema's output, and numbers that no JavaScript
// number holds become what the domain asks for, and it is told if they change.
import { invariant } from '../core/errors.ts'
import type { InturnEvent } from '../core/event.ts'
import { mapExactNumbers } from '../core/exact-number.ts'
import type { StandardSchema } from '../ports/standard-schema.ts'
import type { Domain } from './domain.ts'

/** The schema that an event has to fit. */
export function schemaOf(
  { schemas }: Pick<Domain, 'schemas'>,
  { type = '*' }: InturnEvent,
): StandardSchema | undefined {
  return schemas?.get(type) ?? schemas?.get('*')
}

/** The event as handler and filter get it: with the output of its schema, which has been asked by then. */
export function handlerEvent(
  domain: Pick<Domain, 'schemas' | 'parsed' | 'exactNumbers'>,
  event: InturnEvent,
): InturnEvent {
  if (domain.schemas === undefined && event.inexact === undefined) return event
  const isKnown = schemaOf(domain, event) === undefined || domain.parsed.has(event)
  invariant(isKnown, 'an event is handled whose schema was not asked')
  return releasedEvent(domain, event)
}

/** The event as its handler got it; as it came, where the handler was not called. */
export function releasedEvent(
  domain: Pick<Domain, 'parsed' | 'exactNumbers'>,
  event: InturnEvent,
): InturnEvent {
  const own = schemaInput(domain, event)
  const parsed = domain.parsed.get(event)
  return parsed === undefined ? own : { ...own, data: parsed.data }
}

/**
 * The event with its numbers as the domain takes them: exact (a whole number as a bigint), or the nearest
 * that JavaScript has, and then `inexact` says which.
 */
export function schemaInput({ exactNumbers }: Pick<Domain, 'exactNumbers'>, event: InturnEvent): InturnEvent {
  if (event.inexact === undefined) return event
  const { inexact: _, data, ...rest } = event
  return exactNumbers
    ? { ...rest, data: mapExactNumbers(data, (number) => (number.isWhole ? number.valueOf() : number)) }
    : { ...event, data: mapExactNumbers(data, ({ text }) => Number(text)) }
}
