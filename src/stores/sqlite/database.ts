// One connection to the file, with its statements kept prepared. Every error that leaves here is inturn's
// own.
import { resolve } from 'node:path'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { InturnError } from '../../core/errors.ts'
import { builtinSqlite } from '../../ports/runtime.ts'
import { commitFaultOf, faultOf, isBusy, ownFaultOf } from './faults.ts'
import { NamedFiles, placeOf, replaced } from './named-files.ts'
import { RecentMap } from './recent-map.ts'
import type { Row } from './row.ts'
import { textAt } from './row.ts'

const statementsMax = 1000

/** How a connection is opened. */
export interface DatabaseOptions {
  readonly readOnly?: boolean
  /** How long a statement may block the process while the file is locked, in milliseconds. */
  readonly timeoutMs: number
}

/** A connection. */
export class Database {
  readonly file: string
  readonly #connection: DatabaseSync
  readonly #path: string
  /** Where the file lay before it was opened. */
  readonly #placeBefore: string | undefined
  #files: NamedFiles | undefined
  readonly #statements = new RecentMap<string, StatementSync>(statementsMax)
  /** Statements of handlers that may run, by their text. */
  readonly handlerStatements: RecentMap<string, StatementSync> = new RecentMap(statementsMax)

  /**
   * @throws InturnError `store-unavailable` and its like when the file cannot be opened
   */
  constructor(file: string, options: DatabaseOptions) {
    this.file = file
    this.#path = resolve(file)
    this.#placeBefore = placeOf(this.#path)
    const sqlite = builtinSqlite()
    try {
      this.#connection = new sqlite.DatabaseSync(file, {
        readOnly: options.readOnly ?? false,
        timeout: options.timeoutMs,
      })
    } catch (error) {
      throw faultOf(error, file) ?? error
    }
  }

  /** Whether a transaction is open. SQLite ends one by itself when its disk fails. */
  get isTransaction(): boolean {
    return this.#connection.isTransaction
  }

  /**
   * From now on `checkFiles` and `commit` look whether the path still names the file that is open. To be
   * called after the first statement, which makes what SQLite keeps beside the file.
   */
  watchFiles(): void {
    const place = placeOf(this.#path)
    if (place === undefined || place !== (this.#placeBefore ?? place)) {
      throw replaced(this.file, 'it was replaced or deleted while it was opened')
    }
    this.#files = new NamedFiles(this.#path, textAt(this.one('PRAGMA database_list'), 'file'))
  }

  /** @throws InturnError `store-replaced` when the path does not name the file any more that is open */
  checkFiles(): void {
    this.#files?.check()
  }

  /** A statement, prepared once. Throws what the driver throws. */
  statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  /** Prepares a statement. SQLite carries some pragmas out here already. Throws what the driver throws. */
  prepare(sql: string): StatementSync {
    return this.#connection.prepare(sql)
  }

  /** Runs a statement; says how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    try {
      return Number(this.statement(sql).run(...values).changes)
    } catch (error) {
      throw ownFaultOf(error, this.file)
    }
  }

  /** Runs several statements, separated by semicolons. */
  exec(sql: string): void {
    try {
      this.#connection.exec(sql)
    } catch (error) {
      throw ownFaultOf(error, this.file)
    }
  }

  /** Inserts a row; says its id. */
  insert(sql: string, ...values: SQLInputValue[]): number {
    try {
      return Number(this.statement(sql).run(...values).lastInsertRowid)
    } catch (error) {
      throw ownFaultOf(error, this.file)
    }
  }

  /** The first row. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    try {
      return this.statement(sql).get(...values)
    } catch (error) {
      throw ownFaultOf(error, this.file)
    }
  }

  /** The row of a statement that always has one. */
  one(sql: string, ...values: SQLInputValue[]): Row {
    const row = this.get(sql, ...values)
    if (row === undefined) throw new InturnError('store-corrupt', `${this.file}: a row is missing`)
    return row
  }

  /** All rows. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    try {
      return this.statement(sql).all(...values)
    } catch (error) {
      throw ownFaultOf(error, this.file)
    }
  }

  /** Begins a transaction that may write; says whether it could, or another connection has the lock. */
  tryBegin(): boolean {
    try {
      this.statement('BEGIN IMMEDIATE').run()
      return true
    } catch (error) {
      if (isBusy(error)) return false
      throw ownFaultOf(error, this.file)
    }
  }

  /**
   * Makes the transaction durable. After a failure there is none any more. Files are looked at before, so
   * that nothing is written beside a file that is not ours, and after, so that nothing is said to be durable
   * in a file that was taken away meanwhile.
   *
   * @throws InturnError `commit-unknown` when the disk failed in it, `store-replaced`
   */
  commit(): void {
    try {
      this.checkFiles()
      this.statement('COMMIT').run()
    } catch (error) {
      this.rollback()
      throw commitFaultOf(error, this.file)
    }
    this.checkFiles()
  }

  /** Undoes the transaction, if SQLite has not done it already. */
  rollback(): void {
    if (this.isTransaction) this.statement('ROLLBACK').run()
  }

  /** Reads several times from the same state of the file. */
  snapshot<Result>(read: () => Result): Result {
    this.run('BEGIN')
    try {
      return read()
    } finally {
      this.run('COMMIT')
    }
  }

  close(): void {
    this.#statements.clear()
    this.handlerStatements.clear()
    if (this.#connection.isOpen) this.#connection.close()
  }
}
