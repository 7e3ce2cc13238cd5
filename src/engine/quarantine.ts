// Quarantine: an attempt that may kill its worker is durable before its handler starts, and taken back when
// it has ended, well or not: whoever finds one knows that a worker died of it, or beside it. Only where a
// claim was taken over, a worker's silence was seen, or a source gives an event out again. Upholds I7: a
// handler that ends its process runs out of attempts too; and I6: a death counts only of what ran alone.
import { InturnError } from '../core/errors.ts'
import { encodePart } from '../core/stream-path.ts'
import type { Failing, StreamState } from '../core/stream-state.ts'
import { deadLetterKey } from '../ports/dead-letter-key.ts'
import type { UnitOfWork } from '../ports/store.ts'
import { decideFully } from './decide-fully.ts'
import type { EngineParts } from './engine-parts.ts'
import type { HandlerSlots } from './handler-slots.ts'
import type { UnorderedIntake } from './intake.ts'
import type { PlannedDelivery } from './turn-outcome.ts'
import type { BegunAttempts, Runner, Turn } from './turn.ts'

/** What is said of an attempt that ended with its worker. */
export const diedText = 'the worker died, or was lost, while the handler ran'

/** A worker that is silent for less than this is not missed, however short its claims are. */
const missedMs = 5_000

/** Says that this worker has been reading its source, which measures I8's time; hears of silent ones. */
export async function beat(parts: EngineParts): Promise<void> {
  const { store, consumer, worker, claimMs, batchMax } = parts
  const { died } = await store.heartbeat(consumer, worker, { silentMs: Math.max(claimMs, missedMs) })
  if (died.length === 0) return
  // Nothing else is left to tell what they were at.
  const { transactionsMax = 1 } = store.about
  // A batch in each transaction, and as many events that were held.
  parts.quarantine.left = (1 + transactionsMax) * batchMax
  parts.telemetry({ kind: 'workers-died', workers: died })
}

/** Says that this worker ends. What the store makes of it changes nothing for a worker that ends. */
export async function leave({ store, consumer, worker }: EngineParts): Promise<void> {
  try {
    await store.heartbeat(consumer, worker, { leaves: true })
  } catch (error) {
    if (!(error instanceof InturnError)) throw error
  }
}

/**
 * The state of a stream that was won from a dead worker: all that one can have had in hand, a batch and what
 * was held, is delivered in quarantine.
 */
export function inQuarantine(state: StreamState, batchMax: number): StreamState {
  return { ...state, quarantine: Math.max(state.quarantine, batchMax + state.heldCount) }
}

/** How many attempts at the stream's next events were begun by this call, which may make them now. */
export function begunBy(state: StreamState, { worker, isAlone }: Runner): number {
  if (state.failing?.runningBy !== worker) return 0
  return isAlone ? 1 : suspectsOf(state)
}

/**
 * The state as it is decided by the call that has begun so many attempts and makes them now: so many
 * deliveries less are to be made in quarantine, and an attempt that was counted when it was begun is not
 * counted twice.
 */
export function asRun(state: StreamState, begun: number, { isAlone }: Runner): StreamState {
  const { failing, quarantine, suspects } = state
  if (failing === undefined) return state
  const attempts = Math.max(0, failing.attempts - (isAlone ? 1 : 0))
  return {
    ...state,
    quarantine: Math.max(0, quarantine - begun),
    suspects: Math.max(0, suspects - begun),
    failing: { ...failing, attempts },
  }
}

/** How many events of a stream may be deadly. An attempt of an earlier version was always one. */
function suspectsOf({ failing, suspects }: StreamState): number {
  return failing?.runningBy === undefined ? suspects : Math.max(1, suspects)
}

/** Whether all that leaves no claim behind when it dies is in quarantine. */
export function coversAll({ quarantine }: EngineParts): boolean {
  return quarantine.left > 0
}

/** So many deliveries in quarantine were made, and nobody has died of them. */
export function passed({ quarantine }: EngineParts, deliveries: number): void {
  quarantine.left = Math.max(0, quarantine.left - deliveries)
}

// An event of a stream: in turn -> begun, in company or alone -> delivered, or failed as ever. Begun, and its
// worker died: it may be deadly -> begun alone, which is counted -> ... -> its attempts are used up. What is
// begun in company, of one stream or of many, is begun by one commit.

/** How a turn is met. */
export interface QuarantinePlan {
  readonly runner: Runner
  /** Every delivery is made in quarantine, whatever its stream's state says. */
  readonly isForAll: boolean
  /** How many attempts may begin; none: the turn ends with what it runs. */
  readonly max: number
  /** How long the unit of work has lasted, in milliseconds. */
  readonly sinceMs: number
}

/** Whether the turn would deliver an event that was under way when a worker died. */
export function mayBeDeadly({ setup, deliveries }: Turn): boolean {
  return deliveries.length > 0 && setup.begun === 0 && suspectsOf(setup.state) > 0
}

/** Whether some of the turn's deliveries have to be made in quarantine. */
export function needsQuarantine(turn: Turn, isForAll: boolean): boolean {
  const { setup, deliveries } = turn
  if (deliveries.length === 0) return false
  return isForAll || setup.begun > 0 || setup.state.quarantine > 0 || mayBeDeadly(turn)
}

/**
 * Ends a turn, before its handlers are called, in front of the first event that is not begun yet: begins it
 * for the turn that follows, with as many behind it as may be; or takes it out if its attempts are used up
 * and the last one ended its worker. Returns how many are begun.
 */
export async function beginInQuarantine(
  parts: EngineParts,
  unit: UnitOfWork,
  planned: { readonly turn: Turn; readonly plan: QuarantinePlan },
): Promise<number> {
  const { turn, plan } = planned
  if (!needsQuarantine(turn, plan.isForAll)) return 0
  const { state, begun: running, domain } = turn.setup
  const { failing } = state
  // Events with a lower place may have come since, and stand in front of the one that was begun: then they
  // are next, and nothing is begun.
  const isHead = isAt(failing, turn.deliveries[0])
  const calls = nextCalls(turn, isHead ? running : 0, Math.max(1, plan.max))
  const [next] = calls
  if (next === undefined) return 0
  const isDeadly = mayBeDeadly(turn)
  const hasDied = isDeadly && isAt(failing, next) && failing.runningBy !== undefined
  if (hasDied && next.attempt > domain.failure.attempts) {
    await decideFully(unit, turn, () => turn.stopBefore(outOfAttempts(turn, next, failing)))
    return 0
  }
  const mayGoOn = plan.max > 0 && unit.domains.get(domain.name)?.paused !== true
  const goesOn = mayGoOn && (isDeadly || plan.isForAll || state.quarantine > 0)
  const begun = goesOn ? attemptsAt(parts, turn, { next, plan, count: calls.length }) : undefined
  await decideFully(unit, turn, () => turn.endBefore(next, { runner: plan.runner, begun }))
  return goesOn ? calls.length : 0
}

/**
 * The deliveries that call their handler, behind the first so many of them, at most `max`. A filter that
 * throws is met when the event is called.
 */
function nextCalls(turn: Turn, from: number, max: number): readonly PlannedDelivery[] {
  const calls: PlannedDelivery[] = []
  for (const delivery of turn.deliveries) {
    if (calls.length === from + max) break
    if (mayBeCalled(turn, delivery)) calls.push(delivery)
  }
  return calls.slice(from)
}

function mayBeCalled(turn: Turn, delivery: PlannedDelivery): boolean {
  try {
    return turn.isCalled(delivery)
  } catch {
    return true
  }
}

/** What says that so many attempts have begun. */
function attemptsAt(
  { claimMs }: EngineParts,
  { setup }: Turn,
  about: { readonly next: PlannedDelivery; readonly plan: QuarantinePlan; readonly count: number },
): BegunAttempts {
  const { next, plan, count } = about
  const { epoch, sequence } = next.event
  const { failing, quarantine, suspects } = setup.state
  const now = Math.ceil(setup.clock.now + plan.sinceMs)
  const begun: Failing = {
    epoch,
    sequence,
    attempts: plan.runner.isAlone ? next.attempt : next.attempt - 1,
    firstAt: failing !== undefined && isAt(failing, next) ? failing.firstAt : now,
    retryAt: now + claimMs,
    error: diedText,
    runningBy: plan.runner.worker,
  }
  return { failing: begun, quarantine: Math.max(quarantine, count), suspects: Math.max(suspects, count) }
}

function outOfAttempts(
  { setup }: Turn,
  delivery: PlannedDelivery,
  failing: Failing,
): Parameters<Turn['stopBefore']>[0] {
  const { epoch, sequence, attempts, firstAt, error } = failing
  const { then } = setup.domain.failure
  const answer = {
    failing: { epoch, sequence, attempts, firstAt, error },
    then,
    reason: 'worker-died',
  } as const
  return { delivery, error: new Error(error), answer }
}

function isAt(failing: Failing | undefined, delivery: PlannedDelivery | undefined): failing is Failing {
  if (failing === undefined || delivery === undefined) return false
  return failing.epoch === delivery.event.epoch && failing.sequence === delivery.event.sequence
}

// An event without tracking has no state to keep an attempt in: a lease says that one is under way. Leased in
// company -> done, and given back. A lease that nobody gave back: the event may be deadly -> leased alone,
// after all others; the leases that stand are its deaths -> ... -> given up.

/** How long a death is remembered: longer than it may take to restart a process that has died often. */
const rememberedMs = 24 * 60 * 60 * 1_000

/** What is done with events without tracking in quarantine. */
export interface UnorderedSteps {
  /** How many strands run side by side. */
  readonly lanes: number
  /** Tries one event beside others. */
  readonly inCompany: (intake: UnorderedIntake) => Promise<void>
  /** Tries one event, of which so many workers have died, while no other handler runs. */
  readonly alone: (intake: UnorderedIntake, deaths: number) => Promise<void>
  /** Its attempts are used up, all of them by deaths. */
  readonly giveUp: (intake: UnorderedIntake, deaths: number) => Promise<void>
}

/** The quarantine of events without tracking. */
export class UnorderedQuarantine {
  readonly #parts: EngineParts
  readonly #slots: HandlerSlots

  constructor(parts: EngineParts, slots: HandlerSlots) {
    this.#parts = parts
    this.#slots = slots
  }

  /** Which events are in quarantine; none, as a rule. */
  of(intakes: readonly UnorderedIntake[]): ReadonlySet<UnorderedIntake> {
    if (coversAll(this.#parts)) return new Set(intakes)
    const redelivered = intakes.filter(({ isRedelivered }) => isRedelivered)
    // What is ordered by id stays together.
    const ordered = new Set(redelivered.filter(isOrdered).map(({ domain }) => domain))
    const together = intakes.filter((intake) => ordered.has(intake.domain) && isOrdered(intake))
    return new Set([...redelivered, ...together])
  }

  /** Handles events in quarantine: strands side by side, the events of each one after another. */
  async run(strands: readonly (readonly UnorderedIntake[])[], steps: UnorderedSteps): Promise<void> {
    const deadly: (readonly UnorderedIntake[])[] = []
    const waiting = strands.values()
    const runSome = async (): Promise<void> => {
      for (const strand of waiting) deadly.push(await this.#inCompany(strand, steps))
    }
    const lanes = Array.from({ length: Math.min(steps.lanes, strands.length) }, runSome)
    const ends = await Promise.allSettled(lanes)
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    for (const intake of deadly.flat()) await this.#slots.alone(() => this.#alone(intake, steps))
  }

  /** Handles a strand up to the first event that may be deadly; returns the rest. */
  async #inCompany(
    strand: readonly UnorderedIntake[],
    { inCompany }: UnorderedSteps,
  ): Promise<readonly UnorderedIntake[]> {
    for (const [at, intake] of strand.entries()) {
      const lease = this.#leaseOf(intake, 0)
      if (!(await this.#take(lease))) return strand.slice(at)
      await this.#leased(lease, () => inCompany(intake))
    }
    return []
  }

  async #alone(intake: UnorderedIntake, steps: UnorderedSteps): Promise<void> {
    const { attempts } = intake.domain.failure
    for (let deaths = 0; deaths < attempts; deaths++) {
      const lease = this.#leaseOf(intake, deaths + 1)
      if (await this.#take(lease)) return this.#leased(lease, () => steps.alone(intake, deaths))
    }
    return steps.giveUp(intake, attempts)
  }

  /** Runs what a lease stands for; however that ends, nothing has died. */
  async #leased(lease: string, run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } finally {
      passed(this.#parts, 1)
      // Of one that cannot be given back it looks for a while as if somebody had died.
      await this.#parts.store.lease(lease, { holder: this.#parts.life, ms: 0 }).catch(() => undefined)
    }
  }

  async #take(lease: string): Promise<boolean> {
    const { store, life } = this.#parts
    return (await store.lease(lease, { holder: life, ms: rememberedMs })) !== undefined
  }

  #leaseOf(intake: UnorderedIntake, nth: number): string {
    return `unordered/${encodePart(this.#parts.consumer)}/${nth}/${identityOf(intake)}`
  }
}

/** What tells an event from all others: its id, or its content. */
export function identityOf({ path: stream, event }: UnorderedIntake): string {
  return deadLetterKey({ stream, payload: event, ...(event.id !== undefined && { id: event.id }) })
}

/** Whether an event is handled in the order of ids. */
export function isOrdered({ domain, event }: UnorderedIntake): boolean {
  return domain.numbering.orderWithin !== undefined && event.id !== undefined
}
