// A unit of work with leased claims and no open transaction: handlers may take their time and reach
// anywhere. Each commit is a transaction of its own, and refuses streams whose claim no longer bears the
// unit's fence. Upholds I5.
import type { StreamPath } from '../../core/stream-path.ts'
import type { Commit, CommitOutcome } from '../../ports/store.ts'
import type { BegunUnit, ClaimParts, UnitReads } from '../../storage/unit-of-work.ts'
import { applyCommit } from './apply-commit.ts'
import { dropClaim, findClaims, keepClaims, releaseClaims, renewClaims } from './claims.ts'
import { beginUnit, readDomains } from './consumers.ts'
import type { Database } from './database.ts'
import { newlyWaiting } from './inbox.ts'
import type { SqliteUnitParts } from './transaction-unit.ts'
import { SqliteUnitReads, UnitScope } from './unit-scope.ts'
import type { Outcome, Writer } from './writer.ts'

/** What a unit with claims needs besides. */
export interface ClaimUnitParts extends SqliteUnitParts {
  readonly writer: Writer
  /** A connection that sees only what is committed. */
  readonly committed: Database
}

/** A unit of work with claims. */
export class ClaimUnit implements ClaimParts {
  readonly begun: BegunUnit
  readonly reads: UnitReads
  readonly #parts: ClaimUnitParts
  readonly #scope: UnitScope
  /** Streams that the unit has done with: their claims were released with their commits. */
  readonly #released = new Set<StreamPath>()

  /** Claims what is free, in the transaction that has just begun. */
  constructor(parts: ClaimUnitParts) {
    const { database, consumer, request, outcome, now } = parts
    const begun = beginUnit(database, consumer, outcome)
    this.#parts = parts
    const clock = { now: now(), readingMs: begun.readingMs }
    const domains = readDomains(database, consumer.id)
    const streams = new Set(request.streams)
    const busy: StreamPath[] = []
    const takenOver = new Set<StreamPath>()
    for (const [path, { until }] of findClaims(database, consumer.id, request.streams)) {
      if (until <= clock.now) takenOver.add(path)
      else if (streams.delete(path)) busy.push(path)
    }
    const claim = { fence: begun.fence, since: clock.now, until: clock.now + request.claimMs }
    keepClaims(database, consumer.id, { request, won: streams, ...claim })
    const scope = new UnitScope(database, consumer, { ...begun, streams })
    this.#scope = scope
    this.reads = new SqliteUnitReads({ scope, database: parts.committed, now })
    this.begun = { clock, streams: scope.streams(domains, takenOver), busy, domains }
    outcome.onCommit(() => scope.committed())
  }

  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    return this.#parts.writer.write('full', (outcome) => this.#write(commit, outcome))
  }

  async renew(): Promise<boolean> {
    const { writer, database, consumer, request, now } = this.#parts
    const { fence, won } = this.#scope
    return writer.write('lazy', () => {
      const renewed = renewClaims(database, consumer.id, { fence, until: now() + request.claimMs })
      return renewed === won.size - this.#released.size
    })
  }

  async release(): Promise<readonly StreamPath[]> {
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
}
