// What the cases of the event-log suite append, and how they read it back.
import type { LogStream } from '../../core/append-errors.ts'
import type { LoggedEvent, NewEvent, StreamAppend } from '../../core/logged-event.ts'
import type { EventLog } from '../../ports/event-log.ts'

/** A stream of the domain `account`. */
export function account(stream: string): LogStream {
  return { domain: 'account', stream }
}

/** An event without surprises. */
export function sample(id: string, data: unknown = { of: id }): NewEvent {
  return { id, type: 'account.booked', data }
}

/** Events for a stream of the domain `account`. */
export function to(
  stream: string,
  ids: readonly string[],
  expected?: StreamAppend['expected'],
): StreamAppend {
  const events = ids.map((id) => sample(id))
  return { ...account(stream), events, ...(expected !== undefined && { expected }) }
}

/** Ids `1..count` with a prefix. */
export function ids(count: number, prefix = 'e'): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`)
}

/** Everything that an iterable gives. */
export async function all(events: AsyncIterable<LoggedEvent>): Promise<readonly LoggedEvent[]> {
  const list: LoggedEvent[] = []
  for await (const event of events) list.push(event)
  return list
}

/** The numbers of a stream, as they are read. */
export async function numbersOf(log: EventLog, stream: string): Promise<readonly number[]> {
  return (await all(log.read(account(stream)))).map(({ sequence }) => sequence)
}

/** The ids of the whole log, by place. */
export async function idsOf(log: EventLog): Promise<readonly string[]> {
  return (await all(log.readAll())).map(({ id }) => id)
}
