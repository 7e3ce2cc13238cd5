// The right of one process to read a shard of a log, renewed while it lives. It saves work: neither order nor
// anything else that is promised depends on it. Upholds I5.
import { InturnError } from '../core/errors.ts'
import { keepRenewed } from '../ports/renewal.ts'
import type { Lease } from '../ports/store.ts'
import type { Timers } from '../ports/timers.ts'

/** Where leases are to be had. */
export interface LeaseParts {
  /** Takes or renews one for this process, as a store does; for 0 milliseconds: gives it back. */
  readonly lease: (name: string, ms: number) => Promise<Lease | undefined>
  readonly leaseMs: number
  readonly timers: Timers
}

/** A shard's lease. */
export class ShardLease {
  readonly #parts: LeaseParts
  readonly #name: string
  readonly #fence: number
  readonly #lost = new AbortController()
  readonly #stop: () => void
  #renewedAtMs: number
  #renewing: Promise<unknown> = Promise.resolve()

  private constructor(parts: LeaseParts, lease: { name: string; fence: number; askedAtMs: number }) {
    this.#parts = parts
    this.#name = lease.name
    this.#fence = lease.fence
    this.#renewedAtMs = lease.askedAtMs
    const { timers, leaseMs } = parts
    const renew = (): Promise<boolean> => this.#renew()
    this.#stop = keepRenewed({ timers, claimMs: leaseMs, renew, lost: () => this.#lost.abort() })
  }

  /** Takes a lease; `undefined` while somebody else has it. */
  static async take(parts: LeaseParts, name: string): Promise<ShardLease | undefined> {
    const askedAtMs = parts.timers.elapsedMs()
    const lease = await parts.lease(name, parts.leaseMs)
    return lease === undefined ? undefined : new ShardLease(parts, { name, fence: lease.fence, askedAtMs })
  }

  /** Fires when it is lost. */
  get signal(): AbortSignal {
    return this.#lost.signal
  }

  /** Whether it is held still. Asks the store where that is not sure: this process may have stood still. */
  async isHeld(): Promise<boolean> {
    const { timers, leaseMs } = this.#parts
    if (this.#lost.signal.aborted) return false
    if (timers.elapsedMs() - this.#renewedAtMs < leaseMs) return true
    if (!(await this.#renew())) this.#lost.abort()
    return !this.#lost.signal.aborted
  }

  /** Gives it back, so that nobody need wait for its end. Where that fails it ends by itself. */
  async end(): Promise<void> {
    this.#stop()
    await this.#renewing
    await this.#parts.lease(this.#name, 0).catch(leftToExpire)
  }

  async #renew(): Promise<boolean> {
    const { leaseMs, timers } = this.#parts
    const askedAtMs = timers.elapsedMs()
    const asked = this.#parts.lease(this.#name, leaseMs)
    this.#renewing = asked.catch(() => undefined)
    const lease = await asked
    if (lease?.fence !== this.#fence) return false
    this.#renewedAtMs = askedAtMs
    return true
  }
}

function leftToExpire(error: unknown): undefined {
  if (error instanceof InturnError) return undefined
  throw error
}
