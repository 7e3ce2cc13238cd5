// An event's whole way, from top to bottom: receive -> group by stream -> claim -> decide -> handle -> commit
// -> answer. What cannot be read is a dead letter at once; events without tracking run beside the streams;
// the sweep looks after what nothing arrives for. Upholds I2, I3, I5, I6 and I8.
//
// A message: received -> in its stream's lane -> visited by one unit of work -> answered (durable), or failed
// with the unit, and its call comes again.
import { counterOf } from '../core/counter.ts'
import type { TrackedEvent } from '../core/event.ts'
import { heldSpanAt } from '../core/held-spans.ts'
import type { Arrival } from '../core/pass.ts'
import type { Position } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import { haltStops } from '../core/stream-state.ts'
import { asError } from '../core/thrown.ts'
import type { InboxEntry } from '../ports/records.ts'
import type { Answer } from './call.ts'
import { Call, CallArrival } from './call.ts'
import { ClaimedWork } from './claimed-work.ts'
import { HandlerCaller } from './delivery.ts'
import type { TrackedDomain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import { releasedEvent } from './handler-event.ts'
import { HandlerSlots } from './handler-slots.ts'
import { Healing } from './healing/healing.ts'
import type { IncomingMessage } from './incoming-message.ts'
import type { Intake, Intaker, InvalidIntake, UnorderedIntake } from './intake.ts'
import type { Look, StreamVisit } from './lanes.ts'
import { Lanes } from './lanes.ts'
import type { IdOrder } from './ordered-arrivals.ts'
import { PausedStreams } from './paused-streams.ts'
import type { PlannedTurn } from './plan-turns.ts'
import type { ProcessResult } from './process-result.ts'
import { RedriveWork } from './redrive-work.ts'
import { TransactionWork } from './transaction-work.ts'
import { deadLetterNews, newsOf } from './turn-news.ts'
import type { Turn } from './turn.ts'
import { UnorderedWork } from './unordered-work.ts'
import { WaitingSearch } from './waiting-search.ts'
import { isAnswer, withAsked } from './wire-clues.ts'
import { shuttingDown } from './within-time.ts'

/** How often a stream is followed up for one arrival, for what its inbox has got meanwhile. */
const followUpsMax = 100

/** So many units of work have their streams claimed at a time, where a batch waits for the second. */
const claimsMax = 2

/** How messages are taken in. */
export interface SubmitOptions {
  /**
   * Whether earlier events of a stream were refused and come again: where a later number would overtake them
   * for good (increasing numbering), it is refused too.
   */
  readonly isWaiting?: (stream: StreamPath) => boolean
  /** These were refused before, and come in the order of the refused ones. */
  readonly isAgain?: boolean
  /** Is told each answer as soon as it is durable. */
  readonly answered?: (answer: Answer) => void
}

/** A message that was refused. */
export interface RefusedMessage {
  readonly delivery: IncomingMessage
  readonly place: Position
  /** The number of its place is unwrapped. */
  readonly isPlaced: boolean
}

/** What came of entries that were to be kept: for some there was room, for the others none. */
interface Admitted<From> {
  readonly room: readonly From[]
  readonly lack: readonly From[]
  readonly free: readonly StreamPath[]
}

/** Carries the rules out for one consumer. */
export class Engine {
  readonly #parts: EngineParts
  readonly #intaker: Intaker
  readonly #lanes: Lanes
  readonly #slots: HandlerSlots
  readonly #caller: HandlerCaller
  readonly #transactions: TransactionWork
  readonly #unordered: UnorderedWork
  readonly #redriving: RedriveWork
  readonly #retries: WaitingSearch
  /** The jobs that heal gaps beside all else. Whoever owns the engine ends them. */
  readonly healing: Healing
  /**
   * With a store that is not durable: is told where a stream stands after each of its turns, and whether its
   * inbox may have entries up to there that are not decided.
   */
  onPosition: ((stream: StreamPath, position: Position, hasUndecided: boolean) => void) | undefined
  /**
   * Whether events of a stream are in somebody's hand who submits them later: none of its gaps is given up
   * meanwhile.
   */
  hasUndecided: ((stream: StreamPath) => boolean) | undefined
  /**
   * Whether refused events of a stream wait with somebody, of which only their order tells what their numbers
   * stand for: what arrives comes behind them, and is handed over to nobody.
   */
  hasUnplaced: ((stream: StreamPath) => boolean) | undefined
  /** Streams with dead letters that operators have tried again, as they are met. */
  #redrives = new Set<StreamPath>()
  readonly #paused = new PausedStreams()
  /** Domains that were told of an event whose numbers are rounded. */
  readonly #inexact = new Set<string>()
  readonly #looking = new Set<Promise<void>>()
  /** The call before that keeps entries in inboxes. */
  #admitting: Promise<unknown> = Promise.resolve()
  #transacting = 0
  readonly #transactionsMax: number
  /** Units of work of which the streams are being claimed. */
  #claiming = 0
  #units = 0

  constructor(parts: EngineParts, intaker: Intaker) {
    this.#parts = parts
    this.#intaker = intaker
    this.#lanes = new Lanes(parts.domains)
    this.#transactionsMax = parts.store.about.transactionsMax ?? 1
    this.#slots = new HandlerSlots(parts.concurrency, () => this.#pump())
    this.#caller = new HandlerCaller(parts)
    this.#transactions = new TransactionWork(parts, this.#caller, this.#slots)
    this.#unordered = new UnorderedWork(parts, this.#caller, this.#slots)
    this.#redriving = new RedriveWork(parts, this.#caller, () => this.#nextWorker())
    this.#retries = new WaitingSearch(
      parts,
      ({ state }) => state.failing?.retryAt !== undefined && !haltStops(state),
    )
    this.healing = new Healing(parts, {
      process: (messages) => this.process(messages),
      runNote: (path, heal) => this.#look([path], (call) => ({ call, heal })).done,
      nextWorker: () => this.#nextWorker(),
    })
  }

  /** How much waits that could be decided now, if there were room. */
  get waiting(): number {
    return this.#lanes.waiting
  }

  /** How a message is ordered by its id, where its domain wants that. */
  orderOf(message: IncomingMessage): IdOrder | undefined {
    return this.#intaker.orderOf(message)
  }

  /** Whether two messages with one number bear the same event. */
  areCopies(one: IncomingMessage, other: IncomingMessage): boolean {
    return this.#intaker.areCopies(one, other)
  }

  /** Processes messages; when it resolves, every result but `refuse` is durable. */
  async process(messages: readonly IncomingMessage[]): Promise<readonly ProcessResult[]> {
    const call = this.submit(messages)
    await call.done
    return call.results
  }

  /** Takes messages in, in order, and answers each as soon as it has a durable end. */
  submit(messages: readonly IncomingMessage[], options: SubmitOptions = {}): Call {
    const call = new Call(options.answered)
    const intakes: Intake[] = []
    for (const message of messages) {
      const intake = this.#intaker.read(message)
      intakes.push(message.asked === undefined ? intake : withAsked(intake, message.asked))
    }
    this.#group(intakes, call, options)
    void call.done.then(
      () => this.#tell(call.results),
      () => undefined,
    )
    call.end()
    return call
  }

  /**
   * Looks at streams that are due though nothing arrives; returns for how many something was decided. Due
   * streams of domains that are not configured (any more) are left alone and keep no others waiting.
   */
  async sweep(limit: number): Promise<number> {
    await this.healing.look()
    const { store, consumer, domains } = this.#parts
    const heal = this.healing.plan()
    const resumed = await this.#paused.takeResumed(this.#parts)
    const due = await store.due(consumer, limit, [...domains.byName.keys()])
    // Nothing but a dead letter that is tried again makes a stream without tracking due.
    for (const path of due) if (this.#isUntracked(path)) this.#redrives.add(path)
    // Nobody waits for a stream whose handler runs now: it is looked at once that has ended.
    const later = new Call()
    const call = this.#look([...due, ...resumed], (own, path) => ({
      call: this.#lanes.isVisited(path) ? later : own,
      isSweep: true,
      heal,
    }))
    await call.done
    const redrives = this.#redrives
    this.#redrives = new Set()
    for (const stream of await this.#redriving.run(redrives)) call.moved.add(stream)
    return call.moved.size
  }

  /**
   * Has refused messages kept in the inboxes of their streams, as far as their domains have room there, and
   * has these streams looked at. `ended` is told of each whether it is kept, before anything comes of it.
   */
  async keep(
    refused: readonly RefusedMessage[],
    ended: (index: number, isKept: boolean) => void,
  ): Promise<void> {
    const tracked = refused.flatMap((message, index) => {
      const intake = this.#intaker.read(message.delivery)
      return intake.kind === 'tracked' ? { ...intake, ...message, index } : []
    })
    const { room } = await this.#admit(
      tracked,
      ({ domain, path: stream, event, arrival, place, isPlaced }) => {
        const isKnown = isPlaced && counterOf(domain.rules.numbering) !== undefined
        const known = isKnown && { known: place.sequence }
        return [{ stream, arrival: event, ...known, ...placedIn(arrival) }]
      },
    )
    const kept = new Set(room.map(({ index }) => index))
    for (const index of refused.keys()) ended(index, kept.has(index))
    const streams = [...new Set(room.map(({ path }) => path))]
    const { done } = this.#look(streams, (call) => ({ call, hasEntries: true }))
    const looking: Promise<void> = done
      // What fails here is tried again by the sweep, which says so.
      .catch(() => undefined)
      .then(() => void this.#looking.delete(looking))
    this.#looking.add(looking)
  }

  /** Whether streams are being looked at for what was kept in their inboxes. */
  get isLooking(): boolean {
    return this.#looking.size > 0
  }

  /** Resolves once no stream is looked at for what was kept. */
  async landed(): Promise<void> {
    await Promise.all(this.#looking)
  }

  /** Begins nothing more: what is in hand comes to its end, and what waits for it fails. */
  drain(): void {
    this.#lanes.clear(shuttingDown())
  }

  /** Whether a failed event of one of our streams waits for its next attempt. */
  hasRetries(): Promise<boolean> {
    return this.#retries.find()
  }

  /** Puts what was received into the lanes of its streams; what is no event is a dead letter. */
  #group(intakes: readonly Intake[], call: Call, { isWaiting, isAgain = false }: SubmitOptions): void {
    const invalid: [number, InvalidIntake][] = []
    const unordered: [number, UnorderedIntake][] = []
    this.#tellFirst(intakes)
    call.begin(intakes.length)
    for (let index = 0; index < intakes.length; index++) {
      const intake = intakes[index]
      if (intake?.kind === 'tracked') {
        const arrival = new CallArrival(intake, call, index, isAgain)
        const mayBeRefused = isWaiting !== undefined || intake.isUnasked === true
        const reason = mayBeRefused ? refusedAtOnce(arrival, isWaiting) : undefined
        if (reason === undefined) this.#lanes.add(arrival)
        else arrival.answer({ ...arrival.place, verdict: 'refuse', reason })
      } else if (intake?.kind === 'invalid') invalid.push([index, intake])
      else if (intake !== undefined) unordered.push([index, intake])
    }
    if (invalid.length > 0) this.#part(call, invalid, () => this.#bury(invalid, call))
    for (const own of Map.groupBy(unordered, ([, { domain }]) => domain.effects).values()) {
      this.#part(call, own, () => this.#unordered.run(own, call, this.#nextWorker()))
    }
    this.#pump()
  }

  /** Works on messages that are in no lane; those that have no answer in the end have none. */
  #part(call: Call, of: readonly (readonly [number, Intake])[], work: () => Promise<void>): void {
    call.begin()
    void work()
      .catch((error: unknown) => call.fail(error))
      .finally(() => call.end(1 + of.filter(([index]) => call.results[index] === undefined).length))
  }

  async #bury(invalid: readonly (readonly [number, InvalidIntake])[], call: Call): Promise<void> {
    const { store, consumer, telemetry } = this.#parts
    const at = await store.now()
    const deadLetters = invalid.map(([, { deadLetter }]) => ({ ...deadLetter, at }))
    await store.record(consumer, { deadLetters })
    for (const letter of deadLetters) telemetry(deadLetterNews(letter))
    for (const [index, { deadLetter }] of invalid) {
      const { detail, stream } = deadLetter
      const named = stream !== undefined && { stream }
      call.answer(index, { verdict: 'invalid', detail, released: [], ...named })
    }
  }

  /** Has streams looked at. */
  #look(paths: readonly StreamPath[], look: (call: Call, path: StreamPath) => Look): Call {
    const call = new Call()
    for (const path of paths) this.#lanes.look(path, look(call, path))
    this.#pump()
    call.end()
    return call
  }

  /**
   * Begins units of work for the streams that are ready: in as many transactions as the store has use for,
   * and what comes meanwhile shares the next one; under claims as long as handlers have places.
   */
  #pump(): void {
    if (this.#transacting < this.#transactionsMax) {
      this.#transacting++
      queueMicrotask(() => void this.#pumpTransactions())
    }
    const { batchMax } = this.#parts
    if (this.#slots.isFull || this.#claiming >= claimsMax) return
    if (this.#claiming > 0 && this.#lanes.waiting < batchMax) return
    this.#claiming++
    queueMicrotask(() => void this.#pumpClaims())
  }

  async #pumpTransactions(): Promise<void> {
    const { batchMax } = this.#parts
    for (;;) {
      const visits = this.#lanes.visit('transaction', batchMax)
      if (visits.length === 0) break
      // More may be ready than that, for a transaction beside this one.
      this.#pump()
      await this.#transact(visits)
    }
    this.#transacting--
  }

  async #pumpClaims(): Promise<void> {
    const visits = this.#lanes.visit('external', this.#parts.batchMax)
    if (visits.length === 0) this.#claiming--
    else await this.#workUnderClaims(visits)
  }

  async #transact(visits: readonly StreamVisit[]): Promise<void> {
    try {
      const work = { visits, redrives: this.#redrives, keepsGaps: this.#keepsGaps, isBehind: this.#isBehind }
      const { done, busy, again } = await this.#transactions.run(work, this.#nextWorker())
      for (const planned of done) this.#take(planned)
      await this.#handOver(busy)
      this.#followUp(again, visits)
      this.#leave(visits)
      release(visits)
    } catch (error) {
      this.#fail(visits, error)
    }
  }

  async #workUnderClaims(visits: readonly StreamVisit[]): Promise<void> {
    const { store, consumer, claimMs } = this.#parts
    const open = new Set(visits)
    /** The last that was left: its calls wait for what follows the unit. */
    let last: readonly StreamVisit[] = []
    let hasBegun = false
    const begun = (): void => {
      if (hasBegun) return
      hasBegun = true
      this.#claiming--
      this.#pump()
    }
    const close = (closed: readonly StreamVisit[]): readonly StreamVisit[] =>
      closed.filter((visit) => open.delete(visit))
    const hooks = {
      begun,
      busy: (busy: readonly StreamVisit[]) => this.#handOver(busy),
      done: (planned: PlannedTurn) => this.#take(planned),
      lost: (visit: StreamVisit) => this.#lanes.return(visit),
      left: (visit: StreamVisit) => {
        this.#leave(close([visit]))
        if (open.size === 0) last = [visit]
        else release([visit])
      },
      failed: (failed: readonly StreamVisit[], error: unknown) => this.#fail(close(failed), error),
    }
    const worker = this.#nextWorker()
    const streams = visits.map(({ path }) => path)
    try {
      const request = { consumer, worker, streams, mode: 'claim', claimMs } as const
      const scope = { redrives: this.#redrives, keepsGaps: this.#keepsGaps, isBehind: this.#isBehind }
      const made = { parts: this.#parts, caller: this.#caller, slots: this.#slots, scope }
      const { again } = await store.work(request, (unit) =>
        new ClaimedWork({ ...made, unit, worker, hooks }).run(visits),
      )
      this.#followUp(again, visits)
    } catch (error) {
      this.#fail(close(visits), error)
    } finally {
      release(last)
      begun()
    }
  }

  /** A turn is durable: tells it, answers what arrived with it, and says where its stream stands. */
  #take(planned: PlannedTurn): void {
    const { turn, visit } = planned
    const { turned } = this.#parts
    if (!turn.isPlain) for (const news of newsOf(turn)) this.#parts.telemetry(news)
    this.#paused.note(turn.setup)
    const { path: stream, state: before, domain } = turn.setup
    const after = turned === undefined ? before : turn.state
    if (after !== before) turned?.({ domain: domain.name, stream, before, after, ledger: turn.ledger })
    if (!turn.isPlain || this.healing.isRunning) this.healing.takeTurn(turn)
    // Of a plain turn each arrival says so itself.
    const isTold = !turn.isPlain || visit.looks.length > 0
    if (isTold && !turn.isIdle) for (const call of visit.calls) call.moved.add(visit.path)
    if (planned.isFirst) this.#answer(planned)
    if (!turn.isPlain) amendAnswers(turn, visit.arrivals)
    if (this.#parts.store.about.durable || this.onPosition === undefined) return
    const { epoch, position: sequence } = turn.state
    if (sequence === undefined) return
    const hasUndecided = turn.hasUndecided || this.#lanes.hasBehind(visit.path)
    this.onPosition(visit.path, { epoch, sequence }, hasUndecided)
  }

  /** Answers the arrivals of a visit with what its first turn has decided. */
  #answer({ turn, visit, earlier }: PlannedTurn): void {
    const { arrivals } = visit
    const { verdicts } = turn
    const { durable } = this.#parts.store.about
    let isBlocked = false
    for (let at = 0; at < arrivals.length; at++) {
      const [arrival, decided] = [arrivals[at], verdicts[earlier + at]]
      if (arrival === undefined) continue
      const result: ProcessResult =
        decided === undefined
          ? { ...arrival.place, verdict: 'refuse', reason: 'stream-full' }
          : decided.released.length === 0
            ? decided
            : { ...decided, released: releasedBy(decided.released, visit) }
      isBlocked ||= result.verdict === 'refuse' && isOvertaking(arrival)
      const mayBeHeld = !durable && result.verdict !== 'deliver'
      arrival.answer(result, mayBeHeld ? this.#heldAt(turn, result) : undefined)
    }
    if (!isBlocked) return
    // What waits behind would overtake what is refused: it comes again, in order.
    for (const behind of this.#lanes.takeBehind(visit)) {
      behind.answer({ ...behind.place, verdict: 'refuse', reason: 'stream-full' })
    }
  }

  /** Stores that are not durable: where an event is held, by its verdict and still after the turn. */
  #heldAt(turn: Turn, result: ProcessResult): Answer['held'] {
    const { verdict, stream, epoch, sequence, to = sequence } = result
    const mayBe = verdict === 'hold' || verdict === 'duplicate'
    if (!mayBe || stream === undefined || epoch === undefined || to === undefined) return undefined
    if (heldSpanAt(turn.state.held, epoch, to) === undefined) return undefined
    return { stream, place: { epoch, sequence: to } }
  }

  /** Keeps what arrived for busy streams for the workers that have them. */
  async #handOver(busy: readonly StreamVisit[]): Promise<void> {
    const { store } = this.#parts
    const stays = ({ path, arrivals }: StreamVisit): boolean =>
      !store.about.durable || this.hasUnplaced?.(path) === true || arrivals.some(isAnswer)
    answerAll(busy.filter(stays), { verdict: 'refuse', reason: 'busy' })
    const loaded = busy.filter((visit) => visit.arrivals.length > 0 && !stays(visit))
    if (loaded.length === 0) return
    const { room, lack, free } = await this.#admit(loaded, ({ path: stream, arrivals }) =>
      arrivals.map(({ event, arrival }) => ({ stream, arrival: event, ...placedIn(arrival) })),
    )
    this.#followUp(free, loaded)
    answerAll(room, { verdict: 'handed-over' })
    answerAll(lack, { verdict: 'refuse', reason: 'handed-over-full' })
  }

  /**
   * Keeps entries in inboxes, for as long as their domains have room there; one call at a time, so that each
   * sees the room that the one before has left. `free`: streams that nobody has by now.
   */
  #admit<From extends { readonly domain: TrackedDomain }>(
    all: readonly From[],
    entriesOf: (from: From) => readonly InboxEntry[],
  ): Promise<Admitted<From>> {
    const { store, consumer } = this.#parts
    const admitted = this.#admitting.then(async (): Promise<Admitted<From>> => {
      const full = await this.#fullDomains(all)
      const { room = [], lack = [] } = Object.groupBy(all, ({ domain }) =>
        full.has(domain.name) ? 'lack' : 'room',
      )
      const entries = room.flatMap(entriesOf)
      const free = entries.length === 0 ? [] : await store.handOver(consumer, entries)
      return { room, lack, free }
    })
    this.#admitting = admitted.catch(() => undefined)
    return admitted
  }

  /** Which domains of some streams have no room for more entries in inboxes. */
  async #fullDomains(of: readonly { readonly domain: TrackedDomain }[]): Promise<ReadonlySet<string>> {
    if (of.length === 0) return new Set()
    const { store, consumer } = this.#parts
    const domains = await store.reader.domains(consumer)
    const isFull = ({ domain }: { readonly domain: TrackedDomain }): boolean =>
      (domains.get(domain.name)?.handedOver ?? 0) >= domain.handedOverMax
    return new Set(of.filter(isFull).map(({ domain }) => domain.name))
  }

  /**
   * Has streams looked at whose inboxes have got entries meanwhile, on behalf of those who brought it up.
   * Dead letters that are tried again wait for the sweep, and what came behind them does too; so does a
   * paused domain, until it goes on.
   */
  #followUp(paths: readonly StreamPath[], visits: readonly StreamVisit[]): void {
    if (paths.length === 0) return
    const byPath = new Map(visits.map((visit) => [visit.path, visit]))
    for (const path of paths) {
      const visit = byPath.get(path)
      if (visit === undefined || this.#redrives.has(path) || this.#paused.has(visit.domain)) continue
      const followUps = 1 + Math.max(0, ...visit.looks.map((look) => look.followUps ?? 0))
      if (followUps >= followUpsMax) continue
      const waiting = visit.calls.filter(({ hasEnded }) => !hasEnded)
      const calls = waiting.length === 0 ? [new Call()] : waiting
      for (const call of calls) this.#lanes.look(path, { call, hasEntries: true, followUps })
    }
    this.#pump()
  }

  #leave(visits: readonly StreamVisit[]): void {
    for (const visit of visits) this.#lanes.leave(visit)
    if (visits.length > 0) this.#pump()
  }

  /** Nothing is known of visits but that they failed: their calls come again, and all that came behind. */
  #fail(visits: readonly StreamVisit[], error: unknown): void {
    for (const visit of visits) {
      for (const arrival of [...visit.arrivals, ...this.#lanes.takeBehind(visit)]) {
        if (arrival.result === undefined) arrival.fail(error)
      }
      for (const { call } of visit.looks) call.fail(error)
    }
    this.#leave(visits)
    release(visits)
  }

  readonly #keepsGaps = ({ path }: StreamVisit): boolean =>
    this.#lanes.hasBehind(path) || this.healing.has(path) || this.hasUndecided?.(path) === true

  readonly #isBehind = ({ path }: StreamVisit): boolean => this.hasUnplaced?.(path) === true

  #isUntracked(path: StreamPath): boolean {
    return this.#parts.domains.byName.get(parseStreamPath(path)?.domain ?? '')?.kind === 'unordered'
  }

  /** A claim belongs to one unit of work: two units of one worker exclude each other like two workers. */
  #nextWorker(): string {
    return `${this.#parts.worker}#${++this.#units}`
  }

  /**
   * Says once a domain from which fields it reads, and that numbers of its events are rounded on their way to
   * the handler.
   */
  #tellFirst(intakes: readonly Intake[]): void {
    for (const intake of intakes) {
      if (intake.kind === 'invalid' || 'fill' in intake.event) continue
      const { domain, path: stream, event } = intake
      if ('reads' in intake && intake.reads !== undefined)
        this.#parts.telemetry({ kind: 'reads', domain: domain.name, ...intake.reads })
      const [place] = event.inexact ?? []
      if (place === undefined || domain.exactNumbers || this.#inexact.has(domain.name)) continue
      this.#inexact.add(domain.name)
      const { sequence } = event
      const news = { kind: 'inexact', domain: domain.name, stream, place } as const
      this.#parts.telemetry({ ...news, ...(sequence !== undefined && { sequence }) })
    }
  }

  #tell(results: readonly ProcessResult[]): void {
    const verdicts: Partial<Record<ProcessResult['verdict'], number>> = {}
    for (const { verdict } of results) verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
    this.#parts.telemetry({ kind: 'batch', events: results.length, verdicts })
  }
}

/** Released events, as handlers see them. */
function releasedBy(events: readonly TrackedEvent[], { domain }: StreamVisit): ProcessResult['released'] {
  return events.map((event) => releasedEvent(domain, event))
}

/** Whoever waits for visits need not wait for them any more. */
function release(visits: readonly StreamVisit[]): void {
  for (const { calls } of visits) for (const call of calls) call.end()
}

/** Why an arrival is refused before its stream is looked at. */
function refusedAtOnce(arrival: CallArrival, isWaiting: SubmitOptions['isWaiting']): ProcessResult['reason'] {
  const { intake } = arrival
  if (intake.isUnasked === true) return 'ambiguous-number'
  return isWaiting !== undefined && isOvertaking(arrival) && isWaiting(intake.path)
    ? 'stream-full'
    : undefined
}

/** Whether a later number would overtake an earlier one that comes again, for good. */
function isOvertaking({ intake }: CallArrival): boolean {
  return intake.domain.rules.numbering.kind === 'increasing'
}

function answerAll(visits: readonly StreamVisit[], said: Pick<ProcessResult, 'verdict' | 'reason'>): void {
  for (const { arrivals } of visits)
    for (const arrival of arrivals) arrival.answer({ ...arrival.place, ...said })
}

/** Adds to the answers of a visit what a turn of it has come to besides. */
function amendAnswers(turn: Turn, arrivals: readonly CallArrival[]): void {
  const { failures, setup, deliveries } = turn
  if (failures.length === 0 && setup.begun === 0) return
  const amend = ({ epoch, sequence }: Position, later: Partial<ProcessResult>): void => {
    for (const { call, index, result } of arrivals) {
      if (result?.epoch !== epoch || result.sequence !== sequence || result.verdict === 'duplicate') continue
      call.amend(index, later)
      return
    }
  }
  // What was held only to be delivered in quarantine is delivered now.
  if (setup.begun > 0) for (const { event } of deliveries) amend(event, { verdict: 'deliver' })
  for (const { delivery, error, answer } of failures) {
    const { reason } = answer
    amend(delivery.event, { error: asError(error), ...(reason === 'schema' && { reason }) })
  }
}

/** Where the log of a counter that wraps had an arrival. */
function placedIn({ place }: Pick<Arrival, 'place'>): Pick<InboxEntry, 'logPlace'> {
  return place === undefined ? {} : { logPlace: place }
}
