// Leases: exclusive rights to something that is no stream. Their fences come from one counter, so that a
// lease that was given back leaves nothing behind, except where its end is kept for good.
import type { Lease, LeaseRequest } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'
import { readMeta, writeMeta } from './schema.ts'
import { sqlFile } from './sql-file.ts'

const findLeaseSql = sqlFile(new URL('./leases/find-lease.sql', import.meta.url))
const writeLeaseSql = sqlFile(new URL('./leases/write-lease.sql', import.meta.url))
const endLeaseSql = sqlFile(new URL('./leases/end-lease.sql', import.meta.url))
const deleteLeaseSql = sqlFile(new URL('./leases/delete-lease.sql', import.meta.url))

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
