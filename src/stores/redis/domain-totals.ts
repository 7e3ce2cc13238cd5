// What is counted of each domain, over all shards. Each shard's counts are exact; of shards that nobody asked
// for a second they may be as old as that, because asking all of them for every batch would cost more than
// the batch. Limits of domains are approximate anyway.
import type { StreamPath } from '../../core/stream-path.ts'
import { parseStreamPath, streamPath } from '../../core/stream-path.ts'
import type { DomainStatus } from '../../ports/records.ts'
import { systemTimers } from '../../ports/timers.ts'

const countsMs = 1000
const noneArePaused: ReadonlyMap<string, string> = new Map()

interface ShardCounts {
  readonly counts: ReadonlyMap<string, string>
  readonly readAt: number
}

/** The counts of one consumer. */
export class DomainTotals {
  readonly #shards: (ShardCounts | undefined)[]
  /** Of all shards, until one of them tells others. */
  #sums: ReadonlyMap<string, DomainStatus> | undefined

  constructor(shards: number) {
    this.#shards = Array.from({ length: shards }, () => undefined)
  }

  /**
   * The shards whose counts are too old, and that the caller is to ask. Nobody else is told so for a second:
   * calls side by side would all ask.
   */
  takeStale(): ReadonlySet<number> {
    const now = systemTimers.elapsedMs()
    const stale = new Set<number>()
    for (const [index, shard] of this.#shards.entries()) {
      if (shard !== undefined && shard.readAt >= now - countsMs) continue
      stale.add(index)
      if (shard !== undefined) this.#shards[index] = { ...shard, readAt: now }
    }
    return stale
  }

  /** A shard has told its counts. */
  note(shard: number, counts: ReadonlyMap<string, string>): void {
    this.#shards[shard] = { counts, readAt: systemTimers.elapsedMs() }
    this.#sums = undefined
  }

  /** Every domain of which something is known; `paused` by encoded name. */
  statuses(paused: ReadonlyMap<string, string>): ReadonlyMap<string, DomainStatus> {
    this.#sums ??= domainStatuses(
      this.#shards.flatMap((shard) => shard?.counts ?? []),
      noneArePaused,
    )
    if (paused.size === 0) return this.#sums
    const own = domainStatuses([], paused)
    const sums = new Map(this.#sums)
    for (const [domain, status] of own) {
      const { held, handedOver } = sums.get(domain) ?? status
      sums.set(domain, { held, handedOver, paused: status.paused })
    }
    return sums
  }
}

/** Sums the counts of shards by domain. */
export function domainStatuses(
  shards: readonly ReadonlyMap<string, string>[],
  paused: ReadonlyMap<string, string>,
): Map<string, DomainStatus> {
  const sums = new Map<string, { held: number; handedOver: number; paused: boolean }>()
  const sumOf = (encoded: string): { held: number; handedOver: number; paused: boolean } => {
    const domain = parseStreamPath(`${encoded}/`)?.domain ?? encoded
    const sum = sums.get(domain) ?? { held: 0, handedOver: 0, paused: false }
    sums.set(domain, sum)
    return sum
  }
  for (const counts of shards) {
    for (const [name, count] of counts) {
      if (name.startsWith('held/')) sumOf(name.slice(5)).held += Number(count)
      if (name.startsWith('over/')) sumOf(name.slice(5)).handedOver += Number(count)
    }
  }
  for (const [encoded, isPaused] of paused) sumOf(encoded).paused = isPaused === '1'
  return sums
}

/** A domain's name as it begins the paths of its streams. */
export function encodedDomain(domain: string): string {
  return streamPath(domain, '').slice(0, -1)
}

/** The domain of a path. */
export function domainOf(path: StreamPath): string {
  return parseStreamPath(path)?.domain ?? path
}
