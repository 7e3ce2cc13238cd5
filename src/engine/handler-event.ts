// An event as its handler, filter and schema see it. Inside of inturn and in stores its numbers are exact;
// here those that no JavaScript number holds become what the domain asks for, and it is told if they change.
import type { InturnEvent } from '../core/event.ts'
import { mapExactNumbers } from '../core/exact-number.ts'
import type { Domain } from './domain.ts'

/**
 * The event with its numbers as the domain takes them: exact (a whole number as a bigint), or the nearest
 * that JavaScript has, and then `inexact` says which.
 */
export function handlerEvent(
  { exactNumbers }: Pick<Domain, 'exactNumbers'>,
  event: InturnEvent,
): InturnEvent {
  if (event.inexact === undefined) return event
  const { inexact: _, data, ...rest } = event
  return exactNumbers
    ? { ...rest, data: mapExactNumbers(data, (number) => (number.isWhole ? number.valueOf() : number)) }
    : { ...event, data: mapExactNumbers(data, ({ text }) => Number(text)) }
}
