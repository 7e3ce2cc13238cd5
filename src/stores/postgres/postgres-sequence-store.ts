// The sequence store on Postgres. A stream's row is locked until its numbers are committed, so none is given
// twice, and none that was given in a transaction that is undone was ever given.
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError } from '../../core/errors.ts'
import type {
  AssignRequest,
  BurnedNumbers,
  NumberRange,
  StoredReservation,
  TransactionalSequenceStore,
} from '../../ports/sequence-store.ts'
import type { Connection } from './connection.ts'
import type { PostgresTransaction } from './postgres-client.ts'
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

/** A sequence store on Postgres; made by `postgresSequences`. */
export class PostgresSequenceStore implements TransactionalSequenceStore<
  PostgresTransaction,
  Promise<NumberRange>
> {
  readonly name: string
  readonly durable = true
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.name = connection.name
    this.#connection = connection
  }

  async open(): Promise<void> {
    await this.#connection.open()
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  async reserve(
    stream: LogStream,
    request: { readonly count: number; readonly claimMs: number },
  ): Promise<StoredReservation> {
    const shiftMs = this.#connection.shiftMs()
    return this.#connection.write((statements) => reserveNumbers(statements, stream, { ...request, shiftMs }))
  }

  async use(reservation: string): Promise<boolean> {
    const shiftMs = this.#connection.shiftMs()
    return this.#connection.write((statements) => useNumbers(statements, reservation, shiftMs))
  }

  async burn(reservation: string, reason: string): Promise<boolean> {
    return this.#connection.write((statements) => burnNumbers(statements, reservation, reason))
  }

  async burned(request: {
    readonly domain: string
    readonly limit: number
  }): Promise<readonly BurnedNumbers[]> {
    const shiftMs = this.#connection.shiftMs()
    return this.#connection.write((statements) => listBurned(statements, { ...request, shiftMs }))
  }

  async published(reservations: readonly string[]): Promise<void> {
    await this.#connection.write((statements) => markPublished(statements, reservations))
  }

  async assign(request: AssignRequest): Promise<readonly number[]> {
    return this.#connection.write((statements) => assignNumbers(statements, request))
  }

  async last(stream: LogStream): Promise<number> {
    return this.#connection.write((statements) => lastNumber(statements, stream))
  }

  /** Takes numbers in a transaction of the caller's own, whose end decides. */
  async take(transaction: PostgresTransaction, stream: LogStream, count = 1): Promise<NumberRange> {
    if (Number.isSafeInteger(count) && count >= 1) {
      return takeNumbers(this.#connection.statements(transaction), stream, count)
    }
    throw new InturnError('config-invalid', `take: count takes a whole number from 1, not ${count}`)
  }
}
