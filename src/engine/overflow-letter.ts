// The dead letter `overflow`: an event for which its stream has no room is kept whole, and the stream takes
// it back by itself when it gets there. Its key is apart from those of events that are out for good. Upholds
// I3 and I7.
import type { FillEvent, InturnEvent } from '../core/event.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { deadLetterKey } from '../ports/dead-letter-key.ts'
import type { DeadLetter, HandedOver, StoredHandedOver } from '../ports/records.ts'
import { isEvent } from '../ports/store.ts'

/** The dead letter of an event, or a fill, that its stream has no room for. */
export function overflowLetter(stream: StreamPath, event: InturnEvent | FillEvent, at: number): DeadLetter {
  const place = {
    stream,
    epoch: event.epoch,
    ...(isEvent(event)
      ? event.sequence !== undefined && { sequence: event.sequence }
      : { sequence: event.fill.from }),
    ...('id' in event && event.id !== undefined && { id: event.id }),
    payload: event,
  }
  const detail = 'its stream refused it for longer than the patience, or it lay beyond the look-ahead'
  return { ...place, key: `overflow/${deadLetterKey(place)}`, reason: 'overflow', detail, at }
}

/**
 * The dead letter of an event that was handed over, and of which nobody can tell by now what its number
 * stands for. Another event may bear the same number on the wire: each has a key of its own.
 */
export function unplacedLetter({ stream, arrival, arrivalId }: StoredHandedOver, at: number): DeadLetter {
  const { key, ...letter } = overflowLetter(stream, arrival, at)
  const detail = 'its counter has gone too far to tell which turn its number is of'
  return { ...letter, key: `${key.slice('overflow/'.length)}/${arrivalId}`, reason: 'implausible', detail }
}

/** Whether a dead letter comes back by itself. */
export function isOverflow({ reason }: DeadLetter): boolean {
  return reason === 'overflow'
}

/** Each letter once, and none that is there already: another copy of an event is put aside as it is. */
export function newLetters(
  letters: readonly DeadLetter[],
  there: ReadonlySet<string>,
): readonly DeadLetter[] {
  const byKey = new Map(letters.map((letter) => [letter.key, letter]))
  return [...byKey.values()].filter(({ key }) => !there.has(key))
}

/** The event or fill in a dead letter; `undefined` where it has none. */
export function arrivalIn({ payload }: DeadLetter): HandedOver['arrival'] | undefined {
  return isArrival(payload) ? payload : undefined
}

function isArrival(payload: unknown): payload is HandedOver['arrival'] {
  return typeof payload === 'object' && payload !== null && 'stream' in payload && 'epoch' in payload
}
