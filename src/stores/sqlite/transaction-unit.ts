// A unit of work inside one transaction: what handlers write and where their streams stand become durable
// together. Nobody else can write while it lasts, so its streams need no claim of their own. Upholds I2 and
// I5.
import { InturnError, invariant } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Clock } from '../../core/stream-state.ts'
import type { DomainStatus } from '../../ports/domain-status.ts'
import type { HeldEvent, HeldRange, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { Commit, CommitOutcome, UnitOfWork, WonStream, WorkRequest } from '../../ports/store.ts'
import { applyCommit } from './apply-commit.ts'
import { dropClaim, findClaims } from './claims.ts'
import type { Consumer } from './consumers.ts'
import { beginUnit, readDomains } from './consumers.ts'
import type { Database } from './database.ts'
import { newlyWaiting } from './inbox.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'
import { UnitReads } from './unit-reads.ts'
import { UnitScope } from './unit-scope.ts'
import type { Outcome } from './writer.ts'

/** What a unit of work is made of. */
export interface UnitParts {
  readonly database: Database
  readonly consumer: Consumer
  readonly request: WorkRequest
  readonly outcome: Outcome
  readonly now: () => number
}

/** A unit of work inside one transaction. */
export class TransactionUnit implements UnitOfWork<SqliteTransaction> {
  readonly clock: Clock
  readonly streams: ReadonlyMap<StreamPath, WonStream>
  readonly busy: readonly StreamPath[]
  readonly domains: ReadonlyMap<string, DomainStatus>
  readonly transaction: SqliteTransaction
  readonly #database: Database
  readonly #now: () => number
  readonly #scope: UnitScope
  readonly #reads: UnitReads
  readonly #abort = new AbortController()
  #isEnded = false

  /** Reads all that the unit needs, in the transaction that has just begun. */
  constructor({ database, consumer, request, outcome, now }: UnitParts) {
    const begun = beginUnit(database, consumer, outcome)
    this.#database = database
    this.#now = now
    this.clock = { now: now(), readingMs: begun.readingMs }
    this.domains = readDomains(database, consumer.id)
    const streams = new Set(request.streams)
    const { busy, takenOver } = this.#yieldToClaims(consumer.id, streams)
    this.busy = busy
    this.#scope = new UnitScope(database, consumer, { ...begun, streams })
    this.#reads = new UnitReads(this.#scope, database)
    this.streams = this.#scope.streams(this.domains, takenOver)
    this.transaction = new SqliteTransaction(database)
    outcome.onCommit(() => this.#scope.committed())
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get isUndone(): boolean {
    return !this.#database.isTransaction
  }

  get fault(): InturnError | undefined {
    return this.transaction.fault
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
    return this.#reads.knownIds(domain, ids, this.#now())
  }

  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    this.#checkUsable()
    for (const { stream } of commit.streams) this.#scope.checkWon(stream)
    const leave = this.#enter()
    try {
      applyCommit(this.#scope, commit, { now: this.#now(), isRefused: () => false })
    } catch (error) {
      leave(false)
      throw error
    }
    leave(true)
    return commit.streams.map(() => 'committed')
  }

  async savepoint<Result>(run: () => Promise<Result>): Promise<Result> {
    this.#checkUsable()
    const leave = this.#enter()
    let isKept = false
    try {
      const result = await run()
      isKept = true
      return result
    } finally {
      leave(isKept)
    }
  }

  /**
   * Ends the unit before its transaction is committed, and says which streams have entries that were not
   * looked at.
   */
  end(): StreamPath[] {
    const { fault } = this
    this.revoke()
    if (fault !== undefined) throw fault
    this.#checkStanding()
    const { consumer, won } = this.#scope
    const isQuiet = [...this.domains.values()].every(({ handedOver }) => handedOver === 0)
    return isQuiet ? [] : newlyWaiting(this.#database, consumer.id, won)
  }

  /** Refuses all further use. */
  revoke(): void {
    this.#isEnded = true
    this.transaction.end()
  }

  /** Takes the streams out that another worker has claimed, and the expired claims of the others away. */
  #yieldToClaims(
    consumer: number,
    streams: Set<StreamPath>,
  ): { readonly busy: readonly StreamPath[]; readonly takenOver: ReadonlySet<StreamPath> } {
    const busy: StreamPath[] = []
    const takenOver = new Set<StreamPath>()
    for (const [path, { until }] of findClaims(this.#database, consumer, streams)) {
      if (until <= this.clock.now) {
        dropClaim(this.#database, consumer, path)
        takenOver.add(path)
      } else if (streams.delete(path)) busy.push(path)
    }
    return { busy, takenOver }
  }

  /** Begins a savepoint; the returned function ends it. */
  #enter(): (isKept: boolean) => void {
    const depth = this.#scope.depth + 1
    this.#database.run(`SAVEPOINT inturn_${depth}`)
    this.#scope.enter()
    return (isKept) => {
      this.#scope.leave(isKept)
      if (!this.#database.isTransaction) return
      if (!isKept) this.#database.run(`ROLLBACK TO inturn_${depth}`)
      this.#database.run(`RELEASE inturn_${depth}`)
    }
  }

  #checkUsable(): void {
    invariant(!this.#isEnded, 'a unit of work was used after its end')
    this.#checkStanding()
  }

  #checkStanding(): void {
    if (!this.isUndone) return
    throw new InturnError('handler-failed', 'a statement of a handler has rolled the transaction back')
  }
}
