// Moving a stream's position: over an event in turn, over the held spans that follow it, over a gap that is
// given up. Upholds I1: the position only ever moves to the number that follows it, or by a loss that is
// accounted for.
import { accountFilled, accountLost } from './accounts.ts'
import { remember } from './conflict-memory.ts'
import { openEpoch } from './epochs.ts'
import { isHaltingGapClosed, searchedFor } from './gaps.ts'
import {
  baselineOf,
  hasGapBefore,
  isCurrent,
  isFirstNumber,
  isOpening,
  reachedBefore,
} from './numbering-rules.ts'
import type { EventArrival, Pass } from './pass.ts'
import { isStopped } from './pass.ts'
import { noteAccepted } from './producer-runs.ts'
import { rememberHeld } from './remember-held.ts'
import type { Sequence } from './sequence.ts'
import { after, width } from './sequence.ts'
import type { HeldSpan } from './stream-state.ts'

/** Moves the position over an event that is in turn. */
export function deliver(pass: Pass, event: EventArrival & { readonly after: Sequence | null }): void {
  const { draft, rules } = pass
  const { epoch, sequence } = event
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
    const span = nextInTurn(pass)
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
export function nextInTurn(pass: Pass): HeldSpan | undefined {
  const { draft, rules } = pass
  const [head] = draft.held
  if (head === undefined) return undefined
  if (isCurrent(draft, head.epoch) && !hasGapBefore(rules, draft, 0)) return head
  return openingSpan(pass)
}

/**
 * Gives up the gap at the head of the stream: its numbers are lost, and what was held behind it is in turn.
 */
export function giveUpHead(pass: Pass): void {
  const { draft, rules, steps } = pass
  const [head] = draft.held
  if (head === undefined || head.after === null || !hasGapBefore(rules, draft, 0)) return
  const reached = reachedBefore(rules, draft, 0)
  const from = reached === null ? null : after(reached)
  if (!isCurrent(draft, head.epoch)) {
    openEpoch(pass, head.epoch, baselineOf(rules, head.after))
  }
  const range = { epoch: head.epoch, from, to: head.after, ...searchedFor(head.clock) }
  steps.push({ kind: 'lost', ...range, cause: 'gap-skipped' })
  if (from !== null) accountLost(draft, from, head.after)
  moveTo(pass, head.after)
}

function takeSpan(pass: Pass, whole: HeldSpan): void {
  const { draft, rules, steps } = pass
  const { epoch } = whole
  if (!isCurrent(draft, epoch)) {
    openEpoch(pass, epoch, baselineOf(rules, whole.after))
    if (whole.kind === 'events') draft.firstPrint = firstHeldPrint(pass, whole)
  }
  const span = cutAtStop(pass, whole)
  if (span.kind === 'fill') {
    const from = after(span.after ?? span.to)
    accountFilled(draft, from, span.to)
    steps.push({ kind: 'filled', epoch, from, to: span.to, reason: span.reason ?? '', cause: 'in-turn' })
  } else {
    steps.push({ kind: 'release', epoch, after: span.after, to: span.to })
    draft.counts.delivered += span.count
    rememberHeld(pass, span)
  }
  draft.heldCount -= span.count
  moveTo(pass, span.to)
}

/** The fingerprint of a span's first event, where that is the first of its numbering. */
function firstHeldPrint({ rules, held }: Pass, { epoch, after: low, to }: HeldSpan): number | undefined {
  if (rules.conflictMemory === 0) return undefined
  if (rules.numbering.kind === 'linked')
    return low === null ? held.members(epoch, low, to)[0]?.print : undefined
  const sequence = low === null ? to : after(low)
  return isFirstNumber(rules, { sequence, after: low }) ? held.print(epoch, sequence) : undefined
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

function openingSpan(pass: Pass): HeldSpan | undefined {
  const { draft, rules } = pass
  let opening: HeldSpan | undefined
  for (let at = draft.held.length - 1; at >= 0; at--) {
    const span = draft.held[at]
    if (span === undefined || (draft.position !== undefined && span.epoch <= draft.epoch)) break
    const isFirst = draft.held[at - 1]?.epoch !== span.epoch
    if (isFirst && isOpening(rules, draft, span)) opening = span
  }
  return opening
}

function moveTo(pass: Pass, sequence: Sequence): void {
  pass.draft.position = sequence
  if (pass.draft.failing !== undefined) pass.draft.failing = undefined
}
