// A stream in quarantine: a worker has died with it in hand, so its next deliveries are committed before they
// begin. Upholds I7: a handler that ends its process runs out of attempts like any other.
import type { StreamState } from './stream-state.ts'

/**
 * The state of a stream that was won from a dead worker: all that one can have had in hand, a batch and what
 * was held, is delivered in quarantine.
 */
export function inQuarantine(state: StreamState, batchMax: number): StreamState {
  return { ...state, quarantine: Math.max(state.quarantine, batchMax + state.heldCount) }
}

/** Whether the attempt at the stream's failing event was begun by this call, which may make it now. */
export function isBegunBy({ failing }: StreamState, worker: string): boolean {
  return failing?.runningBy === worker
}

/**
 * The state as it is decided by the call that has begun an attempt at its failing event and makes it now: one
 * delivery in quarantine less is to be made, and an attempt that was counted when it was begun is not counted
 * twice.
 */
export function asRun(state: StreamState, wasCounted: boolean): StreamState {
  const { failing, quarantine } = state
  if (failing === undefined) return state
  const attempts = Math.max(0, failing.attempts - (wasCounted ? 1 : 0))
  return { ...state, quarantine: Math.max(0, quarantine - 1), failing: { ...failing, attempts } }
}
