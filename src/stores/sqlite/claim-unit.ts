// A unit of work with leased claims and no open transaction: handlers may take their time and reach
// anywhere. Each commit is a transaction of its own, and refuses streams whose claim no longer bears the
// unit's fence. Upholds I5.
import { InturnError, invariant } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Clock } from '../../core/stream-state.ts'
import type { DomainStatus } from '../../ports/domain-status.ts'
import type { HeldEvent, HeldRange, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { Commit, CommitOutcome, UnitOfWork, WonStream } from '../../ports/store.ts'
import { applyCommit } from './apply-commit.ts'
import { dropClaim, findClaims, keepClaims, releaseClaims, renewClaims } from './claims.ts'
import { beginUnit, readDomains } from './consumers.ts'
import type { Database } from './database.ts'
import { newlyWaiting } from './inbox.ts'
import type { UnitParts } from './transaction-unit.ts'
import { UnitReads } from './unit-reads.ts'
import { UnitScope } from './unit-scope.ts'
import type { Outcome, Writer } from './writer.ts'

/** What a unit with claims needs besides. */
export interface ClaimUnitParts extends UnitParts {
  readonly writer: Writer
  /** A connection that sees only what is committed. */
  readonly committed: Database
}

/** A unit of work with claims. */
export class ClaimUnit implements UnitOfWork<never> {
  readonly clock: Clock
  readonly streams: ReadonlyMap<StreamPath, WonStream>
  readonly busy: readonly StreamPath[]
  readonly domains: ReadonlyMap<string, DomainStatus>
  readonly transaction: undefined
  readonly isUndone = false
  readonly fault: undefined
  readonly #parts: ClaimUnitParts
  readonly #scope: UnitScope
  readonly #reads: UnitReads
  readonly #abort = new AbortController()
  /** Streams that the unit has done with: their claims were released with their commits. */
  readonly #released = new Set<StreamPath>()
  #isEnded = false

  /** Claims what is free, in the transaction that has just begun. */
  constructor(parts: ClaimUnitParts) {
    const { database, consumer, request, outcome, now } = parts
    const begun = beginUnit(database, consumer, outcome)
    this.#parts = parts
    this.clock = { now: now(), readingMs: begun.readingMs }
    this.domains = readDomains(database, consumer.id)
    const streams = new Set(request.streams)
    const busy: StreamPath[] = []
    const takenOver = new Set<StreamPath>()
    for (const [path, { until }] of findClaims(database, consumer.id, request.streams)) {
      if (until <= this.clock.now) takenOver.add(path)
      else if (streams.delete(path)) busy.push(path)
    }
    this.busy = busy
    const { now: since } = this.clock
    const claim = { fence: begun.fence, since, until: since + request.claimMs }
    keepClaims(database, consumer.id, { request, won: streams, ...claim })
    this.#scope = new UnitScope(database, consumer, { ...begun, streams })
    this.#reads = new UnitReads(this.#scope, parts.committed)
    this.streams = this.#scope.streams(this.domains, takenOver)
    outcome.onCommit(() => this.#scope.committed())
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Fires the signal: a claim is lost. */
  abort(): void {
    this.#abort.abort()
  }

  async held(ranges: readonly HeldRange[]): Promise<readonly HeldEvent[]> {
    this.#checkUsable()
    return this.#reads.held(ranges)
  }

  async inbox(pages: readonly InboxPage[]): Promise<readonly StoredEntry[]> {
    this.#checkUsable()
    return this.#reads.inbox(pages)
  }

  async knownIds(domain: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    this.#checkUsable()
    return this.#reads.knownIds(domain, ids, this.#parts.now())
  }

  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    this.#checkUsable()
    for (const { stream } of commit.streams) this.#scope.checkWon(stream)
    return this.#parts.writer.write('full', (outcome) => this.#write(commit, outcome))
  }

  async savepoint<Result>(): Promise<Result> {
    throw new InturnError(
      'invariant-violated',
      'a savepoint was asked of a unit of work without a transaction',
    )
  }

  /** Renews the claims; `false` when one is lost. */
  async renew(): Promise<boolean> {
    const { writer, database, consumer, request, now } = this.#parts
    const { fence, won } = this.#scope
    return writer.write('lazy', () => {
      const renewed = renewClaims(database, consumer.id, { fence, until: now() + request.claimMs })
      return renewed === won.size - this.#released.size
    })
  }

  /** Releases the claims, and says which of the streams have entries that were not looked at. */
  async end(): Promise<StreamPath[]> {
    this.#isEnded = true
    const { writer, database, consumer } = this.#parts
    if (this.#scope.won.size === 0) return []
    return writer.write('lazy', () => {
      const released = releaseClaims(database, consumer.id, this.#scope.fence)
      return newlyWaiting(database, consumer.id, [...released, ...this.#released])
    })
  }

  #write(commit: Commit, outcome: Outcome): CommitOutcome[] {
    const { database, consumer, now } = this.#parts
    beginUnit(database, consumer, outcome)
    const streams = commit.streams.map(({ stream }) => stream)
    const claims = findClaims(database, consumer.id, streams)
    const isRefused = (stream: StreamPath): boolean => claims.get(stream)?.fence !== this.#scope.fence
    for (const stream of streams) consumer.cache.forget(stream)
    applyCommit(this.#scope, commit, { now: now(), isRefused })
    outcome.onCommit(() => this.#scope.committed())
    outcome.onUndo(() => this.#scope.undone())
    const ended = (commit.ended ?? []).filter((stream) => !isRefused(stream))
    for (const stream of ended) dropClaim(database, consumer.id, stream)
    outcome.onCommit(() => {
      for (const stream of ended) this.#released.add(stream)
    })
    return streams.map((stream) => (isRefused(stream) ? 'claim-lost' : 'committed'))
  }

  #checkUsable(): void {
    invariant(!this.#isEnded, 'a unit of work was used after its end')
  }
}
