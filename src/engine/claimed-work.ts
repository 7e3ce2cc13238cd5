// Works on streams with `effects: 'external'`: claims are leased and fenced, no transaction is open while
// handlers run, streams run side by side, and each commits as soon as it has ended. Streams that need care
// come after the others; those under suspicion last, one by one. Upholds I2, I5 and I6.
import type { UnitOfWork } from '../ports/store.ts'
import type { CarefulPlan } from './careful-turns.ts'
import { isSuspect, needsCare, takeCare } from './careful-turns.ts'
import { checkTurn } from './check-payload.ts'
import { decideFully } from './decide-fully.ts'
import type { CallScene, HandlerCaller } from './delivery.ts'
import { mayStillRun } from './delivery.ts'
import type { EngineParts } from './engine-parts.ts'
import { stopTurn } from './failed-turn.ts'
import { GroupCommit } from './group-commit.ts'
import { stopAtPartial } from './partial-effects.ts'
import type { PlannedTurn, PlanOptions } from './plan-turns.ts'
import { followingTurns, isFollowed, planTurns } from './plan-turns.ts'
import { recordCall } from './recorded-call.ts'
import type { StreamBatch } from './stream-batch.ts'
import type { PlannedDelivery } from './turn-outcome.ts'
import type { Turn } from './turn.ts'
import type { WorkResult } from './work-result.ts'

/** Works on batches whose handlers act elsewhere. */
export class ClaimedWork {
  readonly #parts: EngineParts
  readonly #caller: HandlerCaller

  constructor(parts: EngineParts, caller: HandlerCaller) {
    this.#parts = parts
    this.#caller = caller
  }

  /** Runs the batches under claims. */
  async run(batches: readonly StreamBatch[], options: PlanOptions, worker: string): Promise<WorkResult> {
    const { store, consumer, claimMs } = this.#parts
    const streams = batches.map(({ path }) => path)
    const request = { consumer, worker, streams, mode: 'claim', claimMs } as const
    const worked = await store.work(request, (unit) =>
      new ClaimedUnit(this.#parts, this.#caller, { unit, worker }).run(batches, options),
    )
    return { ...worked.value, again: worked.again }
  }
}

/** One unit of work under claims. */
class ClaimedUnit {
  readonly #parts: EngineParts
  readonly #caller: HandlerCaller
  readonly #unit: UnitOfWork
  readonly #worker: string
  readonly #commits: GroupCommit
  readonly #startedMs: number
  readonly #done: PlannedTurn[] = []
  readonly #lost: StreamBatch[] = []
  /** Turns that have the arrivals of their batch; those that follow have none. */
  #first: ReadonlySet<PlannedTurn> = new Set()
  #committed: PlannedTurn[] = []

  constructor(
    parts: EngineParts,
    caller: HandlerCaller,
    { unit, worker }: { readonly unit: UnitOfWork; readonly worker: string },
  ) {
    this.#parts = parts
    this.#caller = caller
    this.#unit = unit
    this.#worker = worker
    this.#startedMs = parts.timers.elapsedMs()
    this.#commits = new GroupCommit(unit, {
      isLast: (planned) => isQuick(planned) && !isFollowed(planned),
      ended: (planned, outcome) => this.#take(planned, outcome),
      stop: ({ turn }, partial) => stopAtPartial(parts, unit, { turn, partial, sinceMs: this.#sinceMs() }),
    })
  }

  async run(batches: readonly StreamBatch[], options: PlanOptions): Promise<Omit<WorkResult, 'again'>> {
    const care = { worker: this.#worker, isAlone: false }
    const turns = await planTurns(this.#parts, this.#unit, { batches, options, care })
    this.#first = new Set(turns)
    const {
      carefree = [],
      careful = [],
      suspects = [],
    } = Object.groupBy(turns, ({ turn }) =>
      isSuspect(turn) ? 'suspects' : needsCare(turn, false) ? 'careful' : 'carefree',
    )
    const isAlone = careful.length === 1 && suspects.length === 0
    await this.#work(carefree)
    // No more are marked at a time than run: whatever is marked when the worker dies falls under suspicion.
    for (let from = 0; from < careful.length; from += this.#parts.concurrency) {
      await this.#work(careful.slice(from, from + this.#parts.concurrency), isAlone)
    }
    for (const suspect of suspects) await this.#try(suspect)
    const busy = new Set(this.#unit.busy)
    return {
      done: this.#done,
      busy: busy.size === 0 ? [] : batches.filter(({ path }) => busy.has(path)),
      lost: this.#lost,
    }
  }

  /** Works turns off, and those that follow them. */
  async #work(first: readonly PlannedTurn[], isAlone = false): Promise<void> {
    for (let turns = first; turns.length > 0; turns = await this.#following()) {
      await this.#takeCare(turns, { isAlone })
      await this.#deliverAll(turns)
    }
  }

  /** Tries the event that is under suspicion, while nothing else runs; the rest of its stream waits. */
  async #try(suspect: PlannedTurn): Promise<void> {
    await this.#takeCare([suspect], { isAlone: true })
    await this.#deliverAll([suspect])
    const following = await this.#following()
    if (suspect.turn.mark?.failing === undefined) return
    await this.#takeCare(following, { isAlone: true, isLast: true })
    await this.#deliverAll(following)
    this.#committed = []
  }

  async #following(): Promise<readonly PlannedTurn[]> {
    const committed = this.#committed.filter(isQuick)
    this.#committed = []
    return followingTurns(this.#parts, this.#unit, committed)
  }

  async #takeCare(
    turns: readonly PlannedTurn[],
    { isAlone, isLast = false }: { readonly isAlone: boolean; readonly isLast?: boolean },
  ): Promise<void> {
    const care = { worker: this.#worker, isAlone }
    const plan: CarefulPlan = { care, isWary: false, sinceMs: this.#sinceMs(), isLast }
    for (const { turn } of turns) {
      if (needsCare(turn, false)) await takeCare(this.#parts, this.#unit, { turn, plan })
    }
  }

  /**
   * Runs turns side by side, and resolves once all are durable; a turn whose handlers return at once takes no
   * slot. If something fails that is not a handler, what has ended by then is still made durable.
   */
  async #deliverAll(turns: readonly PlannedTurn[]): Promise<void> {
    const running = new Set<Promise<void>>()
    let failure: { readonly error: unknown } | undefined
    for (const planned of turns) {
      const checking = checkTurn(this.#parts, this.#unit, {
        turn: planned.turn,
        sinceMs: () => this.#sinceMs(),
      })
      const delivering =
        checking === undefined ? this.#deliver(planned, 0) : checking.then(() => this.#deliver(planned, 0))
      if (delivering === undefined) {
        this.#commits.add(planned)
        continue
      }
      const run: Promise<void> = delivering
        .then(() => this.#commits.add(planned))
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => running.delete(run))
      running.add(run)
      if (running.size >= this.#parts.concurrency) await Promise.race(running)
      if (failure !== undefined) break
    }
    await Promise.all(running)
    await this.#commits.flush()
    if (failure !== undefined) throw failure.error
  }

  #take(planned: PlannedTurn, outcome: 'committed' | 'claim-lost'): void {
    const { batch } = planned
    if (outcome === 'committed') {
      this.#committed.push(planned)
      this.#done.push(planned)
      return
    }
    this.#parts.telemetry({ kind: 'claim-lost', stream: batch.path })
    if (this.#first.has(planned)) this.#lost.push(batch)
  }

  /**
   * Calls the handler for each event of a turn from the given call on; a promise only where a handler has
   * one.
   */
  #deliver(planned: PlannedTurn, from: number, calls = callsOf(planned)): Promise<void> | undefined {
    for (let at = from; at < calls.length; at++) {
      const call = calls[at] ?? []
      if (planned.turn.effects.isFull) return this.#endBefore(planned, call)
      try {
        const called = this.#call(planned, call)
        if (called === undefined) continue
        return called.then(
          () => this.#deliver(planned, at + 1, calls),
          (error: unknown) => this.#fail(planned, call, error),
        )
      } catch (error) {
        return this.#fail(planned, call, error)
      }
    }
    return undefined
  }

  /** Ends a turn whose commit has enough to carry out; the one that follows goes on. */
  async #endBefore({ turn }: PlannedTurn, [next]: readonly PlannedDelivery[]): Promise<void> {
    if (next === undefined) return
    const mark = { care: turn.setup.care, failing: undefined }
    await decideFully(this.#unit, turn, () => turn.endBefore(next, mark))
  }

  /**
   * Stops a turn at a failed event; of several that failed in one call, each is called by itself to find out
   * which.
   */
  async #fail(planned: PlannedTurn, call: readonly PlannedDelivery[], error: unknown): Promise<void> {
    this.#caller.throwUnlessHandlers(this.#unit)
    const { turn } = planned
    const [delivery] = call
    if (delivery === undefined) throw error
    if (call.length > 1) return this.#deliver(planned, turn.deliveries.indexOf(delivery), singly(turn))
    return stopTurn(this.#parts, this.#unit, { turn, delivery, error, sinceMs: this.#sinceMs() })
  }

  /** How long the unit of work has lasted, in milliseconds. */
  #sinceMs(): number {
    return this.#parts.timers.elapsedMs() - this.#startedMs
  }

  #call({ turn, batch }: PlannedTurn, call: readonly PlannedDelivery[]): void | Promise<void> {
    const { domain, path } = batch
    const { transaction, signal } = this.#unit
    const fence = this.#unit.fence(path)
    const [first, ...others] = call.filter((delivery) => turn.isCalled(delivery))
    if (first === undefined) return undefined
    const events = [first, ...others].map(({ event }) => event)
    return recordCall(this.#unit, {
      stream: path,
      take: (recorded) => turn.effects.add(events, recorded),
      call: (redis) => {
        const scene: CallScene = { transaction, signal, fence, redis }
        if (others.length > 0) return this.#caller.callBatch(domain, events, scene)
        return this.#caller.call({ domain, path, event: first.event, attempt: first.attempt }, scene)
      },
    })
  }
}

/** Whether a stream may go on in this unit: one whose handler timed out would keep all the others waiting. */
function isQuick({ turn }: PlannedTurn): boolean {
  return !mayStillRun(turn.failure?.error)
}

/**
 * The deliveries of a turn as they are called: one by one, or all at once, but not once the first has failed
 * before.
 */
function callsOf({ turn, batch }: PlannedTurn): readonly (readonly PlannedDelivery[])[] {
  const { deliveries } = turn
  const isBulk = batch.domain.handleBatch !== undefined && (deliveries[0]?.attempt ?? 1) === 1
  return isBulk && deliveries.length > 0 ? [deliveries] : singly(turn)
}

function singly({ deliveries }: Turn): readonly (readonly PlannedDelivery[])[] {
  return deliveries.map((delivery) => [delivery])
}
