// How far the numbers of a counter that wraps have gone, and whether what comes can still be placed. A number
// on the wire stands for the one nearest to the greatest seen, and only as long as that is less than half a
// turn beyond the last number accounted for; what may be of this turn or of another is refused. Upholds I1
// and I3: no event is taken for another one.
import { epochRecord } from './accounts.ts'
import { recall } from './conflict-memory.ts'
import type { Counter } from './counter.ts'
import { counterOf, firstFrom, nearestTo, sequenceText, windowOf } from './counter.ts'
import { findHeld, heldSpanAt } from './held-spans.ts'
import { isOfOldEpoch, referenceAt, withMark, withoutBeyond } from './log-marks.ts'
import { isCurrent, originOf } from './numbering-rules.ts'
import type { Arrival, LogPlace, Pass } from './pass.ts'
import { epochInRuns } from './producer-runs.ts'
import type { StreamRules } from './rules.ts'
import type { Epoch, Position } from './sequence.ts'
import type { LogMarks, SeenMark, StreamState } from './stream-state.ts'

/** How many epochs that are not open have a mark; of more than that, nothing can be placed. */
const seenMax = 64

/** How far the numbers of an epoch have gone. */
interface Reach {
  /** The last number that is accounted for: the position, or the place before the epoch's first number. */
  readonly reached: number
  /** The greatest number that was seen: accounted for, held or refused. */
  readonly greatest: number
  readonly mark: Omit<SeenMark, 'epoch'> | undefined
}

/** What tells an event, or a fill's beginning, from others with its number on the wire. */
export interface WireClues {
  readonly epoch: Epoch
  readonly wire: number
  readonly print?: number
  readonly isUnnamed?: boolean
  readonly isBehind?: boolean
  readonly place?: LogPlace | undefined
}

/** An arrival of a counter that wraps, and where its log had it. */
interface PlacedArrival {
  readonly arrival: Arrival
  readonly place: LogPlace
}

/** What a number on the wire stands for, or why nobody knows; in doubt, with the greatest that it may be. */
export type Placed =
  | { readonly sequence: number }
  | { readonly problem: 'half' }
  | { readonly problem: 'doubt'; readonly upTo: number }

/** The last number of an epoch that is accounted for; `undefined` where none is known. */
export function reachedIn(rules: StreamRules, state: StreamState, epoch: Epoch): number | undefined {
  if (isCurrent(state, epoch)) return Number(state.position)
  const ended = state.ended.find((record) => record.epoch === epoch)
  if (ended !== undefined) return Number(ended.position)
  if (state.position !== undefined && epoch < state.epoch) return undefined
  const origin = originOf(rules, state, epoch)
  return origin === 'first-seen' || origin.after === null ? undefined : Number(origin.after)
}

/**
 * Which numbers one on the wire may stand for, whatever turn it is of: the first and the last of them, which
 * are a turn apart. From where its epoch begins (half a turn before, where that is what was seen first) to
 * half a turn beyond the greatest that was seen. `undefined`: of its epoch nothing is known.
 */
export function turnsOf(
  rules: StreamRules,
  state: StreamState,
  { epoch, wire }: Pick<WireClues, 'epoch' | 'wire'>,
): { readonly from: number; readonly to: number } | undefined {
  const { numbering } = rules
  const counter = counterOf(numbering)
  const reach = counter && reachOf(rules, state, epoch)
  if (counter === undefined || reach === undefined || numbering.kind !== 'contiguous') return undefined
  const ended = state.ended.find((record) => record.epoch === epoch)
  const { baseline = reach.reached + 1 } = isCurrent(state, epoch) ? state : (ended ?? {})
  const { start } = numbering
  const lowest = start === 'first-seen' ? Number(baseline) - windowOf(counter) : start
  const from = firstFrom(counter, lowest, wire)
  const turns = Math.max(0, Math.floor((reach.greatest + windowOf(counter) - from) / counter.modulus))
  // A counter that has gone a turn too far may be anywhere.
  return { from, to: from + Math.max(turns, reach.mark?.isLost === true ? 1 : 0) * counter.modulus }
}

/** What a number on the wire stands for. Where nothing is known of its epoch, it stands for itself. */
export function placeOnTurn(pass: Pass, counter: Counter, clues: WireClues): Placed {
  const { wire, epoch, place, isBehind = false } = clues
  const reach = reachOf(pass.rules, pass.draft, epoch)
  if (reach === undefined) return { sequence: wire }
  const { greatest, reached, mark } = reach
  if (isBehind && mark?.isResumed === true) return { problem: 'doubt', upTo: greatest }
  const { logged } = pass.draft
  const reference = referenceAt(logged, { epoch, place }, greatest)
  const nearest = nearestTo(counter, wire, reference)
  const before = nearest - counter.modulus
  const isOld =
    nearest > greatest &&
    isOfOldEpoch(logged, { epoch, place }) &&
    mayHaveBeen(pass, { ...clues, sequence: before })
  const upper = isOld ? before : nearest
  // It came before, and was not in doubt then.
  if (reference !== greatest && upper <= reached) return { sequence: upper }
  const isHalf = (upper - reference) * 2 === counter.modulus
  if (isInDoubt(counter, reach)) return placeInDoubt(pass, counter, { ...clues, reach, upper, isHalf })
  return isHalf ? { problem: 'half' } : { sequence: upper }
}

/** What a number stands for where it may be one that is missing as well as `upper`, the nearest one. */
function placeInDoubt(
  pass: Pass,
  counter: Counter,
  of: WireClues & { readonly reach: Reach; readonly upper: number; readonly isHalf: boolean },
): Placed {
  const { epoch, wire, print, isUnnamed, upper, isHalf } = of
  const { reached, mark } = of.reach
  const lowest = firstFrom(counter, reached + 1, wire)
  if (print !== undefined && isUnnamed !== true && pass.rules.conflictMemory > 0) {
    const own = [lowest, lowest - counter.modulus].find(
      (sequence) => printAt(pass, epoch, sequence) === print,
    )
    if (own !== undefined) return { sequence: own }
  }
  const inDoubt = { problem: 'doubt', upTo: upper } as const
  if (isHalf || mark?.isLost === true) return inDoubt
  if (lowest === upper) return { sequence: upper }
  // It is the lower one, or the next turn's; not the lower one if another event has that number.
  const other = printAt(pass, epoch, lowest)
  const isOther = other !== undefined && other !== print
  return isOther && lowest + counter.modulus === upper ? { sequence: upper } : inDoubt
}

/** Whether a number lies half a turn or more beyond what is accounted for. */
export function isBeyondWindow({ rules, draft }: Pass, { epoch, sequence }: Position): boolean {
  const counter = counterOf(rules.numbering)
  const reached = counter && reachedIn(rules, draft, epoch)
  return counter !== undefined && reached !== undefined && Number(sequence) - reached > windowOf(counter)
}

/** Remembers how far a counter has gone by a number that is not taken in. */
export function noteSeen({ rules, draft }: Pass, { epoch, sequence }: Position): void {
  const counter = counterOf(rules.numbering)
  const reach = counter && reachOf(rules, draft, epoch)
  if (counter === undefined || reach === undefined || reach.mark?.isLost === true) return
  const greatest = Math.min(Math.max(Number(sequence), reach.greatest), Number.MAX_SAFE_INTEGER)
  if (greatest === reach.mark?.greatest) return
  if (greatest === reach.greatest && !isInDoubt(counter, reach)) return
  const isLost = greatest - reach.reached >= counter.modulus
  const mark: SeenMark = { ...reach.mark, epoch, greatest, ...(isLost && { isLost }) }
  const others = draft.seen.filter((other) => other.epoch !== epoch)
  draft.seen = [...others, mark].sort((a, b) => a.epoch - b.epoch)
}

/**
 * Decides an arrival, and remembers how far the open epoch's counter has gone by it at its place in its log.
 */
export function decideLogged(pass: Pass, { arrival, place }: PlacedArrival, decide: () => void): void {
  const { rules, draft } = pass
  const counter = counterOf(rules.numbering)
  const epoch = draft.runs.length === 0 ? arrival.epoch : (epochInRuns(draft.runs, arrival) ?? arrival.epoch)
  const before = reachOf(rules, draft, epoch)
  decide()
  if (counter === undefined || (draft.position !== undefined && epoch !== draft.epoch)) return
  const reach = reachOf(rules, draft, epoch)
  if (reach === undefined || reach.mark?.isLost === true) return
  const { greatest, reached } = reach
  if (before !== undefined && greatest <= before.greatest) return
  const { log, at } = place
  const isKnown = draft.logged?.log === log && draft.logged.epoch === epoch
  const marks = isKnown ? (draft.logged?.marks ?? []) : []
  const longAgo = reached - counter.modulus - rules.conflictMemory
  draft.logged = { log, epoch, marks: withMark(marks, { at, greatest }, { ...counter, longAgo }) }
}

/** Forgets marks that say nothing any more; halts a stream whose events cannot be placed, or ends that. */
export function settleSeen({ rules, draft, context, outcome }: Pass): void {
  const counter = counterOf(rules.numbering)
  const needed = draft.seen.filter(
    (mark) => counter !== undefined && isNeeded(counter, { rules, draft }, mark),
  )
  if (needed.length < draft.seen.length) draft.seen = needed
  const doubtful = needed.find((mark) => {
    const reach = isOver(draft, mark.epoch) ? undefined : reachOf(rules, draft, mark.epoch)
    return counter !== undefined && reach !== undefined && isInDoubt(counter, reach)
  })
  if (doubtful === undefined) {
    if (draft.halt?.cause === 'half-turn') draft.halt = undefined
    return
  }
  if (draft.halt !== undefined) return
  const { epoch, greatest } = doubtful
  const from = (reachedIn(rules, draft, epoch) ?? 0) + 1
  const number = `number ${sequenceText(rules.numbering, from)}`
  const reason = `its counter has gone half a turn or more beyond ${number}, which is not accounted for`
  draft.halt = { cause: 'half-turn', at: context.clock.now, reason }
  // What an operator does is an entry of its own, and no other is made in the operator's name.
  if (context.operator === undefined) outcome.enter({ kind: 'halted', epoch, from, to: greatest, reason })
}

/** The marks once an operator has said that what comes next follows what is held. */
export function resumedMarks(rules: StreamRules, state: StreamState): readonly SeenMark[] {
  const unseen = { ...state, seen: [] }
  return state.seen.map((mark) => {
    // What an epoch had that has ended is not what comes next.
    if (isOver(state, mark.epoch)) return mark
    const { epoch, greatest } = mark
    return { epoch, greatest: reachOf(rules, unseen, epoch)?.greatest ?? greatest, isResumed: true }
  })
}

/**
 * What is known of the log of a counter once an operator has said so: where what is accounted for or held was
 * read. Read again, that is what it was; what was refused is measured anew.
 */
export function resumedLog(rules: StreamRules, state: StreamState): LogMarks | undefined {
  const { logged } = state
  if (logged === undefined) return undefined
  const greatest = reachOf(rules, { ...state, seen: [] }, logged.epoch)?.greatest
  return greatest === undefined ? undefined : withoutBeyond(logged, greatest)
}

function isNeeded(
  counter: Counter,
  { rules, draft }: { readonly rules: StreamRules; readonly draft: StreamState },
  mark: SeenMark,
): boolean {
  if (isOver(draft, mark.epoch)) {
    const ended = draft.ended.find(({ epoch }) => epoch === mark.epoch)
    return ended !== undefined && (mark.isLost === true || mark.greatest > ended.position)
  }
  if (mark.isResumed === true || mark.isLost === true) return true
  const reach = reachOf(rules, draft, mark.epoch)
  return reach !== undefined && (mark.greatest >= reach.greatest || isInDoubt(counter, reach))
}

function isInDoubt(counter: Counter, { reached, greatest, mark }: Reach): boolean {
  return mark?.isLost === true || greatest - reached > windowOf(counter)
}

function reachOf(rules: StreamRules, state: StreamState, epoch: Epoch): Reach | undefined {
  const reached = reachedIn(rules, state, epoch)
  if (reached === undefined) return undefined
  const below = state.held[findHeld(state.held, epoch, Infinity) - 1]
  const heldTo = below?.epoch === epoch ? Number(below.to) : reached
  const own = state.seen.find((one) => one.epoch === epoch)
  const others = state.seen.filter((one) => one.epoch > state.epoch)
  const isFull = own === undefined && others.length >= seenMax && epoch > state.epoch
  const mark = isFull ? ({ greatest: heldTo, isLost: true } as const) : own
  return { reached, greatest: Math.max(reached, heldTo, mark?.greatest ?? reached), mark }
}

/** Whether an epoch has ended, or can never be opened any more. */
export function isOver({ position, epoch: open }: StreamState, epoch: Epoch): boolean {
  return position !== undefined && epoch < open
}

/** Whether an epoch that is over may have had this event under a number, by what is known of it. */
function mayHaveBeen(
  pass: Pass,
  { epoch, sequence, print }: WireClues & { readonly sequence: number },
): boolean {
  const { baseline } = epochRecord(pass.draft, epoch) ?? {}
  if (baseline !== undefined && sequence < baseline) return false
  const known = printAt(pass, epoch, sequence)
  return known === undefined || known === print
}

/** The fingerprint of the event that has a number, where it is known. */
function printAt({ draft, held }: Pass, epoch: Epoch, sequence: number): number | undefined {
  const span = heldSpanAt(draft.held, epoch, sequence)
  return span?.kind === 'events' ? held.print(epoch, sequence) : recall(draft.memory, epoch, sequence)
}
