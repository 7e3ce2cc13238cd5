// The sequence store in a SQLite file. One writer at a time gives the numbers, so none is given twice.
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError } from '../../core/errors.ts'
import { wholeNumber } from '../../core/whole-number.ts'
import type {
  AssignRequest,
  BurnedNumbers,
  NumberRange,
  StoredReservation,
  TransactionalSequenceStore,
} from '../../ports/sequence-store.ts'
import type { Database } from './database.ts'
import {
  assignNumbers,
  burnNumbers,
  lastNumber,
  listBurned,
  markPublished,
  reserveNumbers,
  takeNumbers,
  useNumbers,
} from './reserve-numbers.ts'
import type { SqliteFile } from './sqlite-file.ts'
import { isSameFile } from './sqlite-file.ts'
import type { SqliteTransaction } from './sqlite-transaction.ts'

/** A sequence store in a SQLite file; made by `sqliteSequences`. */
export class SqliteSequenceStore implements TransactionalSequenceStore<SqliteTransaction> {
  readonly name: string
  readonly durable = true
  readonly #file: SqliteFile
  readonly #now: () => number
  #isClosed = false

  constructor(file: SqliteFile, now: () => number) {
    this.name = `sqlite ${file.path}`
    this.#file = file
    this.#now = now
  }

  async open(): Promise<void> {
    this.#isClosed = false
    await this.#file.open()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#file.close()
  }

  async reserve(
    stream: LogStream,
    { count, claimMs }: { readonly count: number; readonly claimMs: number },
  ): Promise<StoredReservation> {
    return this.#write((database) => reserveNumbers(database, stream, { count, claimMs, now: this.#now() }))
  }

  async use(reservation: string): Promise<boolean> {
    return this.#write((database) => useNumbers(database, reservation, this.#now()))
  }

  async burn(reservation: string, reason: string): Promise<boolean> {
    return this.#write((database) => burnNumbers(database, reservation, reason))
  }

  async burned({
    domain,
    limit,
  }: {
    readonly domain: string
    readonly limit: number
  }): Promise<readonly BurnedNumbers[]> {
    return this.#write((database) => listBurned(database, { domain, limit, now: this.#now() }))
  }

  async published(reservations: readonly string[]): Promise<void> {
    await this.#write((database) => markPublished(database, reservations))
  }

  async assign(request: AssignRequest): Promise<readonly number[]> {
    return this.#write((database) => assignNumbers(database, request))
  }

  async last(stream: LogStream): Promise<number> {
    return this.#write((database) => lastNumber(database, stream))
  }

  take(transaction: SqliteTransaction, stream: LogStream, count = 1): NumberRange {
    if (!isSameFile(transaction.file, this.#file.path)) {
      const message = `the transaction is of ${transaction.file}, and the numbers are in ${this.#file.path}`
      throw new InturnError('config-invalid', message)
    }
    return takeNumbers(transaction, stream, wholeNumber(count, { name: 'take: count', least: 1 }))
  }

  async #write<Result>(run: (database: Database) => Result): Promise<Result> {
    if (this.#isClosed) throw new InturnError('store-closed', `${this.name} is closed`)
    await this.#file.open()
    const { database, writer } = await this.#file.opened()
    return writer.write('full', () => run(database))
  }
}
