// What an event log answers about the streams of a domain: its missing numbers, which can be read again from
// there, and where a stream begins, which is the first number that retention has left. Upholds I3: what was
// removed is known to be gone, and nobody waits for it.
import { BelowRetention } from '../core/append-errors.ts'
import type { LoggedEvent } from '../core/logged-event.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { Healer, HealRequest } from '../ports/healer.ts'

/**
 * A healer for domains whose events are numbered by this log. What retention has removed it cannot bring; the
 * gap's own rule decides about that part.
 *
 * @example
 * const gap = { heal: { with: logHealer(sqliteEventLog('bank.db')) } }
 */
export function logHealer(log: Pick<EventLog, 'name' | 'read'>): Healer {
  return { name: `log ${log.name}`, heal: (request) => missingEvents(log, request) }
}

async function missingEvents(
  log: Pick<EventLog, 'read'>,
  { domain, stream, epoch, from, to, limit, signal }: HealRequest,
): Promise<readonly LoggedEvent[]> {
  if (epoch !== 0) return []
  const wanted = { domain, stream, to: Number(to), limit }
  const first = Math.max(1, Number(from ?? 1))
  if (wanted.to < first) return []
  try {
    return await taken(log.read({ ...wanted, from: first }), signal)
  } catch (error) {
    if (!(error instanceof BelowRetention)) throw error
    return error.first > wanted.to ? [] : taken(log.read({ ...wanted, from: error.first }), signal)
  }
}

async function taken(events: AsyncIterable<LoggedEvent>, signal: AbortSignal): Promise<LoggedEvent[]> {
  const list: LoggedEvent[] = []
  for await (const event of events) {
    if (signal.aborted) break
    list.push(event)
  }
  return list
}

/** Where a stream of one domain begins; `undefined` where nothing of it was removed. */
export type LogBaseline = (stream: string) => Promise<number | undefined>

/**
 * The `baseline` of a domain whose events come from this log.
 *
 * @example
 * const account = { numbering: contiguous(), baseline: logBaseline(log, 'account') }
 */
export function logBaseline(log: Pick<EventLog, 'bounds'>, domain: string): LogBaseline {
  return async (stream) => {
    const { first } = await log.bounds({ domain, stream })
    return first > 1 ? first : undefined
  }
}
