// Whether a stream's position has come to a place.
import type { Position } from './sequence.ts'
import { comparePositions } from './sequence.ts'
import type { StreamState } from './stream-state.ts'

/** Whether the position is at the place, or beyond it. */
export function hasPassed({ epoch, position }: StreamState, place: Position): boolean {
  return position !== undefined && comparePositions({ epoch, sequence: position }, place) >= 0
}
