// What a stream's state says about workers that died with it in hand: how many deliveries are still made with
// care, and which attempt was committed before it began. Upholds I7: a handler that ends its process runs out
// of attempts like any other.
import type { StreamState } from './stream-state.ts'

/**
 * The state of a stream that was won from a dead worker: all that one can have had in hand, a batch and what
 * was held, is delivered with care.
 */
export function withCaution(state: StreamState, batchMax: number): StreamState {
  return { ...state, caution: Math.max(state.caution, batchMax + state.heldCount) }
}

/** Whether the stream's failing event was marked by this call, which may run it now. */
export function isMarkedBy({ failing }: StreamState, worker: string): boolean {
  return failing?.runningBy === worker
}

/**
 * The state as it is decided by the call that has marked its failing event and runs it now: one careful
 * delivery less is to be made, and an attempt that was counted when it was marked is not counted twice.
 */
export function asRun(state: StreamState, wasCounted: boolean): StreamState {
  const { failing, caution } = state
  if (failing === undefined) return state
  const attempts = Math.max(0, failing.attempts - (wasCounted ? 1 : 0))
  return { ...state, caution: Math.max(0, caution - 1), failing: { ...failing, attempts } }
}
