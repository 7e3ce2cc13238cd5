// Whether a log is the one that somebody has read before: by an event that was seen in it. Upholds I3: the
// place of another log, or of one that was set back, says nothing about this one.
import { BelowRetention } from '../core/append-errors.ts'
import type { EventLog } from '../ports/event-log.ts'

/** An event by which a log is known again. */
export interface KnownEvent {
  readonly place: number
  readonly id: string
}

/** Whether the event is in the log, or was, before retention removed its place. */
export async function hasKnownEvent(
  log: Pick<EventLog, 'page'>,
  { place, id }: KnownEvent,
): Promise<boolean> {
  try {
    const { events } = await log.page({ after: place - 1, limit: 1 })
    const [event] = events
    return event?.place === place && event.id === id
  } catch (error) {
    if (error instanceof BelowRetention) return true
    throw error
  }
}
