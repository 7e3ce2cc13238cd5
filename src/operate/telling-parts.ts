// What of a stream's state tells an operator where it stands: kept in the ledger with each action, and
// printed.
import { headGap } from '../core/gaps.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { Failing, Halt, StreamState } from '../core/stream-state.ts'

/** Where a stream stands, in a few values. */
export interface TellingParts {
  readonly epoch: Epoch
  /** `null`: unknown. Unwrapped. */
  readonly position: Sequence | null
  /** Held events and held fills. */
  readonly held: number
  /** The gap at the head. */
  readonly gap?: { readonly epoch: Epoch; readonly from: Sequence | null; readonly to: Sequence }
  readonly failing?: Pick<Failing, 'epoch' | 'sequence' | 'attempts' | 'error'>
  readonly halt?: Halt
}

/** The telling parts of a state. */
export function tellingParts(state: StreamState, rules: StreamRules): TellingParts {
  const { epoch, position, heldCount, failing, halt } = state
  const gap = headGap(rules, state)
  return {
    epoch,
    position: position ?? null,
    held: heldCount,
    ...(gap !== undefined && { gap: { epoch: gap.epoch, from: gap.from, to: gap.to } }),
    ...(failing !== undefined && {
      failing: {
        epoch: failing.epoch,
        sequence: failing.sequence,
        attempts: failing.attempts,
        error: failing.error,
      },
    }),
    ...(halt !== undefined && { halt }),
  }
}
