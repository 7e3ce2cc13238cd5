// Which part of a log's shards is fair for this reader, beside others of its consumer, and the leases by
// which a shard has one reader at a time. Each reader sits on the lowest free seat, so the seats tell how
// many there are. What a dead reader had is free when its leases end. Upholds I5.
import type { LeaseParts } from './shard-lease.ts'
import { ShardLease } from './shard-lease.ts'

/** A reader's place among the others. */
interface Seat {
  readonly number: number
  readonly lease: ShardLease
}

/** The readers of a log that share its shards, as one of them sees it. */
export class ShardGroup {
  readonly #parts: LeaseParts
  readonly #shards: number
  #seat: Seat | undefined

  constructor(parts: LeaseParts, shards: number) {
    this.#parts = parts
    this.#shards = shards
  }

  /**
   * How many shards are this reader's fair part, and at which it begins to look for them. The parts of all
   * readers come to all shards, once everybody knows of everybody.
   */
  async fairPart(): Promise<{ readonly count: number; readonly first: number }> {
    const readers = await this.#countReaders()
    if (this.#seat === undefined) return { count: 0, first: 1 }
    const { number } = this.#seat
    const count = Math.floor(this.#shards / readers) + (number <= this.#shards % readers ? 1 : 0)
    return { count, first: Math.floor(((number - 1) * this.#shards) / readers) + 1 }
  }

  /** Takes the lease of a shard, from 1; `undefined` while another reader has it. */
  take(shard: number): Promise<ShardLease | undefined> {
    return ShardLease.take(this.#parts, `shard ${shard} of ${this.#shards}`)
  }

  /** Leaves the others alone. */
  async end(): Promise<void> {
    await this.#seat?.lease.end()
    this.#seat = undefined
  }

  async #countReaders(): Promise<number> {
    if (this.#seat?.lease.signal.aborted === true) await this.end()
    this.#seat ??= await this.#lowestSeat(this.#shards)
    if (this.#seat === undefined) return this.#shards
    const { number, lease } = this.#seat
    let above = 0
    while (number + above < this.#shards && (await this.#isTaken(number + above + 1))) above++
    if (above > 0) return number + above
    // The last one sits where somebody has left, so that those in front of that seat know of it.
    const lower = await this.#lowestSeat(number - 1)
    if (lower === undefined) return number
    await lease.end()
    this.#seat = lower
    return number - 1
  }

  /** Takes the lowest free seat up to one; `undefined` where none is free. */
  async #lowestSeat(last: number): Promise<Seat | undefined> {
    for (let number = 1; number <= last; number++) {
      const lease = await this.#sit(number)
      if (lease !== undefined) return { number, lease }
    }
    return undefined
  }

  async #isTaken(seat: number): Promise<boolean> {
    const lease = await this.#sit(seat)
    await lease?.end()
    return lease === undefined
  }

  #sit(seat: number): Promise<ShardLease | undefined> {
    return ShardLease.take(this.#parts, `seat ${seat} of ${this.#shards}`)
  }
}
