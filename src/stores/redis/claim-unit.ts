// A unit of work: the streams that were won, with claims that are leased and fenced. Each commit is one call
// for each shard, in which the script compares every claim's fence. Upholds I5.
import type { StreamPath } from '../../core/stream-path.ts'
import type { CommitCommands } from '../../ports/commit-commands.ts'
import type { Commit, CommitOutcome } from '../../ports/store.ts'
import { changesState } from '../../ports/store.ts'
import { listIn, mapIn, textIn } from '../../redis/reply.ts'
import type { BegunUnit, ClaimParts, UnitReads } from '../../storage/unit-of-work.ts'
import type { ClaimedStreams, RedisUnitParts, ShardClaims } from './claims.ts'
import { pathsAt, releaseClaims, renewClaims } from './claims.ts'
import type { PreparedCommit } from './commit-parts.ts'
import { prepareCommit } from './commit-parts.ts'
import { effectKeyStart } from './effect-key.ts'
import { readPartial } from './effect-partial.ts'
import type { RedisCommands } from './redis-commands.ts'
import { CommandRecording } from './redis-commands.ts'
import { flagsOf } from './stream-record.ts'
import { RedisUnitReads } from './unit-reads.ts'

/** A unit of work with claims. */
export class ClaimUnit implements ClaimParts<RedisCommands> {
  readonly begun: BegunUnit
  readonly reads: UnitReads
  readonly commands: CommitCommands<RedisCommands>
  readonly #parts: RedisUnitParts
  readonly #claimed: ClaimedStreams
  /** Streams whose claims a commit releases that was sent, and those of which it is known that it has. */
  readonly #ending = new Set<StreamPath>()
  readonly #released = new Set<StreamPath>()
  readonly #again: StreamPath[] = []

  constructor(parts: RedisUnitParts, claimed: ClaimedStreams) {
    const { connection, keyspace, request } = parts
    this.begun = claimed.begun
    this.reads = new RedisUnitReads(connection, keyspace, request.consumer)
    this.commands = {
      partials: claimed.partials,
      record: (stream) => new CommandRecording(() => effectKeyStart(keyspace, request.consumer, stream)),
    }
    this.#parts = parts
    this.#claimed = claimed
  }

  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    const { connection, keyspace, request } = this.#parts
    const prepared = prepareCommit(commit, {
      keyspace,
      consumer: request.consumer,
      worker: request.worker,
      fenceOf: (shard) => this.#fenceOf(shard),
      recordOf: (stream) => this.#claimed.streams.get(stream)?.record,
      isLast: this.#endsShard(commit.ended),
    })
    await connection.write(prepared.first)
    for (const stream of commit.ended ?? []) this.#ending.add(stream)
    const ends = await this.#write(prepared)
    const isCommitted = (stream: StreamPath): boolean => ends.get(stream) === 'committed'
    for (const stream of commit.ended ?? []) {
      if (isCommitted(stream)) this.#released.add(stream)
      else if (typeof ends.get(stream) === 'object') this.#ending.delete(stream)
    }
    const last = [...prepared.last].flatMap(([stream, calls]) => (isCommitted(stream) ? calls : []))
    await connection.write(last, true)
    this.#noteRecords(commit, ends)
    this.#notePartials(commit, ends)
    return commit.streams.map(({ stream }) => ends.get(stream) ?? 'claim-lost')
  }

  async renew(): Promise<boolean> {
    const lost = await renewClaims(this.#parts, this.#claimsWithout(this.#ending))
    return lost.every((stream) => this.#ending.has(stream))
  }

  async release(): Promise<readonly StreamPath[]> {
    return [...this.#again, ...(await releaseClaims(this.#parts, this.#claimsWithout(this.#released)))]
  }

  /** Writes the streams' parts; says how each ended. */
  async #write({ first, streams }: PreparedCommit): Promise<Map<StreamPath, CommitOutcome>> {
    const calls = streams.map(({ call }) => call)
    const replies = await this.#parts.connection.write(calls, first.length > 0)
    const ends = new Map<StreamPath, CommitOutcome>()
    for (const [index, { shard, paths }] of streams.entries()) {
      const [ended, counted, waiting] = listIn(replies[index])
      const outcomes = listIn(ended)
      let place = 0
      for (const path of paths) ends.set(path, outcomeIn(outcomes[place++]))
      if (listIn(counted).length > 0) this.#parts.known.totals.note(shard, mapIn(counted))
      this.#again.push(...pathsAt(paths, waiting))
    }
    return ends
  }

  /** What a commit has made of records, for the commits that follow. */
  #noteRecords({ streams, ended }: Commit, ends: ReadonlyMap<StreamPath, CommitOutcome>): void {
    if (ended?.length === streams.length) return
    for (const change of streams) {
      const claimed = this.#claimed.streams.get(change.stream)
      if (claimed?.record === undefined || !changesState(change)) continue
      const { place, deliveries } = claimed.record
      if (ends.get(change.stream) === 'committed')
        claimed.record = { place, flags: flagsOf(change), deliveries: deliveries + change.deliveries }
    }
  }

  /** What the store keeps of failed commands after a commit, as a unit that began now would find it. */
  #notePartials({ streams }: Commit, ends: ReadonlyMap<StreamPath, CommitOutcome>): void {
    const { partials } = this.#claimed
    for (const change of streams) {
      const outcome = ends.get(change.stream)
      if (!changesState(change) || outcome === undefined || outcome === 'claim-lost') continue
      if (typeof outcome === 'object') partials.set(change.stream, outcome)
      else if (change.settlesPartial === true) partials.delete(change.stream)
    }
  }

  /** Says of a shard whether all its claims are released, or will be when these streams are. */
  #endsShard(ended: readonly StreamPath[] = []): (shard: number) => boolean {
    if (ended.length === 0) return () => false
    const ending = new Set(ended)
    return (shard) => {
      const paths = this.#claimed.shards.get(shard)?.paths ?? []
      return paths.every((path) => ending.has(path) || this.#released.has(path))
    }
  }

  #claimsWithout(released: ReadonlySet<StreamPath>): ReadonlyMap<number, ShardClaims> {
    if (released.size === 0) return this.#claimed.shards
    const claims = new Map<number, ShardClaims>()
    for (const [shard, { fence, paths }] of this.#claimed.shards) {
      const kept = paths.filter((path) => !released.has(path))
      if (kept.length > 0) claims.set(shard, { fence, paths: kept })
    }
    return claims
  }

  #fenceOf(shard: number): number {
    return this.#claimed.shards.get(shard)?.fence ?? 0
  }
}

function outcomeIn(reply: unknown): CommitOutcome {
  if (reply === 1) return 'committed'
  return reply === 0 ? 'claim-lost' : readPartial(textIn(reply))
}
