// What a handler or a body sees of the transaction in which it runs. It ends with the body, and what comes
// late is refused rather than carried out by itself; so is what would end the transaction. Upholds I2.
import { InturnError } from '../../core/errors.ts'
import type { Connection } from './connection.ts'
import { foreignFaultOf, isRaced, mayBeOutOfDate } from './faults.ts'
import type { PostgresQuery, PostgresResult, PostgresTransaction } from './postgres-client.ts'
import { listAsPg } from './row.ts'
import type { Session } from './session.ts'

/** What is told of an answer. */
type Answered = (error: unknown, result?: PostgresResult) => void

/** A transaction that is open. */
export class OpenTransaction implements PostgresTransaction {
  readonly #session: Session
  readonly #connection: Pick<Connection, 'name' | 'texts' | 'prepares'>
  #isOpen = true
  #isLost = false
  #isShared = false
  /** The last answer was an error; the state of the transaction is told only after it. */
  #hasFailed = false
  #pending = 0
  #sent = 0
  #fault: InturnError | undefined

  constructor(session: Session, connection: Pick<Connection, 'name' | 'texts' | 'prepares'>) {
    this.#session = session
    this.#connection = connection
  }

  /** What the server has failed with in one of the statements, where that was not the statement's doing. */
  get fault(): InturnError | undefined {
    return this.#fault
  }

  /** Nothing of it can be committed, whatever its savepoints are. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** How many statements have no answer yet. */
  get pending(): number {
    return this.#pending
  }

  /** How many statements there were. */
  get sent(): number {
    return this.#sent
  }

  /** A statement has failed, or has ended the transaction: nothing of it can be committed as it is. */
  get isUndone(): boolean {
    return this.#isLost || this.#hasFailed || this.#session.status === 'E' || this.#session.status === 'I'
  }

  query(query: string | PostgresQuery, values?: unknown[]): Promise<PostgresResult>
  /** As `pg` does, for query builders that give a callback: it is told, and the promise tells nothing. */
  query(
    query: string | PostgresQuery,
    ...rest: readonly (unknown[] | Answered | undefined)[]
  ): Promise<unknown>
  async query(
    query: string | PostgresQuery,
    ...rest: readonly (unknown[] | Answered | undefined)[]
  ): Promise<unknown> {
    const answered = this.#query(query, rest.find(Array.isArray))
    const told = rest.find((one) => typeof one === 'function')
    return told === undefined ? answered : answered.then((result) => told(null, result), told)
  }

  async #query(query: string | PostgresQuery, values: unknown[] | undefined): Promise<PostgresResult> {
    if (!this.#isOpen) {
      throw new InturnError('handler-failed', 'the transaction has ended: await each query in its body')
    }
    if (this.#fault !== undefined && !isRaced(this.#fault)) throw this.#fault
    const given = typeof query === 'string' ? { text: query } : query
    const { name: store, texts, prepares } = this.#connection
    const { refusal, isLonely, isLasting } = texts.read(given.text)
    if (refusal !== undefined) throw new InturnError('handler-failed', refusal)
    // What fails while handlers share the transaction is run again: only there may a plan be out of date.
    const name = this.#isShared && prepares ? texts.nameOf(given.text) : undefined
    this.#checkShared(isLonely)
    if (this.#hasEnded()) {
      this.#isLost = true
      throw new InturnError('handler-failed', 'the transaction has ended: a statement would count by itself')
    }
    if (isLasting) this.#session.outlast()
    this.#pending++
    this.#sent++
    try {
      // In this mode a text is one statement, so none that ends the transaction hides behind another.
      const one = { ...(name !== undefined && { name }), ...given, queryMode: 'extended' }
      const result = await this.#session.query(one, (values ?? given.values)?.map(listed), 'long')
      this.#hasFailed = false
      return result
    } catch (error) {
      this.#hasFailed = true
      if (name !== undefined && mayBeOutOfDate(error)) texts.forget(given.text)
      const fault = foreignFaultOf(error, store)
      this.#fault ??= fault
      throw fault ?? error
    } finally {
      this.#pending--
      this.#isLost ||= this.#hasEnded()
    }
  }

  /** Runs what several handlers do at the same time. */
  async share(run: () => Promise<void>): Promise<void> {
    this.#isShared = true
    await run().finally(() => {
      this.#isShared = false
    })
  }

  /** Whether the server says that no transaction is open. */
  #hasEnded(): boolean {
    return this.#session.status === 'I'
  }

  /** While handlers share the transaction, what one of them breaks is broken for all. */
  #checkShared(isLonely: boolean): void {
    if (!this.#isShared) return
    if (isLonely) this.#isLost = true
    if (!this.isUndone) return
    const message =
      'the handlers of the batch are called again, one after another: a statement of one of them'
    throw new InturnError('handler-failed', `${message} has failed, or needs the transaction for itself`)
  }

  /** Nothing of the transaction can be committed any more. */
  lose(): void {
    this.#isLost = true
  }

  /** What its statements have failed with is undone. */
  recover(): void {
    this.#hasFailed = false
  }

  /** Refuses all further use. */
  end(): void {
    this.#isOpen = false
  }
}

/** A parameter; a list as the text that `pg` would make of it, where that is made faster. */
function listed(value: unknown): unknown {
  return Array.isArray(value) ? (listAsPg(value) ?? value) : value
}
