// A worker id leased from a store, so that processes need no numbers of their own. Every lease is a span of
// the store's time, no two spans of a worker id overlap, and a generator uses only timestamps of its span.
// So what decides is what the store has written, and no machine's clock has to be right: a process that was
// paused, or whose clock is wrong, may be refused ids, and never repeats one.
//
// States: leased <-> expired (the store was out of reach) -> leased with another id -> closed.
import { checkMethod, checkNames, checkTexts } from '../../core/check-names.ts'
import { InturnError } from '../../core/errors.ts'
import { wholeNumber } from '../../core/whole-number.ts'
import type { Lease, Store } from '../../ports/store.ts'
import type { Random, Timers } from '../../ports/timers.ts'
import { systemRandom, systemTimers } from '../../ports/timers.ts'
import type { WorkerGrant, WorkerIds } from './worker-grant.ts'

/** Options of {@link leasedWorker}. */
export interface LeasedWorkerOptions {
  /** A store that is open, and stays open as long as the worker. */
  readonly store: Pick<Store, 'lease'>
  /** Generators whose ids must differ share a scope, a layout and an epoch. Default `snowflake`. */
  readonly scope?: string
  /** Worker ids go from 0 to below this; at most what the layout has. 1 to 2^30; default 1,024. */
  readonly workers?: number
  /**
   * How long a lease lasts, in milliseconds; it is renewed at a third. For so long ids can be given while
   * the store is out of reach, and for so long a worker id is out of use after its process has died. 30 to
   * 2^31 - 1; default 30,000.
   */
  readonly leaseMs?: number
  readonly timers?: Timers
  readonly random?: Random
}

/**
 * Leases a free worker id, and keeps it until `close`. One generator can use it.
 *
 * @throws InturnError `workers-taken` (retryable) when none is free, `config-invalid` when an option is out
 * of its range, and what the store throws
 * @example
 * const worker = await leasedWorker({ store })
 * const ids = snowflake({ worker })
 */
export async function leasedWorker(options: LeasedWorkerOptions): Promise<LeasedWorker> {
  checkNames(options, 'leasedWorker', ['store', 'scope', 'workers', 'leaseMs', 'timers', 'random'])
  const { store, scope = 'snowflake', workers = 1024, leaseMs = 30_000 } = options
  const { timers = systemTimers, random = systemRandom } = options
  checkMethod(store, { path: 'leasedWorker: store', method: 'lease' })
  checkTexts('leasedWorker', { scope }, 'a name')
  wholeNumber(workers, { name: 'leasedWorker: workers', least: 1, most: 2 ** 30 })
  wholeNumber(leaseMs, { name: 'leasedWorker: leaseMs', least: 30, most: 2 ** 31 - 1 })
  const holder = Array.from({ length: 3 }, () => random.next().toString(36).slice(2)).join('')
  const leases: WorkerLeases = { store, scope, workers, leaseMs, holder, timers, random }
  const time = new StoreTime(timers)
  return new LeasedWorker(leases, time, await takeFree(leases, time))
}

interface WorkerLeases extends Required<LeasedWorkerOptions> {
  readonly holder: string
}

/** A grant, and the lease it stands on. */
interface Held {
  readonly grant: { -readonly [Name in keyof WorkerGrant]: WorkerGrant[Name] }
  readonly fence: number
}

/** A leased worker id; made by {@link leasedWorker}. Close it, or its timer keeps the process alive. */
export class LeasedWorker implements WorkerIds {
  readonly workers: number
  readonly #leases: WorkerLeases
  readonly #time: StoreTime
  #held: Held
  #failure: unknown
  #isAttached = false
  #closed: Promise<void> | undefined
  #renewing: Promise<void> = Promise.resolve()
  #cancel: () => void = () => undefined

  constructor(leases: WorkerLeases, time: StoreTime, held: Held) {
    this.workers = leases.workers
    this.#leases = leases
    this.#time = time
    this.#held = held
    this.#renewIn(leases.leaseMs / 3)
  }

  /** The worker id that is leased now. After a lease was lost it is another one. */
  get worker(): number {
    return this.grant.worker
  }

  /**
   * The right that holds now.
   *
   * @throws InturnError `shutting-down` once it is closed
   */
  get grant(): WorkerGrant {
    if (this.#closed === undefined) return this.#held.grant
    throw new InturnError('shutting-down', 'the leased worker id was given back: it was closed')
  }

  /** Why the lease could not be renewed lately; `undefined` when it could. */
  get failure(): unknown {
    return this.#failure
  }

  /** The store's time as well as it is known, in whole milliseconds since 1970. */
  now(): number {
    return this.#time.now()
  }

  /** Says that a generator uses it: two generators with one worker id would give the same ids. */
  attach(): void {
    if (this.#isAttached) {
      throw new InturnError('config-invalid', 'snowflake: this leased worker has a generator already')
    }
    this.#isAttached = true
  }

  /**
   * Gives the worker id back: another process may have it as soon as the time that was used is over. No more
   * ids are given. Where the store cannot be reached the lease ends by itself.
   */
  async close(): Promise<void> {
    this.#closed ??= this.#giveBack()
    await this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #giveBack(): Promise<void> {
    this.#cancel()
    const { holder, store } = this.#leases
    await this.#renewing
    const { worker, usedMs } = this.#held.grant
    const request = { holder, ms: 0, usedUntil: usedMs + 1 }
    await store.lease(leaseName(this.#leases, worker), request).catch(leftToExpire)
  }

  #renewIn(ms: number): void {
    this.#cancel = this.#leases.timers.after(ms, () => {
      this.#renewing = this.#renew()
    })
  }

  /** Renews the lease, or takes another worker id where somebody else has this one by now. */
  async #renew(): Promise<void> {
    const { leaseMs } = this.#leases
    try {
      const { worker } = this.#held.grant
      const lease = await leaseOne(this.#leases, this.#time, worker)
      if (lease === undefined) this.#held = await takeFree(this.#leases, this.#time)
      else if (lease.fence === this.#held.fence) this.#held.grant.untilMs = endOf(lease)
      else this.#held = heldOf(worker, lease)
      this.#failure = undefined
    } catch (error) {
      this.#failure = error
    }
    if (this.#closed === undefined) this.#renewIn(this.#failure === undefined ? leaseMs / 3 : leaseMs / 10)
  }
}

/** Takes the first free worker id, looking from one that chance picks. */
async function takeFree(leases: WorkerLeases, time: StoreTime): Promise<Held> {
  const { workers, random, scope } = leases
  const first = Math.floor(random.next() * workers)
  for (let step = 0; step < workers; step++) {
    const worker = (first + step) % workers
    const lease = await leaseOne(leases, time, worker)
    if (lease !== undefined) return heldOf(worker, lease)
  }
  const message = `all ${workers} worker ids of ${scope} are leased`
  throw new InturnError('workers-taken', message, { retryable: true })
}

async function leaseOne(leases: WorkerLeases, time: StoreTime, worker: number): Promise<Lease | undefined> {
  const { store, holder, leaseMs: ms, timers } = leases
  const askedAtMs = timers.elapsedMs()
  const lease = await store.lease(leaseName(leases, worker), { holder, ms, usedUntil: 0 })
  if (lease !== undefined) time.learn(lease.now, askedAtMs)
  return lease
}

/** A new lease begins where the store's clock stands; what was before may be somebody else's. */
function heldOf(worker: number, lease: Lease): Held {
  const fromMs = Math.ceil(lease.now)
  return { fence: lease.fence, grant: { worker, fromMs, untilMs: endOf(lease), usedMs: fromMs - 1 } }
}

function endOf({ until }: Lease): number {
  return Math.floor(until)
}

function leaseName({ scope }: WorkerLeases, worker: number): string {
  return `worker-id ${scope} ${worker}`
}

/** A lease that could not be given back ends by itself, and nobody waits for it. */
function leftToExpire(error: unknown): undefined {
  if (error instanceof InturnError) return undefined
  throw error
}

/**
 * A store's time between two answers: what its clock showed when it was last asked, and how much time has
 * passed here since. It is only as good as the last answer was quick; nothing that must hold depends on it.
 */
class StoreTime {
  readonly #timers: Timers
  /** The store's clock when the timers stood at 0. */
  #offsetMs = -Infinity

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** In whole milliseconds since 1970. */
  now(): number {
    return Math.floor(this.#offsetMs + this.#timers.elapsedMs())
  }

  /**
   * Learns what the store's clock showed at some moment between the question and now. What was known before
   * is kept if it can still be true, so that a slow answer does not set the time back.
   */
  learn(storeMs: number, askedAtMs: number): void {
    const leastMs = storeMs - this.#timers.elapsedMs()
    const mostMs = storeMs - askedAtMs
    this.#offsetMs = Math.min(Math.max(this.#offsetMs, leastMs), mostMs)
  }
}
