// What a server has acknowledged to this process: when it was here last, and the newest fence of each shard.
// A server that does not know it any more has gone back: after a restart without its last writes, or a
// failover. Upholds I10: what cannot be mended here is said.
import { randomBytes } from 'node:crypto'

/** A fence that was given, and the newest that was known when the claim was asked for. */
interface GivenFence {
  readonly given: number | undefined
  readonly newest: number | undefined
}

/** When this process was here last, as the server has it, and as it told before the question was sent. */
interface LastBegun {
  readonly kept: number | undefined
  readonly told: number
}

/** What one consumer's servers acknowledged. */
export class Acknowledged {
  /** The name under which the server remembers this process. */
  readonly process: string = randomBytes(9).toString('base64url')
  readonly #fences = new Map<number, number>()
  readonly #goneBack: () => void
  #begunAt = 0

  /** `goneBack` is called whenever a server has forgotten something. */
  constructor(goneBack: () => void) {
    this.#goneBack = goneBack
  }

  /** When the process was here last, by the server's clock; 0 for never. */
  get begunAt(): number {
    return this.#begunAt
  }

  /** The newest fence of a shard; 0 for none. */
  newestFence(shard: number): number {
    return this.#fences.get(shard) ?? 0
  }

  /** The server was here at `now`, and knew of `kept` as the last time. */
  noteBegun(now: number, { kept = 0, told }: LastBegun): void {
    this.#begunAt = Math.max(this.#begunAt, now)
    if (kept >= told) return
    this.#begunAt = now
    this.#goneBack()
  }

  /**
   * The server was asked by a heartbeat, and knew of `kept` as the last time, or has forgotten even the
   * layout. A heartbeat acknowledges nothing: a server that has lost no more than that has not gone back.
   */
  noteBeat({ kept = 0, told, isForgotten }: LastBegun & { readonly isForgotten: boolean }): void {
    if (kept >= told && !isForgotten) return
    this.#begunAt = 0
    this.#goneBack()
  }

  /** A shard has given a fence. */
  noteFence(shard: number, { given, newest = 0 }: GivenFence): void {
    if (given === undefined) return
    const hasRisen = given > newest
    this.#fences.set(shard, hasRisen ? Math.max(given, this.newestFence(shard)) : given)
    if (!hasRisen) this.#goneBack()
  }
}
