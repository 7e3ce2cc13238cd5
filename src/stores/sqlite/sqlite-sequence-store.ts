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
import type { Statements } from './append-events.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'
import type { SqliteFile } from './sqlite-file.ts'
import { isSameFile } from './sqlite-file.ts'
import type { SqliteTransaction } from './sqlite-transaction.ts'

// Takes the next numbers of a stream; says the last of them.
const takeNumbersSql = /* sql */ `
  INSERT INTO inturn_sequence (domain, stream, last) VALUES (?1, ?2, ?3)
  ON CONFLICT (domain, stream) DO UPDATE SET last = last + excluded.last
  RETURNING last
`
// The last number of a stream that was taken.
const lastNumberSql = 'SELECT last FROM inturn_sequence WHERE domain = ?1 AND stream = ?2'
const insertReservationSql = /* sql */ `
  INSERT INTO inturn_reservation (domain, stream, first, last, until, state)
  VALUES (?1, ?2, ?3, ?4, ?5, 'open')
  RETURNING id
`
// The numbers are an event's, unless their claim has ended.
const useReservationSql = /* sql */ `
  UPDATE inturn_reservation SET state = 'used'
  WHERE id = ?1 AND (state = 'used' OR (state = 'open' AND until > ?2))
`
// The numbers will never come, unless they were used.
const burnReservationSql = /* sql */ `
  UPDATE inturn_reservation SET
    state = iif(state = 'open', 'burned', state),
    reason = iif(state = 'open', ?2, reason)
  WHERE id = ?1 AND state IN ('open', 'burned', 'published')
`
// Burns what was reserved and not used in time.
const endClaimsSql = /* sql */ `
  UPDATE inturn_reservation SET state = 'burned', reason = 'the claim of the numbers has ended'
  WHERE domain = ?1 AND state = 'open' AND until <= ?2
`
const listBurnedSql = /* sql */ `
  SELECT id, domain, stream, first, last, reason FROM inturn_reservation
  WHERE domain = ?1 AND state = 'burned' ORDER BY until, id LIMIT ?2
`
// It was published that the numbers will never come.
const publishReservationSql = /* sql */ `
  UPDATE inturn_reservation SET state = 'published' WHERE id = ?1 AND state = 'burned'
`
const forgetReservationsSql = /* sql */ `
  DELETE FROM inturn_reservation WHERE state IN ('used', 'published') AND until < ?1
`
const findAssignedSql = /* sql */ `
  SELECT sequence FROM inturn_assigned WHERE scope = ?1 AND domain = ?2 AND stream = ?3 AND id = ?4
`
const lastAssignedSql = 'SELECT coalesce(max(place), 0) AS place FROM inturn_assigned WHERE scope = ?1'
const insertAssignedSql = /* sql */ `
  INSERT INTO inturn_assigned (scope, place, domain, stream, id, sequence) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
`
const forgetAssignedSql = 'DELETE FROM inturn_assigned WHERE scope = ?1 AND place <= ?2'

/** How long an ended reservation is remembered, so that `use` and `burn` may be called again. */
const rememberedMs = 3_600_000

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
    return this.#write((database) => {
      const now = this.#now()
      database.run(forgetReservationsSql, now - rememberedMs)
      const { from, to } = takeNumbers(database, stream, count)
      const until = now + claimMs
      const row = database.one(insertReservationSql, stream.domain, stream.stream, from, to, until)
      return { from, to, reservation: String(numberAt(row, 'id')), until }
    })
  }

  async use(reservation: string): Promise<boolean> {
    return this.#write((database) => database.run(useReservationSql, Number(reservation), this.#now()) > 0)
  }

  async burn(reservation: string, reason: string): Promise<boolean> {
    return this.#write((database) => database.run(burnReservationSql, Number(reservation), reason) > 0)
  }

  async burned({
    domain,
    limit,
  }: {
    readonly domain: string
    readonly limit: number
  }): Promise<readonly BurnedNumbers[]> {
    return this.#write((database) => {
      database.run(endClaimsSql, domain, this.#now())
      return database.all(listBurnedSql, domain, limit).map((row) => ({
        reservation: String(numberAt(row, 'id')),
        domain: textAt(row, 'domain'),
        stream: textAt(row, 'stream'),
        from: numberAt(row, 'first'),
        to: numberAt(row, 'last'),
        reason: textAt(row, 'reason'),
      }))
    })
  }

  async published(reservations: readonly string[]): Promise<void> {
    await this.#write((database) => {
      for (const reservation of reservations) database.run(publishReservationSql, Number(reservation))
    })
  }

  async assign(request: AssignRequest): Promise<readonly number[]> {
    const { scope, messages, windowMax } = request
    return this.#write((database) => {
      let place = numberAt(database.one(lastAssignedSql, scope), 'place')
      const numbers = messages.map(({ domain, stream, id }) => {
        const known = database.get(findAssignedSql, scope, domain, stream, id)
        if (known !== undefined) return numberAt(known, 'sequence')
        const { from } = takeNumbers(database, { domain, stream }, 1)
        database.run(insertAssignedSql, scope, ++place, domain, stream, id, from)
        return from
      })
      database.run(forgetAssignedSql, scope, place - windowMax)
      return numbers
    })
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

/** Takes the next numbers of a stream. */
function takeNumbers(statements: Statements, { domain, stream }: LogStream, count: number): NumberRange {
  const last = lastNumber(statements, { domain, stream })
  if (last > Number.MAX_SAFE_INTEGER - count) {
    throw new InturnError('event-invalid', `${domain}/${stream} is at ${last}: its numbers are used up`)
  }
  const to = numberAt(statements.get(takeNumbersSql, domain, stream, count) ?? {}, 'last')
  return { from: to - count + 1, to }
}

/** The last number of a stream that was taken. */
function lastNumber(statements: Statements, { domain, stream }: LogStream): number {
  const row = statements.get(lastNumberSql, domain, stream)
  return row === undefined ? 0 : numberAt(row, 'last')
}
