// Works on streams with `effects: 'transaction'`: one transaction holds the handlers' writes and the
// positions of a whole batch. It runs as if nothing will fail; if a handler throws, everything is undone and
// the batch runs again with each handler behind a savepoint, so that only the failing stream stops. Upholds
// I2 and I6.
import { InturnError } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { UnitOfWork } from '../ports/store.ts'
import type { CallScene, HandlerCaller } from './delivery.ts'
import { mayStillRun } from './delivery.ts'
import type { Domain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import { stopTurn } from './failed-turn.ts'
import type { PlannedTurn, PlanOptions } from './plan-turns.ts'
import { followingTurns, planTurns } from './plan-turns.ts'
import type { StreamBatch } from './stream-batch.ts'
import type { PlannedDelivery } from './turn-outcome.ts'
import type { WorkResult } from './work-result.ts'

/** A handler threw in a transaction that can no longer be used, or was not prepared for it. */
class Undone extends Error {
  readonly place: string | undefined
  readonly failure: unknown

  constructor(place: string | undefined, failure: unknown) {
    super('a transaction is undone because a handler failed')
    this.place = place
    this.failure = failure
  }
}

/** What earlier runs of a batch have shown. */
interface Findings {
  /**
   * By place and attempt: how the handler failed there. Another worker may have made the attempt meanwhile.
   */
  readonly failures: Map<string, unknown>
  /** Each handler runs behind a savepoint. */
  readonly isCareful: boolean
}

/** Works on batches whose effects commit with their positions. */
export class TransactionWork {
  readonly #parts: EngineParts
  readonly #caller: HandlerCaller

  constructor(parts: EngineParts, caller: HandlerCaller) {
    this.#parts = parts
    this.#caller = caller
  }

  /**
   * Runs the batches in one transaction; again, more carefully, for as long as handlers fail in new places.
   */
  async run(batches: readonly StreamBatch[], options: PlanOptions, worker: string): Promise<WorkResult> {
    const { store, consumer, claimMs } = this.#parts
    const streams = batches.map(({ path }) => path)
    let findings: Findings = { failures: new Map(), isCareful: false }
    for (;;) {
      try {
        const request = { consumer, worker, streams, mode: 'transaction', claimMs } as const
        const worked = await store.work(request, (unit) =>
          this.#runUnit(unit, { batches, options, findings }),
        )
        return { ...worked.value, again: worked.again }
      } catch (error) {
        if (!(error instanceof Undone)) throw error
        if (error.place !== undefined) findings.failures.set(error.place, error.failure)
        else if (findings.isCareful) throw error.failure
        findings = { failures: findings.failures, isCareful: true }
      }
    }
  }

  async #runUnit(
    unit: UnitOfWork,
    work: {
      readonly batches: readonly StreamBatch[]
      readonly options: PlanOptions
      readonly findings: Findings
    },
  ): Promise<Omit<WorkResult, 'again'>> {
    const { batches, findings } = work
    const startedMs = this.#parts.timers.elapsedMs()
    const done: PlannedTurn[] = []
    let turns = await planTurns(this.#parts, unit, work)
    while (turns.length > 0) {
      if (findings.isCareful) {
        for (const planned of turns) {
          await this.#deliverCarefully(unit, planned, { failures: findings.failures, startedMs })
        }
      } else {
        await this.#deliverBulk(unit, turns)
        await this.#deliverEagerly(unit, turns)
      }
      await commitAll(unit, turns)
      done.push(...turns)
      turns = await followingTurns(this.#parts, unit, turns.filter(isQuick))
    }
    const busy = new Set(unit.busy)
    return { done, busy: batches.filter(({ path }) => busy.has(path)), lost: [] }
  }

  /** Calls each `handleBatch` once for all its events. */
  async #deliverBulk(unit: UnitOfWork, turns: readonly PlannedTurn[]): Promise<void> {
    const bulk = turns.filter(({ batch }) => batch.domain.handleBatch !== undefined)
    if (bulk.length === 0) return
    for (const [domain, own] of Map.groupBy(bulk, ({ batch }): Domain => batch.domain)) {
      try {
        const events = own.flatMap(({ turn }) =>
          turn.deliveries.filter((delivery) => turn.passes(delivery)).map(({ event }) => event),
        )
        if (events.length > 0) await this.#caller.callBatch(domain, events, sceneOf(unit, undefined))
      } catch (error) {
        this.#caller.throwUnlessHandlers(error, unit.transaction)
        throw new Undone(undefined, error)
      }
    }
  }

  /** Calls handlers as if none would fail. */
  async #deliverEagerly(unit: UnitOfWork, turns: readonly PlannedTurn[]): Promise<void> {
    for (const { turn, batch } of turns) {
      const { domain, path } = batch
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
          this.#caller.throwUnlessHandlers(error, unit.transaction)
          // Whoever rolled the transaction back may be another one: the careful run finds out.
          throw new Undone(unit.isUndone ? undefined : placeOf(path, delivery), error)
        }
      }
    }
  }

  /**
   * Calls the handler for each event of a turn behind a savepoint, and stops the turn at the one that fails.
   */
  async #deliverCarefully(
    unit: UnitOfWork,
    { turn, batch }: PlannedTurn,
    known: { readonly failures: ReadonlyMap<string, unknown>; readonly startedMs: number },
  ): Promise<void> {
    const { domain, path } = batch
    const scene = sceneOf(unit, path)
    for (const delivery of turn.deliveries) {
      const { event, attempt } = delivery
      const place = placeOf(path, delivery)
      let error = known.failures.get(place)
      if (!known.failures.has(place)) {
        try {
          const call = { domain, path, event, attempt }
          if (turn.passes(delivery)) await unit.savepoint(async () => this.#caller.call(call, scene))
          if (unit.isUndone) throw rolledBack()
          continue
        } catch (failure) {
          this.#caller.throwUnlessHandlers(failure, unit.transaction)
          if (unit.isUndone || mayStillRun(failure)) throw new Undone(place, failure)
          error = failure
        }
      }
      const sinceMs = this.#parts.timers.elapsedMs() - known.startedMs
      await stopTurn(this.#parts, unit, { turn, delivery, error, sinceMs })
      return
    }
  }
}

/** Commits the turns with what their handlers wrote, or throws, which undoes both. */
async function commitAll(unit: UnitOfWork, turns: readonly PlannedTurn[]): Promise<void> {
  if (unit.isUndone) throw new Undone(undefined, rolledBack())
  const outcomes = await unit.commit({ streams: turns.map(({ turn }) => turn.change()) })
  if (!outcomes.includes('claim-lost')) return
  throw new InturnError('claim-lost', 'a stream was taken over while a transaction was open on it', {
    retryable: true,
  })
}

/** Whether a stream may go on in this unit: one whose handler timed out would keep all the others waiting. */
function isQuick({ turn }: PlannedTurn): boolean {
  return !mayStillRun(turn.failure?.error)
}

function rolledBack(): InturnError {
  return new InturnError('handler-failed', 'a statement of a handler has rolled back the whole transaction')
}

function placeOf(path: StreamPath, { event, attempt }: PlannedDelivery): string {
  return `${path}/${event.epoch}/${String(event.sequence)}/${attempt}`
}

function sceneOf(unit: UnitOfWork, path: string | undefined): CallScene {
  const { transaction, signal } = unit
  return { transaction, signal, fence: path === undefined ? 0 : unit.fence(path) }
}
