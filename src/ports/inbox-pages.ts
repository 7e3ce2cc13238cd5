// Which pages of an inbox have its lowest entries as seen from where the stream stands: behind the end of a
// counter that wraps come those that it begins anew with.
import { counterOf, onWire } from '../core/counter.ts'
import { wireEpochOf } from '../core/producer-runs.ts'
import type { StreamRules } from '../core/rules.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import type { InboxPage } from './records.ts'

/** Whose inbox is read. */
export interface InboxOwner {
  readonly stream: StreamPath
  readonly rules: StreamRules
  readonly state: StreamState
  /** How many entries its inbox has. */
  readonly size: number
}

/** The pages that have the lowest entries, in this order; together they may have more than `limit`. */
export function lowestPages({ stream, rules, state, size }: InboxOwner, limit: number): readonly InboxPage[] {
  const counter = counterOf(rules.numbering)
  const { epoch, position } = state
  if (size <= limit || counter === undefined || position === undefined) return [{ stream, limit }]
  const wireEpoch = wireEpochOf(state.runs, epoch)
  const here = { epoch: wireEpoch, sequence: onWire(counter, Number(position) + 1) }
  const newer = { epoch: wireEpoch + 1, sequence: counter.wrapsTo }
  return [
    { stream, limit, from: here, below: newer },
    { stream, limit, below: here },
    { stream, limit, from: newer },
  ]
}
