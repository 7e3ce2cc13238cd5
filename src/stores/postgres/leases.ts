// Leases: exclusive rights to something that is no stream. A lock on the name puts those who ask in a row.
import type { Lease, LeaseRequest } from '../../ports/store.ts'
import { numberAt, realAt, storedText, textAt } from './row.ts'
import type { Statements } from './schema.ts'

const lockNameSql = /* sql */ `
  SELECT pg_advisory_xact_lock(hashtextextended($1, 'inturn.lease'::regclass::oid::bigint))
`
// The time, and the lease of a name where there is one.
const findLeaseSql = /* sql */ `
  SELECT c.now, l.holder, l.fence, l.until
  FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 + $2::float8 AS now) AS c
  LEFT JOIN inturn.lease AS l ON l.name = $1
`
const drawFenceSql = "SELECT nextval('inturn.fence') AS fence"
const writeLeaseSql = /* sql */ `
  INSERT INTO inturn.lease AS l (name, holder, fence, until, lasting) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, fence = EXCLUDED.fence, until = EXCLUDED.until,
    lasting = l.lasting OR EXCLUDED.lasting
`
// Ends a lease at an instant, and keeps that.
const endLeaseSql = 'UPDATE inturn.lease SET until = $3, lasting = true WHERE name = $1 AND holder = $2'
const deleteLeaseSql = 'DELETE FROM inturn.lease WHERE name = $1 AND NOT lasting'

/** Gives, renews or takes back a lease. */
export async function lease(
  statements: Statements,
  {
    name,
    holder,
    ms,
    usedUntil,
    shiftMs,
  }: LeaseRequest & { readonly name: string; readonly shiftMs: number },
): Promise<Lease | undefined> {
  const [own, whose] = [storedText(name), storedText(holder)]
  await statements.run(lockNameSql, own)
  const [row = {}] = await statements.run(findLeaseSql, own, shiftMs)
  const now = realAt(row, 'now')
  const isThere = row['holder'] !== null
  const end = isThere ? realAt(row, 'until') : now
  const isHeld = isThere && end > now
  if (isHeld && textAt(row, 'holder') !== whose) return undefined
  if (ms <= 0) {
    if (usedUntil !== undefined) await statements.run(endLeaseSql, own, whose, usedUntil)
    await statements.run(deleteLeaseSql, own)
    return undefined
  }
  const fence = isHeld ? numberAt(row, 'fence') : numberAt((await statements.run(drawFenceSql))[0], 'fence')
  const until = isHeld ? Math.max(end, now + ms) : now + ms
  await statements.run(writeLeaseSql, own, whose, fence, until, usedUntil !== undefined)
  return { fence, now, until }
}
