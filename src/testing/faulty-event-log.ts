// An event log that fails when a plan says so: before or after the thing has happened, late, or both. A
// failure after an append is `commit-unknown`, as a real log gives it.
import { InturnError } from '../core/errors.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { PortCall } from '../ports/port-call.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Timers } from '../ports/timers.ts'
import { aroundEventLog } from './around-event-log.ts'
import type { EventLogMethod } from './around-event-log.ts'
import type { FaultPlan } from './faults.ts'
import { withFaults } from './faults.ts'

/** Calls after which it cannot be told whether they happened. */
const committing: ReadonlySet<EventLogMethod> = new Set(['append', 'appendAll', 'trim'])

/**
 * Wraps an event log with faults.
 *
 * @example
 * const log = faultyEventLog(memoryEventLog(), faultAt('append', 2, { fail: 'after' }))
 */
export function faultyEventLog(
  log: EventLog,
  plan: FaultPlan<EventLogMethod>,
  timers: Timers = systemTimers,
): EventLog {
  return aroundEventLog(log, withFaults(plan, timers, logError), timers)
}

/** The error that an event log gives when a call fails. */
function logError({ method, nth }: PortCall<EventLogMethod>, fail: 'before' | 'after'): InturnError {
  const where = `${method}, call ${nth}`
  return fail === 'after' && committing.has(method)
    ? new InturnError('commit-unknown', `the event log was lost during ${where}`, { retryable: true })
    : new InturnError('store-unavailable', `the event log cannot be reached for ${where}`, {
        retryable: true,
      })
}
