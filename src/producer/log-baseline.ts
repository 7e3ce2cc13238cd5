// A domain's `baseline` answered by an event log: a stream begins at the first number that retention has
// left. Upholds I3: what was removed is known to be gone, and nobody waits for it.
import type { EventLog } from '../ports/event-log.ts'

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
