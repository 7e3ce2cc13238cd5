// Opening and ending epochs. When an epoch opens, everything older ends: its held events become dead letters,
// its open gaps are lost, and its final position is the last number that has an account. Upholds I1 and I3.
import { bounded } from './accounts.ts'
import { findEpoch } from './held-spans.ts'
import { baselineOf, isCurrent, reachedBefore } from './numbering-rules.ts'
import type { Entry } from './outcome.ts'
import type { Pass } from './pass.ts'
import { wireEpochOf } from './producer-runs.ts'
import { endedEpochsMax } from './rules.ts'
import type { Epoch, Sequence } from './sequence.ts'
import { after, width } from './sequence.ts'
import type { Span } from './spans.ts'
import { addSpan } from './spans.ts'
import type { EndedEpoch, HeldSpan } from './stream-state.ts'
import { takeOut } from './taken-events.ts'

/** Opens an epoch, ending all older ones; the caller moves the position to its first number. */
export function openEpoch(pass: Pass, epoch: Epoch, baseline: Sequence | undefined): void {
  const { draft } = pass
  for (const older of olderEpochs(pass, epoch)) endEpoch(pass, older)
  draft.held = draft.held.slice(findEpoch(draft.held, epoch))
  draft.epoch = epoch
  draft.baseline = baseline
  draft.lost = []
  draft.filled = []
  draft.firstPrint = undefined
  // What was seen while it was held goes on to be true of it.
  if (draft.restart?.wireEpoch !== wireEpochOf(draft.runs, epoch)) draft.restart = undefined
  const { earlier } = draft.runs.find((run) => run.epoch === epoch) ?? {}
  if (earlier !== undefined) draft.producers = draft.producers.filter((one) => !earlier.includes(one))
}

function olderEpochs(pass: Pass, epoch: Epoch): readonly Epoch[] {
  const { draft } = pass
  const older = new Set<Epoch>()
  if (draft.position !== undefined && draft.epoch < epoch) older.add(draft.epoch)
  for (const span of draft.held) {
    if (span.epoch >= epoch) break
    older.add(span.epoch)
  }
  return [...older].sort((a, b) => a - b)
}

function endEpoch(pass: Pass, epoch: Epoch): void {
  const { draft, rules, outcome } = pass
  const opened = isCurrent(draft, epoch)
  let lost = opened ? draft.lost : []
  let filled = opened ? draft.filled : []
  let position = opened ? draft.position : undefined
  let baseline = opened ? draft.baseline : undefined
  const gaps: Entry[] = []
  for (let at = findEpoch(draft.held, epoch); at < draft.held.length; at++) {
    const span = draft.held[at]
    if (span === undefined || span.epoch !== epoch) break
    if (!opened && position === undefined) baseline = baselineOf(rules, span.after)
    const missing = missingBefore(pass, at, span)
    if (missing !== undefined) {
      gaps.push({ kind: 'lost', epoch, ...missing, reason: 'epoch-ended', isOver: true })
      if (missing.from !== null) {
        lost = bounded(addSpan(lost, { from: missing.from, to: missing.to }))
        draft.counts.lost += width(missing.from, missing.to)
      }
    }
    if (span.kind === 'fill') filled = endFill(pass, span, filled)
    else takeOut(pass, span, whyEnded(pass))
    position = span.to
  }
  for (const gap of gaps) outcome.enter(gap)
  if (position === undefined) return
  if (draft.failing?.epoch === epoch) draft.failing = undefined
  remember(pass, { epoch, baseline, position, lost, filled })
}

function missingBefore(
  pass: Pass,
  at: number,
  span: HeldSpan,
): { readonly from: Sequence | null; readonly to: Sequence } | undefined {
  if (pass.rules.numbering.kind === 'increasing' || span.after === null) return undefined
  const reached = reachedBefore(pass.rules, pass.draft, at)
  if (reached === span.after) return undefined
  return { from: reached === null ? null : after(reached), to: span.after }
}

function whyEnded({ context: { operator } }: Pass): Parameters<typeof takeOut>[2] {
  const detail =
    operator === undefined
      ? 'a newer epoch of the stream has opened'
      : `${operator.by} opened a newer epoch of the stream`
  return { reason: 'epoch-ended', detail, entry: 'epoch-ended' }
}

function endFill(pass: Pass, fill: HeldSpan, filled: readonly Span[]): readonly Span[] {
  const { draft, outcome } = pass
  const { epoch, to } = fill
  const from = after(fill.after ?? to)
  draft.heldCount--
  draft.counts.filled += width(from, to)
  outcome.enter({ kind: 'filled', epoch, from, to, reason: fillReason(pass, fill), isOver: true })
  return bounded(addSpan(filled, { from, to }))
}

/** Why numbers of a held fill were burned. */
export function fillReason({ context }: Pass, fill: HeldSpan): string {
  const { reason = '' } = fill
  return reason === '' ? (context.operator?.reason ?? '') : reason
}

function remember(pass: Pass, ended: EndedEpoch): void {
  const { draft } = pass
  if (ended.baseline !== undefined) draft.endedNumbers += width(ended.baseline, ended.position)
  draft.ended = [...draft.ended, ended].slice(-endedEpochsMax)
  const oldest = draft.ended[0]?.epoch ?? ended.epoch
  draft.belowBaseline = draft.belowBaseline.filter((span) => span.epoch >= oldest)
}
