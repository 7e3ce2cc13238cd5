// Leases: exclusive rights to something that is no stream. Their fences come from one counter, so that a
// lease that was given back leaves nothing behind, except where its end is kept for good.
import type { Lease, LeaseRequest } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'
import { readMeta, writeMeta } from './schema.ts'

const findLeaseSql = 'SELECT holder, fence, until FROM inturn_lease WHERE name = ?1'
const writeLeaseSql = /* sql */ `
  INSERT INTO inturn_lease (name, holder, fence, until, lasting) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = excluded.fence, until = excluded.until,
    lasting = max(lasting, excluded.lasting)
`
// Ends a lease at an instant, and keeps that.
const endLeaseSql = 'UPDATE inturn_lease SET until = ?3, lasting = 1 WHERE name = ?1 AND holder = ?2'
// Takes a lease back, and forgets those that have expired. Those whose end is kept stay.
const deleteLeaseSql = 'DELETE FROM inturn_lease WHERE lasting = 0 AND (name = ?1 OR until <= ?2)'

/** Gives, renews or takes back a lease. */
export function lease(
  database: Database,
  request: LeaseRequest & { readonly name: string; readonly now: number },
): Lease | undefined {
  const { name, holder, ms, now, usedUntil } = request
  const row = database.get(findLeaseSql, name)
  const end = row === undefined ? now : numberAt(row, 'until')
  if (row !== undefined && end > now && textAt(row, 'holder') !== holder) return undefined
  if (ms <= 0) {
    giveBack(database, request)
    return undefined
  }
  const isHeld = row !== undefined && end > now
  const fence = isHeld ? numberAt(row, 'fence') : readMeta(database, 'lease-fence') + 1
  if (!isHeld) writeMeta(database, 'lease-fence', fence)
  const until = isHeld ? Math.max(end, now + ms) : now + ms
  database.run(writeLeaseSql, name, holder, fence, until, usedUntil === undefined ? 0 : 1)
  return { fence, now, until }
}

function giveBack(
  database: Database,
  { name, holder, now, usedUntil }: LeaseRequest & { readonly name: string; readonly now: number },
): void {
  if (usedUntil !== undefined) database.run(endLeaseSql, name, holder, usedUntil)
  database.run(deleteLeaseSql, name, now)
}
