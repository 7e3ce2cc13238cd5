// Works on streams with `effects: 'external'`: claims are leased and fenced, no transaction is open while
// handlers run, streams run side by side, and each commits as soon as it has ended. Attempts of
// streams in quarantine are committed before; what may be deadly comes last, while no other handler of the
// engine runs. Upholds I2, I5 and I6.
import { hasPassed } from '../core/sequence.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { checkTurn } from './check-payload.ts'
import { decideFully } from './decide-fully.ts'
import type { CallScene, HandlerCaller } from './delivery.ts'
import { mayStillRun } from './delivery.ts'
import type { EngineParts } from './engine-parts.ts'
import { stopTurn } from './failed-turn.ts'
import type { CommitEnd, TurnOutcome } from './group-commit.ts'
import { GroupCommit } from './group-commit.ts'
import type { HandlerSlots } from './handler-slots.ts'
import { sceneOf } from './handling.ts'
import type { StreamVisit } from './lanes.ts'
import { stopAtPartial } from './partial-effects.ts'
import type { PlannedTurn, PlanScope } from './plan-turns.ts'
import { followingTurns, isFollowed, planTurns } from './plan-turns.ts'
import { beginInQuarantine, mayBeDeadly, needsQuarantine } from './quarantine.ts'
import type { PlannedDelivery } from './turn-outcome.ts'
import type { Turn } from './turn.ts'

/** What a unit of work under claims tells its engine. */
export interface ClaimedHooks {
  /** These streams are another worker's. */
  readonly busy: (visits: readonly StreamVisit[]) => Promise<void>
  /** Handlers are about to run: other streams can be claimed beside. */
  readonly begun: () => void
  /** A turn is durable. */
  readonly done: (planned: PlannedTurn) => void
  /** The claim was lost before anything of the visit was durable. */
  readonly lost: (visit: StreamVisit) => void
  /** The unit of work has done with a stream: nothing more comes of it. */
  readonly left: (visit: StreamVisit) => void
  /** Something failed that is no handler. */
  readonly failed: (visits: readonly StreamVisit[], error: unknown) => void
}

/** What a unit is made of. */
export interface ClaimedParts {
  readonly parts: EngineParts
  readonly caller: HandlerCaller
  readonly slots: HandlerSlots
  readonly unit: UnitOfWork
  /** Who has the claims. */
  readonly worker: string
  readonly hooks: ClaimedHooks
  readonly scope: Pick<PlanScope, 'redrives' | 'keepsGaps' | 'isBehind'>
}

/** One unit of work under claims. */
export class ClaimedWork {
  readonly #parts: EngineParts
  readonly #caller: HandlerCaller
  readonly #slots: HandlerSlots
  readonly #unit: UnitOfWork
  readonly #worker: string
  readonly #hooks: ClaimedHooks
  readonly #scope: ClaimedParts['scope']
  readonly #commits: GroupCommit
  readonly #startedMs: number
  /** What follows the commit of a turn behind which there is nothing to do. */
  readonly #plainEnd: CommitEnd = {
    resolve: (outcome, planned) => {
      try {
        this.#note(planned, outcome)
        this.#hooks.left(planned.visit)
      } catch (error) {
        this.#failed([planned.visit], error)
      }
    },
    reject: (error, { visit }) => this.#failed([visit], error),
  }
  #failure: { readonly error: unknown } | undefined

  constructor({ parts, caller, slots, unit, worker, hooks, scope }: ClaimedParts) {
    this.#parts = parts
    this.#caller = caller
    this.#slots = slots
    this.#unit = unit
    this.#worker = worker
    this.#hooks = hooks
    this.#scope = scope
    this.#startedMs = parts.timers.elapsedMs()
    this.#commits = new GroupCommit(unit, {
      isLast: (planned) => !isQuick(planned) || !isFollowed(planned),
      stop: ({ turn }, partial) => stopAtPartial(parts, unit, { turn, partial, sinceMs: this.#sinceMs() }),
    })
  }

  /** Works off what was won. If something fails that is no handler, what has ended by then is durable. */
  async run(visits: readonly StreamVisit[]): Promise<void> {
    const busy = new Set(this.#unit.busy)
    const others = visits.filter(({ path }) => busy.has(path))
    const handingOver = this.#attempt(others, () => this.#hooks.busy(others))
    const runner = { worker: this.#worker, isAlone: false }
    const planning = planTurns(this.#parts, this.#unit, { visits, runner, ...this.#scope })
    // Whoever is told that it failed has nothing in hand any more.
    const turns = await planning.catch((error: unknown) =>
      handingOver.then(() => {
        throw error
      }),
    )
    this.#hooks.begun()
    const deadly: PlannedTurn[] = []
    const isOnly = turns.length === 1
    const running: Promise<void>[] = [handingOver]
    for (const planned of turns) {
      const { turn, visit } = planned
      if (turn.isPlain) {
        const working = this.#workPlain(planned, isOnly)
        if (working !== undefined) running.push(working)
      } else if (mayBeDeadly(turn)) deadly.push(planned)
      else running.push(this.#attempt([visit], () => this.#work(planned, isOnly)))
    }
    await Promise.all(running)
    await this.#commits.settled()
    for (const planned of deadly) {
      await this.#attempt([planned.visit], () => this.#slots.alone(() => this.#tryAlone(planned)))
    }
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /**
   * Works a stream off of which nothing is to be done but to call the handler for its events. A promise only
   * where a handler has one, or waits for its place; what has ended commits with all that ends beside it.
   */
  #workPlain(planned: PlannedTurn, isOnly: boolean): Promise<void> | undefined {
    const { turn, visit } = planned
    const delivering = this.#deliver(planned, this.#planOf(planned, false))
    // Commands for the commit may fail in it, and the stream goes on behind that.
    if (delivering !== undefined || turn.effects.bytes > 0) {
      return this.#attempt([visit], async () => {
        await delivering
        await this.#work(await this.#commit(planned), isOnly)
      })
    }
    this.#commits.add(planned, this.#plainEnd)
    return undefined
  }

  async #attempt(visits: readonly StreamVisit[], part: () => Promise<void>): Promise<void> {
    try {
      await part()
      for (const visit of visits) this.#hooks.left(visit)
    } catch (error) {
      this.#failed(visits, error)
    }
  }

  #failed(visits: readonly StreamVisit[], error: unknown): void {
    this.#failure ??= { error }
    this.#hooks.failed(visits, error)
  }

  /** Works a stream off: its turn, and those that follow it. `isOnly`: the unit has no other. */
  async #work(first: PlannedTurn | undefined, isOnly: boolean): Promise<void> {
    let planned = first
    while (planned !== undefined) {
      // No more are begun at a time than run: whatever is begun when the worker dies may be what killed it.
      if (needsQuarantine(planned.turn, false)) planned = await this.#workInQuarantine(planned, isOnly)
      else {
        await this.#deliverAll(planned, false)
        planned = await this.#commit(planned)
      }
    }
  }

  /**
   * Makes deliveries in quarantine while the next one needs it too; alone, where that needs no waiting.
   */
  async #workInQuarantine(first: PlannedTurn, isOnly: boolean): Promise<PlannedTurn | undefined> {
    const isAlone = isOnly && this.#slots.isIdle
    const work = async (): Promise<PlannedTurn | undefined> => {
      let planned: PlannedTurn | undefined = first
      while (planned !== undefined && needsQuarantine(planned.turn, false)) {
        await this.#beginInQuarantine(planned, { isAlone })
        await this.#deliverAll(planned, true)
        planned = await this.#commit(planned)
      }
      return planned
    }
    return isAlone ? this.#slots.alone(work) : this.#slots.within(work)
  }

  /** Tries an event that may be deadly; the rest of its stream waits for its next visit. */
  async #tryAlone(planned: PlannedTurn): Promise<void> {
    await this.#beginInQuarantine(planned, { isAlone: true })
    await this.#deliverAll(planned, true)
    const following = await this.#commit(planned)
    if (following !== undefined && planned.turn.next?.begun !== undefined) {
      await this.#beginInQuarantine(following, { isAlone: true, max: 0 })
      await this.#deliverAll(following, true)
      await this.#commit(following)
    }
  }

  /** Makes a turn durable; the one that follows it, if there is one. */
  async #commit(planned: PlannedTurn): Promise<PlannedTurn | undefined> {
    const outcome = await new Promise<TurnOutcome>((resolve, reject) => {
      this.#commits.add(planned, { resolve, reject })
    })
    this.#note(planned, outcome)
    if (outcome === 'claim-lost' || !isQuick(planned) || !isFollowed(planned)) return undefined
    const [following] = await followingTurns(this.#parts, this.#unit, [planned])
    return following
  }

  /** Takes in what the commit of a turn has come to. */
  #note(planned: PlannedTurn, outcome: TurnOutcome): void {
    if (outcome !== 'claim-lost') {
      this.#hooks.done(planned)
      return
    }
    this.#parts.telemetry({ kind: 'claim-lost', stream: planned.visit.path })
    if (planned.isFirst) this.#hooks.lost(planned.visit)
  }

  async #beginInQuarantine(
    { turn }: PlannedTurn,
    { isAlone, max = 1 }: { readonly isAlone: boolean; readonly max?: number },
  ): Promise<void> {
    const runner = { worker: this.#worker, isAlone }
    const plan = { runner, isForAll: false, sinceMs: this.#sinceMs(), max }
    if (needsQuarantine(turn, false)) await beginInQuarantine(this.#parts, this.#unit, { turn, plan })
  }

  /** Asks the schema and the filter of a turn's domain, and calls the handler for each of its events. */
  async #deliverAll(planned: PlannedTurn, isPlaced: boolean): Promise<void> {
    const { turn } = planned
    const behind = firstBehindLoss(turn)
    if (behind !== undefined) await this.#endBefore(planned, behind)
    const checking = checkTurn(this.#parts, this.#unit, { turn, sinceMs: () => this.#sinceMs() })
    if (checking !== undefined) await checking
    const delivering = this.#deliver(planned, this.#planOf(planned, isPlaced))
    if (delivering !== undefined) await delivering
  }

  /**
   * Calls the handler for each event of a turn from the given call on; a promise only where a handler has
   * one, or waits for its place.
   */
  #deliver(planned: PlannedTurn, plan: CallPlan, from = 0): Promise<void> | undefined {
    const { isPlaced } = plan
    const { effects, deliveries } = planned.turn
    const count = plan.isBulk ? 1 : deliveries.length
    // Calls that end at once share a place: nothing else runs between them.
    let hasPlace = false
    let at = from
    for (; at < count && !effects.isFull; at++) {
      if (!isPlaced && !hasPlace && !this.#slots.tryEnter()) return this.#deliverLater(planned, plan, at)
      hasPlace = !isPlaced
      const called = this.#call(planned, plan, deliveries[at])
      if (called !== undefined) return this.#goOn(planned, plan, { at, called })
    }
    if (hasPlace) this.#slots.leave()
    return at < count ? this.#endBefore(planned, deliveries[at]) : undefined
  }

  async #deliverLater(planned: PlannedTurn, plan: CallPlan, at: number): Promise<void> {
    await this.#slots.enter()
    const called = this.#call(planned, plan, planned.turn.deliveries[at])
    await this.#goOn(planned, plan, { at, called })
  }

  /** Waits for a call, and goes on with the next one. */
  async #goOn(
    planned: PlannedTurn,
    plan: CallPlan,
    { at, called }: { readonly at: number; readonly called: Promise<CallEnd> | CallEnd },
  ): Promise<void> {
    let end: CallEnd
    try {
      end = await called
    } finally {
      if (!plan.isPlaced) this.#slots.leave()
    }
    if (end === undefined) return this.#deliver(planned, plan, at + 1)
    return this.#fail(planned, { plan, at, error: end.error })
  }

  /** Ends a turn in front of a delivery, with which the turn that follows goes on. */
  async #endBefore({ turn }: PlannedTurn, next: PlannedDelivery | undefined): Promise<void> {
    if (next === undefined) return
    const { runner } = turn.setup
    await decideFully(this.#unit, turn, () => turn.endBefore(next, { runner, begun: undefined }))
  }

  /**
   * Stops a turn at a failed event; of several that failed in one call, each is called by itself to find out
   * which.
   */
  async #fail(
    planned: PlannedTurn,
    { plan, at, error }: { readonly plan: CallPlan; readonly at: number; readonly error: unknown },
  ): Promise<void> {
    this.#caller.throwUnlessHandlers(this.#unit)
    const { turn } = planned
    const delivery = turn.deliveries[at]
    if (delivery === undefined) throw error
    if (plan.isBulk && turn.deliveries.length > 1) return this.#deliver(planned, { ...plan, isBulk: false })
    return stopTurn(this.#parts, this.#unit, { turn, delivery, error, sinceMs: this.#sinceMs() })
  }

  /** How long the unit of work has lasted, in milliseconds. */
  #sinceMs(): number {
    return this.#parts.timers.elapsedMs() - this.#startedMs
  }

  /** Makes one call of a handler; nothing where it ended well at once. Never throws, never rejects. */
  #call(
    planned: PlannedTurn,
    { isBulk, callsAll, scene }: CallPlan,
    delivery: PlannedDelivery | undefined,
  ): Promise<CallEnd> | CallEnd {
    try {
      const { turn, visit } = planned
      const { domain, path } = visit
      if (delivery === undefined) return undefined
      let called: void | Promise<void> = undefined
      if (isBulk) called = this.#callAll(planned, scene)
      else if (callsAll || turn.isCalled(delivery)) {
        const { event, attempt } = delivery
        called = this.#caller.call({ domain, path, event, attempt }, scene)
      }
      return called?.then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
    } catch (error) {
      return { error }
    }
  }

  /** Calls the handler once for all events of a turn. */
  #callAll({ turn, visit }: PlannedTurn, scene: CallScene): void | Promise<void> {
    const { domain, path } = visit
    const called = turn.deliveries.filter((delivery) => turn.callsAll || turn.isCalled(delivery))
    const events = called.map(({ event }) => event)
    const [first] = called
    if (first === undefined) return undefined
    if (events.length > 1) return this.#caller.callBatch(domain, events, scene)
    const { event, attempt } = first
    return this.#caller.call({ domain, path, event, attempt }, scene)
  }

  /** How the handler is called for a turn. */
  #planOf(planned: PlannedTurn, isPlaced: boolean): CallPlan {
    const { turn, visit } = planned
    const scene = sceneOf(this.#unit, visit.path, turn.effects)
    return { isBulk: isBulk(planned), isPlaced, callsAll: turn.callsAll, scene }
  }
}

/** How the handler is called for the deliveries of a turn: one after another, or once for all. */
interface CallPlan {
  readonly isBulk: boolean
  /** The stream has its place among the running handlers already. */
  readonly isPlaced: boolean
  /** Whether the handler is called for each: none is filtered, or was done before. */
  readonly callsAll: boolean
  readonly scene: CallScene
}

/** How a call of a handler ended: nothing, where it ended well. */
type CallEnd = { readonly error: unknown } | undefined

/** Whether a stream may go on in this unit: one whose handler timed out would keep all the others waiting. */
function isQuick({ turn }: PlannedTurn): boolean {
  return !mayStillRun(turn.failure?.error)
}

/**
 * The first delivery behind numbers that the turn gives up. Its handler is called once they are durably lost:
 * if that commit failed, and one of them came after all, it would be called behind a later one.
 */
function firstBehindLoss({ ledger, deliveries, failure, next }: Turn): PlannedDelivery | undefined {
  if (failure !== undefined || next !== undefined) return undefined
  const lost = ledger.filter(({ kind }) => kind === 'lost')
  if (lost.length === 0) return undefined
  // What is lost with an epoch lies behind its last position, and is durable only with the next one.
  return deliveries.find(({ before: { epoch, sequence: position } }) =>
    lost.some(({ epoch: own, to: sequence }) => {
      if (own !== epoch || sequence === undefined) return false
      return hasPassed({ epoch, position }, { epoch, sequence })
    }),
  )
}

/** Whether the deliveries of a turn are made all at once: but not once the first has failed before. */
function isBulk({ turn: { deliveries }, visit }: PlannedTurn): boolean {
  return visit.domain.handleBatch !== undefined && deliveries[0]?.attempt === 1
}
