// What is counted of each domain, over all shards. Each shard's counts are exact; of shards that nobody asked
// for a second they may be as old as that, because asking all of them for every batch would cost more than
// the batch. Limits of domains are approximate anyway.
import type { StreamPath } from '../../core/stream-path.ts'
import { parseStreamPath, streamPath } from '../../core/stream-path.ts'
import type { DomainStatus } from '../../ports/domain-status.ts'
import { systemTimers } from '../../ports/timers.ts'

const countsMs = 1000

interface ShardCounts {
  readonly counts: ReadonlyMap<string, string>
  readonly readAt: number
}

/** The counts of one consumer. */
export class DomainTotals {
  readonly #shards: (ShardCounts | undefined)[]

  constructor(shards: number) {
    this.#shards = Array.from({ length: shards }, () => undefined)
  }

  /** The shards whose counts are too old. */
  get stale(): readonly number[] {
    const since = systemTimers.elapsedMs() - countsMs
    return this.#shards.flatMap((shard, index) =>
      shard !== undefined && shard.readAt >= since ? [] : [index],
    )
  }

  /** A shard has told its counts. */
  note(shard: number, counts: ReadonlyMap<string, string>): void {
    this.#shards[shard] = { counts, readAt: systemTimers.elapsedMs() }
  }

  /** Every domain of which something is known; `paused` by encoded name. */
  statuses(paused: ReadonlyMap<string, string>): Map<string, DomainStatus> {
    return domainStatuses(
      this.#shards.flatMap((shard) => shard?.counts ?? []),
      paused,
    )
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
