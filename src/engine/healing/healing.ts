// The healing of an engine: which attempts its sweeps may begin, and the jobs that make them. Jobs run beside
// everything else and hold no claim; as many as there is room for, the others are put off. Upholds I6 and I7.
import { isHealingLeft, nextHealAt } from '../../core/heal.ts'
import type { HealAttempt } from '../../core/heal.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { parseStreamPath } from '../../core/stream-path.ts'
import type { Clock, StreamState } from '../../core/stream-state.ts'
import type { Domain, TrackedDomain } from '../domain.ts'
import type { EngineParts } from '../engine-parts.ts'
import type { StreamBatch } from '../stream-batch.ts'
import type { Turn } from '../turn.ts'
import { WaitingSearch } from '../waiting-search.ts'
import type { JobHooks } from './heal-job.ts'
import { HealJob } from './heal-job.ts'
import type { HealNote } from './heal-note.ts'
import { beginNote, postponeNote } from './heal-note.ts'

/** Gives each turn of a sweep what it may note about healing. */
export type HealPlan = (
  batch: Pick<StreamBatch, 'domain' | 'path'>,
  state: StreamState,
  clock: Clock,
) => HealNote | undefined

/** What healing does through its engine. */
export type HealingHooks = Pick<JobHooks, 'process' | 'nextWorker'> & {
  /** Runs a turn of a stream that notes something. */
  runNote(path: StreamPath, plan: HealPlan): Promise<void>
}

/** Jobs that ask at the same time, and jobs that are begun, those that wait for their turn among them. */
const askingMax = 8
const begunMax = 64
/** Streams without room that are counted, to look at the fewer of them at a time the more they are. */
const putOffMax = 10_000

/** The healing of one engine. */
export class Healing {
  readonly #parts: EngineParts
  readonly #hooks: JobHooks
  readonly #left: WaitingSearch
  readonly #jobs = new Map<StreamPath, { readonly job: HealJob; readonly ended: Promise<void> }>()
  readonly #waiting: (() => void)[] = []
  /** Notes that became durable with their turns. */
  readonly #noted = new WeakSet<HealNote>()
  /** Streams for which there was no room when they were due. */
  readonly #putOff = new Set<StreamPath>()
  #asking = 0
  #isEnding = false
  #failure: { readonly error: unknown } | undefined

  constructor(parts: EngineParts, hooks: HealingHooks) {
    this.#parts = parts
    this.#left = new WaitingSearch(parts, ({ state }, domain, now) => {
      return isHealed(domain) && isHealingLeft(domain.rules, state, now)
    })
    this.#hooks = {
      ...hooks,
      note: async (path, note) => {
        await hooks.runNote(path, () => note)
        return this.#noted.has(note)
      },
    }
    parts.stop.addEventListener('abort', () => this.#abort(), { once: true })
  }

  /** Whether jobs are under way. */
  get isRunning(): boolean {
    return this.#jobs.size > 0
  }

  /** Whether a stream is being healed. */
  has(path: StreamPath): boolean {
    return this.#jobs.has(path)
  }

  /** Whether attempts are left, or under way anywhere, at some gap of the consumer. */
  async isLeft(): Promise<boolean> {
    const heals = this.#parts.domains.byName.values().some(isHealed)
    return heals && this.#left.find()
  }

  /** What a sweep may begin, as there is room. */
  plan(): HealPlan {
    let room = begunMax - this.#jobs.size
    return ({ domain, path }, state, { now }) => {
      const dueAt = nextHealAt(domain.rules, state)
      if (dueAt === undefined || dueAt > now || domain.healing === undefined || this.#isEnding)
        return undefined
      const made = { rules: domain.rules, healing: domain.healing, random: this.#parts.random.next() }
      if (!this.#jobs.has(path) && room-- <= 0) {
        if (this.#putOff.size < putOffMax) this.#putOff.add(path)
        return postponeNote(made, this.#putOff.size)
      }
      this.#putOff.delete(path)
      return beginNote(made)
    }
  }

  /** Takes in a turn that is durable: begins what it has noted, and looks what has come. */
  takeTurn({ setup, begun, state }: Turn): void {
    if (setup.heal !== undefined) this.#noted.add(setup.heal)
    const { path, domain } = setup
    if (begun.length > 0 && this.#jobs.get(path)?.job.add(begun) !== true) this.#start(domain, path, begun)
    this.#jobs.get(path)?.job.look(state)
  }

  /** Looks what other workers have done meanwhile. Throws if inturn was found to be wrong. */
  async look(): Promise<void> {
    this.#throwFailure()
    const { store, consumer } = this.#parts
    for (const [path, { job }] of this.#jobs) {
      if (job.isAsking) job.look((await store.reader.stream(consumer, path))?.state)
    }
  }

  /** Resolves once the jobs that are under way have ended. */
  async settled(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map(({ ended }) => ended))
    this.#throwFailure()
  }

  /** Ends all jobs early, begins no more, and resolves once they have ended. */
  async end(): Promise<void> {
    this.#abort()
    await Promise.all([...this.#jobs.values()].map(({ ended }) => ended))
  }

  #start(domain: TrackedDomain, path: StreamPath, begun: readonly HealAttempt[]): void {
    const { healer, healing } = domain
    if (healer === undefined || healing === undefined || this.#isEnding) return
    const stream = parseStreamPath(path)?.stream ?? ''
    const subject = { domain, healer, healing, stream, path }
    const job = new HealJob(subject, { parts: this.#parts, hooks: this.#hooks, begun })
    const entry = { job, ended: this.#run(job).finally(() => this.#forget(path, job)) }
    this.#jobs.set(path, entry)
  }

  async #run(job: HealJob): Promise<void> {
    if (this.#asking < askingMax) this.#asking++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      await job.run()
    } catch (error) {
      this.#failure ??= { error }
    } finally {
      // The place is handed on, or given back.
      const next = this.#waiting.shift()
      if (next === undefined) this.#asking--
      else next()
    }
  }

  #forget(path: StreamPath, job: HealJob): void {
    if (this.#jobs.get(path)?.job === job) this.#jobs.delete(path)
  }

  #abort(): void {
    this.#isEnding = true
    for (const { job } of this.#jobs.values()) job.abort()
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

function isHealed(domain: Domain): domain is TrackedDomain {
  return domain.kind === 'tracked' && domain.rules.heal !== undefined
}
