// The way to a Postgres server: a pool, transactions of inturn's own in it, and the schema that they work on.
// Upholds I10: nothing is taken for done that the server has not confirmed.
import { Pool } from 'pg'
import { InturnError } from '../../core/errors.ts'
import { isRecord } from '../../core/parse-message.ts'
import { fieldOf } from '../../core/thrown.ts'
import { commitFaultOf, ownFaultOf } from './faults.ts'
import type { PostgresClient, PostgresPool, PostgresRow, PostgresTransaction } from './postgres-client.ts'
import { isMigrated, migrate } from './schema.ts'
import type { Statements } from './schema.ts'

/** How to reach a server. */
export interface ConnectionParts {
  /** For people: `postgres localhost:5432/bank`. */
  readonly name: string
  readonly schema: string
  /** A pool that stays the caller's, or how to make one of our own. */
  readonly pool: PostgresPool | OwnPoolParts
  /** Added to the server's clock: tests move it. */
  readonly shiftMs: () => number
}

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
  SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'
`
/** A transaction of our own that waits for a lock, or stands still with its process, gives way to others. */
const limitsSql = /* sql */ `
  SELECT set_config('lock_timeout', '30s', true),
    set_config('idle_in_transaction_session_timeout', '60s', true)
`

/** A pool, opened and closed with what uses it. */
export class Connection {
  readonly name: string
  readonly schema: string
  readonly shiftMs: () => number
  readonly #parts: ConnectionParts
  #own: Pool | undefined
  #migrated: Promise<void> | undefined
  #isReadable = false
  #isClosed = false

  constructor(parts: ConnectionParts) {
    this.name = parts.name
    this.schema = parts.schema
    this.shiftMs = parts.shiftMs
    this.#parts = parts
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
  }

  /** One statement that only reads. Creates nothing. */
  async read(sql: string, ...values: readonly unknown[]): Promise<PostgresRow[]> {
    return this.#lent(async (client) => {
      if (this.#isReadable || (await this.#isMigrated(client)))
        return this.statements(client).run(sql, ...values)
      const message = `${this.name} has no inturn tables of this version in its schema ${this.schema} yet`
      throw new InturnError('store-unavailable', `${message}: open it for writing first`, { retryable: true })
    })
  }

  /** A transaction of inturn's own. @throws InturnError whatever goes wrong */
  async write<Result>(body: (statements: Statements) => Promise<Result>): Promise<Result> {
    await this.#opened()
    return this.#transact(limitsSql, (client) => body(this.statements(client)))
  }

  /** A transaction whose body is the user's; its own errors stay as they are. */
  async transact<Result>(body: (client: PostgresClient) => Promise<Result>): Promise<Result> {
    await this.#opened()
    return this.#transact('SELECT 1', body)
  }

  /** Statements in one transaction, sent at once: whoever sends them cannot stand still within it. */
  async writeAtOnce(...sql: readonly string[]): Promise<readonly PostgresRow[][]> {
    await this.#opened()
    return this.#lent(async (client) => {
      const text = [beginSql, limitsSql, ...sql, 'COMMIT'].join(';\n')
      const results: unknown = await client.query(this.#named(text)).catch((error: unknown) => {
        throw ownFaultOf(error, this.name)
      })
      const rows = Array.isArray(results) ? results.map(rowsIn) : []
      return rows.slice(-1 - sql.length, -1)
    })
  }

  /** inturn's statements in a transaction that somebody has begun. */
  statements(transaction: PostgresTransaction): Statements {
    return {
      run: async (sql, ...values) => {
        try {
          return (await transaction.query(this.#named(sql), [...values])).rows
        } catch (error) {
          throw ownFaultOf(error, this.name)
        }
      },
    }
  }

  #named(sql: string): string {
    return sql.replaceAll(/\binturn\./g, `${this.schema}.`)
  }

  #opened(): Promise<void> {
    this.#migrated ??= this.#migrate().catch((error: unknown) => {
      this.#migrated = undefined
      throw error
    })
    return this.#migrated
  }

  async #migrate(): Promise<void> {
    if (await this.#lent((client) => this.#isMigrated(client))) return
    await this.#transact(limitsSql, (client) => migrate(this.statements(client), this.schema))
  }

  async #isMigrated(client: PostgresClient): Promise<boolean> {
    this.#isReadable = await isMigrated(this.statements(client))
    return this.#isReadable
  }

  async #transact<Result>(
    settings: string,
    body: (client: PostgresClient) => Promise<Result>,
  ): Promise<Result> {
    return this.#lent(async (client) => {
      await this.statements(client).run(`${beginSql};${settings}`)
      const result = await body(client)
      const commit = await client.query('COMMIT').catch((error: unknown) => {
        throw commitFaultOf(error, this.name)
      })
      if (commit.command === 'COMMIT') return result
      throw new InturnError(
        'handler-failed',
        'a statement of the transaction failed, so all of it was undone',
      )
    })
  }

  /** Lends a client. After a failure it is rolled back, or ended where that fails too. */
  async #lent<Result>(body: (client: PostgresClient) => Promise<Result>): Promise<Result> {
    const client = await this.#client()
    let isBroken = false
    // What a statement meets is told by the statement itself.
    const listener = (): void => {
      isBroken = true
    }
    client.on('error', listener)
    try {
      return await body(client)
    } catch (error) {
      await client.query('ROLLBACK').catch(listener)
      throw error
    } finally {
      client.off('error', listener)
      client.release(isBroken)
    }
  }

  async #client(): Promise<PostgresClient> {
    if (this.#isClosed) throw new InturnError('store-closed', `${this.name} is closed`)
    const { pool } = this.#parts
    const from = 'url' in pool ? (this.#own ??= ownPool(pool)) : pool
    try {
      return await from.connect()
    } catch (error) {
      throw ownFaultOf(error, this.name)
    }
  }
}

/** The rows of one of several results. */
function rowsIn(result: unknown): PostgresRow[] {
  const rows = fieldOf(result, 'rows')
  return Array.isArray(rows) ? rows.filter(isRecord) : []
}

function ownPool({ url, connectionsMax }: OwnPoolParts): Pool {
  const pool = new Pool({
    connectionString: url,
    max: connectionsMax,
    application_name: 'inturn',
    connectionTimeoutMillis: 40_000,
    keepAlive: true,
    pipeline: true,
  })
  // An idle connection that is lost is made anew when it is needed; one that the server ends while the pool
  // closes is told to nobody, and would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}
