// A store that fails when a plan says so: before or after the thing has happened, late, or both. For tests
// of code that stands on a store; a failure after a commit is `commit-unknown`, as a real store gives it.
import { InturnError } from '../core/errors.ts'
import { aroundStore } from '../ports/around-store.ts'
import type { StoreMethod } from '../ports/around-store.ts'
import type { PortCall } from '../ports/port-call.ts'
import type { Store } from '../ports/store.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Timers } from '../ports/timers.ts'
import type { FaultPlan } from './faults.ts'
import { withFaults } from './faults.ts'

/** Calls after which it cannot be told whether the commit happened. */
const committing: ReadonlySet<StoreMethod> = new Set(['work', 'unit.commit'])

/**
 * Wraps a store with faults.
 *
 * @example
 * const store = faultyStore(memoryStore(), faultAt('unit.commit', 2, { fail: 'after' }))
 */
export function faultyStore<Transaction, Commands>(
  store: Store<Transaction, Commands>,
  plan: FaultPlan<StoreMethod>,
  timers: Timers = systemTimers,
): Store<Transaction, Commands> {
  return aroundStore(store, withFaults(plan, timers, storeError))
}

/** The error that a store gives when a call fails. */
function storeError({ method, nth }: PortCall<StoreMethod>, fail: 'before' | 'after'): InturnError {
  const where = `${method}, call ${nth}`
  return fail === 'after' && committing.has(method)
    ? new InturnError('commit-unknown', `the store was lost during ${where}`, { retryable: true })
    : new InturnError('store-unavailable', `the store cannot be reached for ${where}`, { retryable: true })
}
