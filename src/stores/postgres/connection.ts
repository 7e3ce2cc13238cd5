// The way to a Postgres server: a pool, transactions of inturn's own in it, and the schema that they work on.
// Upholds I10: nothing is taken for done that the server has not confirmed.
import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import type { Pool, PoolClient } from 'pg'
import { InturnError } from '../../core/errors.ts'
import { fieldOf } from '../../core/thrown.ts'
import { loadPackage } from '../../ports/load-package.ts'
import { atMost, systemTimers } from '../../ports/timers.ts'
import { isRaced, ownFaultOf } from './faults.ts'
import { HandlerTexts } from './handler-texts.ts'
import type {
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresRow,
  PostgresTransaction,
} from './postgres-client.ts'
import type { BackendState } from './reply-watch.ts'
import { arrayText, numberAt, textAt } from './row.ts'
import { inSchema, isMigrated, migrate } from './schema.ts'
import type { Statements } from './schema.ts'
import { rowsOfEach, Session, socketOf } from './session.ts'

/** How long a statement that was cancelled is waited for. */
const answerMs = 2_000

/** How to reach a server. */
export interface ConnectionParts {
  /** For people: `postgres localhost:5432/bank`. */
  readonly name: string
  readonly schema: string
  /** A pool that stays the caller's, or how to make one of our own. */
  readonly pool: PostgresPool | OwnPoolParts
  /** Whether the server keeps statements with a connection; `undefined`: unless a pooler answers. */
  readonly prepares: boolean | undefined
  /** Added to the server's clock: tests move it. */
  readonly shiftMs: () => number
  /**
   * What is written is asked for by an engine, which begins work from within other work, and waits in none
   * for another.
   */
  readonly isOfEngine?: boolean
  /** How long an answer may take before it is asked what the server does, in milliseconds. */
  readonly replyMs?: number
  /** Tells that a statement is waited for. */
  readonly onWarning?: (message: string) => void
}

/** How long an answer may take where nothing is said, in milliseconds. */
export const defaultReplyMs = 10_000

/** A connection may take so many times as long as an answer: others have theirs while they wait for locks. */
const connectTimes = 4

/** What the process of a client does. */
const lookSql = /* sql */ `
  SELECT state, coalesce(wait_event_type || ': ' || wait_event, '') AS waits_for
  FROM pg_stat_activity WHERE pid = $1
`
const cancelSql = 'SELECT pg_cancel_backend($1)'

/** What a pool of our own is made of. */
interface OwnPoolParts {
  readonly url: string
  readonly connectionsMax: number
}

/**
 * How a transaction begins. What is confirmed must last, so a commit waits for the disk whatever the default
 * is; and each statement must see what was committed before it.
 */
const beginSql = /* sql */ `
  BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
  SELECT pg_backend_pid() AS pid, CASE current_setting('synchronous_commit')
    WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
`
/** A transaction of our own that waits for a lock, or stands still with its process, gives way to others. */
const limitsSql = /* sql */ `
  SELECT set_config('lock_timeout', '30s', true),
    set_config('idle_in_transaction_session_timeout', '60s', true)
`

/** Statements that are remembered as they are sent; inturn has fewer, so that no connection keeps more. */
const statementsMax = 200

/** A statement as it is sent. */
interface SentStatement {
  readonly text: string
  readonly name?: string
}

/** How often a transaction is tried that met another one. */
const triesMax = 5

/** A pool, opened and closed with what uses it. */
export class Connection {
  readonly name: string
  readonly schema: string
  readonly shiftMs: () => number
  /** What is known of the statements of handlers. */
  readonly texts: HandlerTexts = new HandlerTexts()
  readonly #parts: ConnectionParts
  #own: Pool | undefined
  #migrated: Promise<void> | undefined
  #isReadable = false
  #isClosed = false
  #prepares: boolean
  /** Who has the only connection, and where it is at work. */
  #holder: Session | undefined
  readonly #within: AsyncLocalStorage<Session> = new AsyncLocalStorage()
  readonly #sent = new Map<string, SentStatement>()
  /** The clients of the pool of our own. */
  readonly #clients = new Set<PoolClient>()

  constructor(parts: ConnectionParts) {
    this.name = parts.name
    this.schema = parts.schema
    this.shiftMs = parts.shiftMs
    this.#prepares = parts.prepares ?? false
    this.#parts = parts
  }

  /**
   * While one transaction waits for the disk, another one is decided. Not where handlers that use the pool
   * besides, or a reader, would find no connection left.
   */
  get transactionsMax(): number {
    return this.#connectionsMax < 4 ? 1 : 2
  }

  get #connectionsMax(): number {
    const { pool } = this.#parts
    const max = 'url' in pool ? pool.connectionsMax : fieldOf(fieldOf(pool, 'options'), 'max')
    return typeof max === 'number' ? max : Infinity
  }

  /** Whether the server keeps plans. */
  get prepares(): boolean {
    return this.#prepares
  }

  /** Brings the schema into being or up to date. */
  async open(): Promise<void> {
    this.#isClosed = false
    this.#migrated = undefined
    this.#isReadable = false
    await this.#opened()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const own = this.#own
    this.#own = undefined
    await own?.end()
    // A server that is silent never says that it has heard of the end; no process waits for that.
    for (const client of this.#clients) socketOf(client)?.unref()
    this.#clients.clear()
  }

  /** One statement that only reads. Creates nothing. */
  async read(sql: string, ...values: readonly unknown[]): Promise<PostgresRow[]> {
    const holder = this.#within.getStore()
    if (holder !== undefined && holder === this.#holder) return holder.run(sql, ...values)
    return this.#lent(async (session) => {
      if (this.#isReadable || (await this.#isMigrated(session))) return session.run(sql, ...values)
      const message = `${this.name} has no inturn tables of this version in its schema ${this.schema} yet`
      throw new InturnError('store-unavailable', `${message}: open it for writing first`, { retryable: true })
    })
  }

  /** A transaction of inturn's own; again if it met another one. @throws InturnError whatever goes wrong */
  async write<Result>(body: (statements: Statements) => Promise<Result>): Promise<Result> {
    await this.#opened()
    return triedAgain(() => this.#transact(limitsSql, body))
  }

  /** The same for what may take as long as the server is at work on it. */
  async writeLong<Result>(body: (statements: Statements) => Promise<Result>): Promise<Result> {
    await this.#opened()
    return triedAgain(() => this.#transact(limitsSql, (session) => atLength(session, body)))
  }

  /** A transaction whose body is the user's; its own errors stay as they are. */
  async transact<Result>(body: (session: Session) => Promise<Result>): Promise<Result> {
    await this.#opened()
    return this.#transact('SELECT 1', body)
  }

  /** @throws InturnError `store-read-only` within a transaction that has the only session */
  checkMayWrite(): void {
    const { pool } = this.#parts
    const refusal = 'url' in pool ? undefined : pool.refusalHere?.()
    if (refusal !== undefined) throw refusal
  }

  /** Statements in one transaction, sent at once: whoever sends them cannot stand still within it. */
  async writeAtOnce(...sql: readonly string[]): Promise<readonly PostgresRow[][]> {
    await this.#opened()
    return this.#lentToWrite(async (session) => {
      const { text } = this.#statement([beginSql, limitsSql, ...sql, 'COMMIT'].join(';\n'))
      const results: unknown = await session.query(text, undefined, 'commit').catch((error: unknown) => {
        throw ownFaultOf(error, this.name)
      })
      return rowsOfEach(results).slice(-1 - sql.length, -1)
    })
  }

  /**
   * A transaction whose body asks for all of its statements before it waits for any: a pipelining client
   * sends them together with the commit and with a look at what is committed then. If the look fails, the
   * outcome stands, and nothing was seen.
   */
  async writeAndLook<Result, Seen>(
    body: (statements: Statements) => Promise<Result>,
    look: (statements: Statements) => Promise<Seen>,
  ): Promise<readonly [Result, Seen | undefined]> {
    await this.#opened()
    return triedAgain(() =>
      this.#lentToWrite(async (session) => {
        const begun = session.begin(`${beginSql};${limitsSql}`)
        const written = body(session)
        const committed = session.commit()
        const seen = look(session).catch(() => undefined)
        return [await committedWith(committed, [begun, written]), await seen] as const
      }),
    ).then(([[, result], seen]) => [result, seen])
  }

  /**
   * Lends a client on which a unit of work ends the transaction that begins here. What met another
   * transaction is done again with its body.
   */
  async lend<Result>(body: (session: Session) => Promise<Result>): Promise<Result> {
    await this.#opened()
    return triedAgain(() =>
      this.#lentToWrite(async (session) => {
        // What fails to begin is over once nobody works on it any more.
        const run = (): Promise<Result> => this.#hold(session, () => body(session))
        const [begun, worked] = await Promise.allSettled([session.begin(beginSql), run()])
        if (begun.status === 'rejected') throw begun.reason
        if (worked.status === 'rejected') throw worked.reason
        return worked.value
      }),
    )
  }

  /** Where there is one connection, what the body reads besides would wait for its own end. */
  async #hold<Result>(session: Session, body: () => Promise<Result>): Promise<Result> {
    if (this.#connectionsMax > 1 || 'connectAfter' in this.#parts.pool) return body()
    this.#holder = session
    return this.#within.run(session, body).finally(() => {
      this.#holder = undefined
    })
  }

  /** inturn's statements in a transaction that somebody has begun, perhaps through a pooler. */
  statements(transaction: PostgresTransaction): Statements {
    return {
      run: async (sql, ...values) => {
        try {
          const { name: _, ...sent } = this.#prepared(sql, values)
          return (await transaction.query(sent)).rows
        } catch (error) {
          throw ownFaultOf(error, this.name)
        }
      },
    }
  }

  /** A statement with the schema's name, and with a name of its own where the server is to keep its plan. */
  #prepared(sql: string, values: readonly unknown[]): PostgresQuery {
    const { text, name } = this.#statement(sql)
    if (values.length === 0) return { text }
    const sent = { text, values: values.map((value) => (Array.isArray(value) ? arrayText(value) : value)) }
    return this.#prepares && name !== undefined ? { ...sent, name } : sent
  }

  #statement(sql: string): SentStatement {
    const known = this.#sent.get(sql)
    if (known !== undefined) return known
    const text = inSchema(sql, this.schema)
    if (this.#sent.size >= statementsMax) return { text }
    const name = `inturn_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
    this.#sent.set(sql, { text, name })
    return { text, name }
  }

  #opened(): Promise<void> {
    this.#migrated ??= this.#migrate().catch((error: unknown) => {
      this.#migrated = undefined
      throw error
    })
    return this.#migrated
  }

  async #migrate(): Promise<void> {
    if (await this.#lent((session) => this.#isMigrated(session))) return
    await this.#transact(limitsSql, (session) => atLength(session, () => migrate(session, this.schema)))
  }

  /** Looks at what there is before it is used for the first time. */
  async #isMigrated(session: Session): Promise<boolean> {
    const statements = this.statements(session)
    if (this.#parts.prepares === undefined) {
      const [row] = await statements.run('SELECT pg_backend_pid() AS pid')
      // A pooler tells its clients numbers of its own: it may give each transaction another connection.
      this.#prepares = numberAt(row, 'pid') === session.toldProcessId
    }
    this.#isReadable = await isMigrated(statements)
    return this.#isReadable
  }

  async #transact<Result>(settings: string, body: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#lentToWrite(async (session) => {
      await session.begin(`${beginSql};${settings}`)
      const result = await body(session)
      await session.commit()
      return result
    })
  }

  /** Lends a client to write by. */
  async #lentToWrite<Result>(body: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#lent(body, { isAfter: this.#parts.isOfEngine === true })
  }

  /** Lends a client. After a failure it is rolled back, or ended where that fails too. */
  async #lent<Result>(
    body: (session: Session) => Promise<Result>,
    { isAfter = false, isAside = false }: { readonly isAfter?: boolean; readonly isAside?: boolean } = {},
  ): Promise<Result> {
    const client = await this.#client(isAfter)
    let isBroken = false
    // What a statement meets is told by the statement itself.
    const listener = (): void => {
      isBroken = true
    }
    client.on('error', listener)
    const session = this.#sessionOf(client, isAside)
    const run = (): Promise<Result> => body(session)
    try {
      return await (client.hold?.(run) ?? run())
    } catch (error) {
      // The only session has no other beside it to cancel by, and ends what it does before it hears more.
      if (session.isGivenUp && !isBroken && client.hold === undefined) {
        await this.#cancel(session)
        // Its locks go with its answer: what is tried again now finds the streams free.
        await atMost(answerMs, session.query('ROLLBACK'))
        session.sever(new Error('no answer to what was cancelled'))
        isBroken = true
      } else await session.query('ROLLBACK').catch(listener)
      throw error
    } finally {
      session.end()
      client.off('error', listener)
      client.release(isBroken || (session.isOutlasted && client.hold === undefined))
    }
  }

  #sessionOf(client: PostgresClient, isAside: boolean): Session {
    const { replyMs = defaultReplyMs, onWarning } = this.#parts
    const watch = {
      replyMs,
      look: async (session: Session) => (isAside ? undefined : this.#look(session)),
      cancel: async (session: Session) => (isAside ? undefined : this.#cancel(session)),
      warn: (message: string) => onWarning?.(`${this.name}: ${message}`),
    }
    return new Session({
      client,
      name: this.name,
      prepared: (sql, values) => this.#prepared(sql, values),
      // Where there is one session, its database is in this process.
      ...(client.hold === undefined && { watch }),
    })
  }

  /** What the process of a session does; `undefined` where that cannot be told. */
  async #look({ processId, toldProcessId }: Session): Promise<BackendState | undefined> {
    const rows = await this.#askAside(lookSql, processId ?? toldProcessId)
    const [row] = rows ?? []
    const isGone = rows !== undefined && row === undefined
    // A pooler tells a number of its own, and of others' processes the server tells nothing.
    if (isGone && processId !== undefined) return { isActive: false, waitsFor: '' }
    if (row === undefined || row['state'] === null) return undefined
    return { isActive: !textAt(row, 'state').startsWith('idle'), waitsFor: textAt(row, 'waits_for') }
  }

  /**
   * Ends what a client still does, for example a statement of a handler that was given up on. Its connection
   * is ended too: nobody can tell which of its statements the word reaches.
   */
  async #cancel({ processId }: Session): Promise<void> {
    if (processId !== undefined) await this.#askAside(cancelSql, processId)
  }

  /** A question on another connection; `undefined`: there was no answer in time, or only an error. */
  async #askAside(sql: string, value: unknown): Promise<PostgresRow[] | undefined> {
    const { replyMs = defaultReplyMs } = this.#parts
    let answer: PostgresRow[] | undefined
    const asked = this.#lent(
      async (session) => {
        answer = await session.run(sql, value)
      },
      { isAside: true },
    )
    await atMost(replyMs, asked)
    return answer
  }

  /** The pool of our own, made once the package is loaded, unless it was closed meanwhile. */
  async #makeOwn(parts: OwnPoolParts): Promise<Pool> {
    const library = await loadPackage('pg', () => import('pg'))
    this.#checkOpen()
    if (this.#own !== undefined) return this.#own
    const { replyMs = defaultReplyMs } = this.#parts
    const pool = ownPool(library.Pool, parts, connectTimes * replyMs)
    pool.on('connect', (client) => this.#clients.add(client))
    pool.on('remove', (client) => this.#clients.delete(client))
    this.#own = pool
    return pool
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new InturnError('store-closed', `${this.name} is closed`)
  }

  async #client(isAfter = false): Promise<PostgresClient> {
    this.#checkOpen()
    const { pool } = this.#parts
    try {
      if ('url' in pool) return await (this.#own ?? (await this.#makeOwn(pool))).connect()
      if (pool.connectAfter !== undefined) return await (isAfter ? pool.connectAfter() : pool.connect())
      return await this.#lentInTime(pool.connect())
    } catch (error) {
      throw ownFaultOf(error, this.name)
    }
  }

  /** A pool of somebody's own may wait without end for a server that is silent. */
  async #lentInTime(asked: Promise<PostgresClient>): Promise<PostgresClient> {
    const { replyMs = defaultReplyMs } = this.#parts
    const late = Promise.withResolvers<never>()
    const cancel = systemTimers.after(connectTimes * replyMs, () => {
      late.reject(new Error('no connection in time'))
      asked.then(
        (client) => client.release(),
        () => undefined,
      )
    })
    return Promise.race([asked, late.promise]).finally(cancel)
  }
}

/** Runs what may take as long as the server is at work on it. */
function atLength<Result>(session: Session, run: (session: Session) => Promise<Result>): Promise<Result> {
  session.takeLong()
  return run(session)
}

/** What was written with a commit; what went wrong first, if it was undone. */
async function committedWith<Begun, Written>(
  committed: Promise<void>,
  written: readonly [Promise<Begun>, Promise<Written>],
): Promise<readonly [Begun, Written]> {
  const [end, ...parts] = await Promise.allSettled([committed, ...written])
  const unknown = end.status === 'rejected' && fieldOf(end.reason, 'code') === 'commit-unknown'
  if (unknown) throw end.reason
  const failed = parts.find(({ status }) => status === 'rejected') ?? end
  if (failed.status === 'rejected') throw failed.reason
  return Promise.all(written)
}

/** Does a transaction again for as long as it met another one, which was first. */
async function triedAgain<Result>(transact: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await transact()
    } catch (error) {
      if (!isRaced(error) || tries === triesMax) throw error
    }
  }
}

function ownPool(PoolOf: typeof Pool, { url, connectionsMax }: OwnPoolParts, connectMs: number): Pool {
  const pool = new PoolOf({
    connectionString: url,
    max: connectionsMax,
    application_name: 'inturn',
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: true,
  })
  // An idle connection that is lost is made anew when it is needed; one that the server ends while the pool
  // closes is told to nobody, and would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}
