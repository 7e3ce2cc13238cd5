// What can go wrong with one call of a port, plans that say when (at a chosen call, or by chance from a
// seed), and stores, sources and event logs that fail by such a plan: before or after the thing has
// happened, late, or both. A failure after a commit is `commit-unknown`, as a real store gives it.
import { InturnError } from '../core/errors.ts'
import { aroundStore } from '../ports/around-store.ts'
import type { StoreMethod } from '../ports/around-store.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { AroundCall, PortCall } from '../ports/port-call.ts'
import type { Delivery, Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import type { Timers } from '../ports/timers.ts'
import { systemTimers } from '../ports/timers.ts'
import { aroundEventLog } from './around-event-log.ts'
import type { EventLogMethod } from './around-event-log.ts'
import { aroundSource } from './around-source.ts'
import type { SourceMethod } from './around-source.ts'
import type { SeededRandom } from './seeded-random.ts'

/** One fault. */
export interface Fault {
  /** `before`: the call fails and nothing has happened. `after`: it happens, and fails all the same. */
  readonly fail?: 'before' | 'after'
  /** Instead of the error that the port would give. */
  readonly error?: Error
  /** How long the call hangs before it happens, in milliseconds. */
  readonly delayMs?: number
}

/** Which fault a call meets; `undefined`: none. */
export type FaultPlan<Method extends string> = (call: PortCall<Method>) => Fault | undefined

/** One fault at the nth call of a method, from 1. */
export function faultAt<Method extends string>(
  method: NoInfer<Method>,
  nth: number,
  fault: Fault,
): FaultPlan<Method> {
  return (call) => (call.method === method && call.nth === nth ? fault : undefined)
}

/** Faults by chance: the same ones for the same seed and the same calls. */
export function faultsByChance<Method extends string>(
  random: SeededRandom,
  chances: {
    readonly failBefore: number
    readonly failAfter: number
    readonly delay: number
    readonly delayMsMax: number
  },
): FaultPlan<Method> {
  return () => {
    const drawn = random.next()
    const delayMs = random.chance(chances.delay) ? random.whole(1, chances.delayMsMax) : undefined
    const delay = delayMs === undefined ? {} : { delayMs }
    if (drawn < chances.failBefore) return { fail: 'before', ...delay }
    if (drawn < chances.failBefore + chances.failAfter) return { fail: 'after', ...delay }
    return delay
  }
}

/** Carries a plan out. `errorOf` makes the error that the port gives where the fault names none. */
export function withFaults<Method extends string>(
  plan: FaultPlan<Method>,
  timers: Timers,
  errorOf: (call: PortCall<Method>, fail: 'before' | 'after') => InturnError,
): AroundCall<Method> {
  return async (call, run) => {
    const { fail, error, delayMs } = plan(call) ?? {}
    if (delayMs !== undefined) await timers.sleep(delayMs)
    if (fail === 'before') throw error ?? errorOf(call, fail)
    const result = await run()
    if (fail === 'after') throw error ?? errorOf(call, fail)
    return result
  }
}

/**
 * The error that a store or a log gives when a call fails: of these `committing` calls it cannot be told
 * afterwards whether they happened.
 */
function errorOf(
  what: string,
  committing: readonly string[],
): (call: PortCall<string>, fail: 'before' | 'after') => InturnError {
  return ({ method, nth }, fail) => {
    const where = `${method}, call ${nth}`
    return fail === 'after' && committing.includes(method)
      ? new InturnError('commit-unknown', `${what} was lost during ${where}`, { retryable: true })
      : new InturnError('store-unavailable', `${what} cannot be reached for ${where}`, { retryable: true })
  }
}

function sourceError({ method, nth }: PortCall<SourceMethod>): InturnError {
  const message = `the source cannot be reached for ${method}, call ${nth}`
  return new InturnError('source-unavailable', message, { retryable: true })
}

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
  return aroundEventLog(
    log,
    withFaults(plan, timers, errorOf('the event log', ['append', 'appendAll', 'trim'])),
    timers,
  )
}

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
  return aroundStore(store, withFaults(plan, timers, errorOf('the store', ['work', 'unit.commit'])))
}
