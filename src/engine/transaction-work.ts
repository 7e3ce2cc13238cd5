// Works on streams with `effects: 'transaction'`: one transaction holds the handlers' writes and the
// positions of a whole batch. It runs as if nothing will fail; if a handler throws, everything is undone and
// the batch runs again with each handler behind a savepoint, so that only the failing stream stops. Streams
// that need care are set aside, and come after the others. Upholds I2 and I6.
import type { StreamPath } from '../core/stream-path.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { CarefulTransactions } from './careful-transactions.ts'
import { needsCare } from './careful-turns.ts'
import type { HandlerCaller } from './delivery.ts'
import { mayStillRun } from './delivery.ts'
import type { Domain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import type { StreamVisit } from './lanes.ts'
import type { PlannedTurn } from './plan-turns.ts'
import { followingTurns, planTurns } from './plan-turns.ts'
import type { TransactionRequest, TransactionResult } from './turns-in-transaction.ts'
import { placeOf, sceneOf, TurnsInTransaction, Undone } from './turns-in-transaction.ts'

/** What a transaction came to, and which streams were set aside in it. */
interface BulkResult extends Omit<TransactionResult, 'again'> {
  readonly aside: readonly StreamVisit[]
  readonly takenOver: ReadonlySet<StreamPath>
}

/** Works on batches whose effects commit with their positions. */
export class TransactionWork {
  readonly #parts: EngineParts
  readonly #caller: HandlerCaller
  readonly #turns: TurnsInTransaction
  readonly #careful: CarefulTransactions

  constructor(parts: EngineParts, caller: HandlerCaller) {
    this.#parts = parts
    this.#caller = caller
    this.#turns = new TurnsInTransaction(parts, caller)
    this.#careful = new CarefulTransactions(parts, this.#turns)
  }

  /**
   * Runs the batches in one transaction; again, more carefully, for as long as handlers fail in new places.
   * What needs care has transactions of its own after that.
   */
  async run(
    scope: Omit<TransactionRequest, 'care' | 'takenOver'>,
    worker: string,
  ): Promise<TransactionResult> {
    const request = { ...scope, care: { worker, isAlone: true } }
    const { value, again } = await this.#turns.transact(request, (unit, findings) =>
      this.#runUnit(unit, request, findings.isCareful ? findings.failures : undefined),
    )
    const results: TransactionResult[] = [{ ...value, again }]
    for (const visit of value.aside) {
      const apart = { ...request, visits: [visit], takenOver: value.takenOver }
      results.push(await this.#careful.run(apart))
    }
    return {
      done: results.flatMap(({ done }) => done),
      busy: results.flatMap(({ busy }) => busy),
      again: results.flatMap((result) => result.again),
    }
  }

  /** `failures`: how handlers failed in earlier runs, where there were some. */
  async #runUnit(
    unit: UnitOfWork,
    request: TransactionRequest,
    failures: ReadonlyMap<string, unknown> | undefined,
  ): Promise<BulkResult> {
    const { visits } = request
    const { isWary } = this.#parts.wariness
    const startedMs = this.#parts.timers.elapsedMs()
    const done: PlannedTurn[] = []
    const all = await planTurns(this.#parts, unit, request)
    const aside = all.filter(({ turn }) => needsCare(turn, isWary)).map(({ visit }) => visit)
    let turns = all.filter(({ turn }) => !needsCare(turn, isWary))
    while (turns.length > 0) {
      if (failures === undefined) {
        for (const { turn } of turns) await this.#turns.check(unit, turn, startedMs)
        await this.#deliverBulk(unit, turns)
        await this.#deliverEagerly(unit, turns)
      } else {
        for (const planned of turns) await this.#turns.deliver(unit, planned, { failures, startedMs })
      }
      await this.#turns.commit(unit, turns)
      done.push(...turns)
      const following = await followingTurns(this.#parts, unit, turns.filter(isQuick))
      // What needs care only now is due at once, and has its turn in a sweep.
      turns = following.filter(({ turn }) => !needsCare(turn, isWary))
    }
    const busy = new Set(unit.busy)
    return {
      done,
      busy: visits.filter(({ path }) => busy.has(path)),
      aside,
      takenOver: unit.takenOver,
    }
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
        if (events.length > 0) await this.#caller.callBatch(domain, events, sceneOf(unit, undefined))
      } catch (error) {
        this.#caller.throwUnlessHandlers(unit)
        throw new Undone(undefined, error)
      }
    }
  }

  /** Calls handlers as if none would fail. */
  async #deliverEagerly(unit: UnitOfWork, turns: readonly PlannedTurn[]): Promise<void> {
    for (const { turn, visit } of turns) {
      const { domain, path } = visit
      if (domain.handleBatch !== undefined) continue
      const scene = sceneOf(unit, path)
      for (const delivery of turn.deliveries) {
        const { event, attempt } = delivery
        try {
          const called = turn.passes(delivery)
            ? this.#caller.call({ domain, path, event, attempt }, scene)
            : undefined
          if (called !== undefined) await called
        } catch (error) {
          this.#caller.throwUnlessHandlers(unit)
          // Whoever rolled the transaction back may be another one: the careful run finds out.
          throw new Undone(unit.isUndone ? undefined : placeOf(path, delivery), error)
        }
      }
    }
  }
}

/** Whether a stream may go on in this unit: one whose handler timed out would keep all the others waiting. */
function isQuick({ turn }: PlannedTurn): boolean {
  return !mayStillRun(turn.failure?.error)
}
