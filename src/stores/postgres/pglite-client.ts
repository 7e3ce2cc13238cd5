// A client of a pool over PGlite, and what it becomes for whoever asks for another one from within its
// transaction: a client that reads there, since there is no second session to wait for.
import type { PGlite, QueryOptions, Results } from '@electric-sql/pglite'
import { InturnError } from '../../core/errors.ts'
import { errorMessage, fieldOf } from '../../core/thrown.ts'
import { HandlerTexts } from './handler-texts.ts'
import { parameterText } from './pglite-values.ts'
import type { PostgresClient, PostgresQuery, PostgresResult } from './postgres-client.ts'

/** What lends the session. */
export interface PgliteLender {
  /** For people. */
  readonly name: string
  readonly database: PGlite
  /** Runs what has the session; whatever asks the lender from within it is told apart. */
  readonly hold: <Result>(holder: PgliteClient, body: () => Promise<Result>) => Promise<Result>
  /** The session is free. */
  readonly back: () => void
  /** PGlite has ended in the middle of a statement. */
  readonly crashed: () => void
}

/** Several statements that nothing comes between. */
type Steps = (send: (query: PostgresQuery) => Promise<PostgresResult>) => Promise<PostgresResult>

/** The session, while somebody has it. States: lent -> released. */
export class PgliteClient implements PostgresClient {
  readonly #lender: PgliteLender
  #last: Promise<unknown> = Promise.resolve()
  #status: 'I' | 'T' | 'E' = 'I'
  #isReleased = false

  constructor(lender: PgliteLender) {
    this.#lender = lender
  }

  query(query: string | PostgresQuery, values?: unknown[]): Promise<PostgresResult> {
    return this.inOneGo((send) => send(asQuery(query, values)))
  }

  /** Sends statements one after another, and none of anybody else's between them. */
  inOneGo(steps: Steps): Promise<PostgresResult> {
    if (this.#isReleased)
      return Promise.reject(new Error('Client was released: ask the pool for another one'))
    const run = this.#last.then(() => steps((query) => this.#send(query)))
    this.#last = run.catch(() => undefined)
    return run
  }

  /** What a server tells an idle client of is told of PGlite by the next statement. */
  on(): this {
    return this
  }

  off(): this {
    return this
  }

  getTransactionStatus(): 'I' | 'T' | 'E' {
    return this.#status
  }

  hold<Result>(body: () => Promise<Result>): Promise<Result> {
    return this.#lender.hold(this, body)
  }

  /** Gives it back once all that was asked for is done; what is open then is undone. */
  release(destroy = false): void {
    if (this.#isReleased) return
    const undo = async (): Promise<void> => {
      if (this.#status !== 'I') await this.#send({ text: 'ROLLBACK' })
      if (destroy) await this.#send({ text: 'DISCARD ALL' })
    }
    this.#isReleased = true
    const back = (): void => this.#lender.back()
    void this.#last.then(undo).then(back, back)
  }

  /** A client for whoever asks from within what has the session. */
  reader(): PostgresClient {
    const { name } = this.#lender
    return {
      query: (query, values) => this.inOneGo((send) => readOnly(name, send, asQuery(query, values))),
      getTransactionStatus: () => 'I',
      on: () => undefined,
      off: () => undefined,
      release: () => undefined,
    }
  }

  async #send(query: PostgresQuery): Promise<PostgresResult> {
    const { database, crashed, name } = this.#lender
    try {
      const result = await sent(database, query)
      this.#status = database.isInTransaction() ? 'T' : 'I'
      return result
    } catch (error) {
      if (typeof fieldOf(error, 'severity') === 'string') {
        this.#status = database.isInTransaction() ? 'E' : 'I'
        throw error
      }
      this.#status = 'I'
      crashed()
      // As pg says that a server has ended: whoever meant to commit cannot know whether it did.
      const why = `${name} has crashed, and is opened again (${errorMessage(error)})`
      throw new Error(`Connection terminated: ${why}`, { cause: error })
    }
  }
}

const texts = new HandlerTexts()

/** Reads in whatever transaction there is, and leaves nothing behind in it. */
async function readOnly(
  name: string,
  send: Parameters<Steps>[0],
  query: PostgresQuery,
): Promise<PostgresResult> {
  if (texts.read(query.text).refusal !== undefined) throw refusalWithin(name)
  await send({ text: 'SAVEPOINT inturn_read' })
  try {
    await send({ text: 'SET TRANSACTION READ ONLY' })
    // One statement only: none that ends the transaction hides behind another.
    return await send({ ...query, values: query.values ?? [] })
  } catch (error) {
    throw fieldOf(error, 'code') === '25006' ? refusalWithin(name, error) : error
  } finally {
    await send({ text: 'ROLLBACK TO inturn_read; RELEASE inturn_read' })
  }
}

/** What is said to whoever wants to write beside the transaction that it runs in. */
export function refusalWithin(name: string, cause?: unknown): InturnError {
  const why = 'it has one session, and the transaction that this runs in has it'
  const how = 'write by `context.transaction`, or `log.within(context.transaction)`'
  return new InturnError('store-read-only', `${name}: ${why}: ${how}`, { cause })
}

function asQuery(query: string | PostgresQuery, values: unknown[] | undefined): PostgresQuery {
  const given = typeof query === 'string' ? { text: query } : query
  return values === undefined ? given : { ...given, values }
}

/** A text without values may be several statements, each with a result, unless it is said not to be. */
async function sent(database: PGlite, query: PostgresQuery): Promise<PostgresResult> {
  const { text, values } = query
  const options = optionsOf(database, query)
  if (values === undefined && fieldOf(query, 'queryMode') !== 'extended') {
    const results = (await database.exec(text, options)).map(resultAsPg)
    const [first] = results
    // Only inturn's own texts are several statements, and inturn knows that their results are a list.
    return first !== undefined && results.length === 1 ? first : Object.assign(results, emptyResult)
  }
  return resultAsPg(await database.query(text, (values ?? []).map(parameterText), options))
}

const emptyResult: PostgresResult = { rows: [], command: '', rowCount: null }

function resultAsPg(result: Results): PostgresResult {
  return { ...result, command: result.command ?? '', rowCount: result.rowCount ?? null }
}

/** What query builders ask of `pg` for one statement: rows as lists, and parsers of their own. */
function optionsOf({ parsers }: PGlite, query: PostgresQuery): QueryOptions {
  const isList = fieldOf(query, 'rowMode') === 'array'
  const parserOf = fieldOf(fieldOf(query, 'types'), 'getTypeParser')
  if (typeof parserOf !== 'function') return isList ? { rowMode: 'array' } : {}
  const own = Object.keys(parsers).map((type) => {
    const parse: unknown = Reflect.apply(parserOf, undefined, [Number(type), 'text'])
    return [
      type,
      (text: string): unknown =>
        typeof parse === 'function' ? Reflect.apply(parse, undefined, [text]) : text,
    ] as const
  })
  return { ...(isList && { rowMode: 'array' }), parsers: Object.fromEntries(own) }
}
