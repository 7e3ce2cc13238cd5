// A unit of work inside one transaction: what handlers write and where their streams stand become durable
// together. The locks of its streams last as long as the transaction does. Upholds I2 and I5.
import { InturnError, invariant } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Clock } from '../../core/stream-state.ts'
import { errorMessage } from '../../core/thrown.ts'
import type { DomainStatus } from '../../ports/domain-status.ts'
import type { HeldEvent, HeldRange, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { Commit, CommitOutcome, UnitOfWork, WonStream } from '../../ports/store.ts'
import { prepareCommit } from './apply-commit.ts'
import type { BegunUnit, UnitParts } from './begin-unit.ts'
import { beginUnit } from './begin-unit.ts'
import { isUndone } from './faults.ts'
import { readHeld } from './held.ts'
import { newlyWaiting, readPages } from './inbox.ts'
import { OpenTransaction } from './open-transaction.ts'
import { findIds } from './processed-ids.ts'
import type { Session } from './session.ts'

const checkOursSql = 'SELECT inturn.check_transaction($1)'

/** A unit of work inside one transaction. */
export class TransactionUnit implements UnitOfWork<OpenTransaction> {
  readonly clock: Clock
  readonly streams: ReadonlyMap<StreamPath, WonStream>
  readonly busy: readonly StreamPath[]
  readonly domains: ReadonlyMap<string, DomainStatus>
  readonly transaction: OpenTransaction
  readonly #parts: UnitParts
  readonly #begun: BegunUnit
  readonly #session: Session
  readonly #abort = new AbortController()
  /** Statements of commits that have no answer yet. */
  readonly #sent: Promise<void>[] = []
  #failure: InturnError | undefined
  #depth = 0
  /** How many statements handlers had sent when it was seen last that the transaction is the unit's. */
  #checkedAt = 0
  #isEnded = false

  /** Begins a unit in the transaction that has been begun with the same flush. */
  static async begin(session: Session, parts: UnitParts): Promise<TransactionUnit> {
    return new TransactionUnit(session, parts, await beginUnit(session, parts))
  }

  private constructor(session: Session, parts: UnitParts, begun: BegunUnit) {
    this.#session = session
    this.#parts = parts
    this.#begun = begun
    const { clock, streams, busy, domains } = begun
    this.clock = clock
    this.streams = streams
    this.busy = busy
    this.domains = domains.byName
    this.transaction = new OpenTransaction(session, parts.connection.name)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get isUndone(): boolean {
    return this.transaction.isUndone
  }

  get fault(): InturnError | undefined {
    return this.#failure ?? this.transaction.fault
  }

  /** It is time to fold what is counted of the consumer's domains. */
  get isLoose(): boolean {
    return this.#begun.domains.isLoose
  }

  /** Fires the signal: the transaction is lost. */
  abort(): void {
    this.#abort.abort()
  }

  /** Shows the server that the process is alive. An answer is none of a transaction that has failed. */
  async renew(): Promise<boolean> {
    if (this.#isEnded) return true
    return this.#session.query('SELECT 1').then(() => true, isUndone)
  }

  async held(ranges: readonly HeldRange[]): Promise<readonly HeldEvent[]> {
    this.#checkUsable()
    for (const { stream } of ranges) this.#checkWon(stream)
    return this.#reading(readHeld(this.#session, this.#parts.consumer, ranges))
  }

  async inbox(pages: readonly InboxPage[]): Promise<readonly StoredEntry[]> {
    this.#checkUsable()
    for (const { stream } of pages) this.#checkWon(stream)
    return this.#reading(readPages(this.#session, this.#parts.consumer, pages))
  }

  async knownIds(domain: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    this.#checkUsable()
    const { consumer, connection } = this.#parts
    return this.#reading(findIds(this.#session, consumer, { domain, ids, shiftMs: connection.shiftMs() }))
  }

  /** Sends the statements, and leaves their answers to the end: until then none of them counts. */
  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    this.#checkUsable()
    for (const { stream } of commit.streams) this.#checkWon(stream)
    const { consumer, connection } = this.#parts
    const { fence } = this.#begun
    const write = prepareCommit(commit, { consumer, fence, shiftMs: connection.shiftMs() })
    this.#checkOurs()
    this.#note(write(this.#session))
    return commit.streams.map(() => 'committed')
  }

  async savepoint<Result>(run: () => Promise<Result>): Promise<Result> {
    this.#checkUsable()
    const name = `inturn_${++this.#depth}`
    this.#note(this.#session.run(`SAVEPOINT ${name}`))
    try {
      const result = await run()
      await this.#leave(releaseSql(name))
      return result
    } catch (error) {
      await this.#leave(undoSql(name))
      throw error
    } finally {
      this.#depth--
    }
  }

  async atOnce(run: () => Promise<void>): Promise<void> {
    this.#checkUsable()
    await this.transaction.share(run)
  }

  /**
   * Commits, and says which streams have entries that were not looked at: that is looked for once the streams
   * are free, in the same flush.
   */
  async end(): Promise<readonly StreamPath[]> {
    const { fault } = this
    this.revoke()
    if (fault !== undefined) throw fault
    this.#checkStanding()
    const won = new Set(this.streams.keys())
    this.#checkOurs()
    const committed = this.#session.commit()
    const looked =
      won.size === 0
        ? undefined
        : newlyWaiting(this.#session, this.#parts.consumer, won).catch(() => undefined)
    const [end] = await Promise.allSettled([committed, ...this.#sent])
    const waiting = await looked
    if (end.status === 'fulfilled') return waiting ?? []
    throw isUnknown(end.reason) ? end.reason : (this.#failure ?? refused(end.reason))
  }

  /** Refuses all further use. */
  revoke(): void {
    this.#isEnded = true
    this.transaction.end()
  }

  /**
   * Ends a savepoint. Whoever has swallowed the error of a statement, has ended the transaction, or has
   * broken a constraint that is checked later, is found out here.
   */
  async #leave(statements: readonly string[]): Promise<void> {
    // A statement that has no answer is one of a handler that was given up on: the transaction ends with it.
    if (this.transaction.pending > 0 || this.transaction.isLost) {
      this.transaction.lose()
      return
    }
    const sent = statements.map((sql) => this.#session.query(sql))
    const left = await Promise.allSettled(sent)
    if (left.every(({ status }) => status === 'fulfilled')) this.transaction.recover()
    else this.transaction.lose()
  }

  /** Has the server see whether a handler has ended the transaction since that was seen last. */
  #checkOurs(): void {
    const { sent } = this.transaction
    if (sent === this.#checkedAt) return
    this.#checkedAt = sent
    this.#note(this.#session.run(checkOursSql, this.#begun.xact))
  }

  /** Notes what is sent and not waited for; the first failure of it is what the transaction fails with. */
  #note(sent: Promise<unknown>): void {
    const noted = sent.then(
      () => undefined,
      (error: unknown) => {
        this.#failure ??= refused(error)
      },
    )
    this.#sent.push(noted)
  }

  /** What a read came to; what has failed before it says why it fails. */
  async #reading<Result>(read: Promise<Result>): Promise<Result> {
    try {
      return await read
    } catch (error) {
      throw this.fault ?? error
    }
  }

  #checkWon(stream: StreamPath): void {
    const isWon = this.streams.has(stream)
    invariant(isWon, `${stream} was used in a unit of work that has not won it`)
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

function isUnknown(error: unknown): boolean {
  return error instanceof InturnError && error.code === 'commit-unknown'
}

/** Why a commit was refused: a constraint that was checked no sooner, for example. */
function refused(cause: unknown): InturnError {
  if (cause instanceof InturnError) return cause
  const message = `the server has refused the commit of a transaction: ${errorMessage(cause)}`
  return new InturnError('handler-failed', message, { cause })
}

function undoSql(name: string): readonly string[] {
  return [`ROLLBACK TO ${name}`, `RELEASE ${name}`]
}

/** Checks what is to be checked before the commit, which changes nothing about when it is checked. */
function releaseSql(name: string): readonly string[] {
  const check = 'SET CONSTRAINTS ALL IMMEDIATE'
  return ['SAVEPOINT inturn_check', check, 'ROLLBACK TO inturn_check', `RELEASE ${name}`]
}
