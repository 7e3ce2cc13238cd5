// inturn's statements on one client, in the order in which they are asked for: all at once where the client
// pipelines, one after another where it does not. Upholds I2: it says how a transaction really ended.
import { Socket } from 'node:net'
import { InturnError } from '../../core/errors.ts'
import { isRecord } from '../../core/parse-message.ts'
import { asError, fieldOf } from '../../core/thrown.ts'
import { commitFaultOf, ownFaultOf } from './faults.ts'
import type { PostgresClient, PostgresQuery, PostgresResult, PostgresRow } from './postgres-client.ts'
import type { Patience, WatchParts } from './reply-watch.ts'
import { ReplyWatch } from './reply-watch.ts'
import { numberAt } from './row.ts'
import type { Statements } from './schema.ts'

/** What a session is made of. */
export interface SessionParts {
  readonly client: PostgresClient
  /** The store's name, for people. */
  readonly name: string
  /** A statement as this server takes it. */
  readonly prepared: (sql: string, values: readonly unknown[]) => PostgresQuery
  /** How it is watched that there are answers, where they come from elsewhere. */
  readonly watch?: Pick<WatchParts, 'replyMs' | 'warn'> & {
    readonly look: (session: Session) => ReturnType<WatchParts['look']>
    /** Has the server end what it is at work on. */
    readonly cancel: (session: Session) => Promise<void>
  }
}

/** A client while it is lent. */
export class Session implements Statements {
  readonly #parts: SessionParts
  readonly #isPipelined: boolean
  /** The way to the server, where the client is one of `pg`. */
  readonly #socket: Socket | undefined
  #last: Promise<unknown> = Promise.resolve()
  #isGivenUp = false
  #isOutlasted = false
  #processId: number | undefined
  #isCorked = false
  /** Why there is no transaction, where one was to begin: what came behind it would count by itself. */
  #unbegun: Error | undefined
  #isLong = false
  readonly #watch: ReplyWatch | undefined
  readonly #severed = Promise.withResolvers<never>()

  constructor(parts: SessionParts) {
    const { client, watch } = parts
    this.#parts = parts
    this.#isPipelined = fieldOf(client, 'pipeline') === true
    this.#socket = socketOf(client)
    this.#severed.promise.catch(() => undefined)
    this.#watch =
      watch &&
      new ReplyWatch({
        ...watch,
        look: () => watch.look(this),
        sever: async (error, isAtWork) => {
          if (isAtWork) await watch.cancel(this)
          this.sever(error)
        },
      })
  }

  /** One of its statements may never get an answer. */
  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  /** What a handler has sent stays with the connection: nobody else is lent it. */
  get isOutlasted(): boolean {
    return this.#isOutlasted
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
  query(
    query: string | PostgresQuery,
    values?: unknown[],
    patience: Patience = this.#isLong ? 'long' : 'own',
  ): Promise<PostgresResult> {
    const { client } = this.#parts
    const send = (): Promise<PostgresResult> =>
      this.#unbegun === undefined ? client.query(query, values) : Promise.reject(this.#unbegun)
    if (this.#isPipelined) this.#cork()
    const sent = this.#isPipelined ? send() : this.#last.then(send)
    this.#watch?.asked(patience)
    const answered = (): void => this.#watch?.answered()
    this.#last = sent.then(answered, answered)
    const isRaced = this.#socket === undefined && this.#watch !== undefined
    return isRaced ? Promise.race([sent, this.#severed.promise]) : sent
  }

  /** What follows may take as long as the server is at work on it. */
  takeLong(): void {
    this.#isLong = true
  }

  /** Nothing more is asked for. */
  end(): void {
    this.#watch?.end()
  }

  /** Ends the connection without a word to the server: what has no answer fails with the error. */
  sever(error: Error): void {
    if (this.#socket === undefined) this.#severed.reject(error)
    else this.#socket.destroy(error)
  }

  /** Has what is sent until all code that is ready has run go out in one piece. */
  #cork(): void {
    const stream = this.#socket
    if (this.#isCorked || stream === undefined) return
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

  /** What is sent stays with the connection after the transaction. */
  outlast(): void {
    this.#isOutlasted = true
  }

  /** Commits, or says that all was undone. */
  async commit(): Promise<void> {
    const commit = await this.query('COMMIT', undefined, 'commit').catch((error: unknown) => {
      throw commitFaultOf(error, this.#parts.name)
    })
    if (commit.command === 'COMMIT') return
    throw new InturnError('handler-failed', 'a statement of the transaction failed, so all of it was undone')
  }
}

/** The way to the server of a client of `pg`. */
export function socketOf(client: object): Socket | undefined {
  const stream = fieldOf(fieldOf(client, 'connection'), 'stream')
  return stream instanceof Socket ? stream : undefined
}

/** What each of several statements that were sent as one text came to. */
export function rowsOfEach(results: unknown): readonly PostgresRow[][] {
  return Array.isArray(results) ? results.map((result) => rowsIn(result)) : []
}

function rowsIn(result: unknown): PostgresRow[] {
  const rows = fieldOf(result, 'rows')
  return Array.isArray(rows) ? rows.filter(isRecord) : []
}
