// A unit of work inside one transaction: what handlers write and where their streams stand become durable
// together. Nobody else can write while it lasts, so its streams need no claim of their own. Upholds I2 and
// I5.
import { InturnError } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type {
  Commit,
  CommitOutcome,
  TransactionEnd,
  UnitOfWork,
  UnitTransaction,
  Worked,
  WorkRequest,
} from '../../ports/store.ts'
import type { BegunUnit, UnitParts, UnitReads } from '../../storage/unit-of-work.ts'
import { GuardedUnit, refusalOf } from '../../storage/unit-of-work.ts'
import { applyCommit } from './apply-commit.ts'
import { dropClaim, findClaims } from './claims.ts'
import type { Consumer } from './consumers.ts'
import { beginUnit, readDomains } from './consumers.ts'
import type { Database } from './database.ts'
import { newlyWaiting } from './inbox.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'
import { SqliteUnitReads, UnitScope } from './unit-scope.ts'
import type { Outcome } from './writer.ts'

/** What a unit of work is made of. */
export interface SqliteUnitParts {
  readonly database: Database
  readonly consumer: Consumer
  readonly request: WorkRequest
  readonly outcome: Outcome
  readonly now: () => number
}

/** A unit of work inside one transaction. */
export class TransactionUnit implements UnitParts, UnitTransaction<SqliteTransaction> {
  readonly begun: BegunUnit
  readonly reads: UnitReads
  readonly forHandlers: SqliteTransaction
  readonly #database: Database
  readonly #now: () => number
  readonly #scope: UnitScope
  readonly #wasRefused: boolean

  /** Reads all that the unit needs, in the transaction that has just begun. */
  constructor({ database, consumer, request, outcome, now }: SqliteUnitParts) {
    const begun = beginUnit(database, consumer, outcome)
    this.#database = database
    this.#now = now
    this.#wasRefused = request.wasRefused === true
    const clock = { now: now(), readingMs: begun.readingMs }
    const domains = readDomains(database, consumer.id)
    const streams = new Set(request.streams)
    const { busy, takenOver } = this.#yieldToClaims(consumer.id, { streams, now: clock.now })
    const scope = new UnitScope(database, consumer, { ...begun, streams })
    this.#scope = scope
    this.reads = new SqliteUnitReads({ scope, database, now })
    this.begun = { clock, streams: scope.streams(domains, takenOver), busy, domains }
    this.forHandlers = new SqliteTransaction(database)
    outcome.onCommit(() => scope.committed())
  }

  get ended(): TransactionEnd | undefined {
    const { fault } = this.forHandlers
    if (fault !== undefined) return { fault }
    return this.#database.isTransaction ? undefined : {}
  }

  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    const leave = this.#enter()
    try {
      applyCommit(this.#scope, commit, { now: this.#now() })
    } catch (error) {
      leave(false)
      throw error
    }
    leave(true)
    const outcomes: CommitOutcome[] = []
    for (const _ of commit.streams) outcomes.push('committed')
    return outcomes
  }

  async savepoint<Result>(run: () => Promise<Result>): Promise<Result> {
    const broken = this.#wasRefused ? this.#database.brokenReferences() : undefined
    const leave = this.#enter()
    let isKept = false
    try {
      const result = await run()
      if (broken !== undefined) this.#checkReferences(broken)
      isKept = true
      return result
    } finally {
      leave(isKept)
    }
  }

  /** Fails for references that point nowhere since they were looked at. */
  #checkReferences(before: ReadonlyMap<string, number>): void {
    for (const [reference, times] of this.#database.brokenReferences()) {
      if (times <= (before.get(reference) ?? 0)) continue
      const message = `a reference points nowhere, which is checked at the commit: ${reference}`
      throw new InturnError('handler-failed', message)
    }
  }

  /** Runs a body; what it came to is durable once the transaction is committed. */
  async run<Result>(body: (unit: UnitOfWork<SqliteTransaction>) => Promise<Result>): Promise<Worked<Result>> {
    const unit = new GuardedUnit(this, this)
    try {
      const value = await body(unit)
      if (this.ended !== undefined) throw refusalOf(this.ended)
      const { consumer, won } = this.#scope
      const isQuiet = [...unit.domains.values()].every(({ handedOver }) => handedOver === 0)
      return { value, again: isQuiet ? [] : newlyWaiting(this.#database, consumer.id, won) }
    } finally {
      unit.end()
      this.forHandlers.end()
    }
  }

  /** Takes the streams out that another worker has claimed, and the expired claims of the others away. */
  #yieldToClaims(
    consumer: number,
    { streams, now }: { readonly streams: Set<StreamPath>; readonly now: number },
  ): { readonly busy: readonly StreamPath[]; readonly takenOver: ReadonlySet<StreamPath> } {
    const busy: StreamPath[] = []
    const takenOver = new Set<StreamPath>()
    for (const [path, { until }] of findClaims(this.#database, consumer, streams)) {
      if (until <= now) {
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
}
