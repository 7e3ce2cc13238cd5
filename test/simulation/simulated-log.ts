// A simulated log of several partitions: each belongs to one connection at a time, which reads it in order
// from the longest settled prefix on; what lies beyond comes again to whoever gets the partition next.
import { SettledPrefix } from '../../src/core/settled-prefix.ts'
import type { Copy, CopySource } from './broker.ts'
import type { Arrivals } from './produced.ts'

interface Partition {
  /** Copies with their times, ascending. */
  copies: { readonly copy: Copy; readonly atMs: number }[]
  owner: string | undefined
  /** Everything below is settled. */
  committed: number
  next: number
  prefix: SettledPrefix<number>
  /** The index that has ticket 0 of the prefix. */
  base: number
  seen: number
}

/** What a log is made of. */
export interface SimulatedLogOptions {
  readonly elapsedMs: () => number
  /** How long after a connection's death its partitions get another owner. */
  readonly sessionMs: number
  readonly partitions: number
  /** Which partition a copy goes to. */
  readonly partitionOf: (copy: Copy) => number
  /** A copy is available for the first time. */
  readonly onAvailable: (copy: Copy) => void
}

/** A log of copies. */
export class SimulatedLog implements CopySource {
  readonly kind = 'log'
  readonly #options: SimulatedLogOptions
  readonly #partitions: Partition[]
  readonly #connections: string[] = []
  /** Dead connections, and when that is noticed. */
  readonly #dead = new Map<string, number>()
  readonly #whereabouts = new Map<number, { readonly partition: Partition; readonly index: number }>()
  #keptBack: { readonly copy: Copy }[]

  constructor(arrivals: readonly Arrivals[], options: SimulatedLogOptions) {
    this.#options = options
    this.#partitions = Array.from({ length: options.partitions }, () => ({
      copies: [],
      owner: undefined,
      committed: 0,
      next: 0,
      prefix: new SettledPrefix<number>(),
      base: 0,
      seen: 0,
    }))
    const copies = arrivals.flatMap(({ produced, copiesAtMs }) =>
      copiesAtMs.map((atMs) => ({ produced, atMs })),
    )
    const placed = copies.map(({ produced, atMs }, place) => {
      return { atMs, copy: { message: produced.message, produced, place, origin: `log#${place}` } }
    })
    this.#keptBack = placed.filter(({ atMs }) => atMs === Infinity)
    const timely = placed.filter(({ atMs }) => atMs !== Infinity)
    for (const { copy, atMs } of timely.sort((a, b) => a.atMs - b.atMs)) this.#append(copy, atMs)
  }

  /** Delivers now what was kept back. */
  heal(): void {
    for (const { copy } of this.#keptBack) this.#append(copy, this.#options.elapsedMs())
    this.#keptBack = []
  }

  /** Copies that are not settled, and not kept back. */
  get open(): readonly Copy[] {
    return this.#partitions.flatMap(({ copies, committed }) =>
      copies.slice(committed).map(({ copy }) => copy),
    )
  }

  take(connection: string, max: number): readonly Copy[] {
    this.#rebalance()
    const now = this.#options.elapsedMs()
    const taken: Copy[] = []
    for (const partition of this.#partitions) {
      if (partition.owner !== connection) continue
      for (
        let at = partition.copies[partition.next];
        at !== undefined && at.atMs <= now;
        at = partition.copies[partition.next]
      ) {
        if (taken.length >= max) return taken
        taken.push(at.copy)
        partition.prefix.add(partition.next)
        if (partition.next >= partition.seen) this.#options.onAvailable(at.copy)
        partition.next++
        partition.seen = Math.max(partition.seen, partition.next)
      }
    }
    return taken
  }

  nextAtMs(connection: string): number {
    const own = this.#partitions.filter(({ owner }) => owner === connection)
    const copies = own.map(({ copies, next }) => copies[next]?.atMs ?? Infinity)
    return Math.min(...copies, ...this.#dead.values())
  }

  settle(connection: string, copies: readonly Copy[]): void {
    for (const { place } of copies) {
      const where = this.#whereabouts.get(place)
      if (where === undefined || where.partition.owner !== connection) continue
      const { partition, index } = where
      partition.prefix.settle(index - partition.base)
      partition.committed = Math.max(partition.committed, (partition.prefix.end ?? -1) + 1)
    }
  }

  release(): void {
    throw new Error('a log source is never asked to release')
  }

  connect(connection: string): void {
    if (this.#connections.includes(connection)) return
    this.#connections.push(connection)
    this.#assign()
  }

  disconnect(connection: string, how: 'closed' | 'dead'): void {
    if (!this.#connections.includes(connection)) return
    if (how === 'dead') this.#dead.set(connection, this.#options.elapsedMs() + this.#options.sessionMs)
    else this.#leave(connection)
  }

  isEmpty(connection: string): boolean {
    return this.nextAtMs(connection) > this.#options.elapsedMs()
  }

  #append(copy: Copy, atMs: number): void {
    const partition = this.#partitions[this.#options.partitionOf(copy) % this.#partitions.length]
    if (partition === undefined) return
    const last = partition.copies.at(-1)?.atMs ?? 0
    const index = partition.copies.length
    this.#whereabouts.set(copy.place, { partition, index })
    const logPlace = { log: `partition ${this.#partitions.indexOf(partition)}`, at: index }
    partition.copies.push({ copy: { ...copy, logPlace }, atMs: Math.max(last, atMs) })
  }

  #rebalance(): void {
    for (const [connection, atMs] of this.#dead)
      if (atMs <= this.#options.elapsedMs()) this.#leave(connection)
  }

  #leave(connection: string): void {
    this.#dead.delete(connection)
    const at = this.#connections.indexOf(connection)
    if (at !== -1) this.#connections.splice(at, 1)
    this.#assign()
  }

  /** Deals the partitions out; whoever gets one reads it from its settled prefix on. */
  #assign(): void {
    this.#partitions.forEach((partition, index) => {
      const owner = this.#connections[index % Math.max(1, this.#connections.length)]
      if (owner === partition.owner) return
      partition.owner = owner
      partition.next = partition.committed
      partition.base = partition.committed
      partition.prefix = new SettledPrefix()
    })
  }
}
