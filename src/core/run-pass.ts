// Runs a pass of the rules: from a state to the state after it and to what comes of it. Pure on the outside.
import { settleSeen } from './half-turn.ts'
import type { Outcome } from './outcome.ts'
import type { Pass, PassContext } from './pass.ts'
import { beginPass } from './pass.ts'
import type { StreamRules } from './rules.ts'
import type { StreamState } from './stream-state.ts'

/** A stream's state and what its rules are. */
export interface RuledStream {
  readonly rules: StreamRules
  readonly state: StreamState
}

/** What a pass came to. */
export interface Decided {
  readonly state: StreamState
  readonly outcome: Outcome
}

/** Runs a pass over a stream, whose state stays as it is. */
export function runPass(
  { rules, state }: RuledStream,
  context: PassContext,
  work: (pass: Pass) => void,
): Decided {
  const pass = beginPass(rules, state, context)
  work(pass)
  return endPass(pass)
}

/** Ends a pass: its draft is the new state, once it is known how far the stream's counters have gone. */
export function endPass(pass: Pass): Decided {
  settleCounters(pass)
  return { state: pass.draft, outcome: pass.outcome }
}

/** Says what is known by now of how far the stream's counters have gone. */
export function settleCounters(pass: Pass): void {
  if (pass.draft.seen.length > 0) settleSeen(pass)
}
