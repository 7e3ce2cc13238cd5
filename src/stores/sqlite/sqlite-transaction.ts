// What a handler writes through: statements of its own that commit together with the position. Upholds I2:
// it can neither end the transaction nor use it once the unit of work is over.
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { InturnError } from '../../core/errors.ts'
import type { Database } from './database.ts'
import { faultOf } from './faults.ts'

/** A value that SQLite takes. */
export type SqliteValue = SQLInputValue

/** A row that SQLite gives. */
export type SqliteRow = Record<string, SQLOutputValue>

/** What a statement changed. */
export interface SqliteChanges {
  readonly changes: number | bigint
  readonly lastInsertRowid: number | bigint
}

const blank = /^(?:[\s;]+|--[^\n]*(?:\n|$)|\/\*[^]*?(?:\*\/|$))*/
const allowed =
  /^(?:select|insert|update|delete|replace|with|values|create|drop|alter|reindex|analyze|explain)\b/i

/**
 * The transaction of a batch, for handlers. Statements are prepared once and kept. Handlers run one after
 * another, so nothing here waits.
 *
 * Statements that would end the transaction or reach beyond it are refused: `BEGIN`, `COMMIT`, `ROLLBACK`,
 * `SAVEPOINT`, `ATTACH`, `PRAGMA` and their like. To read a pragma, select from its table, for example
 * `pragma_table_info`.
 *
 * @throws InturnError `handler-failed` for a refused statement and for any use after the batch has ended;
 *   `store-full` and its like when the file fails. Other errors of a statement are those of `node:sqlite`.
 */
export class SqliteTransaction {
  readonly #database: Database
  #isEnded = false
  #isRolledBack = false
  #fault: InturnError | undefined
  /** The statement that ran last: most handlers have one that they run for each event. */
  #last: { readonly sql: string; readonly statement: StatementSync } | undefined

  /** Made by the store. */
  constructor(database: Database) {
    this.#database = database
  }

  /** The file that it writes to. */
  get file(): string {
    return this.#database.file
  }

  /** The error of the file that ended the transaction; no commit can follow. */
  get fault(): InturnError | undefined {
    return this.#fault
  }

  /** Runs a statement. */
  run(sql: string, ...values: SqliteValue[]): SqliteChanges {
    const statement = this.#prepared(sql)
    try {
      return statement.run(...values)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** The first row of a query. */
  get(sql: string, ...values: SqliteValue[]): SqliteRow | undefined {
    const statement = this.#prepared(sql)
    try {
      return statement.get(...values)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** All rows of a query. */
  all(sql: string, ...values: SqliteValue[]): SqliteRow[] {
    const statement = this.#prepared(sql)
    try {
      return statement.all(...values)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Refuses all that comes after. Called by the store. */
  end(): void {
    this.#isEnded = true
  }

  #prepared(sql: string): StatementSync {
    if (this.#isEnded) throw refusal('the transaction of a batch was used after the batch had ended')
    if (this.#fault !== undefined) throw this.#fault
    if (this.#isRolledBack) throw refusal('a statement has rolled back the transaction of the batch')
    if (this.#last?.sql === sql) return this.#last.statement
    const statement = this.#database.handlerStatements.get(sql) ?? this.#prepare(sql)
    this.#last = { sql, statement }
    return statement
  }

  #prepare(sql: string): StatementSync {
    const first = sql.replace(blank, '')
    if (!allowed.test(first)) throw refusal(`a handler may not run: ${first.slice(0, 60)}`)
    const statement = this.#tryPrepare(sql)
    const rest = sql.slice(statement.sourceSQL.length).replace(blank, '')
    if (rest !== '') throw refusal(`only one statement can be run at a time; left over: ${rest.slice(0, 60)}`)
    this.#database.handlerStatements.set(sql, statement)
    return statement
  }

  #tryPrepare(sql: string): StatementSync {
    try {
      return this.#database.prepare(sql)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  #failure(error: unknown): unknown {
    // What rolls the transaction back (a constraint's `ON CONFLICT ROLLBACK`, a trigger's) throws, too.
    this.#isRolledBack ||= !this.#database.isTransaction
    const fault = faultOf(error, this.#database.file)
    this.#fault ??= fault
    return fault ?? error
  }
}

function refusal(message: string): InturnError {
  return new InturnError('handler-failed', message)
}
