// Which pages of an inbox have its lowest entries as seen from where the stream stands: behind the end of a
// counter that wraps come those that it begins anew with.
import { counterOf, onWire } from '../core/counter.ts'
import { wireEpochOf } from '../core/producer-runs.ts'
import type { StreamRules } from '../core/rules.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import type { InboxPage, StoredEntry } from './records.ts'
import { placeOnWire } from './store.ts'

/** Whose inbox is read. */
export interface InboxOwner {
  readonly stream: StreamPath
  readonly rules: StreamRules
  readonly state: StreamState
  /** How many entries its inbox has. */
  readonly size: number
}

/** So many times a page are read of a counter's inbox, to find what came first. */
const turnsMax = 50

/**
 * The first of some entries that were read, at most `limit`: the lowest, but of a counter that wraps those
 * that came first, as their numbers do not tell which turn they are of; and with them the one that comes
 * next.
 */
export function firstEntries<Entry extends StoredEntry>(
  { rules, state }: Pick<InboxOwner, 'rules' | 'state'>,
  read: readonly Entry[],
  limit: number,
): readonly Entry[] {
  const counter = counterOf(rules.numbering)
  if (counter === undefined || read.length <= limit) return read.slice(0, limit)
  const arrived = read.toSorted((a, b) => (a.arrivalId < b.arrivalId ? -1 : 1))
  const first = arrived.slice(0, limit)
  if (state.position === undefined) return first
  const next = onWire(counter, Number(state.position) + 1)
  const wireEpoch = wireEpochOf(state.runs, state.epoch)
  const isNext = ({ arrival }: Entry): boolean => {
    const { epoch, sequence } = placeOnWire(arrival)
    return sequence === next && epoch === wireEpoch
  }
  const one = first.some(isNext) ? undefined : arrived.find(isNext)
  return one === undefined ? first : [...first.slice(0, -1), one]
}

/** The pages that have the first entries, in this order; together they may have more than `limit`. */
export function lowestPages({ stream, rules, state, size }: InboxOwner, limit: number): readonly InboxPage[] {
  const counter = counterOf(rules.numbering)
  const { epoch, position } = state
  if (size <= limit || counter === undefined) return [{ stream, limit }]
  const more = Math.min(size, limit * turnsMax)
  if (size === more || position === undefined) return [{ stream, limit: more }]
  const wireEpoch = wireEpochOf(state.runs, epoch)
  const here = { epoch: wireEpoch, sequence: onWire(counter, Number(position) + 1) }
  const newer = { epoch: wireEpoch + 1, sequence: counter.wrapsTo }
  return [
    { stream, limit: more, from: here, below: newer },
    { stream, limit: more, below: here },
    { stream, limit: more, from: newer },
  ]
}
