// The right of one relay to send a shard's events, renewed while it works. It saves work: order does not
// depend on it, since every batch begins below everything that is at the sink. Upholds I5.
import { InturnError } from '../../core/errors.ts'
import { keepRenewed } from '../../ports/renewal.ts'
import type { RelayParts } from './relay-parts.ts'

/** A shard's lease. */
export class ShardLease {
  readonly #parts: RelayParts
  readonly #name: string
  readonly #fence: number
  readonly #lost = new AbortController()
  readonly #stop: () => void
  #renewedAtMs: number
  #renewing: Promise<unknown> = Promise.resolve()

  private constructor(parts: RelayParts, lease: { name: string; fence: number; askedAtMs: number }) {
    this.#parts = parts
    this.#name = lease.name
    this.#fence = lease.fence
    this.#renewedAtMs = lease.askedAtMs
    const { timers, leaseMs } = parts
    const renew = (): Promise<boolean> => this.#renew()
    this.#stop = keepRenewed({ timers, claimMs: leaseMs, renew, lost: () => this.#lost.abort() })
  }

  /** Takes a shard's lease; `undefined` while another relay has it. */
  static async take(parts: RelayParts, shard: number): Promise<ShardLease | undefined> {
    const { store, name: relay, shards, holder, leaseMs: ms, timers } = parts
    const name = `relay ${relay} shard ${shard} of ${shards}`
    const askedAtMs = timers.elapsedMs()
    const lease = await store.lease(name, { holder, ms })
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

  /** Gives it back, so that another relay need not wait. Where that fails it ends by itself. */
  async end(): Promise<void> {
    this.#stop()
    await this.#renewing
    const { store, holder } = this.#parts
    await store.lease(this.#name, { holder, ms: 0 }).catch(leftToExpire)
  }

  async #renew(): Promise<boolean> {
    const { store, holder, leaseMs: ms, timers } = this.#parts
    const askedAtMs = timers.elapsedMs()
    const asked = store.lease(this.#name, { holder, ms })
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
