// The rules about a fill: numbers that were burned and will never come. It covers only what is neither held
// nor accounted for; out of turn it is held like an event. Upholds I3: a filled number has an account of its
// own.
import { drain, drainIfClosed } from './advance.ts'
import { aheadOf, counterOf } from './counter.ts'
import { openEpoch } from './epochs.ts'
import { isBeyondWindow, noteSeen, reachedIn } from './half-turn.ts'
import { findHeld, insertHeld } from './held-spans.ts'
import type { UnclockedSpan } from './held-spans.ts'
import {
  beyondEpochSpan,
  endsHalt,
  isEpochImplausible,
  isImplausible,
  refusal,
  windowUsedUp,
} from './judge.ts'
import { baselineOf, isCurrent, isInTurn } from './numbering-rules.ts'
import type { FillVerdict } from './outcome.ts'
import type { FillArrival, Pass } from './pass.ts'
import { isStopped } from './pass.ts'
import { epochInRuns } from './producer-runs.ts'
import { isOfOpenRun, isWatched } from './restart.ts'
import type { Position } from './sequence.ts'
import { haltStops } from './stream-state.ts'
import type { NoNumber } from './unwrap.ts'
import { readWire, unwrap } from './unwrap.ts'
import type { VerdictReason } from './verdict.ts'

interface FillJudgement {
  readonly verdict: FillVerdict
  readonly reason?: VerdictReason
  /** Of a number in doubt: the greatest that it may stand for. */
  readonly upTo?: Position
}

/** Decides a fill, and moves the draft accordingly. */
export function decideFill(pass: Pass, arrival: FillArrival): void {
  const placed = inItsRun(pass, arrival)
  const fill = 'verdict' in placed ? placed : unwrapFill(pass, placed)
  if ('verdict' in fill) {
    say(pass, arrival, fill)
    if (fill.upTo !== undefined) noteSeen(pass, fill.upTo)
    return
  }
  const outside = judgeRange(pass, fill)
  const spans = outside === undefined ? uncovered(pass, fill) : []
  const judgement = outside ?? judgeSpans(pass, spans)
  if (judgement.verdict === 'fill') open(pass, fill, Number(spans[0]?.after))
  say(pass, fill, judgement)
  if (judgement.verdict === 'refuse' || judgement.verdict === 'implausible') {
    noteSeen(pass, { epoch: fill.epoch, sequence: fill.to })
  }
  if (judgement.verdict !== 'fill' && judgement.verdict !== 'hold') return
  for (const span of spans) hold(pass, span)
  if (judgement.verdict === 'fill') drain(pass)
  else drainIfClosed(pass)
}

/** The fill in the epoch of its producer's run; the verdict where it is of none for certain, or suspected. */
function inItsRun({ draft, rules }: Pass, fill: FillArrival): FillArrival | FillJudgement {
  const epoch = fill.isPlaced === true ? fill.epoch : epochInRuns(draft.runs, fill)
  if (epoch === undefined) return { verdict: 'stale', reason: 'run-unknown' }
  const isSuspected = rules.onReset !== 'tell' && isWatched(draft, epoch) && isOfOpenRun(draft, fill)
  if (isSuspected) return { verdict: 'refuse', reason: 'producer-restarted' }
  return epoch === fill.epoch ? fill : { ...fill, epoch, known: undefined }
}

function say({ outcome }: Pass, { epoch, from, to }: FillArrival, judgement: FillJudgement): void {
  outcome.judge({ epoch, sequence: from, to }, judgement)
}

function unwrapFill(pass: Pass, fill: FillArrival): FillArrival | NoNumber {
  const { numbering, spanMax } = pass.rules
  if (numbering.kind !== 'contiguous') return { verdict: 'invalid', reason: 'fill-needs-contiguous' }
  if (isEpochImplausible(pass, fill.epoch)) return beyondEpochSpan
  const counter = counterOf(numbering)
  const last = readWire(fill.to, counter)
  const from = unwrap(pass, fill.from, fill)
  if (typeof from !== 'number') return from
  if (typeof last !== 'number') return last
  const steps = counter === undefined ? last - from : aheadOf({ ...counter, from: fill.from, to: last })
  if (steps < 0) return { verdict: 'invalid', reason: 'fill-not-a-range' }
  if (steps >= spanMax) return { verdict: 'invalid', reason: 'fill-too-wide' }
  return { ...fill, from, to: from + steps }
}

function judgeRange(pass: Pass, fill: FillArrival): FillJudgement | undefined {
  const { draft } = pass
  const { epoch, to } = fill
  const reached = reachedIn(pass.rules, draft, epoch)
  if (draft.position !== undefined && epoch < draft.epoch) {
    return draft.ended.some((ended) => ended.epoch === epoch && to <= ended.position)
      ? { verdict: 'duplicate' }
      : { verdict: 'stale', reason: 'epoch-over' }
  }
  if (reached !== undefined && to <= reached) return { verdict: 'duplicate' }
  return isImplausible(pass, epoch, to) ? { verdict: 'implausible', reason: 'beyond-span-max' } : undefined
}

/** The verdict about what the fill covers. */
function judgeSpans(pass: Pass, spans: readonly UnclockedSpan[]): FillJudgement {
  const [first] = spans
  if (first === undefined) return { verdict: 'duplicate' }
  if (!isInTurn(pass.rules, pass.draft, first)) {
    const { epoch, to: sequence } = spans.at(-1) ?? first
    return isBeyondWindow(pass, { epoch, sequence }) ? windowUsedUp : (refusal(pass) ?? { verdict: 'hold' })
  }
  return { verdict: !isStopped(pass) || endsHalt(pass, spans) ? 'fill' : 'hold' }
}

/** The parts of the fill above the position that no held event or fill covers. */
function uncovered(pass: Pass, fill: FillArrival): readonly UnclockedSpan[] {
  const { held } = pass.draft
  const { epoch, reason } = fill
  const spans: UnclockedSpan[] = []
  let below = Math.max(fill.from - 1, reachedIn(pass.rules, pass.draft, epoch) ?? Number.NEGATIVE_INFINITY)
  for (let at = findHeld(held, epoch, below + 1); below < fill.to; at++) {
    const next = held[at]
    const reach = next?.epoch === epoch ? Math.min(Number(next.after), fill.to) : fill.to
    if (below < reach) spans.push({ kind: 'fill', epoch, after: below, to: reach, count: 1, reason })
    below = next?.epoch === epoch ? Number(next.to) : fill.to
  }
  return spans
}

function open(pass: Pass, { epoch }: FillArrival, after: number): void {
  const { draft, rules } = pass
  if (haltStops(draft)) draft.halt = undefined
  if (isCurrent(draft, epoch)) return
  openEpoch(pass, epoch, baselineOf(rules, after))
  draft.position = after
}

function hold({ draft, context }: Pass, span: UnclockedSpan): void {
  draft.held = insertHeld(draft.held, span, context.clock)
  draft.heldCount++
}
