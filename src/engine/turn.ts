// One turn of a stream. It is decided against what is known of the held events, decided again once more is
// known, and decided a last time with a place to stop if a handler fails: decisions are pure, so this costs
// no effect. Upholds I1: a failing event stops its own stream at the number before it.
import { decideRun } from '../core/decide-run.ts'
import type { InturnEvent } from '../core/event.ts'
import type { Removal } from '../core/head.ts'
import { canAdvance } from '../core/head.ts'
import type { HealAttempt } from '../core/heal.ts'
import type { RemovalReason } from '../core/outcome.ts'
import type { PassContext } from '../core/pass.ts'
import type { Decided } from '../core/run-pass.ts'
import { comparePositions, placeText } from '../core/sequence.ts'
import type { Position } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Clock, Failing, Halt, StreamState } from '../core/stream-state.ts'
import type { EffectPartial, EffectStep, Recorded } from '../ports/commit-commands.ts'
import { HeldCache } from '../ports/held-cache.ts'
import type { DeadLetter, HeldEvent, HeldRange, LedgerEntry } from '../ports/records.ts'
import type { StreamChange } from '../ports/store.ts'
import { decideTurn, dueTimeOf } from './decide-turn.ts'
import type { TrackedDomain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import type { HealNote } from './healing/heal-note.ts'
import { isUnplaced } from './process-result.ts'
import type { TurnInbox, WaitingEntry } from './turn-inbox.ts'
import { unplacedLetter } from './turn-inbox.ts'
import type { ArrivalVerdict, PlannedDelivery, TurnArrival, TurnOutcome } from './turn-outcome.ts'
import { ruledOutcome, runOutcome, undecided } from './turn-outcome.ts'

/** What a turn is about. */
export interface TurnSetup {
  readonly domain: TrackedDomain
  readonly path: StreamPath
  readonly state: StreamState
  readonly clock: Clock
  /** What is decided of the inbox, then what the batch brings. */
  readonly arrivals: readonly TurnArrival[]
  readonly inbox: TurnInbox
  /** Look at the clocks of gaps and retries too. */
  readonly isSweep: boolean
  /** Give no gap up all the same: events that may lie in it were fetched and are not decided yet. */
  readonly keepsGaps: boolean
  readonly domainFull: boolean
  /** Reads a held event again of which something could not be read when it came. */
  readonly reread: EngineParts['reread']
  /** The domain is paused: what comes is held, and nothing else happens. */
  readonly isPaused: boolean
  readonly runner: Runner
  /** So many attempts, from the failing event on, were begun by this call, which makes them now. */
  readonly begun: number
  /** What is noted about the healing of the stream's gaps, once all else is decided. */
  readonly heal: HealNote | undefined
}

/** Who calls handlers, and whether no other is called at the same time in its process. */
export interface Runner {
  /** The call that begins an attempt and then makes it. */
  readonly worker: string
  readonly isAlone: boolean
}

/** Attempts that have begun: what the state of their stream says of them. */
export interface BegunAttempts extends Pick<StreamState, 'quarantine' | 'suspects'> {
  /** The first of them. */
  readonly failing: Failing
}

/** How a turn goes on that has ended in front of a delivery: by a turn that follows. */
export interface NextTurn {
  /** In quarantine: what has begun. */
  readonly begun: BegunAttempts | undefined
  readonly runner: Runner
}

/** How a failing event is met. */
export interface FailureAnswer {
  readonly failing: Failing
  readonly then: 'retry' | 'halt' | 'dead-letter'
  readonly reason: RemovalReason
  /** Why the stream halts, if it does. Absent: over a failure. */
  readonly cause?: Halt['cause']
}

/** What stopped a turn. */
export interface TurnFailure {
  readonly delivery: PlannedDelivery
  readonly error: unknown
  readonly answer: FailureAnswer
}

const nothing: readonly HeldRange[] = []
const none: readonly never[] = []

/** What changes with a turn that does nothing but to move its stream. */
function moved({ path: stream }: TurnSetup, { state, deliveries }: TurnOutcome): StreamChange {
  return {
    stream,
    state,
    hold: none,
    release: none,
    decided: none,
    deliveries: deliveries.length,
    deadLetters: none,
    redriven: none,
    ledger: none,
    due: never,
  }
}

const never: StreamChange['due'] = {}

/**
 * Whether the stream has no inbox, nothing of it is in quarantine, its domain asks nothing of its events, and
 * all of them could be read.
 */
function isBare({ inbox, state, domain, begun, arrivals }: TurnSetup): boolean {
  const isAsked = domain.filter !== undefined || domain.schemas !== undefined
  if (isAsked || begun > 0 || state.quarantine > 0 || inbox.newest !== undefined) return false
  for (const { event } of arrivals) if ('problem' in event && event.problem !== undefined) return false
  return inbox.others === 0 && inbox.entries.length === 0
}

/** A turn of one stream. */
export class Turn {
  readonly setup: TurnSetup
  /** What its commit carries out for handlers. */
  readonly effects: TurnEffects = new TurnEffects()
  /**
   * Only the turn itself sets it. Each of its arrivals is simply in turn and carries nothing that has to be
   * checked, in a stream that has nothing else: whatever is asked of turns besides, the answer is no.
   */
  isPlain: boolean = false
  #heldCache: HeldCache | undefined
  #outcome: TurnOutcome
  #begun: readonly HealAttempt[] = []
  /** Something about healing is noted. */
  #isNoted = false
  #failure: TurnFailure | undefined
  /** Events of which the payload is refused, and that are taken out in their turn; as the stream has them. */
  #refused: readonly TurnFailure[] = []
  #next: NextTurn | undefined
  /** What the domain's filter said, by place. */
  #passes: Map<string, boolean> | undefined

  constructor(setup: TurnSetup) {
    this.setup = setup
    this.#outcome = undecided(setup.state)
  }

  get deliveries(): readonly PlannedDelivery[] {
    return this.#outcome.deliveries
  }

  get verdicts(): readonly ArrivalVerdict[] {
    return this.#outcome.verdicts
  }

  /** Events that the turn takes out of the stream, or out of its inbox. */
  get deadLetters(): readonly DeadLetter[] {
    const { deadLetters } = this.#outcome
    const unplaced = this.#unplaced()
    if (unplaced.length === 0) return deadLetters
    const { path, clock } = this.setup
    return [...deadLetters, ...unplaced.map((entry) => unplacedLetter(path, entry, clock.now))]
  }

  get ledger(): readonly LedgerEntry[] {
    const { ledger } = this.#outcome
    return this.#failure?.answer.then === 'halt' ? [...ledger, this.#haltEntry(this.#failure)] : ledger
  }

  /** Attempts to heal that begin once the turn is durable. */
  get begun(): readonly HealAttempt[] {
    return this.#begun
  }

  /** What failed: events that were taken out on the way, and what stopped the turn. */
  get failures(): readonly TurnFailure[] {
    if (this.#refused.length === 0) return this.#failure === undefined ? [] : [this.#failure]
    const letters = this.#outcome.deadLetters.filter(({ reason }) => reason === 'schema')
    const removed = new Set(letters.map(({ epoch = 0, sequence = 0 }) => placeText({ epoch, sequence })))
    const refused = this.#refused.filter(({ delivery }) => removed.has(placeText(delivery.event)))
    return this.#failure === undefined ? refused : [...refused, this.#failure]
  }

  /** What stopped the turn, if a handler failed. */
  get failure(): TurnFailure | undefined {
    return this.#failure
  }

  /** How the turn goes on, where it has ended in front of a delivery. */
  get next(): NextTurn | undefined {
    return this.#next
  }

  /** Whether nothing was decided but that there is no room, and nothing was tried. */
  get isIdle(): boolean {
    const isStopped = this.#failure !== undefined || this.#next !== undefined
    return this.#outcome.isIdle && !isStopped && !this.#isNoted && this.#unplaced().length === 0
  }

  /** The state after the turn. */
  get state(): StreamState {
    const { state } = this.#outcome
    const passedOver = this.#passes === undefined ? 0 : this.#passedOver()
    if (passedOver === 0) return state
    const { counts } = state
    const delivered = counts.delivered - passedOver
    return { ...state, counts: { ...counts, delivered, filtered: counts.filtered + passedOver } }
  }

  /** How many entries stay in the inbox. */
  get inboxLeft(): number {
    const { entries, others } = this.setup.inbox
    return others + entries.length - this.#decided().length
  }

  /** Whether the inbox may have entries, not decided yet, at or below where the stream stands by now. */
  get hasUndecided(): boolean {
    if (this.inboxLeft === 0) return false
    return this.setup.inbox.others > 0 || this.#hasMoved() || this.#decided().length > 0
  }

  /**
   * Decides the turn as far as the held events are known; returns what has to be read before it can be
   * trusted.
   */
  decide(): readonly HeldRange[] {
    const { domain, state, arrivals, path, heal } = this.setup
    const mayBeRun = heal === undefined && this.#refused.length === 0
    const moved = mayBeRun ? decideRun(domain.rules, state, arrivals, this.setup) : undefined
    if (moved === undefined) return this.#take(this.#decide())
    this.#outcome = runOutcome(path, arrivals, { before: state, state: moved })
    this.isPlain = isBare(this.setup)
    return nothing
  }

  /** Takes in what was read for {@link decide}. */
  learn(ranges: readonly HeldRange[], events: readonly HeldEvent[]): void {
    this.#held.noteRead(ranges)
    for (const held of events) this.#held.add({ ...held, event: this.setup.reread(held.event) })
  }

  /** Whether the domain's filter lets the event through to its handler. Throws what the filter throws. */
  passes({ event }: PlannedDelivery): boolean {
    const { filter } = this.setup.domain
    if (filter === undefined) return true
    const place = placeText(event)
    this.#passes ??= new Map<string, boolean>()
    const passes = this.#passes.get(place) ?? filter(event)
    this.#passes.set(place, passes)
    return passes
  }

  /** Whether the handler is to be called for each delivery: nothing is filtered, or was done before. */
  get callsAll(): boolean {
    return this.setup.domain.filter === undefined && !this.effects.hasDone
  }

  /** Whether the event's handler is to be called: neither filtered, nor done before. Throws as `passes`. */
  isCalled(delivery: PlannedDelivery): boolean {
    return !this.effects.isDone(delivery.event) && this.passes(delivery)
  }

  /**
   * Decides the turn again with the stream stopped in front of a delivery that failed. Returns what has to be
   * read, as {@link decide} does; call again with the same failure then.
   */
  stopBefore(failure: TurnFailure): readonly HeldRange[] {
    const { delivery, answer } = failure
    const { failing, then } = answer
    this.#failure = failure
    this.#next = undefined
    if (then === 'dead-letter') return this.#removeNext(failure)
    const stopped = this.#decide(delivery.before)
    const halt: Halt | undefined =
      then === 'halt'
        ? { cause: answer.cause ?? 'failure', at: this.setup.clock.now, reason: failing.error }
        : stopped.state.halt
    return this.#take({ ...stopped, state: { ...stopped.state, failing, halt } })
  }

  /**
   * When it is decided again, the turn takes these deliveries out of the stream, and goes on behind them. One
   * that came late may have a turn only since another one was taken out: it lies in front of known ones then.
   */
  takeOut(refused: readonly TurnFailure[]): void {
    this.#refused = [...this.#refused, ...refused].sort((a, b) =>
      comparePositions(a.delivery.event, b.delivery.event),
    )
  }

  /**
   * Decides the turn again so that it ends in front of a delivery, which is made by the turn that follows.
   * Nothing has failed. Returns what has to be read, as {@link decide} does.
   */
  endBefore(delivery: PlannedDelivery, next: NextTurn): readonly HeldRange[] {
    const stopped = this.#decide(delivery.before)
    this.#failure = undefined
    this.#next = next
    return this.#take({ ...stopped, state: { ...stopped.state, failing: undefined, ...next.begun } })
  }

  /**
   * Whether another turn should follow: a held event is in turn, or entries of the inbox wait, of which one
   * may be in turn or have room now that the stream has moved, or was not read yet.
   */
  canGoOn(): boolean {
    return !this.setup.isPaused && this.#hasMore()
  }

  #hasMore(): boolean {
    const { state, setup } = this
    if (state.failing !== undefined) return false
    if (this.inboxLeft > 0 && (this.#hasMoved() || this.#decided().length > 0)) return true
    return canAdvance({ rules: setup.domain.rules, state })
  }

  #hasMoved(): boolean {
    const { state, setup } = this
    return state.position !== setup.state.position || state.epoch !== setup.state.epoch
  }

  /** What a commit has to change. */
  change(): StreamChange {
    const { deliveries, hold, release } = this.#outcome
    if (this.isPlain) {
      const change = moved(this.setup, this.#outcome)
      return this.effects.isEmpty ? change : { ...change, ...this.effects.change() }
    }
    const { state, setup, deadLetters, ledger } = this
    const { newest } = setup.inbox
    return {
      stream: setup.path,
      state,
      hold,
      release,
      decided: this.#decided(),
      deliveries: this.#passes === undefined ? deliveries.length : deliveries.length - this.#passedOver(),
      deadLetters,
      redriven: [],
      ledger,
      ...this.effects.change(),
      // What a paused domain leaves in its inboxes is due as soon as that goes on.
      ...(newest !== undefined && !setup.isPaused && { inboxSeen: newest }),
      due: dueTimeOf(setup.domain.rules, state, {
        canRun: this.#hasMore(),
        isPaused: setup.isPaused,
        hasWaiting: this.inboxLeft > 0,
        clock: setup.clock,
      }),
    }
  }

  #decide(stopAt?: PassContext['stopAt'], removesNext?: Removal): Decided {
    this.isPlain = false
    const { domain, state, arrivals, clock, isSweep, keepsGaps, begun, isPaused, inbox } = this.setup
    const { entries, hasRoom, restFrom } = inbox
    const heldMax = Math.max(domain.rules.heldMax, state.heldCount + entries.length)
    const rules = hasRoom ? { ...domain.rules, heldMax } : domain.rules
    const inputs = arrivals.map(({ arrival }) => arrival)
    return decideTurn({ rules, state }, inputs, {
      clock,
      held: this.#held,
      domainFull: this.setup.domainFull && !hasRoom,
      isPaused,
      isSweep,
      keepsGaps,
      runsBegun: begun > 0,
      restFrom,
      removals: this.#refused.map(removalOf),
      removesNext,
      stopAt,
    })
  }

  /**
   * Takes the failed event out of its stream. If the turn itself has put another event in front of it (of an
   * older epoch, which the failed one would have ended), that one comes first, and the failed one has its
   * turn again.
   */
  #removeNext(failure: TurnFailure): readonly HeldRange[] {
    const { before, event } = failure.delivery
    const decided = this.#decide(before, removalOf(failure))
    const { epoch, position } = decided.state
    if (position !== event.sequence || epoch !== event.epoch) this.#failure = undefined
    return this.#take(decided)
  }

  #take({ state: ruled, outcome }: Decided): readonly HeldRange[] {
    const { path: stream, arrivals, state: before, clock, heal } = this.setup
    const noted = heal?.(ruled, clock)
    const { state = ruled, begun = none } = noted ?? {}
    this.#begun = begun
    this.#isNoted = state !== ruled
    const owner = { stream, arrivals, held: this.#held, at: clock.now, by: 'inturn' }
    this.#outcome = ruledOutcome(outcome, owner, { before, state })
    return this.#held.takeMissing()
  }

  /** The arrival ids of the entries that are decided; what is refused for want of room stays in the inbox. */
  #decided(): readonly string[] {
    const { entries } = this.setup.inbox
    if (entries.length === 0) return none
    const { verdicts } = this
    const decided = entries.filter((_, at) => {
      const { verdict = 'refuse', reason } = verdicts[at] ?? {}
      return verdict !== 'refuse' || isUnplaced(reason)
    })
    return decided.map(({ arrivalId }) => arrivalId)
  }

  /** Entries of which nobody can tell what their number stands for; their source has forgotten them. */
  #unplaced(): readonly WaitingEntry[] {
    const { entries } = this.setup.inbox
    if (entries.length === 0) return none
    return entries.filter((_, at) => isUnplaced(this.verdicts[at]?.reason))
  }

  #haltEntry({ delivery, answer }: TurnFailure): LedgerEntry {
    const { path: stream, clock } = this.setup
    const { epoch, sequence } = delivery.event
    const place = { epoch, from: sequence, to: sequence }
    return { kind: 'halted', stream, ...place, at: clock.now, by: 'inturn', reason: answer.failing.error }
  }

  #passedOver(): number {
    return this.deliveries.filter(({ event }) => this.#passes?.get(placeText(event)) === false).length
  }

  get #held(): HeldCache {
    const { path, state } = this.setup
    return (this.#heldCache ??= new HeldCache(path, state.heldCount === 0))
  }
}

function removalOf({ delivery, answer }: TurnFailure): Removal {
  const { event, before } = delivery
  const { reason, failing } = answer
  return { event, before, reason, failing }
}

/**
 * From here on a turn, and a commit of several, ends where it is: a script that runs for long keeps the whole
 * server waiting.
 */
export const effectBytesMax: number = 4 * 2 ** 20

/**
 * The commands that the handlers of one turn have given for its commit; and what an earlier commit of the
 * stream has carried out without moving its position, because a command behind it failed. Upholds I2: a
 * handler whose commands had their effect is not called again.
 */
export class TurnEffects {
  /** Whether the turn should end before its next delivery. */
  isFull = false
  #calls: { readonly events: readonly InturnEvent[]; readonly commands: EffectStep['commands'] }[] = []
  #bytes = 0
  #done: ReadonlySet<string> | undefined
  #settles = false

  /** Whether a commit has nothing to carry out, and nothing to forget. */
  get isEmpty(): boolean {
    return this.#bytes === 0 && !this.#settles
  }

  /** How much it is to send. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes in what a handler has given for one event, or for several in one call. */
  add(events: readonly InturnEvent[], { commands, bytes }: Recorded): void {
    const call = { events, commands }
    // A list that grows has room for many, and most turns have one event.
    if (this.#calls.length === 0) this.#calls = [call]
    else this.#calls.push(call)
    this.#bytes += bytes
    this.isFull = this.#bytes >= effectBytesMax
  }

  /** Whether events had their effect in a commit that has not moved the position over them. */
  get hasDone(): boolean {
    return this.#done !== undefined && this.#done.size > 0
  }

  /** Whether an event had its effect in such a commit. */
  isDone(place: Position): boolean {
    return this.#done !== undefined && this.#done.has(placeText(place))
  }

  /** Takes in what such a commit has carried out; what was recorded since is void. */
  honour({ done }: EffectPartial): void {
    this.#calls = []
    this.#bytes = 0
    this.isFull = false
    this.#done = new Set(done)
  }

  /** The turn accounts for what was carried out in part: the store need not keep it any more. */
  settle(): void {
    this.#settles = true
  }

  /** The part of a change. Events whose handlers gave nothing are told too: they are not called again. */
  change(): Pick<StreamChange, 'effects' | 'settlesPartial'> {
    const steps = (): readonly EffectStep[] =>
      this.#calls.map(({ events, commands }) => ({ events: events.map(placeOf), commands }))
    return {
      ...(this.#bytes > 0 && { effects: steps() }),
      ...(this.#settles && { settlesPartial: true }),
    }
  }
}

function placeOf({ epoch, sequence = 0 }: InturnEvent): Position {
  return { epoch, sequence }
}
