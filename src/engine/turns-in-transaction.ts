// Turns inside a transaction: run again for as long as handlers fail in new places, each handler behind a
// savepoint where one has failed, and committed with what the handlers wrote. Upholds I2.
import { InturnError } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamChange, UnitOfWork, Worked } from '../ports/store.ts'
import { checkTurn } from './check-payload.ts'
import type { HandlerCaller } from './delivery.ts'
import type { EngineParts } from './engine-parts.ts'
import { stopTurn } from './failed-turn.ts'
import type { Findings, HandlerFailure } from './handling.ts'
import { rolledBackIn, sceneOf, tryApart, Undone, untilDone } from './handling.ts'
import type { StreamVisit } from './lanes.ts'
import type { PlannedTurn, PlanScope } from './plan-turns.ts'
import type { PlannedDelivery } from './turn-outcome.ts'
import type { Turn } from './turn.ts'

/** What is worked on, and by which call. */
export type TransactionRequest = PlanScope

/** What became of some streams in transactions. */
export interface TransactionResult {
  /** Turns that are durable. Of one stream there may be several, in order. */
  readonly done: readonly PlannedTurn[]
  /** Streams that another worker has. */
  readonly busy: readonly StreamVisit[]
  /** Streams whose inboxes have got entries meanwhile. */
  readonly again: readonly StreamPath[]
}

/** Runs turns inside transactions. */
export class TurnsInTransaction {
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
    return untilDone((findings) => store.work(request, (unit) => body(unit, findings)))
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
export function placeOf(path: StreamPath, { event, attempt }: PlannedDelivery): string {
  return `${path}/${event.epoch}/${String(event.sequence)}/${attempt}`
}
