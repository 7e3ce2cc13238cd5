// Takes held events out of their stream in an operator's name. Upholds I3: each has the account removed, and
// a copy that comes later is known.
import type { Pass } from '../pass.ts'
import { rememberHeld } from '../remember-held.ts'
import type { HeldSpan } from '../stream-state.ts'

/** Accounts the events of a span as removed; the caller takes the span off the held ones. */
export function takeOut(pass: Pass, span: HeldSpan): void {
  const { draft, steps } = pass
  const { epoch, after, to, count } = span
  draft.heldCount -= count
  draft.counts.removed += count
  rememberHeld(pass, { epoch, after, to })
  steps.push({ kind: 'skipped', epoch, after, to })
}
