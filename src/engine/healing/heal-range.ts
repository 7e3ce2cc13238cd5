// Which numbers to ask a healer for next, and how far its answer reaches. Pure. Upholds I7: each request is
// bounded, and a range that yields nothing is passed in steps that double, so that a later part of it is
// found in few requests.
import { counterOf, onWire } from '../../core/counter.ts'
import { gapsOf } from '../../core/gaps.ts'
import type { HealAttempt } from '../../core/heal.ts'
import type { TrackedNumbering } from '../../core/numbering.ts'
import { wireEpochOf } from '../../core/producer-runs.ts'
import type { StreamRules } from '../../core/rules.ts'
import type { Epoch, Sequence } from '../../core/sequence.ts'
import { after } from '../../core/sequence.ts'
import type { Span } from '../../core/spans.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { StreamState } from '../../core/stream-state.ts'
import type { ProcessResult } from '../process-result.ts'

/** Numbers to ask for at once. */
export interface HealRange {
  readonly epoch: Epoch
  readonly from: Sequence | null
  readonly to: Sequence
  /** The epoch as its producer writes it, where that is another one. */
  readonly wireEpoch?: Epoch
  /** The same numbers as they are on the wire, where the domain's counter wraps. */
  readonly wire?: { readonly from: number; readonly to: number }
}

/** How far an attempt has come. */
export interface HealCursor {
  /** Nothing below is asked for any more; `null`: from the beginning of the chain. */
  readonly from: Sequence | null
  /** Contiguous numbers that are asked for at once. */
  readonly width: number
}

/** The numbers of an attempt that are missing still, as many as are asked for at once. */
export function nextRange(
  stream: { readonly rules: StreamRules; readonly state: StreamState },
  attempt: HealAttempt,
  cursor: HealCursor,
): HealRange | undefined {
  const { rules, state } = stream
  const { epoch } = attempt
  const gap = gapsOf(rules, state).find(
    ({ epoch: own, from, to }) =>
      own === epoch &&
      (cursor.from === null || cursor.from <= to) &&
      (from === null || from <= attempt.to) &&
      (from === null || cursor.from === null || (from > cursor.from ? from : cursor.from) <= attempt.to),
  )
  if (gap === undefined) return undefined
  const from = higher(gap.from, cursor.from)
  const to = gap.to < attempt.to ? gap.to : attempt.to
  if (from !== null && from > to) return undefined
  const wireEpoch = wireEpochOf(state.runs, epoch)
  const range = { epoch, from, to, ...(wireEpoch !== epoch && { wireEpoch }) }
  return cutRange(rules, range, cursor.width)
}

/** Whether any number of a range is missing. */
export function isMissing(rules: StreamRules, state: StreamState, range: HealRange): boolean {
  return gapsOf(rules, state).some(
    ({ epoch, from, to }) =>
      epoch === range.epoch &&
      (from === null || from <= range.to) &&
      (range.from === null || range.from <= to),
  )
}

/** What an answer came to. */
export interface HealYield {
  /** Missing numbers that came. */
  readonly came: number
  /** Where to go on. */
  readonly next: Sequence
  /** There was no room for something of it: asking for more would be of no use now. */
  readonly isFull: boolean
}

const taken: readonly ProcessResult['verdict'][] = ['deliver', 'hold', 'handed-over', 'fill']

/** What the answer to a request came to, by what became of its messages. */
export function yieldOf(
  asked: { readonly path: StreamPath; readonly range: HealRange; readonly limit: number },
  results: readonly ProcessResult[],
): HealYield {
  const { path, range, limit } = asked
  let came = 0
  let highest: Sequence | undefined
  let isFull = false
  for (const { verdict, stream, epoch, sequence, to = sequence } of results) {
    const isOwn = stream === path && epoch === range.epoch && sequence !== undefined && to !== undefined
    if (!isOwn || sequence > range.to || (range.from !== null && to < range.from)) continue
    if (verdict === 'refuse') isFull = true
    if (taken.includes(verdict)) came++
    const last = to > range.to ? range.to : to
    if (highest === undefined || last > highest) highest = last
  }
  // Whoever has found something may have stopped short of what there is: it is asked again from there.
  const isShort = came > 0 || results.length >= limit
  const reached = isShort && highest !== undefined ? highest : range.to
  return { came, next: after(reached), isFull }
}

function higher(one: Sequence | null, other: Sequence | null): Sequence | null {
  if (one === null || other === null) return one ?? other
  return one > other ? one : other
}

/** At most `width` contiguous numbers, and with a modulus none beyond the round in which the first lies. */
function cutRange({ numbering }: StreamRules, range: HealRange, width: number): HealRange {
  const { from, to } = range
  if (numbering.kind !== 'contiguous' || from === null) return range
  const last = Math.min(Number(to), Number(from) + width - 1)
  return { ...range, ...withinRound(numbering, { from, to: last }) }
}

/** What a healer is asked for at once: with a modulus, no more of a range than its first number's round. */
export function withinRound(numbering: TrackedNumbering, { from, to }: Span): Span & Pick<HealRange, 'wire'> {
  const counter = counterOf(numbering)
  if (counter === undefined) return { from, to }
  const [first, wireFrom] = [Number(from), Number(onWire(counter, from))]
  const end = Math.min(Number(to), first + (counter.wrapsTo + counter.modulus - 1 - wireFrom))
  return { from, to: end, wire: { from: wireFrom, to: wireFrom + (end - first) } }
}
