// Why a stream is where it is: what it waits for, since when, what was tried, and what happens next and when.
// Plain values; explain-text.ts puts them into words.
import { canAdvance } from '../core/head.ts'
import { wireEpochOf } from '../core/producer-runs.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Sequence } from '../core/sequence.ts'
import { after } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type {
  AccountCounts,
  Duplicates,
  Failing,
  Halt,
  RestartSigns,
  Run,
  StreamState,
} from '../core/stream-state.ts'
import { haltStops } from '../core/stream-state.ts'
import type { EffectPartial } from '../ports/commit-commands.ts'
import type { LedgerEntry } from '../ports/records.ts'
import type { ConsumerSummary, StoredStream } from '../ports/store-reader.ts'
import type { AppliedRules, DomainRules, KnownDomains } from './domain-rules.ts'
import { rulesFor } from './domain-rules.ts'
import type { OperatorAction } from './operator-actions.ts'
import { operatorActions } from './operator-actions.ts'
import type { ConsumerView } from './paging.ts'
import { eachLedgerEntry } from './paging.ts'
import type { StreamGap } from './read-gaps.ts'
import { streamGaps } from './read-gaps.ts'
import { beatSilenceMs } from './read-status.ts'
import type { ShownNumber, ShownRange } from './shown-number.ts'
import { shownHalt, shownNumber, shownRange } from './shown-number.ts'
import type { LetterNote, MissingLetter } from './stream-letters.ts'
import { letterActions, streamLetters } from './stream-letters.ts'

/** What a stream is doing. */
export type Standing = 'halted' | 'failing' | 'paused' | 'gap' | 'ready' | 'in-turn' | 'unknown'

/** What happens to a stream next. */
export type NextStep =
  /** The failing event is tried again. */
  | { readonly kind: 'attempt'; readonly at: number; readonly attempt: number }
  /** The attempt under way is the last one; if it ends its worker, the policy takes its course. */
  | { readonly kind: 'give-up'; readonly at: number; readonly then: 'halt' | 'dead-letter' }
  /** Somebody is asked for the missing events. */
  | {
      readonly kind: 'heal'
      readonly at: number
      readonly attempt: number
      readonly attemptsMax: number
    }
  /** Patience ends after that much more reading time: the gap is skipped, or the stream halts. */
  | { readonly kind: 'skip' | 'halt'; readonly leftMs: number }
  /** Only the missing events, or a person, move it. `isOverdue`: their time is over. */
  | { readonly kind: 'wait'; readonly isOverdue: boolean | undefined }
  /** Held events are in turn, or new ones are in the inbox: the next round of a worker takes them. */
  | { readonly kind: 'take' }
  /** Only a person moves it; a halt over a gap ends by itself when the gap closes. */
  | { readonly kind: 'operator'; readonly closesItself: boolean }
  /** Nothing is missing: the next event moves it. */
  | { readonly kind: 'event' }

/** All there is to say about why a stream is where it is. */
export interface Explanation {
  readonly consumer: string
  readonly stream: StreamPath
  readonly domain: string
  readonly key: string
  /** The store's clock, in milliseconds since 1970. */
  readonly now: number
  readonly standing: Standing
  /** `null`: unknown. As on the wire. */
  readonly position: {
    readonly epoch: number
    readonly sequence: Sequence
    readonly unwrapped?: Sequence
    /** The epoch as the producer writes it, where it has counted again without a new one. */
    readonly wireEpoch?: number
  } | null
  /** The number that it needs next, where that is known. As on the wire. */
  readonly expects: Sequence | null
  /** The same without wrapping, where the domain's counter wraps. */
  readonly expectsUnwrapped?: Sequence
  readonly counts: AccountCounts
  /** How many duplicates came, and when. */
  readonly duplicates?: Duplicates
  /** What says that the producer may count again. */
  readonly restart?: Omit<RestartSigns, 'from' | 'to'> & ShownRange
  /** It does, and of what it has made since nothing was in turn yet. */
  readonly nextRun?: Run
  /** Held events and held fills. */
  readonly held: number
  /** Fills among them. */
  readonly heldFills: number
  /** What its inbox has: events that are not decided yet, and dead letters that are tried again. */
  readonly handedOver: number
  /** Retries of dead letters among them, which wait for a worker. */
  readonly redrives: number
  /** A worker has looked at the others: they wait for room, or for what comes before them. */
  readonly isInboxSeen: boolean
  readonly deadLetters: Readonly<Record<string, number>>
  /** Dead letters that bear a missing number: it came, and did not get into the stream. The first 100. */
  readonly missingLetters: readonly MissingLetter[]
  /** Dead letters that were refused for what they carry, the newest last. The last 100. */
  readonly refusedLetters: readonly LetterNote[]
  /** Dead letters that bear used numbers and are other events (`conflict`), the newest last. The last 100. */
  readonly conflictLetters: readonly LetterNote[]
  /** The gap at the head first. */
  readonly gaps: readonly StreamGap[]
  readonly halt?: Halt
  readonly failing?: Failing & ShownNumber
  /** A command failed in a commit, and no worker has stopped the stream at it yet. */
  readonly partial?: EffectPartial & ShownNumber
  readonly attemptsMax?: number
  readonly isPaused: boolean
  /** Who paused the domain, and why, where the ledger says it. */
  readonly paused?: Pick<LedgerEntry, 'at' | 'by' | 'reason'>
  /** An operator moved the position back, and the stream has not come to where it was. */
  readonly soughtBack?: Shown<Pick<LedgerEntry, 'at' | 'by' | 'reason' | 'from'> & Pick<ShownRange, 'to'>>
  /** So many deliveries are made in quarantine, as a worker died; `--json` has this name. */
  readonly caution: number
  /** Of these, so many are under way, or were when a worker died. */
  readonly suspects: number
  readonly claimedBy?: string
  readonly changedAt: number
  readonly worker: { readonly isReading: boolean; readonly lastBeatAt?: number }
  readonly next: NextStep
  readonly actions: readonly OperatorAction[]
  /** The last entries of the stream's ledger, the newest last. */
  readonly ledger: readonly Shown<LedgerEntry>[]
}

/** An entry with its numbers as on the wire, and without wrapping where the counter wraps. */
type Shown<Entry> = Entry & Pick<ShownRange, 'unwrapped'>

const ledgerShown = 5

/** Explains a stream. */
export async function explainStream(
  view: ConsumerView,
  stored: StoredStream,
  known: KnownDomains,
): Promise<Explanation> {
  const { stream, state, claimedBy } = stored
  const summary = await view.reader.summary(view.consumer)
  const { domain = '', stream: key = '' } = parseStreamPath(stream) ?? {}
  const applied = rulesFor(known, domain, state)
  const { rules } = applied
  const gaps = streamGaps(stored, known, summary.clock)
  const isPaused = summary.domains.get(domain)?.paused === true
  const standing = standingOf({ state, gaps, isPaused, applied })
  const letters = await streamLetters(view, stream, { gaps, rules: applied.rules })
  const { arrivals = 0, redrives = 0, hasNew = false } = stored.inbox ?? {}
  const failure = known.get(domain)?.failure
  const nextRun = state.runs.find(({ epoch }) => epoch > state.epoch)
  return {
    consumer: view.consumer,
    stream,
    domain,
    key,
    now: summary.clock.now,
    standing,
    ...standsOf(stored, applied),
    counts: state.counts,
    ...(state.duplicates !== undefined && { duplicates: state.duplicates }),
    ...(nextRun !== undefined && { nextRun }),
    held: state.heldCount,
    heldFills: state.held.filter(({ kind }) => kind === 'fill').length,
    handedOver: arrivals + redrives,
    redrives,
    isInboxSeen: !hasNew,
    deadLetters: letters.counts,
    missingLetters: letters.missing,
    refusedLetters: letters.refused,
    conflictLetters: letters.conflicting,
    gaps,
    ...(failure !== undefined && { attemptsMax: failure.attempts }),
    isPaused,
    caution: state.quarantine,
    suspects: state.suspects,
    ...(claimedBy !== undefined && { claimedBy }),
    changedAt: stored.changedAt,
    worker: workerOf(summary),
    next: nextStep(standing, { state, gaps, isPaused, failure, hasWork: hasNew || redrives > 0 }),
    actions: [
      ...letterActions(stream, letters),
      ...operatorActions({ stream, domain, state, rules: applied.rules, gaps, isPaused }),
    ],
    ...(await readHistory(view, { stream, state, rules })),
    ...(isPaused && (await pausedBy(view, domain))),
  }
}

function standingOf(of: {
  readonly state: StreamState
  readonly gaps: readonly StreamGap[]
  readonly isPaused: boolean
  readonly applied: AppliedRules
}): Standing {
  const { state, gaps, applied } = of
  if (state.halt !== undefined) return 'halted'
  if (state.failing !== undefined) return 'failing'
  if (of.isPaused) return 'paused'
  const { rules } = applied
  if (canAdvance({ rules, state })) return 'ready'
  if (gaps.length > 0) return 'gap'
  return state.position === undefined ? 'unknown' : 'in-turn'
}

function nextStep(
  standing: Standing,
  of: {
    readonly state: StreamState
    readonly gaps: readonly StreamGap[]
    readonly isPaused: boolean
    readonly failure: DomainRules['failure'] | undefined
    /** What is in the inbox makes the stream due. */
    readonly hasWork: boolean
  },
): NextStep {
  const { state, gaps, isPaused } = of
  const [head] = gaps
  if (standing === 'halted' && (haltStops(state) || head === undefined)) {
    return { kind: 'operator', closesItself: state.halt?.gapTo !== undefined }
  }
  if (isPaused) return { kind: 'operator', closesItself: false }
  if (standing === 'failing') return afterFailure(state.failing, of.failure)
  if (standing === 'ready' || of.hasWork) return { kind: 'take' }
  if (head === undefined) return { kind: 'event' }
  const { policy, healing } = head
  if (healing?.nextAt !== undefined && healing.attemptsMax !== undefined) {
    const { attempts, attemptsMax, nextAt } = healing
    if (attempts < attemptsMax) return { kind: 'heal', at: nextAt, attempt: attempts + 1, attemptsMax }
  }
  if (policy === undefined || policy.end === 'wait') return { kind: 'wait', isOverdue: policy?.isOverdue }
  return { kind: policy.end, leftMs: policy.leftMs }
}

function afterFailure(failing: Failing | undefined, failure: DomainRules['failure'] | undefined): NextStep {
  if (failing?.retryAt === undefined) return { kind: 'operator', closesItself: false }
  const { retryAt, runningBy, attempts } = failing
  if (runningBy !== undefined && failure !== undefined && attempts >= failure.attempts) {
    return { kind: 'give-up', at: retryAt, then: failure.then }
  }
  return { kind: 'attempt', at: retryAt, attempt: attempts + 1 }
}

type Stands = Pick<
  Explanation,
  'position' | 'expects' | 'expectsUnwrapped' | 'restart' | 'halt' | 'failing' | 'partial'
>

/** Where it stands, and at what, with its numbers as they are shown. */
function standsOf({ state, partial }: StoredStream, applied: AppliedRules): Stands {
  const { rules } = applied
  const { restart, halt, failing } = state
  return {
    position: positionOf(state, applied),
    ...expectedOf(state, applied),
    ...(restart !== undefined && { restart: { ...restart, ...shownRange(rules, restart) } }),
    ...(halt !== undefined && { halt: shownHalt(rules, halt) }),
    ...(failing !== undefined && { failing: { ...failing, ...shownNumber(rules, failing.sequence) } }),
    ...(partial !== undefined && { partial: { ...partial, ...shownNumber(rules, partial.sequence) } }),
  }
}

function positionOf(state: StreamState, { rules }: AppliedRules): Explanation['position'] {
  const { epoch, position, runs } = state
  if (position === undefined) return null
  const wireEpoch = wireEpochOf(runs, epoch)
  return {
    epoch,
    ...shownNumber(rules, position),
    ...(wireEpoch !== epoch && { wireEpoch }),
  }
}

function expectedOf(
  state: StreamState,
  { rules }: AppliedRules,
): Pick<Explanation, 'expects' | 'expectsUnwrapped'> {
  const { numbering } = rules
  if (numbering.kind !== 'contiguous') return { expects: null }
  const first = numbering.start === 'first-seen' ? undefined : numbering.start
  const next = state.position === undefined ? first : after(state.position)
  if (next === undefined) return { expects: null }
  const { sequence, unwrapped } = shownNumber(rules, next)
  return { expects: sequence, ...(unwrapped !== undefined && { expectsUnwrapped: unwrapped }) }
}

function workerOf({ clock, lastBeatAt }: ConsumerSummary): Explanation['worker'] {
  if (lastBeatAt === undefined) return { isReading: false }
  return { isReading: clock.now - lastBeatAt <= beatSilenceMs, lastBeatAt }
}

/** The last entries of a stream's ledger, and how far an operator has moved it back. */
async function readHistory(
  view: ConsumerView,
  about: { readonly stream: StreamPath; readonly state: StreamState; readonly rules: StreamRules },
): Promise<Pick<Explanation, 'ledger' | 'soughtBack'>> {
  const { stream, state, rules } = about
  const ledger: Shown<LedgerEntry>[] = []
  let recalled: LedgerEntry | undefined
  for await (const { cursor: _, ...entry } of eachLedgerEntry(view, { stream })) {
    ledger.push(shownEntry(entry, rules))
    if (ledger.length > ledgerShown) ledger.shift()
    if (entry.kind === 'recalled') recalled = entry
  }
  if (recalled?.to === undefined || recalled.epoch !== state.epoch) return { ledger }
  if (state.position === undefined || state.position >= recalled.to) return { ledger }
  const { at, by, reason, from, to } = recalled
  const range = from === undefined ? { to } : { from, to }
  return { ledger, soughtBack: shownEntry({ at, by, reason, ...range }, rules) }
}

/** What an entry says, with its numbers as on the wire. */
function shownEntry<Entry extends { readonly from?: Sequence; readonly to?: Sequence }>(
  entry: Entry,
  rules: StreamRules,
): Shown<Entry> {
  const { from = null, to } = entry
  if (to === undefined) return entry
  const { from: first, ...range } = shownRange(rules, { from, to })
  return { ...entry, ...range, ...(first !== null && { from: first }) }
}

/** Who paused a domain last. An entry about a whole domain belongs to no stream: all are looked at. */
async function pausedBy(view: ConsumerView, domain: string): Promise<Pick<Explanation, 'paused'>> {
  let last: LedgerEntry | undefined
  for await (const entry of eachLedgerEntry(view)) {
    if (entry.kind === 'paused' && entry.domain === domain) last = entry
  }
  return last === undefined ? {} : { paused: { at: last.at, by: last.by, reason: last.reason } }
}
