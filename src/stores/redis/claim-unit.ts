// A unit of work: the streams that were won, with claims that are leased and fenced. Each commit is one call
// for each shard, in which the script compares every claim's fence. Upholds I5.
import { InturnError, invariant } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Clock } from '../../core/stream-state.ts'
import type { CommitCommands } from '../../ports/commit-commands.ts'
import type { DomainStatus } from '../../ports/domain-status.ts'
import type { HeldEvent, HeldRange, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { Commit, CommitOutcome, UnitOfWork, WonStream } from '../../ports/store.ts'
import { changesState } from '../../ports/store.ts'
import { at, listIn, mapIn, textIn } from '../../redis/reply.ts'
import type { ClaimedStreams, ClaimParts, ShardClaims } from './claims.ts'
import { pathsAt, releaseClaims, renewClaims } from './claims.ts'
import type { PreparedCommit } from './commit-parts.ts'
import { prepareCommit } from './commit-parts.ts'
import { effectKeyStart } from './effect-key.ts'
import { readPartial } from './effect-partial.ts'
import type { RedisCommands } from './redis-commands.ts'
import { CommandRecording } from './redis-commands.ts'
import { UnitReads } from './unit-reads.ts'

/** A unit of work with claims. */
export class ClaimUnit implements UnitOfWork<undefined, RedisCommands> {
  readonly clock: Clock
  readonly streams: ReadonlyMap<StreamPath, WonStream>
  readonly busy: readonly StreamPath[]
  readonly domains: ReadonlyMap<string, DomainStatus>
  readonly commands: CommitCommands<RedisCommands>
  readonly transaction: undefined
  readonly isUndone = false
  readonly fault: undefined
  readonly #parts: ClaimParts
  readonly #claimed: ClaimedStreams
  readonly #reads: UnitReads
  readonly #abort = new AbortController()
  /** Streams whose claims a commit releases that was sent, and those of which it is known that it has. */
  readonly #ending = new Set<StreamPath>()
  readonly #released = new Set<StreamPath>()
  readonly #again: StreamPath[] = []
  #isEnded = false

  constructor(parts: ClaimParts, claimed: ClaimedStreams) {
    this.clock = { now: claimed.now, readingMs: claimed.readingMs }
    this.streams = claimed.streams
    this.busy = claimed.busy
    this.domains = claimed.domains
    this.#parts = parts
    this.#claimed = claimed
    const { connection, keyspace, request } = parts
    this.#reads = new UnitReads(connection, keyspace, request.consumer)
    this.commands = {
      partials: claimed.partials,
      record: (stream) => {
        this.#checkWon(stream)
        return new CommandRecording(() => effectKeyStart(keyspace, request.consumer, stream))
      },
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Fires the signal: a claim is lost. */
  abort(): void {
    this.#abort.abort()
  }

  async held(ranges: readonly HeldRange[]): Promise<readonly HeldEvent[]> {
    this.#check(ranges.map(({ stream }) => stream))
    return this.#reads.held(ranges)
  }

  async inbox(pages: readonly InboxPage[]): Promise<readonly StoredEntry[]> {
    this.#check(pages.map(({ stream }) => stream))
    return this.#reads.inbox(pages)
  }

  async knownIds(domain: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    this.#check([])
    return this.#reads.knownIds(domain, ids)
  }

  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    this.#check(commit.streams.map(({ stream }) => stream))
    const { connection, keyspace, known, request } = this.#parts
    const prepared = prepareCommit(commit, {
      keyspace,
      consumer: request.consumer,
      worker: request.worker,
      fenceOf: (shard) => this.#fenceOf(shard),
      placeOf: (stream) => known.places.of(stream),
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
    this.#notePartials(commit, ends)
    const outcomes = commit.streams.map(({ stream }) => ends.get(stream) ?? 'claim-lost')
    if (outcomes.includes('claim-lost')) this.abort()
    return outcomes
  }

  async savepoint<Result>(): Promise<Result> {
    throw new InturnError('invariant-violated', 'a savepoint was asked of a store without transactions')
  }

  /** Renews the claims; `false` when one is lost. */
  async renew(): Promise<boolean> {
    const lost = await renewClaims(this.#parts, this.#claimsWithout(this.#ending))
    return lost.every((stream) => this.#ending.has(stream))
  }

  /** Releases the claims, and says which of the streams have entries that were not looked at. */
  async end(): Promise<StreamPath[]> {
    this.#isEnded = true
    return [...this.#again, ...(await releaseClaims(this.#parts, this.#claimsWithout(this.#released)))]
  }

  /** Writes the streams' parts; says how each ended. */
  async #write({ first, streams }: PreparedCommit): Promise<Map<StreamPath, CommitOutcome>> {
    const calls = streams.map(({ call }) => call)
    const replies = await this.#parts.connection.write(calls, first.length > 0)
    const ends = new Map<StreamPath, CommitOutcome>()
    for (const [index, { shard, paths }] of streams.entries()) {
      const outcomes = listIn(at(replies[index], 0))
      for (const [place, path] of paths.entries()) ends.set(path, outcomeIn(outcomes[place]))
      const counts = mapIn(at(replies[index], 1))
      if (counts.size > 0) this.#parts.known.totals.note(shard, counts)
      this.#again.push(...pathsAt(paths, at(replies[index], 2)))
    }
    return ends
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

  #check(streams: readonly StreamPath[]): void {
    invariant(!this.#isEnded, 'a unit of work was used after its end')
    for (const stream of streams) this.#checkWon(stream)
  }

  #checkWon(stream: StreamPath): void {
    invariant(this.streams.has(stream), `${stream} was used in a unit of work that has not won it`)
  }
}

function outcomeIn(reply: unknown): CommitOutcome {
  if (reply === 1) return 'committed'
  return reply === 0 ? 'claim-lost' : readPartial(textIn(reply))
}
