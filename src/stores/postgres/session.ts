// inturn's statements on one client, in the order in which they are asked for: all at once where the client
// pipelines, one after another where it does not. Upholds I2: it says how a transaction really ended.
import { Writable } from 'node:stream'
import { InturnError } from '../../core/errors.ts'
import { isRecord } from '../../core/parse-message.ts'
import { asError, fieldOf } from '../../core/thrown.ts'
import { commitFaultOf, ownFaultOf } from './faults.ts'
import type { PostgresClient, PostgresQuery, PostgresResult, PostgresRow } from './postgres-client.ts'
import { numberAt } from './row.ts'
import type { Statements } from './schema.ts'

/** What a session is made of. */
export interface SessionParts {
  readonly client: PostgresClient
  /** The store's name, for people. */
  readonly name: string
  /** A statement as this server takes it. */
  readonly prepared: (sql: string, values: readonly unknown[]) => PostgresQuery
}

/** A client while it is lent. */
export class Session implements Statements {
  readonly #parts: SessionParts
  readonly #isPipelined: boolean
  #last: Promise<unknown> = Promise.resolve()
  #isGivenUp = false
  #processId: number | undefined
  #isCorked = false
  /** Why there is no transaction, where one was to begin: what came behind it would count by itself. */
  #unbegun: Error | undefined

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#isPipelined = fieldOf(parts.client, 'pipeline') === true
  }

  /** One of its statements may never get an answer. */
  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  /** Which of the server's processes carries out the transaction that was begun. */
  get processId(): number | undefined {
    return this.#processId
  }

  /** What whoever answered the client says that its process is: a pooler gives a number of its own. */
  get toldProcessId(): unknown {
    return fieldOf(this.#parts.client, 'processID')
  }

  /** The state of the transaction as of the last answer: none, open, or failed; unknown for odd clients. */
  get status(): 'I' | 'T' | 'E' | undefined {
    return this.#parts.client.getTransactionStatus?.() ?? undefined
  }

  /** A statement of inturn's own. */
  async run(sql: string, ...values: readonly unknown[]): Promise<PostgresRow[]> {
    try {
      return (await this.query(this.#parts.prepared(sql, values))).rows
    } catch (error) {
      throw ownFaultOf(error, this.#parts.name)
    }
  }

  /** Begins a transaction by statements of which one tells the `pid` of the server's process. */
  async begin(sql: string): Promise<void> {
    const results: unknown = await this.query(this.#parts.prepared(sql, [])).catch((error: unknown) => {
      this.#unbegun = asError(ownFaultOf(error, this.#parts.name))
      throw this.#unbegun
    })
    this.#processId = numberAt(rowsOfEach(results)[1]?.[0], 'pid')
  }

  /** Any statement; its errors are those of the client. */
  query(query: string | PostgresQuery, values?: unknown[]): Promise<PostgresResult> {
    const { client } = this.#parts
    const send = (): Promise<PostgresResult> =>
      this.#unbegun === undefined ? client.query(query, values) : Promise.reject(this.#unbegun)
    if (this.#isPipelined) this.#cork()
    const sent = this.#isPipelined ? send() : this.#last.then(send)
    this.#last = sent.catch(() => undefined)
    return sent
  }

  /** Has what is sent until all code that is ready has run go out in one piece. */
  #cork(): void {
    if (this.#isCorked) return
    const stream = fieldOf(fieldOf(this.#parts.client, 'connection'), 'stream')
    if (!(stream instanceof Writable)) return
    this.#isCorked = true
    stream.cork()
    process.nextTick(() => {
      this.#isCorked = false
      stream.uncork()
    })
  }

  /** Nobody waits for what the client still does: its connection is ended. */
  giveUp(): void {
    this.#isGivenUp = true
  }

  /** Commits, or says that all was undone. */
  async commit(): Promise<void> {
    const commit = await this.query('COMMIT').catch((error: unknown) => {
      throw commitFaultOf(error, this.#parts.name)
    })
    if (commit.command === 'COMMIT') return
    throw new InturnError('handler-failed', 'a statement of the transaction failed, so all of it was undone')
  }
}

/** What each of several statements that were sent as one text came to. */
export function rowsOfEach(results: unknown): readonly PostgresRow[][] {
  return Array.isArray(results) ? results.map((result) => rowsIn(result)) : []
}

function rowsIn(result: unknown): PostgresRow[] {
  const rows = fieldOf(result, 'rows')
  return Array.isArray(rows) ? rows.filter(isRecord) : []
}
