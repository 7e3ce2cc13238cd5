// Leases: exclusive rights to something that is no stream. Their fences come from one counter, so that a
// lease that was given back leaves nothing behind.
import type { Lease } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'
import { readMeta, writeMeta } from './schema.ts'
import { sqlFile } from './sql-file.ts'

const findLeaseSql = sqlFile(new URL('./leases/find-lease.sql', import.meta.url))
const writeLeaseSql = sqlFile(new URL('./leases/write-lease.sql', import.meta.url))
const deleteLeaseSql = sqlFile(new URL('./leases/delete-lease.sql', import.meta.url))

/** What is asked for. */
export interface LeaseRequest {
  readonly name: string
  readonly holder: string
  readonly ms: number
  readonly now: number
}

/** Gives, renews or takes back a lease. */
export function lease(database: Database, { name, holder, ms, now }: LeaseRequest): Lease | undefined {
  const row = database.get(findLeaseSql, name)
  const isHeld = row !== undefined && numberAt(row, 'until') > now
  if (isHeld && textAt(row, 'holder') !== holder) return undefined
  if (ms <= 0) {
    database.run(deleteLeaseSql, name, now)
    return undefined
  }
  const fence = isHeld ? numberAt(row, 'fence') : readMeta(database, 'lease-fence') + 1
  if (!isHeld) writeMeta(database, 'lease-fence', fence)
  database.run(writeLeaseSql, name, holder, fence, now + ms)
  return { fence, until: now + ms }
}
