// A producer that counts again without saying so: its events bear numbers that are used. What tells them from
// copies, which a transport may bring at any time and in any order: a copy was made no later than the newest
// event that was accepted, and by a producer that the stream knows, whatever id it bears: ids may begin again
// too. Upholds I3: what may be new is not taken for a copy where the domain says so.
import { drain } from './advance.ts'
import { recall } from './conflict-memory.ts'
import { sequenceText } from './counter.ts'
import type { Judgement } from './judge.ts'
import { isFirstNumber } from './numbering-rules.ts'
import type { Draft, Made, Pass } from './pass.ts'
import { believedTime, producersMax, runsMax, wireEpochOf } from './producer-runs.ts'
import type { Epoch, Sequence } from './sequence.ts'
import type { RestartSigns, Run } from './stream-state.ts'
import { haltStops } from './stream-state.ts'
import type { Candidate } from './unwrap.ts'

const refused: Judgement = { verdict: 'refuse', reason: 'producer-restarted' }

/**
 * What is done about an event that may be of a new run of its producer: `undefined`, nothing beside its
 * verdict; `open`: it is for certain, and opens the next epoch.
 */
export function answerRestart(
  pass: Pass,
  event: Candidate,
  judgement: Judgement,
): Judgement | 'open' | undefined {
  const { draft, rules } = pass
  if (!isWatched(draft, event.epoch)) return undefined
  const isUsed = ['duplicate', 'late', 'conflict'].includes(judgement.verdict)
  const isTold = rules.onReset === 'tell'
  const isSuspected = isOfOpenRun(draft, event) || isNoneOfOldRun(pass, event)
  if (!isUsed && (isTold || !isSuspected)) return undefined
  const known = knownPrint(pass, event)
  const evidence = isUsed ? evidenceOf(pass, event, known) : undefined
  if (isTold) {
    if (evidence !== undefined) note(pass, event, { evidence, isSettled: judgement.verdict === 'duplicate' })
    return undefined
  }
  // Where neither times nor producers tell, whatever is not known for a copy waits, once there is a sign.
  const isOpen = isSuspected || (draft.restart?.evidence === 'id' && known === undefined)
  if (evidence === undefined && !isOpen) return undefined
  if (evidence !== undefined && rules.onReset === 'epoch' && isCertain(pass, event, { evidence, known }))
    return 'open'
  note(pass, event, { evidence: evidence ?? 'time', isSettled: false })
  halt(pass, event)
  return refused
}

/**
 * Whether a producer may count again in an epoch: in the one that it writes, which is open, or held behind
 * what the stream stands at. A stream may stand at its very first number, and have no position yet.
 */
export function isWatched(draft: Pick<Draft, 'position' | 'epoch' | 'held'>, epoch: Epoch): boolean {
  return epoch === draft.held.at(-1)?.epoch || (draft.position !== undefined && epoch === draft.epoch)
}

/** The epoch that is open; of a stream without a position the first that is held, if any. */
export function currentEpoch({
  position,
  epoch,
  held,
}: Pick<Draft, 'position' | 'epoch' | 'held'>): Epoch | undefined {
  return position === undefined ? held[0]?.epoch : epoch
}

/** Whether something is of the run that is suspected, as far as its time or its producer says. */
export function isOfOpenRun(draft: Draft, { time, producer }: Made): boolean {
  const { restart, producers } = draft
  if (restart?.evidence === 'time') {
    return time !== undefined && restart.since !== undefined && time >= restart.since
  }
  return restart?.evidence === 'producer' && producer !== undefined && !producers.includes(producer)
}

/**
 * Whether a number that is missing cannot be of the old run, though its time lies before that of the sign: a
 * later number was accepted, and would have been made before it.
 */
function isNoneOfOldRun({ draft, context }: Pass, event: Candidate): boolean {
  const { restart, newest, held, position } = draft
  const time = believedTime(event, context.clock)
  if (restart?.evidence !== 'time' || time === undefined || newest === undefined || time <= newest)
    return false
  const { epoch, sequence } = event
  const last =
    held.findLast((span) => span.epoch === epoch)?.to ?? (epoch === draft.epoch ? position : undefined)
  return last !== undefined && sequence < last
}

/** Opens the next epoch for the run that an event begins, once all that is in turn before it is taken. */
export function openRun(pass: Pass, event: Candidate): void {
  const { draft, outcome } = pass
  const { epoch } = event
  const run = nextRun(draft, isUnknown(draft, event) ? { epoch } : { epoch, since: event.time })
  draft.runs = [...draft.runs, run].slice(-runsMax)
  draft.restart = undefined
  if (draft.halt?.cause === 'restart') draft.halt = undefined
  const { sequence } = event
  const entry = { epoch: run.epoch, from: sequence, to: sequence }
  outcome.enter({ kind: 'epoch-opened', ...entry, reason: 'the producer counts again' })
  drain(pass)
}

/** The run that follows that of an epoch, from a time on, or by what producers were known before. */
export function nextRun(
  { runs, newest, producers }: Pick<Draft, 'runs' | 'newest' | 'producers'>,
  { epoch, since }: { readonly epoch: Epoch; readonly since?: number | undefined },
): Run {
  const numbers = { wireEpoch: wireEpochOf(runs, epoch), epoch: epoch + 1 }
  if (since === undefined) return { ...numbers, earlier: producers }
  return { ...numbers, since, ...(newest !== undefined && newest < since && { after: newest }) }
}

/** Whether the next epoch is nobody's yet: neither of a run, nor of held events whose producer wrote it. */
export function isNextEpochFree(draft: Pick<Draft, 'runs' | 'held' | 'epoch' | 'position'>): boolean {
  const epoch = currentEpoch(draft)
  const { runs, held } = draft
  return (
    epoch !== undefined && (runs.at(-1)?.epoch ?? epoch) <= epoch && (held.at(-1)?.epoch ?? epoch) <= epoch
  )
}

/** The fingerprint of the event that has the number already, where it is known. */
function knownPrint({ draft, rules, held }: Pass, event: Candidate): number | undefined {
  const { epoch, sequence } = event
  const remembered = recall(draft.memory, epoch, sequence)
  if (remembered !== undefined) return remembered
  const isAhead = draft.position === undefined || epoch > draft.epoch || sequence > draft.position
  if (isAhead) return held.print(epoch, sequence)
  return isFirstNumber(rules, event) ? draft.firstPrint : undefined
}

function evidenceOf(
  { draft, rules, context }: Pass,
  event: Candidate,
  known: number | undefined,
): RestartSigns['evidence'] | undefined {
  const { newest, ahead, restart } = draft
  const time = believedTime(event, context.clock)
  if (isUnknown(draft, event)) return 'producer'
  if (time !== undefined && newest !== undefined) {
    return time > newest && !ahead.includes(time) ? 'time' : undefined
  }
  if (event.producer !== undefined || known === undefined || known === event.print) return undefined
  // Once an operator has called such events copies, the first one is not known as such any more.
  const isSign = isFirstNumber(rules, event) && draft.firstPrint !== undefined
  return isSign || restart?.evidence === 'id' ? 'id' : undefined
}

/** Whether the producer is none that the stream knows, and the stream knows all that it had. */
function isUnknown({ producers }: Draft, { producer }: Made): boolean {
  if (producer === undefined || producers.length === 0 || producers.length >= producersMax) return false
  return !producers.includes(producer)
}

/**
 * Whether nothing but a new run explains an event: another event than the first one bears the first number,
 * and it was made later than all others, or by a producer that the stream did not know.
 */
function isCertain(
  { draft, rules }: Pass,
  event: Candidate,
  { evidence, known }: { readonly evidence: RestartSigns['evidence']; readonly known: number | undefined },
): boolean {
  if (!isFirstNumber(rules, event) || !isNextEpochFree(draft)) return false
  if (evidence === 'producer') return known !== event.print
  return evidence === 'time' && known !== undefined && known !== event.print
}

function note(
  { draft, context }: Pass,
  event: Candidate,
  { evidence, isSettled }: { readonly evidence: RestartSigns['evidence']; readonly isSettled: boolean },
): void {
  const now = Math.floor(context.clock.now)
  const { restart } = draft
  const { sequence, producer } = event
  const time = believedTime(event, context.clock)
  const before: RestartSigns = restart ?? {
    evidence,
    wireEpoch: wireEpochOf(draft.runs, event.epoch),
    settled: 0,
    firstAt: now,
    lastAt: now,
    from: sequence,
    to: sequence,
    ...(time !== undefined && { since: time, until: time }),
    ...(evidence === 'producer' && producer !== undefined && { producer }),
  }
  const widened = widen(before, { sequence, time })
  if (!isSettled && widened === before) draft.restart = before
  else draft.restart = { ...widened, settled: before.settled + (isSettled ? 1 : 0), lastAt: now }
}

/** The signs with one more event among them; the same if it lies within. */
function widen(
  signs: RestartSigns,
  { sequence, time }: { readonly sequence: Sequence; readonly time: number | undefined },
): RestartSigns {
  const { from, to, since, until } = signs
  const isWithin =
    sequence >= from &&
    sequence <= to &&
    (time === undefined || (since !== undefined && time >= since && until !== undefined && time <= until))
  if (isWithin) return signs
  return {
    ...signs,
    from: sequence < from ? sequence : from,
    to: sequence > to ? sequence : to,
    ...(time !== undefined && { since: Math.min(since ?? time, time), until: Math.max(until ?? time, time) }),
  }
}

function halt({ draft, rules, context, outcome }: Pass, { epoch, sequence }: Candidate): void {
  if (haltStops(draft)) return
  const number = sequenceText(rules.numbering, sequence)
  const reason = `the producer may have started to count again, with number ${number}`
  draft.halt = { cause: 'restart', at: context.clock.now, reason }
  outcome.enter({ kind: 'halted', epoch, from: sequence, to: sequence, reason })
}
