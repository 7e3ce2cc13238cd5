// What can go wrong with one call of a port, and plans that say when: at a chosen call, or by chance from a
// seed.
import type { InturnError } from '../core/errors.ts'
import type { AroundCall, PortCall } from '../ports/port-call.ts'
import type { Timers } from '../ports/timers.ts'
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
