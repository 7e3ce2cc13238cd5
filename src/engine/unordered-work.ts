// Works on events of `unordered()` domains: at once and side by side, or by id one after another where the
// domain wants that; failures again after a wait, then a dead letter. Each attempt at what is left is a unit
// of work of its own, so that no wait keeps a transaction open and what has succeeded is durable before
// others are tried again. Upholds I2 within the id window, and I3.
import { compareIds } from '../core/id-order.ts'
import { asError, errorText, isInstance, keptStack } from '../core/thrown.ts'
import type { DeadLetter, DeadLetterReason } from '../ports/records.ts'
import type { Commit, ProcessedIds, UnitOfWork } from '../ports/store.ts'
import { backoffMs } from './backoff.ts'
import type { Call } from './call.ts'
import type { HandlerCaller } from './delivery.ts'
import type { EngineParts } from './engine-parts.ts'
import type { HandlerSlots } from './handler-slots.ts'
import { checkAndCall, sceneOf, tryApart, untilDone } from './handling.ts'
import type { UnorderedIntake } from './intake.ts'
import { PayloadRefused } from './payload-refused.ts'
import type { ProcessResult } from './process-result.ts'
import { diedText, identityOf, isOrdered, UnorderedQuarantine } from './quarantine.ts'
import { deadLetterNews } from './turn-news.ts'
import { shuttingDown } from './within-time.ts'

/**
 * What became of an event at one attempt: `failure` where its handler failed, `deadLetter` if that was the
 * last.
 */
interface Attempt {
  readonly intake: UnorderedIntake
  /** `refuse`: its domain is paused. */
  readonly verdict: 'deliver' | 'duplicate' | 'refuse'
  readonly failure?: {
    readonly error: unknown
    /** How often its handler was called. */
    readonly attempts: number
    readonly isLast: boolean
    readonly isRefused: boolean
  }
  readonly deadLetter?: DeadLetter
}

/** One round: the events that are left, and which attempt it is. */
interface Round {
  readonly intakes: readonly UnorderedIntake[]
  readonly worker: string
  /** From 1. */
  readonly attempt: number
  /** Workers that have died of the event: attempts too, of lives before this one. */
  readonly deaths: number
  /** No other handler of the engine runs. */
  readonly isAlone: boolean
}

/** An event without tracking, with its place among the messages of its call. */
export type UnorderedEntry = readonly [index: number, intake: UnorderedIntake]

/** Works on events without tracking. */
export class UnorderedWork {
  readonly #parts: EngineParts
  readonly #caller: HandlerCaller
  readonly #slots: HandlerSlots
  readonly #quarantine: UnorderedQuarantine
  /** Ids of domains with a window that calls have in hand, and their ends. */
  readonly #inHand = new Map<string, PromiseWithResolvers<undefined>>()

  constructor(parts: EngineParts, caller: HandlerCaller, slots: HandlerSlots) {
    this.#parts = parts
    this.#caller = caller
    this.#slots = slots
    this.#quarantine = new UnorderedQuarantine(parts, slots)
  }

  /**
   * Processes events of one `effects`, and answers each once its end is durable. A copy of what another call
   * has in hand comes after it: only what was processed is in the window.
   */
  async run(entries: readonly UnorderedEntry[], call: Call, worker: string): Promise<void> {
    for (let left = entries; left.length > 0;) {
      const inHand = new IdsInHand(this.#inHand, left)
      try {
        await this.#run(inHand, call, worker)
      } finally {
        inHand.endAll()
      }
      await inHand.othersEnded()
      left = inHand.copies
    }
  }

  async #run(inHand: IdsInHand, call: Call, worker: string): Promise<void> {
    const { entries } = inHand
    const indexes = new Map(entries.map(([index, intake]) => [intake, index]))
    const copies: Attempt[] = []
    const answer = (tried: Attempt): void => {
      const index = indexes.get(tried.intake)
      if (index !== undefined) call.answer(index, resultOf(tried))
      inHand.end(tried.intake)
    }
    let left = entries.map(([, intake]) => intake)
    for (let attempt = 1; left.length > 0; attempt++) {
      const again: UnorderedIntake[] = []
      const take = (attempts: readonly Attempt[]): void => {
        for (const tried of attempts) {
          this.#tell(tried)
          // A copy may be one of an event that is tried again: it has no end before that has one.
          if (tried.verdict === 'duplicate') copies.push(tried)
          else if (tried.failure?.isLast === false) again.push(tried.intake)
          else answer(tried)
        }
      }
      await this.#tryAll({ intakes: left, worker, attempt, deaths: 0, isAlone: false }, take)
      left = again
      await this.#wait(left, attempt)
    }
    for (const copy of copies) answer(copy)
  }

  /** Tries each event once; those in quarantine after the others, each in a unit of work of its own. */
  async #tryAll(round: Round, take: (attempts: readonly Attempt[]) => void): Promise<void> {
    const apart = this.#quarantine.of(round.intakes)
    const others = round.intakes.filter((intake) => !apart.has(intake))
    if (others.length > 0) take(await this.#try({ ...round, intakes: others }))
    // Copies of one event never run side by side: the second is a duplicate once the first is done.
    const strands = strandsOf([...apart], identityOf).map((strand) => strand.map(([, intake]) => intake))
    await this.#quarantine.run(strands, {
      lanes: round.intakes[0]?.domain.effects === 'transaction' ? 1 : this.#parts.concurrency,
      inCompany: async (intake) => take(await this.#try({ ...round, intakes: [intake] })),
      alone: async (intake, deaths) =>
        take(await this.#try({ ...round, intakes: [intake], deaths, isAlone: true })),
      giveUp: async (intake, deaths) => take([await this.#giveUp(intake, { ...round, deaths })]),
    })
  }

  /** Takes out an event whose attempts have all ended with their workers. */
  async #giveUp(intake: UnorderedIntake, { worker, deaths }: Round): Promise<Attempt> {
    const { store, consumer, claimMs } = this.#parts
    const request = { consumer, worker, streams: [], mode: 'claim', claimMs } as const
    const { value } = await store.work(request, async (unit): Promise<Attempt> => {
      if (isPaused(unit, intake)) return { intake, verdict: 'refuse' }
      const failure = { error: new Error(diedText), attempts: deaths, isLast: true, isRefused: false }
      const attempt = this.#buried(unit, { intake, verdict: 'deliver', failure }, 'worker-died')
      await unit.commit(commitOf([attempt]))
      return attempt
    })
    return value
  }

  /** Tries each event once; what came of it is durable then. */
  async #try(round: Round): Promise<readonly Attempt[]> {
    const { consumer, claimMs } = this.#parts
    const isTransaction = round.intakes[0]?.domain.effects === 'transaction'
    const mode = isTransaction ? 'transaction' : 'claim'
    const request = { consumer, worker: round.worker, streams: [], mode, claimMs } as const
    const lanes = isTransaction ? 1 : this.#parts.concurrency
    const run = async (): Promise<readonly Attempt[]> =>
      untilDone(async ({ failures, wasRefused }) => {
        const { value } = await this.#parts.store.work({ ...request, wasRefused }, async (unit) => {
          const attempts = await this.#tryEach(unit, round, { failures, lanes })
          await unit.commit(commitOf(attempts))
          return attempts
        })
        return value
      })
    // In a transaction handlers run one after another, in one place that is taken before it is opened.
    return isTransaction && !round.isAlone ? this.#slots.within(run) : run()
  }

  async #tryEach(
    unit: UnitOfWork,
    { intakes, attempt, deaths, isAlone }: Round,
    how: { readonly failures: ReadonlyMap<unknown, unknown>; readonly lanes: number },
  ): Promise<readonly Attempt[]> {
    const repeated = await repeatedIn(unit, intakes, attempt)
    const attempts: Attempt[] = []
    const waiting = strandsOf(intakes, (_, index) => index).values()
    const runSome = async (): Promise<void> => {
      for (const strand of waiting) {
        for (const [index, intake] of strand) {
          const isKnown = how.failures.has(intake)
          attempts[index] = repeated.has(index)
            ? { intake, verdict: 'duplicate' }
            : isKnown
              ? this.#failed(unit, intake, { attempt: attempt + deaths, error: how.failures.get(intake) })
              : await this.#tryOne(unit, intake, { attempt, deaths, isAlone })
        }
      }
    }
    const lanes = Array.from({ length: Math.min(how.lanes, intakes.length) }, runSome)
    const ends = await Promise.allSettled(lanes)
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    return attempts
  }

  async #tryOne(
    unit: UnitOfWork,
    intake: UnorderedIntake,
    round: Pick<Round, 'attempt' | 'deaths' | 'isAlone'>,
  ): Promise<Attempt> {
    const run = (): Promise<Attempt> => this.#tryPlaced(unit, intake, round)
    return unit.transaction !== undefined || round.isAlone ? run() : this.#slots.within(run)
  }

  async #tryPlaced(
    unit: UnitOfWork,
    intake: UnorderedIntake,
    round: Pick<Round, 'attempt' | 'deaths'>,
  ): Promise<Attempt> {
    const { domain, event, path } = intake
    const attempt = round.attempt + round.deaths
    const scene = sceneOf(unit)
    // What was begun before its domain was paused is brought to its end.
    if (round.attempt === 1 && isPaused(unit, intake)) return { intake, verdict: 'refuse' }
    const run = async (): Promise<void> => {
      await checkAndCall(this.#parts, this.#caller, { domain, path, event, attempt }, scene)
    }
    const failed = await tryApart(this.#caller, unit, { place: intake, run })
    if (failed === undefined) return { intake, verdict: 'deliver' }
    return this.#failed(unit, intake, { attempt, error: failed.error })
  }

  #failed(
    unit: UnitOfWork,
    intake: UnorderedIntake,
    { attempt, error }: { readonly attempt: number; readonly error: unknown },
  ): Attempt {
    const { failure } = intake.domain
    const isRefused = isInstance(error, PayloadRefused)
    const isLast = isRefused || attempt >= failure.attempts || !failure.retryable(error)
    const attempts = isRefused ? attempt - 1 : attempt
    const failed = { intake, verdict: 'deliver', failure: { error, attempts, isLast, isRefused } } as const
    return isLast ? this.#buried(unit, failed, isRefused ? 'schema' : 'failed') : failed
  }

  /** A failed attempt with the dead letter that comes of it. */
  #buried(
    unit: UnitOfWork,
    failed: Attempt & { readonly failure: NonNullable<Attempt['failure']> },
    reason: DeadLetterReason,
  ): Attempt {
    const { event, path: stream } = failed.intake
    const { error, attempts } = failed.failure
    const place = { stream, payload: event, ...(event.id !== undefined && { id: event.id }) }
    const told = { detail: errorText(error), ...keptStack(error), at: unit.clock.now, attempts }
    return { ...failed, deadLetter: { ...place, key: identityOf(failed.intake), reason, ...told } }
  }

  async #wait(left: readonly UnorderedIntake[], attempt: number): Promise<void> {
    if (left.length === 0) return
    const { timers, random, stop } = this.#parts
    const waits = left.map(({ domain }) => backoffMs(domain.failure, attempt, random.next()))
    await timers.sleep(Math.max(...waits), stop)
    if (stop.aborted) throw shuttingDown()
  }

  #tell({ intake, failure, deadLetter }: Attempt): void {
    if (failure === undefined) return
    const { isRefused, attempts } = failure
    const { path: stream, event } = intake
    const then = failure.isLast ? 'dead-letter' : 'retry'
    const error = asError(failure.error)
    const what = { stream, sequence: event.sequence, attempts, error, then } as const
    this.#parts.telemetry({ kind: 'failed', ...what, ...(isRefused && { reason: 'schema' }) })
    if (deadLetter !== undefined) this.#parts.telemetry(deadLetterNews(deadLetter))
  }
}

/** What a call has in hand of ids that are remembered, and the copies that it leaves for later. */
class IdsInHand {
  readonly entries: readonly UnorderedEntry[]
  /** Copies of what other calls have in hand. */
  readonly copies: readonly UnorderedEntry[]
  readonly #all: Map<string, PromiseWithResolvers<undefined>>
  readonly #own = new Map<string, PromiseWithResolvers<undefined>>()
  readonly #others = new Set<Promise<undefined>>()

  /** `all`: those of all calls. */
  constructor(all: Map<string, PromiseWithResolvers<undefined>>, entries: readonly UnorderedEntry[]) {
    this.#all = all
    const own: UnorderedEntry[] = []
    const copies: UnorderedEntry[] = []
    for (const entry of entries) (this.#take(entry[1]) ? own : copies).push(entry)
    this.entries = own
    this.copies = copies
  }

  /** An event has a durable end. */
  end(intake: UnorderedIntake): void {
    this.#end(rememberedOf(intake) ?? '')
  }

  endAll(): void {
    for (const id of this.#own.keys()) this.#end(id)
  }

  /** Resolves once those have ended of which there are copies here. */
  async othersEnded(): Promise<void> {
    await Promise.all(this.#others)
  }

  #take(intake: UnorderedIntake): boolean {
    const id = rememberedOf(intake)
    if (id === undefined || this.#own.has(id)) return true
    const other = this.#all.get(id)
    if (other !== undefined) {
      this.#others.add(other.promise)
      return false
    }
    const end = Promise.withResolvers<undefined>()
    this.#own.set(id, end)
    this.#all.set(id, end)
    return true
  }

  #end(id: string): void {
    const end = this.#own.get(id)
    if (end === undefined) return
    this.#own.delete(id)
    this.#all.delete(id)
    end.resolve(undefined)
  }
}

/** The id of an event, with its domain, where that remembers it. */
function rememberedOf({ domain, event: { id } }: UnorderedIntake): string | undefined {
  return domain.numbering.idWindow === undefined || id === undefined ? undefined : `${domain.name}\n${id}`
}

function resultOf({ intake, verdict, failure }: Attempt): ProcessResult {
  return {
    verdict,
    ...(verdict === 'refuse' && { reason: 'paused' as const }),
    ...(failure?.isRefused === true && { reason: 'schema' as const }),
    stream: intake.path,
    released: [],
    ...(failure !== undefined && { error: asError(failure.error) }),
  }
}

type Strand = readonly (readonly [number, UnorderedIntake])[]

/**
 * What has to be handled one after another, with its place in the batch: the events of a domain that is
 * ordered by id, in that order; of all others those that are of one kind.
 */
function strandsOf(
  intakes: readonly UnorderedIntake[],
  kindOf: (intake: UnorderedIntake, index: number) => string | number,
): readonly Strand[] {
  const strands = Map.groupBy(intakes.entries(), ([index, intake]) =>
    isOrdered(intake) ? intake.domain : kindOf(intake, index),
  )
  return [...strands.values()].map((strand) =>
    strand.sort(([, a], [, b]) => (isOrdered(a) ? compareIds(a.event.id ?? '', b.event.id ?? '') : 0)),
  )
}

function isPaused(unit: UnitOfWork, { domain }: UnorderedIntake): boolean {
  return unit.domains.get(domain.name)?.paused === true
}

/**
 * Which of the events have an id that was processed before, within the window or earlier in the batch. Of a
 * paused domain none: a copy is no duplicate of one that is refused.
 */
async function repeatedIn(
  unit: UnitOfWork,
  intakes: readonly UnorderedIntake[],
  attempt: number,
): Promise<ReadonlySet<number>> {
  const repeated = new Set<number>()
  const windowed = [...intakes.entries()].filter(
    ([, intake]) =>
      intake.domain.numbering.idWindow !== undefined &&
      intake.event.id !== undefined &&
      !(attempt === 1 && isPaused(unit, intake)),
  )
  for (const [domain, entries] of Map.groupBy(windowed, ([, { domain }]) => domain.name)) {
    const ids = entries.map(([, { event }]) => event.id ?? '')
    const seen = new Set(await unit.knownIds(domain, ids))
    for (const [index, { event }] of entries) {
      const id = event.id ?? ''
      if (seen.has(id)) repeated.add(index)
      seen.add(id)
    }
  }
  return repeated
}

function commitOf(attempts: readonly Attempt[]): Commit {
  const deadLetters = attempts.flatMap(({ deadLetter }) => (deadLetter === undefined ? [] : [deadLetter]))
  const ended = attempts.filter(
    ({ intake, verdict, failure }) =>
      intake.event.id !== undefined && verdict === 'deliver' && failure?.isLast !== false,
  )
  const ids = [...Map.groupBy(ended, ({ intake }) => intake.domain)].flatMap(
    ([domain, entries]): ProcessedIds[] => {
      const { idWindow: window } = domain.numbering
      if (window === undefined) return []
      return [{ domain: domain.name, window, ids: entries.map(({ intake }) => intake.event.id ?? '') }]
    },
  )
  return { streams: [], deadLetters, ids }
}
