// A unit of work inside one transaction: what handlers write and where their streams stand become durable
// together. The locks of its streams last as long as the transaction does. Upholds I2 and I5.
import { InturnError } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { errorMessage } from '../../core/thrown.ts'
import { keepRenewed } from '../../ports/renewal.ts'
import type {
  Commit,
  CommitOutcome,
  ProcessedIds,
  TransactionEnd,
  UnitOfWork,
  UnitTransaction,
  Worked,
} from '../../ports/store.ts'
import type { Timers } from '../../ports/timers.ts'
import type { BegunUnit, UnitParts, UnitReads } from '../../storage/unit-of-work.ts'
import { GuardedUnit, refusalOf } from '../../storage/unit-of-work.ts'
import { prepareCommit } from './apply-commit.ts'
import type { Beginning, PostgresUnitParts } from './begin-unit.ts'
import { beginUnit, unitReads } from './begin-unit.ts'
import { foreignFaultOf, isUndone } from './faults.ts'
import { newlyWaiting } from './inbox.ts'
import { OpenTransaction } from './open-transaction.ts'
import type { PostgresRow } from './postgres-client.ts'
import type { Session } from './session.ts'

const checkOursSql = 'SELECT inturn.check_transaction($1)'

/** A unit of work inside one transaction. */
export class TransactionUnit implements UnitParts, UnitTransaction<OpenTransaction> {
  readonly begun: BegunUnit
  readonly reads: UnitReads
  readonly forHandlers: OpenTransaction
  /** It is time to fold what is counted of the consumer's domains. */
  readonly isLoose: boolean
  readonly #parts: PostgresUnitParts
  readonly #beginning: Beginning
  readonly #session: Session
  /** Statements of commits that have no answer yet. */
  readonly #sent: Promise<void>[] = []
  /** Ids, behind their domain, that nobody had processed when they were asked for. */
  readonly #new = new Set<string>()
  #failure: InturnError | undefined
  #depth = 0
  /** How many statements handlers had sent when it was seen last that the transaction is the unit's. */
  #checkedAt = 0

  /** Begins a unit in the transaction that has been begun with the same flush. */
  static async begin(session: Session, parts: PostgresUnitParts): Promise<TransactionUnit> {
    return new TransactionUnit(session, parts, await beginUnit(session, parts))
  }

  private constructor(session: Session, parts: PostgresUnitParts, beginning: Beginning) {
    this.begun = beginning.begun
    // What has failed before a read says why it fails.
    const run = async (sql: string, ...values: readonly unknown[]): Promise<PostgresRow[]> =>
      session.run(sql, ...values).catch((error: unknown) => {
        throw this.ended?.fault ?? error
      })
    const reads = unitReads({ run }, parts)
    this.reads = { ...reads, knownIds: (domain, ids) => this.#knownIds(domain, ids, reads) }
    this.forHandlers = new OpenTransaction(session, parts.connection)
    this.isLoose = beginning.isLoose
    this.#parts = parts
    this.#beginning = beginning
    this.#session = session
  }

  get ended(): TransactionEnd | undefined {
    const fault = this.#failure ?? this.forHandlers.fault
    if (fault !== undefined) return { fault }
    return this.forHandlers.isUndone ? {} : undefined
  }

  /** Sends the statements, and leaves their answers to the end: until then none of them counts. */
  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    const { consumer, connection } = this.#parts
    const { fence } = this.#beginning
    const areNew = ({ domain, ids }: ProcessedIds): boolean =>
      ids.every((id) => this.#new.has(newIdOf(domain, id)))
    const write = prepareCommit(commit, { consumer, fence, shiftMs: connection.shiftMs(), areNew })
    this.#checkOurs()
    this.#note(write(this.#session))
    return commit.streams.map(() => 'committed')
  }

  async savepoint<Result>(run: () => Promise<Result>): Promise<Result> {
    const name = `inturn_${++this.#depth}`
    this.#note(this.#session.run(`SAVEPOINT ${name}`))
    try {
      const result = await run()
      await this.#leave(releaseSql(name)).catch((error: unknown) => {
        throw refused(error)
      })
      return result
    } catch (error) {
      await this.#leave(undoSql(name)).catch(() => this.forHandlers.lose())
      throw error
    } finally {
      this.#depth--
    }
  }

  async atOnce(run: () => Promise<void>): Promise<void> {
    await this.forHandlers.share(run)
  }

  /** Runs a body, and commits. */
  async run<Result>(
    timers: Timers,
    body: (unit: UnitOfWork<OpenTransaction>) => Promise<Result>,
  ): Promise<Worked<Result>> {
    const unit = new GuardedUnit(this, this)
    const { claimMs } = this.#parts.request
    const stop = keepRenewed({ timers, claimMs, renew: () => this.#renew(), lost: () => unit.abort() })
    const end = (): void => {
      stop()
      unit.end()
      this.forHandlers.end()
    }
    try {
      const value = await body(unit)
      end()
      return { value, again: await this.#commitAll() }
    } catch (error) {
      if (this.forHandlers.pending > 0) this.#session.giveUp()
      throw error
    } finally {
      end()
    }
  }

  /**
   * Commits, and says which streams have entries that were not looked at: that is looked for once the streams
   * are free, in the same flush.
   */
  async #commitAll(): Promise<readonly StreamPath[]> {
    if (this.ended !== undefined) throw refusalOf(this.ended)
    const won = new Set(this.begun.streams.keys())
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

  async #knownIds(
    domain: string,
    ids: readonly string[],
    reads: Pick<UnitReads, 'knownIds'>,
  ): Promise<ReadonlySet<string>> {
    const known = await reads.knownIds(domain, ids)
    for (const id of ids) if (!known.has(id)) this.#new.add(newIdOf(domain, id))
    return known
  }

  /** Shows the server that the process is alive. An answer is none of a transaction that has failed. */
  #renew(): Promise<boolean> {
    return this.#session.query('SELECT 1').then(() => true, isUndone)
  }

  /**
   * Ends a savepoint. Whoever has swallowed the error of a statement, has ended the transaction, or has
   * broken a constraint that is checked later, is found out here.
   *
   * @throws what the server says to that
   */
  async #leave(statements: readonly string[]): Promise<void> {
    // A statement that has no answer is one of a handler that was given up on: the transaction ends with it.
    if (this.forHandlers.pending > 0 || this.forHandlers.isLost) {
      this.forHandlers.lose()
      return
    }
    const left = await Promise.allSettled(statements.map((sql) => this.#session.query(sql)))
    const failed = left.find((one) => one.status === 'rejected')
    if (failed === undefined) {
      this.forHandlers.recover()
      return
    }
    const fault = foreignFaultOf(failed.reason, this.#parts.connection.name)
    this.#failure ??= fault
    throw fault ?? failed.reason
  }

  /** Has the server see whether a handler has ended the transaction since that was seen last. */
  #checkOurs(): void {
    const { sent } = this.forHandlers
    if (sent === this.#checkedAt) return
    this.#checkedAt = sent
    this.#note(this.#session.run(checkOursSql, this.#beginning.xact))
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
}

function newIdOf(domain: string, id: string): string {
  return `${domain}\n${id}`
}

function isUnknown(error: unknown): boolean {
  return error instanceof InturnError && error.code === 'commit-unknown'
}

/** Why a commit was refused: a constraint that was checked no sooner, for example. */
function refused(cause: unknown): InturnError {
  if (cause instanceof InturnError) return cause
  if (isUndone(cause)) {
    const message =
      'a statement of a handler has failed or ended the transaction, and the handler has hidden that'
    return new InturnError('handler-failed', message, { cause })
  }
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
