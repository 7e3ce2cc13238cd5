// Which pages of an inbox have its lowest entries as seen from where the stream stands: behind the end of a
// counter that wraps come those that it begins anew with.
import type { Counter } from '../core/counter.ts'
import { aheadOf, counterOf, onWire } from '../core/counter.ts'
import { isCurrent, originOf } from '../core/numbering-rules.ts'
import { wireEpochOf } from '../core/producer-runs.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Position } from '../core/sequence.ts'
import { comparePositions } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import type { InboxPage, StoredEntry } from './records.ts'
import { isEvent, placeOnWire } from './store.ts'

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
 * that came first, as their numbers do not tell which turn they are of; and with them what comes next,
 * without which a full stream would refuse all that came before it, for ever.
 */
export function firstEntries<Entry extends StoredEntry>(
  { rules, state }: Pick<InboxOwner, 'rules' | 'state'>,
  read: readonly Entry[],
  limit: number,
): readonly Entry[] {
  const counter = counterOf(rules.numbering)
  if (counter === undefined || read.length <= limit) return read.slice(0, limit)
  const arrived = read.toSorted((a, b) => (a.arrivalId < b.arrivalId ? -1 : 1))
  const next = new Set<Entry>()
  for (const place of nextOnWire({ rules, state }, counter)) {
    const one = arrived.find(({ arrival }) => reaches(counter, arrival, place))
    if (one !== undefined && next.size < limit) next.add(one)
  }
  const others = arrived.filter((entry) => !next.has(entry)).slice(0, limit - next.size)
  return arrived.filter((entry) => next.has(entry) || others.includes(entry))
}

/** The pages that have the first entries, in this order; together they may have more than `limit`. */
export function lowestPages({ stream, rules, state, size }: InboxOwner, limit: number): readonly InboxPage[] {
  const counter = counterOf(rules.numbering)
  if (size <= limit || counter === undefined) return [{ stream, limit }]
  const more = Math.min(size, limit * turnsMax)
  const [here, ...later] = nextOnWire({ rules, state }, counter)
  if (size === more || here === undefined) return [{ stream, limit: more }]
  const newer = { epoch: here.epoch + 1, sequence: counter.wrapsTo }
  const behind = later.filter((place) => comparePositions(place, newer) > 0).toSorted(comparePositions)
  const rest = [newer, ...behind]
  return [
    { stream, limit: more, from: here, below: newer },
    { stream, limit: more, below: here },
    ...rest.map((from, nth) => {
      const below = rest[nth + 1]
      return { stream, limit: more, from, ...(below !== undefined && { below }) }
    }),
  ]
}

/** What comes next, as the producer writes it: in the open epoch, and in each that waits behind it. */
function nextOnWire({ rules, state }: Pick<InboxOwner, 'rules' | 'state'>, counter: Counter): Position[] {
  const held = state.held.map(({ epoch }) => epoch)
  const epochs = new Set(state.position === undefined && held.length > 0 ? held : [state.epoch, ...held])
  return [...epochs].flatMap((epoch) => {
    const reached = isCurrent(state, epoch) ? { after: state.position } : originOf(rules, state, epoch)
    if (reached === 'first-seen' || reached.after === undefined || reached.after === null) return []
    const sequence = onWire(counter, Number(reached.after) + 1)
    return [{ epoch: wireEpochOf(state.runs, epoch), sequence }]
  })
}

/** Whether an arrival is of a place, or a fill of it. */
function reaches(counter: Counter, arrival: StoredEntry['arrival'], place: Position): boolean {
  const { epoch, sequence } = placeOnWire(arrival)
  if (epoch !== place.epoch) return false
  if (isEvent(arrival)) return sequence === place.sequence
  const { from, to } = arrival.fill
  return aheadOf({ modulus: counter.modulus, from, to: Number(place.sequence) }) <= to - from
}
