// The verdict about one event, in the order in which the verdicts are checked: older epoch, past, what
// contradicts what is known, already held, implausible, no room, in turn, held. Reads the draft and changes
// nothing.
import type { EpochRecord } from './accounts.ts'
import { cameBelowBaseline, epochRecord, isFilled, isLost } from './accounts.ts'
import { isBeyondMemory, recall } from './conflict-memory.ts'
import { isHaltingGapClosed } from './gaps.ts'
import { isBeyondWindow, reachedIn } from './half-turn.ts'
import { eventSpan, heldSpanAt, insertHeld, overlapsHeld } from './held-spans.ts'
import type { UnclockedSpan } from './held-spans.ts'
import { isBeyondSpan, isCurrent, isInTurn, originOf } from './numbering-rules.ts'
import type { Pass } from './pass.ts'
import { isBlocked, isStopped } from './pass.ts'
import type { Epoch, Sequence } from './sequence.ts'
import type { Candidate } from './unwrap.ts'
import type { Verdict, VerdictReason } from './verdict.ts'

/** A verdict with its reason, where it has one. */
export interface Judgement {
  readonly verdict: Verdict
  readonly reason?: VerdictReason
}

/** The verdict where there is no room. */
export interface Refusal {
  readonly verdict: 'refuse'
  readonly reason: 'stream-full' | 'domain-full' | 'window-used-up'
}

const epochOver: Judgement = { verdict: 'stale', reason: 'epoch-over' }
const duplicate: Judgement = { verdict: 'duplicate' }
const notProven: Judgement = { verdict: 'duplicate', reason: 'not-proven' }
const otherId: Judgement = { verdict: 'conflict', reason: 'other-id' }
const filledNumber: Judgement = { verdict: 'conflict', reason: 'filled-number' }
const predecessorTaken: Judgement = { verdict: 'conflict', reason: 'predecessor-taken' }
const belowStart: Judgement = { verdict: 'late', reason: 'below-start' }
/** An epoch that is opened ends all before it: what one corrupt number says must not. */
export const beyondEpochSpan = { verdict: 'implausible', reason: 'epoch-beyond-span-max' } as const
const beyondSpanMax: Judgement = { verdict: 'implausible', reason: 'beyond-span-max' }
/** Half a turn beyond what is accounted for: held, it could not be told from the next turn's numbers. */
export const windowUsedUp: Refusal = { verdict: 'refuse', reason: 'window-used-up' }
/** By default; times as epochs, which are greater than that, may grow as far as they are. */
const epochSpanLeast = 1_000_000
const inTurn: Judgement = { verdict: 'deliver' }
const hold: Judgement = { verdict: 'hold' }

/** The verdict about an event, by the draft as it stands. */
export function judge(pass: Pass, event: Candidate): Judgement {
  const { draft } = pass
  const { epoch, sequence } = event
  if (draft.position === undefined || epoch > draft.epoch) {
    if (isBelowStart(pass, epoch, sequence)) return judgeBelowBaseline(pass, event)
  } else if (epoch < draft.epoch || sequence <= draft.position) {
    const record = epochRecord(draft, epoch)
    if (record === undefined || sequence > record.position) return epochOver
    return judgePast(pass, event, record)
  }
  return contradiction(pass, event) ?? judgeAhead(pass, event)
}

/** Whether there is no room for one more event that is not in turn. */
export function refusal(pass: Pass): Refusal | undefined {
  const { draft, rules, context } = pass
  if (draft.heldCount >= rules.heldMax) return { verdict: 'refuse', reason: 'stream-full' }
  return context.domainFull === true ? { verdict: 'refuse', reason: 'domain-full' } : undefined
}

/** Whether the number lies further ahead of its epoch's position than can be believed. */
export function isImplausible(pass: Pass, epoch: Epoch, sequence: Sequence): boolean {
  const { rules, draft } = pass
  if (rules.numbering.kind !== 'contiguous') {
    return isCurrent(draft, epoch) && isBeyondSpan(rules.numbering, draft.position, sequence)
  }
  const reached = reachedIn(rules, draft, epoch)
  return reached !== undefined && Number(sequence) - reached > rules.spanMax
}

/** Whether an epoch lies further above what is known of its stream than can be believed. */
export function isEpochImplausible({ rules, draft }: Pass, epoch: Epoch): boolean {
  const known = draft.position === undefined ? draft.held[0]?.epoch : draft.epoch
  if (known === undefined) return false
  return epoch - known > (rules.epochSpanMax ?? Math.max(epochSpanLeast, known))
}

/** Whether nothing but a gap stops the stream, and these spans close it. */
export function endsHalt(pass: Pass, spans: readonly UnclockedSpan[]): boolean {
  const { draft, rules, context } = pass
  if (draft.halt?.gapTo === undefined || isBlocked(pass)) return false
  const held = spans.reduce((all, span) => insertHeld(all, span, context.clock), draft.held)
  return isHaltingGapClosed(rules, { ...draft, held })
}

function judgeBelowBaseline({ draft }: Pass, { epoch, sequence, print }: Candidate): Judgement {
  if (!cameBelowBaseline(draft, epoch, sequence)) return belowStart
  return sameOrOther(recall(draft.memory, epoch, sequence), print)
}

/** Whether it is the event that had this number before, as far as that one is remembered. */
function sameOrOther(remembered: number | undefined, print: number): Judgement {
  return remembered === undefined || remembered === print ? duplicate : otherId
}

function judgePast(pass: Pass, event: Candidate, record: EpochRecord): Judgement {
  const { draft, rules } = pass
  const { epoch, sequence, print } = event
  const remembered = recall(draft.memory, epoch, sequence)
  if (rules.numbering.kind === 'contiguous') {
    if (isLost(record, sequence)) return { verdict: 'late', reason: 'account-lost' }
    if (record.baseline !== undefined && sequence < record.baseline) return judgeBelowBaseline(pass, event)
    if (isFilled(record, sequence)) return filledNumber
    return sameOrOther(remembered, print)
  }
  if (remembered !== undefined) return sameOrOther(remembered, print)
  if (isLost(record, sequence)) return { verdict: 'late', reason: 'account-lost' }
  if (record.baseline !== undefined && sequence < record.baseline) return judgeBelowBaseline(pass, event)
  if (draft.provenAbove !== undefined && sequence <= draft.provenAbove) return notProven
  if (isBeyondMemory(draft.memory, rules.conflictMemory, event)) return notProven
  return rules.numbering.kind === 'linked' ? predecessorTaken : { verdict: 'late', reason: 'never-seen' }
}

/** Whether the number lies below the first one of an epoch that is not open. */
function isBelowStart(pass: Pass, epoch: Epoch, sequence: Sequence): boolean {
  if (pass.rules.numbering.kind !== 'contiguous') return false
  const origin = originOf(pass.rules, pass.draft, epoch)
  return origin !== 'first-seen' && origin.after !== null && sequence <= origin.after
}

/** What an event ahead of the position contradicts, or repeats. */
function contradiction(pass: Pass, event: Candidate): Judgement | undefined {
  const { draft, rules, held } = pass
  const { epoch, sequence } = event
  const span = heldSpanAt(draft.held, epoch, sequence)
  if (span?.kind === 'fill') return filledNumber
  if (span !== undefined) {
    const print = held.print(epoch, sequence)
    if (print !== undefined) return print === event.print ? duplicate : otherId
    if (rules.numbering.kind === 'contiguous') return duplicate
  }
  if (rules.numbering.kind !== 'linked') return undefined
  if (isCurrent(draft, epoch) && draft.position !== undefined) {
    if (event.after === null) return { verdict: 'conflict', reason: 'null-previous-on-started-stream' }
    if (event.after < draft.position) return predecessorTaken
  }
  const step = { epoch, after: event.after, to: sequence }
  return overlapsHeld(draft.held, step) ? predecessorTaken : undefined
}

/** What is in turn needs no room, and is never implausible where it is the number that follows. */
function judgeAhead(pass: Pass, event: Candidate): Judgement {
  if (pass.rules.numbering.kind !== 'contiguous' && isImplausible(pass, event.epoch, event.sequence)) {
    return beyondSpanMax
  }
  if (isInTurn(pass.rules, pass.draft, event)) {
    return !isStopped(pass) || endsHalt(pass, [eventSpan(event)]) ? inTurn : hold
  }
  if (isBeyondWindow(pass, event)) return windowUsedUp
  if (isImplausible(pass, event.epoch, event.sequence)) return beyondSpanMax
  return refusal(pass) ?? hold
}
