// The statements of the sequence store, in the transaction that is open.
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError } from '../../core/errors.ts'
import type {
  AssignRequest,
  BurnedNumbers,
  NumberRange,
  StoredReservation,
} from '../../ports/sequence-store.ts'
import type { Statements } from './append-events.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'

const takeNumbersSql = sqlFile(new URL('./sequences/take-numbers.sql', import.meta.url))
const lastNumberSql = sqlFile(new URL('./sequences/last-number.sql', import.meta.url))
const insertReservationSql = sqlFile(new URL('./sequences/insert-reservation.sql', import.meta.url))
const useReservationSql = sqlFile(new URL('./sequences/use-reservation.sql', import.meta.url))
const burnReservationSql = sqlFile(new URL('./sequences/burn-reservation.sql', import.meta.url))
const endClaimsSql = sqlFile(new URL('./sequences/end-claims.sql', import.meta.url))
const listBurnedSql = sqlFile(new URL('./sequences/list-burned.sql', import.meta.url))
const publishReservationSql = sqlFile(new URL('./sequences/publish-reservation.sql', import.meta.url))
const forgetReservationsSql = sqlFile(new URL('./sequences/forget-reservations.sql', import.meta.url))
const findAssignedSql = sqlFile(new URL('./sequences/find-assigned.sql', import.meta.url))
const lastAssignedSql = sqlFile(new URL('./sequences/last-assigned.sql', import.meta.url))
const insertAssignedSql = sqlFile(new URL('./sequences/insert-assigned.sql', import.meta.url))
const forgetAssignedSql = sqlFile(new URL('./sequences/forget-assigned.sql', import.meta.url))

/** How long an ended reservation is remembered, so that `use` and `burn` may be called again. */
const rememberedMs = 3_600_000

/** Takes the next numbers of a stream. */
export function takeNumbers(
  statements: Statements,
  { domain, stream }: LogStream,
  count: number,
): NumberRange {
  const last = lastNumber(statements, { domain, stream })
  if (last > Number.MAX_SAFE_INTEGER - count) {
    throw new InturnError('event-invalid', `${domain}/${stream} is at ${last}: its numbers are used up`)
  }
  const to = numberAt(statements.get(takeNumbersSql, domain, stream, count) ?? {}, 'last')
  return { from: to - count + 1, to }
}

/** The last number of a stream that was taken. */
export function lastNumber(statements: Statements, { domain, stream }: LogStream): number {
  const row = statements.get(lastNumberSql, domain, stream)
  return row === undefined ? 0 : numberAt(row, 'last')
}

/** Takes numbers under a claim. */
export function reserveNumbers(
  database: Database,
  stream: LogStream,
  { count, now, claimMs }: { readonly count: number; readonly now: number; readonly claimMs: number },
): StoredReservation {
  database.run(forgetReservationsSql, now - rememberedMs)
  const range = takeNumbers(database, stream, count)
  const until = now + claimMs
  const row = database.one(insertReservationSql, stream.domain, stream.stream, range.from, range.to, until)
  return { ...range, reservation: String(numberAt(row, 'id')), until }
}

/** The numbers are an event's; `false` when their claim has ended. */
export function useNumbers(database: Database, reservation: string, now: number): boolean {
  return database.run(useReservationSql, Number(reservation), now) > 0
}

/** The numbers will never come; `false` when they were used. */
export function burnNumbers(database: Database, reservation: string, reason: string): boolean {
  return database.run(burnReservationSql, Number(reservation), reason) > 0
}

/** What is burned and not published, after ending the claims that are over. */
export function listBurned(
  database: Database,
  { domain, limit, now }: { readonly domain: string; readonly limit: number; readonly now: number },
): readonly BurnedNumbers[] {
  database.run(endClaimsSql, domain, now)
  return database.all(listBurnedSql, domain, limit).map((row) => ({
    reservation: String(numberAt(row, 'id')),
    domain: textAt(row, 'domain'),
    stream: textAt(row, 'stream'),
    from: numberAt(row, 'first'),
    to: numberAt(row, 'last'),
    reason: textAt(row, 'reason'),
  }))
}

/** Burned numbers were published. */
export function markPublished(database: Database, reservations: readonly string[]): void {
  for (const reservation of reservations) database.run(publishReservationSql, Number(reservation))
}

/** The numbers of messages: those they got before, or new ones. */
export function assignNumbers(database: Database, request: AssignRequest): readonly number[] {
  const { scope, messages, windowMax } = request
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
}
