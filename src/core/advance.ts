// Moving a stream's position: over an event in turn, over the held spans that follow it, over a gap that is
// given up. Upholds I1: the position only ever moves to the number that follows it, or by a loss that is
// accounted for.
import { accountFilled, accountLost } from './accounts.ts'
import { remember } from './conflict-memory.ts'
import { fillReason, openEpoch } from './epochs.ts'
import { givenUpFor, isHaltingGapClosed } from './gaps.ts'
import {
  baselineOf,
  hasGapBefore,
  isCurrent,
  isFirstNumber,
  isOpening,
  reachedBefore,
} from './numbering-rules.ts'
import type { Standing } from './outcome.ts'
import type { EventArrival, Pass } from './pass.ts'
import { isStopped } from './pass.ts'
import { noteAccepted } from './producer-runs.ts'
import type { StreamRules } from './rules.ts'
import type { Sequence } from './sequence.ts'
import { after, width } from './sequence.ts'
import type { HeldSpan, StreamState } from './stream-state.ts'
import { deliverSpan } from './taken-events.ts'

/** Moves the position over an arrival that is in turn. */
export function deliver(
  pass: Pass,
  arrival: number,
  event: EventArrival & { readonly after: Sequence | null },
): void {
  const { draft, rules, outcome } = pass
  const { epoch, sequence } = event
  outcome.deliveries.push({ kind: 'delivery', epoch, sequence, arrival, before: standingOf(draft) })
  if (!isCurrent(draft, epoch)) {
    openEpoch(pass, epoch, baselineOf(rules, event.after))
    if (rules.conflictMemory > 0 && isFirstNumber(rules, event)) draft.firstPrint = event.print
  }
  moveTo(pass, sequence)
  draft.counts.delivered++
  remember(draft.memory, rules.conflictMemory, event)
  noteAccepted(draft, event, pass.context.clock)
}

/** Moves the position over every held span that is in turn now. */
export function drain(pass: Pass): void {
  while (!isStopped(pass)) {
    const span = nextInTurn(pass.rules, pass.draft)
    if (span === undefined) return
    takeSpan(pass, span)
  }
}

/** Ends the halt of a gap that has closed by itself, and takes what is in turn now. */
export function drainIfClosed(pass: Pass): void {
  if (!isHaltingGapClosed(pass.rules, pass.draft)) return
  pass.draft.halt = undefined
  drain(pass)
}

/** The held span that is in turn: the head of the current epoch, or the first of one that can open. */
export function nextInTurn(rules: StreamRules, state: StreamState): HeldSpan | undefined {
  const [head] = state.held
  if (head === undefined) return undefined
  if (isCurrent(state, head.epoch) && !hasGapBefore(rules, state, 0)) return head
  return openingSpan(rules, state)
}

/**
 * Gives up the gap at the head of the stream: its numbers are lost, and what was held behind it is in turn.
 */
export function giveUpHead(pass: Pass): void {
  const { draft, rules } = pass
  const [head] = draft.held
  if (head === undefined || head.after === null || !hasGapBefore(rules, draft, 0)) return
  const reached = reachedBefore(rules, draft, 0)
  const from = reached === null ? null : after(reached)
  if (!isCurrent(draft, head.epoch)) {
    openEpoch(pass, head.epoch, baselineOf(rules, head.after))
  }
  lose(pass, from, head.after, givenUpFor('gap-skipped', head.clock))
  moveTo(pass, head.after)
}

/** Accounts missing numbers of the current epoch as lost; `from` is `null` where it is unknown. */
export function lose(pass: Pass, from: Sequence | null, to: Sequence, why = 'gap-skipped'): void {
  const { draft, context, outcome } = pass
  const reason = context.operator?.reason ?? why
  outcome.enter({ kind: 'lost', epoch: draft.epoch, from, to, reason })
  if (from !== null) accountLost(draft, from, to)
}

/** Accounts numbers of a held fill as filled, up to `to`. */
export function fillUpTo(pass: Pass, fill: HeldSpan, to: Sequence): void {
  const from = after(fill.after ?? to)
  accountFilled(pass.draft, from, to)
  const reason = fillReason(pass, fill)
  pass.outcome.enter({ kind: 'filled', epoch: fill.epoch, from, to, reason })
}

function takeSpan(pass: Pass, whole: HeldSpan): void {
  const { draft, rules } = pass
  const { epoch } = whole
  const from = standingOf(draft)
  const opens = !isCurrent(draft, epoch)
  if (opens) openEpoch(pass, epoch, baselineOf(rules, whole.after))
  const span = cutAtStop(pass, whole)
  if (span.kind === 'fill') {
    fillUpTo(pass, span, span.to)
    draft.heldCount--
  } else {
    const [first] = deliverSpan(pass, span, from)
    const isFirst = first !== undefined && isFirstNumber(rules, { ...first, after: span.after })
    if (opens && isFirst && rules.conflictMemory > 0) draft.firstPrint = first.print
  }
  moveTo(pass, span.to)
}

function standingOf({ epoch, position }: StreamState): Standing {
  return { epoch, sequence: position }
}

/** Takes the head span out of the held ones, up to where the stream has to stop. */
function cutAtStop(pass: Pass, span: HeldSpan): HeldSpan {
  const { draft, context, rules } = pass
  const { stopAt } = context
  const rest = draft.held.slice(1)
  const isCut =
    stopAt?.sequence !== undefined &&
    stopAt.epoch === span.epoch &&
    span.kind === 'events' &&
    stopAt.sequence < span.to
  if (!isCut || stopAt?.sequence === undefined) {
    draft.held = rest
    return span
  }
  const to = stopAt.sequence
  const count =
    rules.numbering.kind === 'contiguous' && span.after !== null
      ? width(span.after, to) - 1
      : pass.held.members(span.epoch, span.after, to).length
  draft.held = [{ ...span, after: to, count: span.count - count }, ...rest]
  return { ...span, to, count }
}

function openingSpan(rules: StreamRules, state: StreamState): HeldSpan | undefined {
  const { held } = state
  let opening: HeldSpan | undefined
  for (let at = held.length - 1; at >= 0; at--) {
    const span = held[at]
    if (span === undefined || (state.position !== undefined && span.epoch <= state.epoch)) break
    const isFirst = held[at - 1]?.epoch !== span.epoch
    if (isFirst && isOpening(rules, state, span)) opening = span
  }
  return opening
}

function moveTo(pass: Pass, sequence: Sequence): void {
  pass.draft.position = sequence
  if (pass.draft.failing !== undefined) pass.draft.failing = undefined
}
