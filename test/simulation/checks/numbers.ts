// Small questions about numbers that several checks ask.
import type { Sequence } from '../../../src/core/sequence.ts'

/** Whether a number lies above `after` (`null`: nothing lies below) and at or below `to`. */
export function isBetween(sequence: Sequence, after: Sequence | null, to: Sequence): boolean {
  return sequence <= to && (after === null || sequence > after)
}
