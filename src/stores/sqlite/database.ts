// One connection to the file, with its statements kept prepared, and whether the file is still the one at its
// path. Every error that leaves here is inturn's own.
import type { BigIntStats } from 'node:fs'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { InturnError } from '../../core/errors.ts'
import { errorMessage } from '../../core/thrown.ts'
import { builtinSqlite } from '../../ports/runtime.ts'
import { commitFaultOf, faultOf, isBusy, ownFaultOf } from './faults.ts'
import { RecentMap } from './recent-map.ts'
import type { Row } from './row.ts'
import { numberAt, textAt } from './row.ts'

const statementsMax = 1000

const brokenSql = /* sql */ `
  SELECT json_array("table", rowid, parent, fkid) AS reference, count(*) AS times
  FROM pragma_foreign_key_check GROUP BY 1
`

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

  /** How often each reference of a user's tables points nowhere. All of them are read for it. */
  brokenReferences(): ReadonlyMap<string, number> {
    return new Map(this.all(brokenSql).map((row) => [textAt(row, 'reference'), numberAt(row, 'times')]))
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

/** Where a file lies on its disk; the same for as long as it is the same file. */
type Place = string

/**
 * The files of an open database, as their paths name them: the database, its write-ahead log and the index of
 * that. When one was deleted, or another file stands in its place, whatever is written goes where nobody will
 * find it, and may damage what is there. Upholds I10.
 */
class NamedFiles {
  readonly #path: string
  /** By path. What was not there yet is taken in when it is first seen: SQLite makes it when it needs it. */
  readonly #places = new Map<string, Place | undefined>()

  /**
   * @param path - the path that was opened
   * @param file - the file that SQLite found there: a path may be a link
   */
  constructor(path: string, file: string) {
    this.#path = path
    for (const name of [path, `${file}-wal`, `${file}-shm`]) this.#places.set(name, placeOf(name))
  }

  /** @throws InturnError `store-replaced` */
  check(): void {
    for (const [name, known] of this.#places) {
      const place = placeOf(name)
      if (place === known) continue
      if (known === undefined && name !== this.#path) this.#places.set(name, place)
      else
        throw replaced(
          this.#path,
          place === undefined ? `${name} was deleted` : `${name} is another file now`,
        )
    }
  }
}

/** Where the file lies that a path names; `undefined` where there is none. */
function placeOf(path: string): Place | undefined {
  try {
    const stats: BigIntStats | undefined = statSync(path, { bigint: true, throwIfNoEntry: false })
    return stats && `${stats.dev}:${stats.ino}`
  } catch (cause) {
    const message = `${path} cannot be looked at: ${errorMessage(cause)}`
    throw new InturnError('store-unavailable', message, { retryable: true, cause })
  }
}

/** What to say of a database that is not the one at its path any more. */
function replaced(path: string, what: string): InturnError {
  const then = 'nothing more is written; see docs/errors.md'
  return new InturnError(
    'store-replaced',
    `${path} was taken away under the running process: ${what}; ${then}`,
  )
}
