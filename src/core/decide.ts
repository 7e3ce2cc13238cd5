// Decides a batch of one stream: what becomes of each arrival, of what was held, and of the state. A batch is
// decided against its own earlier verdicts, so decisions do not depend on where batches begin.
import { noteBelowBaseline, turnLate } from './accounts.ts'
import { deliver, drain, drainIfClosed } from './advance.ts'
import { remember } from './conflict-memory.ts'
import { decideFill } from './decide-fill.ts'
import { decideLogged, noteSeen } from './half-turn.ts'
import { eventSpan, insertHeld, insertIncreasing } from './held-spans.ts'
import type { Judgement } from './judge.ts'
import { beyondEpochSpan, isEpochImplausible, judge } from './judge.ts'
import type { Arrival, EventArrival, Pass, PassContext } from './pass.ts'
import { epochInRuns, noteAccepted } from './producer-runs.ts'
import { answerRestart, openRun } from './restart.ts'
import type { Decided, RuledStream } from './run-pass.ts'
import { runPass, settleCounters } from './run-pass.ts'
import { placeText } from './sequence.ts'
import { haltStops } from './stream-state.ts'
import type { Candidate } from './unwrap.ts'
import { toCandidate } from './unwrap.ts'

const runUnknown: Judgement = { verdict: 'stale', reason: 'run-unknown' }

/**
 * Decides events and fills of one stream in their order of arrival. Pure: the given state stays as it is.
 *
 * @param stream - the state before, with the rules of its domain
 * @param arrivals - at most a batch
 * @param context - the clock, and what is asked about held events
 * @returns what becomes of them, and the state after all of them
 */
export function decideBatch(
  stream: RuledStream,
  arrivals: readonly Arrival[],
  context: PassContext,
): Decided {
  return runPass(stream, context, (pass) => decideArrivals(pass, arrivals))
}

/** The same within a pass that goes on. */
export function decideArrivals(pass: Pass, arrivals: readonly Arrival[]): void {
  arrivals.forEach((arrival, at) => {
    const { place } = arrival
    if (place === undefined) decideArrival(pass, at, arrival)
    else decideLogged(pass, { arrival, place }, () => decideArrival(pass, at, arrival))
    settleCounters(pass)
  })
}

function decideArrival(pass: Pass, at: number, arrival: Arrival): void {
  if (arrival.kind === 'event') decideEvent(pass, at, arrival)
  else decideFill(pass, arrival)
}

function decideEvent(pass: Pass, at: number, arrival: EventArrival): void {
  const { draft, outcome } = pass
  const placed = draft.runs.length === 0 ? arrival : inItsRun(pass, arrival)
  if (placed === undefined) {
    outcome.judge(arrival, runUnknown)
    return
  }
  if (isEpochImplausible(pass, placed.epoch)) {
    outcome.judge(placed, beyondEpochSpan)
    return
  }
  const candidate = toCandidate(pass, placed)
  if ('verdict' in candidate) {
    outcome.judge(placed, candidate)
    if (candidate.upTo !== undefined) noteSeen(pass, candidate.upTo)
    return
  }
  const judged = judge(pass, candidate)
  const isPlain = draft.restart === undefined && (judged.verdict === 'deliver' || judged.verdict === 'hold')
  const answer = isPlain ? undefined : answerRestart(pass, candidate, judged)
  if (answer === 'open') {
    openRun(pass, candidate)
    decideEvent(pass, at, arrival)
    return
  }
  const judgement = answer ?? judged
  if (judgement.verdict === 'deliver') {
    if (haltStops(draft)) draft.halt = undefined
    deliver(pass, at, candidate)
  }
  outcome.judge(candidate, judgement)
  follow(pass, at, candidate, judgement)
}

/** The event in the epoch of its producer's run. */
function inItsRun({ draft }: Pass, arrival: EventArrival): EventArrival | undefined {
  const epoch = epochInRuns(draft.runs, arrival)
  if (epoch === undefined || epoch === arrival.epoch) return epoch === undefined ? undefined : arrival
  return { ...arrival, epoch, known: undefined }
}

/** What a verdict changes beside the position. */
function follow(pass: Pass, at: number, event: Candidate, judgement: Judgement): void {
  if (judgement.verdict === 'deliver') drain(pass)
  else if (judgement.verdict === 'hold') hold(pass, at, event)
  else if (judgement.verdict === 'duplicate') countDuplicate(pass)
  else if (judgement.verdict === 'late') noteLate(pass, event, judgement)
  else if (judgement.verdict === 'refuse' || judgement.verdict === 'implausible') {
    noteSeen(pass, event)
  }
}

function hold(pass: Pass, at: number, event: Candidate): void {
  const { draft, rules, context, outcome } = pass
  const { epoch, sequence, print } = event
  draft.held =
    rules.numbering.kind === 'increasing'
      ? insertIncreasing(draft.held, event, context.clock)
      : insertHeld(draft.held, eventSpan(event), context.clock)
  draft.heldCount++
  noteAccepted(draft, event, context.clock)
  outcome.hold.set(placeText(event), { epoch, sequence, print, arrival: at })
  drainIfClosed(pass)
}

function countDuplicate({ draft, context }: Pass): void {
  const now = Math.floor(context.clock.now)
  const { count = 0, firstAt = now, lastAt = now } = draft.duplicates ?? {}
  draft.duplicates = { count: count + 1, firstAt, lastAt: Math.max(lastAt, now) }
}

function noteLate(pass: Pass, event: Candidate, judgement: Judgement): void {
  const { draft, rules, outcome } = pass
  const { epoch, sequence } = event
  const { reason = 'late' } = judgement
  outcome.enter({ kind: 'late', epoch, from: sequence, to: sequence, reason })
  if (judgement.reason === 'account-lost') turnLate(draft, epoch, sequence)
  if (judgement.reason === 'below-start') noteBelowBaseline(draft, epoch, sequence)
  remember(draft.memory, rules.conflictMemory, event)
}
