// What a pass came to: its draft is the new state, once it is known how far the stream's counters have gone.
import { settleSeen } from './half-turn.ts'
import type { Decided, Pass } from './pass.ts'

/** Ends a pass. */
export function endPass(pass: Pass): Decided {
  const { draft, steps, held } = pass
  if (draft.seen.length > 0) settleSeen(pass)
  return { state: draft, steps, held }
}
