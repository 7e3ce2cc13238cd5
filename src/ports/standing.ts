// How a stream stands, as stores keep it beside its state, so that those that wait are found by an index.
import type { StreamChange } from './store.ts'

/** 0 nothing, 1 waits, 2 its head failed, 3 halted. */
export type Standing = 0 | 1 | 2 | 3

/** How a change leaves its stream. */
export function standingOf({ state, hold }: Pick<StreamChange, 'state' | 'hold'>): Standing {
  if (state.halt !== undefined) return 3
  if (state.failing !== undefined) return 2
  return state.heldCount > 0 || hold.length > 0 || state.restart !== undefined ? 1 : 0
}
