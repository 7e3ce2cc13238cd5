// What became of the numbers at or below a position. Delivered is the rule and takes no room; lost, filled
// and late numbers are kept as ranges. Upholds I1 and I3: every number has exactly one account.
import type { Draft } from './pass.ts'
import { accountSpansMax } from './rules.ts'
import type { Epoch, Sequence } from './sequence.ts'
import { width } from './sequence.ts'
import type { Span } from './spans.ts'
import { addSpan, includes, removeSpan } from './spans.ts'
import type { EndedEpoch, EpochSpan } from './stream-state.ts'

/** What is recorded of one epoch, current or ended. */
export type EpochRecord = EndedEpoch

/** The record of an epoch that has been opened and is still remembered. */
export function epochRecord(draft: Draft, epoch: Epoch): EpochRecord | undefined {
  if (draft.position !== undefined && draft.epoch === epoch) {
    const { baseline, position, lost, filled } = draft
    return { epoch, baseline, position, lost, filled }
  }
  return draft.ended.find((ended) => ended.epoch === epoch)
}

/** Accounts `from..to` of the current epoch as lost. */
export function accountLost(draft: Draft, from: Sequence, to: Sequence): void {
  draft.lost = bounded(addSpan(draft.lost, { from, to }))
  draft.counts.lost += width(from, to)
}

/** Accounts `from..to` of the current epoch as filled. */
export function accountFilled(draft: Draft, from: Sequence, to: Sequence): void {
  draft.filled = bounded(addSpan(draft.filled, { from, to }))
  draft.counts.filled += width(from, to)
}

/** A lost number came after all: its account turns from lost to late. */
export function turnLate(draft: Draft, epoch: Epoch, sequence: Sequence): void {
  const number = { from: sequence, to: sequence }
  if (draft.position !== undefined && draft.epoch === epoch) draft.lost = removeSpan(draft.lost, number)
  else {
    draft.ended = draft.ended.map((ended) =>
      ended.epoch === epoch ? { ...ended, lost: removeSpan(ended.lost, number) } : ended,
    )
  }
  draft.counts.lost--
  draft.counts.late++
}

/** Whether a number below the baseline of its epoch has come before. */
export function cameBelowBaseline(draft: Draft, epoch: Epoch, sequence: Sequence): boolean {
  return draft.belowBaseline.some(
    (span) => span.epoch === epoch && span.from <= sequence && sequence <= span.to,
  )
}

/**
 * Remembers that a number below the baseline of its epoch came; forgotten, its next copy is late once more.
 */
export function noteBelowBaseline(draft: Draft, epoch: Epoch, sequence: Sequence): void {
  const others = draft.belowBaseline.filter((span) => span.epoch !== epoch)
  const own = draft.belowBaseline.filter((span) => span.epoch === epoch)
  const widened = addSpan(own, { from: sequence, to: sequence })
  const noted = [...others, ...widened.map((span): EpochSpan => ({ ...span, epoch }))]
  draft.belowBaseline = noted.slice(-accountSpansMax)
}

/** Whether the number was given up, or is covered by what was. */
export function isLost(record: EpochRecord, sequence: Sequence): boolean {
  return includes(record.lost, sequence)
}

/** Whether the number was filled: burned by its producer. */
export function isFilled(record: EpochRecord, sequence: Sequence): boolean {
  return includes(record.filled, sequence)
}

/** A list of account ranges within its limit: beyond it the two oldest become one. */
export function bounded(spans: readonly Span[]): readonly Span[] {
  const [first, second] = spans
  if (spans.length <= accountSpansMax || first === undefined || second === undefined) return spans
  return [{ from: first.from, to: second.to }, ...spans.slice(2)]
}
