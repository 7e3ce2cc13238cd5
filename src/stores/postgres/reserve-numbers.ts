// The statements of the sequence store, in the transaction that is open. Times are the server's.
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError } from '../../core/errors.ts'
import type {
  AssignRequest,
  BurnedNumbers,
  NumberRange,
  StoredReservation,
} from '../../ports/sequence-store.ts'
import { numberAt, originalText, storedText, textAt } from './row.ts'
import type { Statements } from './schema.ts'

// Takes the next numbers of streams, in one order for everybody; says the last of each.
const takeNumbersSql = /* sql */ `
  INSERT INTO inturn.sequence AS s (domain, stream, last)
  SELECT t.domain, t.stream, t.count FROM unnest($1::text[], $2::text[], $3::bigint[])
    AS t (domain, stream, count)
  ORDER BY t.domain COLLATE "C", t.stream COLLATE "C"
  ON CONFLICT (domain, stream) DO UPDATE SET last = s.last + EXCLUDED.last
  WHERE s.last <= ${Number.MAX_SAFE_INTEGER} - EXCLUDED.last
  RETURNING domain, stream, last
`
// The last number of a stream that was taken.
const lastNumberSql = 'SELECT last FROM inturn.sequence WHERE domain = $1 AND stream = $2'
const nowSql = '(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint + $1::bigint)'
const insertReservationSql = /* sql */ `
  INSERT INTO inturn.reservation (domain, stream, first, last, until, state)
  VALUES ($2, $3, $4, $5, ${nowSql} + $6::bigint, 'open') RETURNING id, until
`
// What others are forgetting at this moment is left to them.
const forgetReservationsSql = /* sql */ `
  DELETE FROM inturn.reservation WHERE id IN (
    SELECT id FROM inturn.reservation
    WHERE state IN ('used', 'published') AND until < ${nowSql} - $2::bigint
    ORDER BY until LIMIT 1000 FOR UPDATE SKIP LOCKED
  )
`
// The numbers are an event's, unless their claim has ended.
const useReservationSql = /* sql */ `
  UPDATE inturn.reservation SET state = 'used'
  WHERE id = $2 AND (state = 'used' OR (state = 'open' AND until > ${nowSql})) RETURNING id
`
// The numbers will never come, unless they were used.
const burnReservationSql = /* sql */ `
  UPDATE inturn.reservation SET
    state = CASE state WHEN 'open' THEN 'burned' ELSE state END,
    reason = CASE state WHEN 'open' THEN $2 ELSE reason END
  WHERE id = $1 AND state IN ('open', 'burned', 'published') RETURNING id
`
// Burns what was reserved and not used in time.
const endClaimsSql = /* sql */ `
  UPDATE inturn.reservation SET state = 'burned', reason = 'the claim of the numbers has ended'
  WHERE domain = $2 AND state = 'open' AND until <= ${nowSql}
`
const listBurnedSql = /* sql */ `
  SELECT id, domain, stream, first, last, reason FROM inturn.reservation
  WHERE domain = $1 AND state = 'burned' ORDER BY until, id LIMIT $2
`
// It was published that the numbers will never come.
const publishReservationsSql = /* sql */ `
  UPDATE inturn.reservation SET state = 'published' WHERE id = ANY ($1::bigint[]) AND state = 'burned'
`
// One after another for the messages of a scope, so that copies of one message get one number.
const lockScopeSql = /* sql */ `
  SELECT pg_advisory_xact_lock(
    hashtextextended('inturn assigned ' || $1, 'inturn.assigned'::regclass::oid::bigint)
  )
`
const findAssignedSql = /* sql */ `
  SELECT m.nth, a.sequence FROM unnest($2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS m (domain, stream, id, nth)
  JOIN inturn.assigned AS a
    ON a.scope = $1 AND a.domain = m.domain AND a.stream = m.stream AND a.id = m.id
`
const insertAssignedSql = /* sql */ `
  INSERT INTO inturn.assigned (scope, place, domain, stream, id, sequence)
  SELECT $1, n.nth + (SELECT coalesce(max(place), 0) FROM inturn.assigned WHERE scope = $1),
    n.domain, n.stream, n.id, n.sequence
  FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[])
    WITH ORDINALITY AS n (domain, stream, id, sequence, nth)
`
const forgetAssignedSql = /* sql */ `
  DELETE FROM inturn.assigned
  WHERE scope = $1 AND place <= (SELECT max(place) FROM inturn.assigned WHERE scope = $1) - $2::bigint
`

/** How long an ended reservation is remembered, so that `use` and `burn` may be called again. */
const rememberedMs = 3_600_000

/** Takes the next numbers of a stream. */
export async function takeNumbers(
  statements: Statements,
  stream: LogStream,
  count: number,
): Promise<NumberRange> {
  const to = (await takeLasts(statements, [{ ...stream, count }])).get(keyOf(stream)) ?? 0
  return { from: to - count + 1, to }
}

/** The last number of a stream that was taken. */
export async function lastNumber(statements: Statements, { domain, stream }: LogStream): Promise<number> {
  const [row] = await statements.run(lastNumberSql, storedText(domain), storedText(stream))
  return row === undefined ? 0 : numberAt(row, 'last')
}

/** Takes numbers under a claim. */
export async function reserveNumbers(
  statements: Statements,
  stream: LogStream,
  { count, claimMs, shiftMs }: { readonly count: number; readonly claimMs: number; readonly shiftMs: number },
): Promise<StoredReservation> {
  await statements.run(forgetReservationsSql, shiftMs, rememberedMs)
  const { from, to } = await takeNumbers(statements, stream, count)
  const place = [storedText(stream.domain), storedText(stream.stream)]
  const [row] = await statements.run(insertReservationSql, shiftMs, ...place, from, to, claimMs)
  return { from, to, reservation: String(numberAt(row, 'id')), until: numberAt(row, 'until') }
}

/** The numbers are an event's; `false` when their claim has ended. */
export async function useNumbers(
  statements: Statements,
  reservation: string,
  shiftMs: number,
): Promise<boolean> {
  if (!isReservation(reservation)) return false
  return (await statements.run(useReservationSql, shiftMs, reservation)).length > 0
}

/** The numbers will never come; `false` when they were used. */
export async function burnNumbers(
  statements: Statements,
  reservation: string,
  reason: string,
): Promise<boolean> {
  if (!isReservation(reservation)) return false
  return (await statements.run(burnReservationSql, reservation, storedText(reason))).length > 0
}

/** What is burned and not published, after ending the claims that are over. */
export async function listBurned(
  statements: Statements,
  { domain, limit, shiftMs }: { readonly domain: string; readonly limit: number; readonly shiftMs: number },
): Promise<readonly BurnedNumbers[]> {
  await statements.run(endClaimsSql, shiftMs, storedText(domain))
  const rows = await statements.run(listBurnedSql, storedText(domain), limit)
  return rows.map((row) => ({
    reservation: String(numberAt(row, 'id')),
    domain: originalText(textAt(row, 'domain')),
    stream: originalText(textAt(row, 'stream')),
    from: numberAt(row, 'first'),
    to: numberAt(row, 'last'),
    reason: originalText(textAt(row, 'reason')),
  }))
}

/** Burned numbers were published. */
export async function markPublished(statements: Statements, reservations: readonly string[]): Promise<void> {
  await statements.run(publishReservationsSql, reservations.filter(isReservation))
}

/** The numbers of messages: those they got before, or new ones. */
export async function assignNumbers(
  statements: Statements,
  { scope, messages, windowMax }: AssignRequest,
): Promise<readonly number[]> {
  const own = storedText(scope)
  await statements.run(lockScopeSql, own)
  const found = await statements.run(findAssignedSql, own, ...columnsOf(messages))
  const numbers = new Map(
    found.map((row) => [messageKey(messages[numberAt(row, 'nth') - 1]), numberAt(row, 'sequence')]),
  )
  const fresh = [...new Map(messages.map((message) => [messageKey(message), message])).entries()]
    .filter(([key]) => !numbers.has(key))
    .map(([, message]) => message)
  const counts = new Map<string, LogStream & { count: number }>()
  for (const { domain, stream } of fresh) {
    const counted = counts.get(keyOf({ domain, stream })) ?? { domain, stream, count: 0 }
    counts.set(keyOf(counted), { ...counted, count: counted.count + 1 })
  }
  const lasts = await takeLasts(statements, [...counts.values()])
  const next = new Map([...counts].map(([key, { count }]) => [key, (lasts.get(key) ?? 0) - count + 1]))
  for (const message of fresh) {
    const number = next.get(keyOf(message)) ?? 0
    next.set(keyOf(message), number + 1)
    numbers.set(messageKey(message), number)
  }
  const given = messages.map((message) => numbers.get(messageKey(message)) ?? 0)
  if (fresh.length > 0) {
    const sequences = fresh.map((message) => numbers.get(messageKey(message)))
    await statements.run(insertAssignedSql, own, ...columnsOf(fresh), sequences)
  }
  await statements.run(forgetAssignedSql, own, windowMax)
  return given
}

/** Takes numbers of several streams at once; the last one of each, by its key. */
async function takeLasts(
  statements: Statements,
  streams: readonly (LogStream & { readonly count: number })[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await statements.run(
    takeNumbersSql,
    streams.map(({ domain }) => storedText(domain)),
    streams.map(({ stream }) => storedText(stream)),
    streams.map(({ count }) => count),
  )
  const lasts = new Map(
    rows.map((row) => {
      const [domain, stream] = [originalText(textAt(row, 'domain')), originalText(textAt(row, 'stream'))]
      return [keyOf({ domain, stream }), numberAt(row, 'last')]
    }),
  )
  const full = streams.find((stream) => !lasts.has(keyOf(stream)))
  if (full === undefined) return lasts
  throw new InturnError('event-invalid', `${full.domain}/${full.stream}: its numbers are used up`)
}

function columnsOf(messages: AssignRequest['messages']): readonly string[][] {
  return [
    messages.map(({ domain }) => storedText(domain)),
    messages.map(({ stream }) => storedText(stream)),
    messages.map(({ id }) => storedText(id)),
  ]
}

function isReservation(text: string): boolean {
  return /^\d{1,15}$/.test(text)
}

function keyOf({ domain, stream }: LogStream): string {
  return JSON.stringify([domain, stream])
}

function messageKey(message: AssignRequest['messages'][number] | undefined): string {
  return JSON.stringify([message?.domain, message?.stream, message?.id])
}
