// Decides a batch of one stream: pure functions from a state to the steps that follow and the state after
// them. A batch is decided against its own earlier verdicts, so decisions do not depend on where batches
// begin.
import { noteBelowBaseline, turnLate } from './accounts.ts'
import { deliver, drain, drainIfClosed } from './advance.ts'
import { remember } from './conflict-memory.ts'
import { decideFill } from './decide-fill.ts'
import { endPass } from './end-pass.ts'
import { decideLogged, noteSeen, settleSeen } from './half-turn.ts'
import { eventSpan, insertHeld, insertIncreasing } from './held-spans.ts'
import type { Judgement } from './judge.ts'
import { beyondEpochSpan, isEpochImplausible, judge } from './judge.ts'
import type { Arrival, Decided, EventArrival, Pass, PassContext, Step } from './pass.ts'
import { beginPass } from './pass.ts'
import { epochInRuns, noteAccepted } from './producer-runs.ts'
import { answerRestart, openRun } from './restart.ts'
import type { StreamRules } from './rules.ts'
import type { Position } from './sequence.ts'
import type { StreamState } from './stream-state.ts'
import { haltStops } from './stream-state.ts'
import type { Candidate } from './unwrap.ts'
import { toCandidate } from './unwrap.ts'

/** A stream's state and what its rules are. */
export interface RuledStream {
  readonly rules: StreamRules
  readonly state: StreamState
}

const runUnknown: Judgement = { verdict: 'stale', reason: 'run-unknown' }

/**
 * Decides events and fills of one stream in their order of arrival. Pure: the given state stays as it is.
 *
 * @param stream - the state before, with the rules of its domain
 * @param arrivals - at most a batch
 * @param context - the clock, and what is asked about held events
 * @returns the steps in the order in which they take effect, and the state after all of them
 */
export function decideBatch(
  stream: RuledStream,
  arrivals: readonly Arrival[],
  context: PassContext,
): Decided {
  const pass = beginPass(stream.rules, stream.state, context)
  for (let index = 0; index < arrivals.length; index++) {
    const arrival = arrivals[index]
    if (arrival?.place === undefined) decideArrival(pass, index, arrival)
    else decideLogged(pass, { arrival, place: arrival.place }, () => decideArrival(pass, index, arrival))
    if (pass.draft.seen.length > 0) settleSeen(pass)
  }
  return endPass(pass)
}

function decideArrival(pass: Pass, index: number, arrival: Arrival | undefined): void {
  if (arrival?.kind === 'event') decideEvent(pass, index, arrival)
  else if (arrival !== undefined) decideFill(pass, index, arrival)
}

function decideEvent(pass: Pass, index: number, arrival: EventArrival): void {
  const { draft } = pass
  const placed = draft.runs.length === 0 ? arrival : inItsRun(pass, arrival)
  if (placed === undefined) {
    pass.steps.push(verdictStep(index, arrival, runUnknown))
    return
  }
  if (isEpochImplausible(pass, placed.epoch)) {
    pass.steps.push(verdictStep(index, placed, beyondEpochSpan))
    return
  }
  const candidate = toCandidate(pass, placed)
  if ('verdict' in candidate) {
    pass.steps.push(verdictStep(index, placed, candidate))
    if (candidate.upTo !== undefined) noteSeen(pass, candidate.upTo)
    return
  }
  const judged = judge(pass, candidate)
  const isPlain = draft.restart === undefined && (judged.verdict === 'deliver' || judged.verdict === 'hold')
  const answer = isPlain ? undefined : answerRestart(pass, candidate, judged)
  if (answer === 'open') {
    openRun(pass, candidate)
    decideEvent(pass, index, arrival)
    return
  }
  const judgement = answer ?? judged
  if (judgement.verdict === 'deliver') {
    if (haltStops(draft)) draft.halt = undefined
    deliver(pass, candidate)
  }
  pass.steps.push(verdictStep(index, candidate, judgement))
  follow(pass, candidate, judgement)
}

/** The event in the epoch of its producer's run. */
function inItsRun({ draft }: Pass, arrival: EventArrival): EventArrival | undefined {
  const epoch = epochInRuns(draft.runs, arrival)
  if (epoch === undefined || epoch === arrival.epoch) return epoch === undefined ? undefined : arrival
  return { ...arrival, epoch, known: undefined }
}

function verdictStep(index: number, { epoch, sequence }: Position, { verdict, reason }: Judgement): Step {
  return reason === undefined
    ? { kind: 'verdict', index, verdict, epoch, sequence }
    : { kind: 'verdict', index, verdict, reason, epoch, sequence }
}

/** What a verdict changes beside the position. */
function follow(pass: Pass, event: Candidate, judgement: Judgement): void {
  if (judgement.verdict === 'deliver') drain(pass)
  else if (judgement.verdict === 'hold') hold(pass, event)
  else if (judgement.verdict === 'duplicate') countDuplicate(pass)
  else if (judgement.verdict === 'late') noteLate(pass, event, judgement)
  else if (judgement.verdict === 'refuse' || judgement.verdict === 'implausible') {
    noteSeen(pass, event)
  }
}

function hold(pass: Pass, event: Candidate): void {
  const { draft, rules, context } = pass
  const { epoch, sequence } = event
  draft.held =
    rules.numbering.kind === 'increasing'
      ? insertIncreasing(draft.held, event, context.clock)
      : insertHeld(draft.held, eventSpan(event), context.clock)
  draft.heldCount++
  noteAccepted(draft, event, context.clock)
  pass.held.note(epoch, sequence, event.print)
  drainIfClosed(pass)
}

function countDuplicate({ draft, context }: Pass): void {
  const now = Math.floor(context.clock.now)
  const { count = 0, firstAt = now, lastAt = now } = draft.duplicates ?? {}
  draft.duplicates = { count: count + 1, firstAt, lastAt: Math.max(lastAt, now) }
}

function noteLate(pass: Pass, event: Candidate, judgement: Judgement): void {
  const { draft, rules } = pass
  const { epoch, sequence } = event
  if (judgement.reason === 'account-lost') turnLate(draft, epoch, sequence)
  if (judgement.reason === 'below-start') noteBelowBaseline(draft, epoch, sequence)
  remember(draft.memory, rules.conflictMemory, event)
}
