// A source that fails when a plan says so: before or after the thing has happened, late, or both.
import { InturnError } from '../core/errors.ts'
import type { PortCall } from '../ports/port-call.ts'
import type { Delivery, Source } from '../ports/source.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Timers } from '../ports/timers.ts'
import { aroundSource } from './around-source.ts'
import type { SourceMethod } from './around-source.ts'
import type { FaultPlan } from './faults.ts'
import { withFaults } from './faults.ts'

/**
 * Wraps a source with faults.
 *
 * @example
 * const source = faultySource(memorySource(), faultAt('read', 3, { fail: 'before' }))
 */
export function faultySource<Message extends Delivery>(
  source: Source<Message>,
  plan: FaultPlan<SourceMethod>,
  timers: Timers = systemTimers,
): Source<Message> {
  return aroundSource(source, withFaults(plan, timers, sourceError))
}

/** The error that a source gives when a call fails. */
function sourceError({ method, nth }: PortCall<SourceMethod>): InturnError {
  return new InturnError('source-unavailable', `the source cannot be reached for ${method}, call ${nth}`, {
    retryable: true,
  })
}
