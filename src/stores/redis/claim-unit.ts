// A unit of work: the streams that were won, with claims that are leased and fenced. Each commit is one call
// for each shard, in which the script compares every claim's fence. Upholds I5.
import { InturnError, invariant } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Clock, StreamState } from '../../core/stream-state.ts'
import type { DomainStatus } from '../../ports/domain-status.ts'
import type { DeadLetter, HeldEvent, HeldRange, StoredHandedOver } from '../../ports/records.ts'
import type { Commit, CommitOutcome, UnitOfWork } from '../../ports/store.ts'
import type { ClaimedStreams, ClaimParts } from './claims.ts'
import { releaseClaims, renewClaims } from './claims.ts'
import type { PreparedCommit } from './commit-parts.ts'
import { prepareCommit } from './commit-parts.ts'
import { at, listIn, mapIn } from './reply.ts'
import { UnitReads } from './unit-reads.ts'

/** A unit of work with claims. */
export class ClaimUnit implements UnitOfWork<undefined> {
  readonly clock: Clock
  readonly states: ReadonlyMap<StreamPath, StreamState>
  readonly busy: readonly StreamPath[]
  readonly takenOver: ReadonlySet<StreamPath>
  readonly domains: ReadonlyMap<string, DomainStatus>
  readonly transaction: undefined
  readonly isUndone = false
  readonly #parts: ClaimParts
  readonly #claimed: ClaimedStreams
  readonly #reads: UnitReads
  readonly #abort = new AbortController()
  #isEnded = false

  constructor(parts: ClaimParts, claimed: ClaimedStreams) {
    this.clock = { now: claimed.now, readingMs: claimed.readingMs }
    this.states = claimed.states
    this.busy = claimed.busy
    this.takenOver = claimed.takenOver
    this.domains = claimed.domains
    this.#parts = parts
    this.#claimed = claimed
    const { connection, keyspace, request } = parts
    this.#reads = new UnitReads(connection, keyspace, request.consumer)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Fires the signal: a claim is lost. */
  abort(): void {
    this.#abort.abort()
  }

  fence(stream: StreamPath): number {
    this.#checkWon(stream)
    return this.#fenceOf(this.#parts.keyspace.shardOf(stream))
  }

  async held(ranges: readonly HeldRange[]): Promise<readonly HeldEvent[]> {
    this.#check(ranges.map(({ stream }) => stream))
    return this.#reads.held(ranges)
  }

  async handedOver(streams: readonly StreamPath[], limit: number): Promise<readonly StoredHandedOver[]> {
    this.#check(streams)
    return this.#reads.handedOver(streams, limit)
  }

  async overflow(stream: StreamPath, limit: number): Promise<readonly DeadLetter[]> {
    this.#check([stream])
    return this.#reads.overflow(stream, limit)
  }

  async buried(keys: readonly string[]): Promise<ReadonlySet<string>> {
    this.#check([])
    return this.#reads.buried(keys)
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
    })
    await connection.write(prepared.first)
    const committed = await this.#write(prepared)
    const last = [...prepared.last].flatMap(([stream, calls]) => (committed.has(stream) ? calls : []))
    await connection.write(last, true)
    if (committed.size < commit.streams.length) this.abort()
    return commit.streams.map(({ stream }) => (committed.has(stream) ? 'committed' : 'claim-lost'))
  }

  async savepoint<Result>(): Promise<Result> {
    throw new InturnError('invariant-violated', 'a savepoint was asked of a store without transactions')
  }

  /** Renews the claims; `false` when one is lost. */
  async renew(): Promise<boolean> {
    return renewClaims(this.#parts, this.#claimed)
  }

  /** Releases the claims, and says for which of the streams events were handed over. */
  async end(): Promise<StreamPath[]> {
    this.#isEnded = true
    return releaseClaims(this.#parts, this.#claimed.shards)
  }

  /** Writes the streams' parts; says which were committed. */
  async #write({ first, streams }: PreparedCommit): Promise<Set<StreamPath>> {
    const calls = streams.map(({ call }) => call)
    const replies = await this.#parts.connection.write(calls, first.length > 0)
    const committed = new Set<StreamPath>()
    for (const [index, { shard, paths }] of streams.entries()) {
      const outcomes = listIn(at(replies[index], 0))
      for (const [place, path] of paths.entries()) if (outcomes[place] === 1) committed.add(path)
      const counts = mapIn(at(replies[index], 1))
      if (counts.size > 0) this.#parts.known.totals.note(shard, counts)
    }
    return committed
  }

  #fenceOf(shard: number): number {
    return this.#claimed.shards.get(shard)?.fence ?? 0
  }

  #check(streams: readonly StreamPath[]): void {
    invariant(!this.#isEnded, 'a unit of work was used after its end')
    for (const stream of streams) this.#checkWon(stream)
  }

  #checkWon(stream: StreamPath): void {
    invariant(this.states.has(stream), `${stream} was used in a unit of work that has not won it`)
  }
}
