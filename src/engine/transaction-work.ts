// Works on streams with `effects: 'transaction'`: one transaction holds the handlers' writes and the
// positions of a whole batch. It runs as if nothing will fail, streams at once where the store takes that; if
// a handler throws, everything is undone and the batch runs again, one handler after another, each behind a
// savepoint, so that only the failing stream stops. Attempts in quarantine are begun by one transaction and
// made by the next: many in company, and what may be deadly alone, after all others. Upholds I2, I6 and I7.
import { InturnError } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamChange, UnitOfWork, Worked } from '../ports/store.ts'
import { wonStream } from '../ports/store.ts'
import type { HandlerBatch } from '../ports/telemetry.ts'
import { checkTurn } from './check-payload.ts'
import type { HandlerCaller } from './delivery.ts'
import { mayStillRun } from './delivery.ts'
import type { Domain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import { stopTurn } from './failed-turn.ts'
import type { HandlerSlots } from './handler-slots.ts'
import { Undone, rolledBackIn, sceneOf, tryApart, untilDone } from './handling.ts'
import type { Findings, HandlerFailure } from './handling.ts'
import type { StreamVisit } from './lanes.ts'
import { watched } from './listening.ts'
import type { PlanScope, PlannedTurn } from './plan-turns.ts'
import { followingTurns, isFollowed, planTurns } from './plan-turns.ts'
import { beginInQuarantine, coversAll, passed } from './quarantine.ts'
import type { LeftStreams } from './sorted-turns.ts'
import { SortedTurns } from './sorted-turns.ts'
import type { PlannedDelivery } from './turn-outcome.ts'
import type { Runner, Turn } from './turn.ts'

/** What a call works on. */
type WorkScope = Omit<PlanScope, 'runner' | 'takenOver' | 'decided'>

/** What one transaction works on. */
interface TransactionRequest extends PlanScope {
  readonly decided: ReadonlySet<StreamPath>
  /** So many attempts in quarantine may begin. */
  readonly max: number
}

/** What a transaction came to. */
interface UnitResult extends Omit<TransactionResult, 'again'> {
  readonly left: LeftStreams
  /** Streams that it has won from a dead worker, and not committed. */
  readonly takenOver: readonly StreamPath[]
}

/** A run of a transaction. */
interface UnitRun {
  readonly request: TransactionRequest
  /** How handlers failed in earlier runs, where there were some. */
  readonly failures: ReadonlyMap<unknown, unknown> | undefined
  /** Collects the domains whose handlers were called at once. */
  readonly atOnce: Set<Domain>
}

/** What the steps of a run share. */
interface UnitSetting extends UnitRun {
  readonly startedMs: number
  readonly isForAll: boolean
}

/** For so many batches the handlers of a domain are called one after another, once that has been of use. */
const apartBatches = 1000

/** So many attempts in quarantine share a transaction, and are tried one by one if its worker dies too. */
const companyMax = 64

/** Works on batches whose effects commit with their positions. */
export class TransactionWork {
  readonly #parts: EngineParts
  readonly #caller: HandlerCaller
  readonly #slots: HandlerSlots
  readonly #turns: TurnsInTransaction
  /**
   * The place of the handlers is taken before a transaction begins. Where there is one at a time, it may have
   * all that is to be had: a handler elsewhere, which has a place, may wait for that.
   */
  readonly #isPlacedFirst: boolean
  /** Domains whose handlers are not called at once, and for how many batches. */
  readonly #apart = new Map<Domain, number>()

  constructor(parts: EngineParts, caller: HandlerCaller, slots: HandlerSlots) {
    this.#parts = parts
    this.#caller = caller
    this.#slots = slots
    this.#turns = new TurnsInTransaction(parts, caller)
    this.#isPlacedFirst = (parts.store.about.transactionsMax ?? 1) === 1
  }

  /**
   * Runs the batches in one transaction; again, behind savepoints, while handlers fail in new places. What
   * is in quarantine takes more of them: one begins attempts, and the next makes them. What may be deadly
   * comes last, and alone.
   */
  async run(scope: WorkScope, worker: string): Promise<TransactionResult> {
    const call = new TransactionCall(scope)
    for (let { visits } = scope; visits.length > 0;) {
      const deadly = await this.#workOff(call, visits, { worker, isAlone: false })
      const others: StreamVisit[] = []
      for (const visit of deadly) {
        const work = (): Promise<readonly StreamVisit[]> =>
          this.#workOff(call, [visit], { worker, isAlone: true })
        others.push(...(await this.#slots.alone(work)))
      }
      visits = others
    }
    return call
  }

  /**
   * Works streams off, one transaction after the other, for as long as they get on. What is begun is made by
   * the next transaction, which begins what follows. Returns the streams that are to be tried alone; or, if
   * these are, those that need not be.
   */
  async #workOff(
    call: TransactionCall,
    visits: readonly StreamVisit[],
    runner: Runner,
  ): Promise<readonly StreamVisit[]> {
    const max = runner.isAlone ? 1 : Math.min(companyMax, this.#parts.batchMax)
    const apart: StreamVisit[] = []
    let begun: readonly StreamVisit[] = []
    let waiting = visits
    for (let size = visits.length; begun.length + waiting.length > 0; size = max) {
      const next = { visits: [...begun, ...waiting.slice(0, size)], runner, max }
      const left = await this.#transact(call, next)
      begun = left.begun
      waiting = [...left.waiting, ...waiting.slice(size)]
      apart.push(...left.apart)
    }
    return apart
  }

  /** Runs one transaction; the streams that it has left. */
  async #transact(
    call: TransactionCall,
    next: Pick<TransactionRequest, 'visits' | 'runner' | 'max'>,
  ): Promise<LeftStreams> {
    const request = call.request(next)
    const atOnce = new Set<Domain>()
    let isRepeated = false
    const transacted = (): Promise<Worked<UnitResult>> =>
      this.#turns.transact(request, (unit, findings) => {
        isRepeated = findings.hasSavepoints
        return this.#runUnit(unit, { request, failures: isRepeated ? findings.failures : undefined, atOnce })
      })
    const isPlaced = this.#isPlacedFirst && !request.runner.isAlone
    const { value, again } = await (isPlaced ? this.#slots.within(transacted) : transacted())
    this.#learn(value.done, isRepeated ? atOnce : none)
    call.take(value, again)
    for (const { turn } of value.done) if (turn.setup.begun > 0) passed(this.#parts, turn.setup.begun)
    return value.left
  }

  /**
   * Where handlers failed when they were called at once, and none does one after another, they are not called
   * at once for a while.
   */
  #learn(done: readonly PlannedTurn[], atOnce: ReadonlySet<Domain>): void {
    for (const [domain, left] of this.#apart) {
      if (left > 1) this.#apart.set(domain, left - 1)
      else this.#apart.delete(domain)
    }
    if (done.some(({ turn }) => turn.failure !== undefined)) return
    for (const domain of atOnce) this.#apart.set(domain, apartBatches)
  }

  /**
   * Runs what may run, then begins attempts in quarantine: the time that others leave them alone for starts
   * after the handlers. What was begun before runs with nothing that was not.
   */
  async #runUnit(unit: UnitOfWork, run: UnitRun): Promise<UnitResult> {
    const { visits, runner, decided } = run.request
    const startedMs = this.#parts.timers.elapsedMs()
    const setting = { ...run, startedMs, isForAll: coversAll(this.#parts) }
    const all = await planTurns(this.#parts, unit, run.request)
    const sorted = new SortedTurns(all, { isForAll: setting.isForAll, isAlone: runner.isAlone })
    for (const { turn } of sorted.running) {
      if (turn.setup.begun > 0) await this.#begin(unit, turn, { ...setting, max: 0 })
    }
    const ran = (): Promise<PlannedTurn[]> => this.#runTurns(unit, sorted, setting)
    const isPlaced = this.#isPlacedFirst || runner.isAlone
    // While it waits for its place it has locked no row for which a handler that has one may wait.
    const done = await (isPlaced ? ran() : this.#slots.within(ran))
    if (sorted.beginning.length > 0) done.push(...(await this.#beginAll(unit, sorted, setting)))
    const { left } = sorted
    const busy = new Set(unit.busy)
    return {
      done,
      left,
      busy: visits.filter(({ path }) => busy.has(path) && !decided.has(path)),
      takenOver: [...left.waiting, ...left.apart]
        .map(({ path }) => path)
        .filter((path) => wonStream(unit, path).isTakenOver),
    }
  }

  /** Calls the handlers for the turns that run, and for those that follow them; writes what they came to. */
  async #runTurns(
    unit: UnitOfWork,
    sorted: SortedTurns,
    { failures, atOnce, startedMs }: UnitSetting,
  ): Promise<PlannedTurn[]> {
    const done: PlannedTurn[] = []
    while (sorted.running.length > 0) {
      const turns = sorted.running
      if (failures === undefined) {
        for (const { turn } of turns) if (!turn.isPlain) await this.#turns.check(unit, turn, startedMs)
        await this.#deliverAll(unit, turns, atOnce)
      } else {
        for (const planned of turns) await this.#turns.deliver(unit, planned, { failures, startedMs })
      }
      await this.#turns.commit(unit, turns)
      done.push(...turns)
      sorted.take(await followingTurns(this.#parts, unit, turns.filter(isQuick)))
    }
    return done
  }

  /** Begins attempts in quarantine, as many as may be, for the transaction that follows. */
  async #beginAll(
    unit: UnitOfWork,
    { beginning, left }: SortedTurns,
    setting: UnitSetting,
  ): Promise<readonly PlannedTurn[]> {
    const done: PlannedTurn[] = []
    let { max } = setting.request
    for (const planned of beginning) {
      const { turn, visit } = planned
      if (max === 0) {
        left.waiting.push(visit)
        continue
      }
      const count = await this.#begin(unit, turn, { ...setting, max })
      await this.#turns.check(unit, turn, setting.startedMs)
      done.push(planned)
      if (turn.next?.begun !== undefined) {
        left.begun.push(visit)
        max -= count
      } else if (isFollowed(planned)) left.waiting.push(visit)
    }
    await this.#turns.commit(unit, done)
    return done
  }

  /** Ends a turn in front of the first event that is not begun; begins so many attempts. */
  #begin(
    unit: UnitOfWork,
    turn: Turn,
    { request: { runner }, isForAll, startedMs, max }: UnitSetting & { readonly max: number },
  ): Promise<number> {
    const plan = { runner, isForAll, max, sinceMs: this.#parts.timers.elapsedMs() - startedMs }
    return beginInQuarantine(this.#parts, unit, { turn, plan })
  }

  /** Calls the handlers for some turns as if none would fail; who watches batches is told. */
  #deliverAll(unit: UnitOfWork, turns: readonly PlannedTurn[], atOnce: Set<Domain>): Promise<void> {
    const deliver = async (): Promise<void> => {
      await this.#deliverBulk(unit, turns)
      await this.#deliverEagerly(unit, turns, atOnce)
    }
    const watch = this.#parts.watchers?.beginBatch?.(batchOf(turns))
    if (watch === undefined) return deliver()
    return watched(watch, deliver, (error) => (error instanceof Undone ? error.failure : error))
  }

  /** Calls each `handleBatch` once for all its events. */
  async #deliverBulk(unit: UnitOfWork, turns: readonly PlannedTurn[]): Promise<void> {
    const bulk = turns.filter(({ visit }) => visit.domain.handleBatch !== undefined)
    if (bulk.length === 0) return
    for (const [domain, own] of Map.groupBy(bulk, ({ visit }): Domain => visit.domain)) {
      try {
        const events = own.flatMap(({ turn }) =>
          turn.deliveries.filter((delivery) => turn.passes(delivery)).map(({ event }) => event),
        )
        if (events.length > 0) await this.#caller.callBatch(domain, events, sceneOf(unit))
      } catch (error) {
        this.#caller.throwUnlessHandlers(unit)
        throw new Undone(undefined, error)
      }
    }
  }

  /**
   * Calls handlers as if none would fail: those of different streams at once, where the transaction takes
   * that and nothing speaks against it.
   */
  async #deliverEagerly(unit: UnitOfWork, all: readonly PlannedTurn[], atOnce: Set<Domain>): Promise<void> {
    const { transaction } = unit
    // Asked once: another transaction beside this one may change the answer while handlers run.
    const shared = transaction?.atOnce === undefined ? [] : all.filter((planned) => this.#isShared(planned))
    const called = new Set(shared.length > 1 ? shared : [])
    if (called.size > 0) {
      for (const { visit } of shared) atOnce.add(visit.domain)
      await transaction?.atOnce?.(() => this.#deliverAtOnce(unit, shared))
    }
    for (const planned of all) {
      if (planned.visit.domain.handleBatch !== undefined || called.has(planned)) continue
      const delivering = this.#deliverTurn(unit, planned, never)
      const failed = delivering instanceof Promise ? await delivering : delivering
      if (failed === undefined) continue
      this.#caller.throwUnlessHandlers(unit)
      // Whoever rolled the transaction back may be another one: the run behind savepoints finds out.
      throw new Undone(transaction?.ended ? undefined : failed.place, failed.error)
    }
  }

  #isShared({ visit: { domain } }: PlannedTurn): boolean {
    return domain.handleBatch === undefined && !domain.isSequential && !this.#apart.has(domain)
  }

  /**
   * Calls the handlers of several streams at once, as many as have places. After a failure nobody is called
   * any more. What failed may have met the statements of others, and what was late may have waited for them:
   * the run behind savepoints finds out.
   */
  async #deliverAtOnce(unit: UnitOfWork, turns: readonly PlannedTurn[]): Promise<void> {
    let first: FailedPlace | undefined
    const isStopped = { now: false }
    const waiting = turns.values()
    const runSome = async (): Promise<void> => {
      for (const planned of waiting) {
        const failed = await this.#deliverTurn(unit, planned, isStopped)
        first ??= failed
        isStopped.now = first !== undefined
      }
    }
    // The unit has a place already.
    const lanes = [runSome()]
    while (lanes.length < turns.length && this.#slots.tryEnter()) {
      lanes.push(runSome().finally(() => this.#slots.leave()))
    }
    await Promise.all(lanes)
    if (first === undefined) return
    this.#caller.throwUnlessHandlers(unit)
    throw new Undone(undefined, first.error)
  }

  /**
   * Calls handlers for the events of one turn, from one on, until one fails or it is to stop; tells what
   * failed. A promise only where a handler has one.
   */
  #deliverTurn(
    unit: UnitOfWork,
    planned: PlannedTurn,
    isStopped: { readonly now: boolean },
    from = 0,
  ): FailedPlace | undefined | Promise<FailedPlace | undefined> {
    const { turn, visit } = planned
    const { domain, path } = visit
    const { deliveries } = turn
    const scene = sceneOf(unit, path)
    for (let at = from; at < deliveries.length; at++) {
      const delivery = deliveries[at]
      if (isStopped.now || delivery === undefined) return undefined
      const { event, attempt } = delivery
      try {
        const isLeftOut = domain.filter !== undefined && !turn.passes(delivery)
        const called = isLeftOut ? undefined : this.#caller.call({ domain, path, event, attempt }, scene)
        if (called === undefined) continue
        return called.then(
          () => this.#deliverTurn(unit, planned, isStopped, at + 1),
          (error: unknown) => ({ place: placeOf(path, delivery), error }),
        )
      } catch (error) {
        return { place: placeOf(path, delivery), error }
      }
    }
    return undefined
  }
}

function batchOf(turns: readonly PlannedTurn[]): HandlerBatch {
  return {
    domains: [...new Set(turns.map(({ visit }) => visit.domain.name))],
    countMax: turns.reduce((sum, { turn }) => sum + turn.deliveries.length, 0),
    events: () =>
      turns.flatMap(({ turn }) =>
        turn.deliveries.filter((delivery) => turn.passes(delivery)).map(({ event }) => event),
      ),
  }
}

const never = { now: false }

/** Where a handler failed, and with what. */
interface FailedPlace {
  readonly place: string
  readonly error: unknown
}

const none: ReadonlySet<never> = new Set()

/** Whether a stream may go on in this unit: one whose handler timed out would keep all the others waiting. */
function isQuick({ turn }: PlannedTurn): boolean {
  return !mayStillRun(turn.failure?.error)
}

/** What became of some streams in transactions. */
export interface TransactionResult {
  /** Turns that are durable. Of one stream there may be several, in order. */
  readonly done: readonly PlannedTurn[]
  /** Streams that another worker has. */
  readonly busy: readonly StreamVisit[]
  /** Streams whose inboxes have got entries meanwhile. */
  readonly again: readonly StreamPath[]
}

/** A call of the engine, over all its transactions. */
class TransactionCall implements TransactionResult {
  readonly done: PlannedTurn[] = []
  readonly busy: StreamVisit[] = []
  readonly again: StreamPath[] = []
  readonly #scope: WorkScope
  readonly #decided = new Set<StreamPath>()
  readonly #takenOver = new Set<StreamPath>()

  constructor(scope: WorkScope) {
    this.#scope = scope
  }

  /** What the next transaction works on. */
  request(next: Pick<TransactionRequest, 'visits' | 'runner' | 'max'>): TransactionRequest {
    return { ...this.#scope, ...next, decided: this.#decided, takenOver: this.#takenOver }
  }

  /** Takes in what a transaction came to. */
  take({ done, busy, left, takenOver }: UnitResult, again: readonly StreamPath[]): void {
    this.done.push(...done)
    this.busy.push(...busy)
    this.again.push(...again)
    // As a rule nothing comes again.
    if (left.begun.length + left.waiting.length + left.apart.length === 0) return
    for (const path of takenOver) this.#takenOver.add(path)
    for (const { visit } of done) {
      this.#decided.add(visit.path)
      this.#takenOver.delete(visit.path)
    }
  }
}

/**
 * Runs turns inside transactions: again for as long as handlers fail in new places, each handler behind a
 * savepoint where one has failed, and committed with what the handlers wrote.
 */
class TurnsInTransaction {
  readonly #parts: EngineParts
  readonly #caller: HandlerCaller

  constructor(parts: EngineParts, caller: HandlerCaller) {
    this.#parts = parts
    this.#caller = caller
  }

  /** Runs a body in one transaction; again, behind savepoints, for as long as it is undone in new places. */
  async transact<Result>(
    { visits, runner }: TransactionRequest,
    body: (unit: UnitOfWork, findings: Findings) => Promise<Result>,
  ): Promise<Worked<Result>> {
    const { store, consumer, claimMs } = this.#parts
    const streams = visits.map(({ path }) => path)
    const request = { consumer, worker: runner.worker, streams, mode: 'transaction', claimMs } as const
    return untilDone((findings) => {
      const { wasRefused } = findings
      return store.work({ ...request, wasRefused }, (unit) => body(unit, findings))
    })
  }

  /** Stops a turn in front of the first event of which the payload is refused. */
  check(unit: UnitOfWork, turn: Turn, startedMs: number): Promise<void> | undefined {
    return checkTurn(this.#parts, unit, { turn, sinceMs: () => this.#parts.timers.elapsedMs() - startedMs })
  }

  /**
   * Calls the handler for each event of a turn behind a savepoint, and stops the turn at the one that fails.
   */
  async deliver(
    unit: UnitOfWork,
    planned: PlannedTurn,
    known: { readonly failures: ReadonlyMap<unknown, unknown>; readonly startedMs: number },
  ): Promise<void> {
    const { turn, visit } = planned
    await this.check(unit, turn, known.startedMs)
    for (const delivery of turn.deliveries) {
      const place = placeOf(visit.path, delivery)
      const failed = known.failures.has(place)
        ? { error: known.failures.get(place) }
        : await this.#try(unit, planned, delivery)
      if (failed === undefined) continue
      const sinceMs = this.#parts.timers.elapsedMs() - known.startedMs
      await stopTurn(this.#parts, unit, { turn, delivery, error: failed.error, sinceMs })
      return
    }
  }

  /** Calls the handler for one event; what it failed with, if it did and the transaction still stands. */
  #try(
    unit: UnitOfWork,
    { turn, visit }: PlannedTurn,
    delivery: PlannedDelivery,
  ): Promise<HandlerFailure | undefined> {
    const { domain, path } = visit
    const { event, attempt } = delivery
    const call = { domain, path, event, attempt }
    const run = (): void | Promise<void> =>
      turn.passes(delivery) ? this.#caller.call(call, sceneOf(unit, path)) : undefined
    return tryApart(this.#caller, unit, { place: placeOf(path, delivery), run })
  }

  /** Commits the turns with what their handlers wrote, or throws, which undoes both. */
  async commit(unit: UnitOfWork, turns: readonly PlannedTurn[]): Promise<void> {
    const undone = rolledBackIn(unit)
    if (undone !== undefined) throw new Undone(undefined, undone.error)
    const changes: StreamChange[] = []
    for (const { turn } of turns) changes.push(turn.change())
    const outcomes = await unit.commit({ streams: changes })
    if (!outcomes.includes('claim-lost')) return
    throw new InturnError('claim-lost', 'a stream was taken over while a transaction was open on it', {
      retryable: true,
    })
  }
}

/** What tells an attempt at an event from all others. */
function placeOf(path: StreamPath, { event, attempt }: PlannedDelivery): string {
  return `${path}/${event.epoch}/${String(event.sequence)}/${attempt}`
}
