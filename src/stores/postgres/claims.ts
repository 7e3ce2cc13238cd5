// Claims of streams. In a transaction they are locks that end with it; outside of one they are rows with a
// time and a fence, taken under the same locks. Upholds I5.
import type { StreamPath } from '../../core/stream-path.ts'
import { textAt } from './row.ts'
import type { Statements } from './schema.ts'

// Locks the claims of some streams that still bear a fence, in one order for everybody: nobody can take a
// stream over until the transaction ends.
const lockClaimsSql = /* sql */ `
  SELECT path FROM inturn.claim WHERE consumer = $1 AND path = ANY ($2) AND fence = $3
  ORDER BY path FOR UPDATE
`
const renewSql = /* sql */ `
  WITH own AS (
    SELECT path FROM inturn.claim WHERE consumer = $1 AND path = ANY ($2) AND fence = $3
    ORDER BY path FOR UPDATE
  )
  UPDATE inturn.claim AS c
  SET until = greatest(until, floor(extract(epoch FROM clock_timestamp()) * 1000) + $4::float8)
  FROM own WHERE c.consumer = $1 AND c.path = own.path
  RETURNING c.path
`
const releaseSql = /* sql */ `
  DELETE FROM inturn.claim WHERE consumer = $1 AND path IN (
    SELECT path FROM inturn.claim WHERE consumer = $1 AND path = ANY ($2) AND fence = $3
    ORDER BY path FOR UPDATE
  ) RETURNING path
`
// The streams whose locks nobody has at this moment. Who only looks keeps out no other who looks.
const listUnlockedSql = /* sql */ `
  SELECT path FROM unnest($2::text[]) AS path
  WHERE pg_try_advisory_xact_lock_shared(inturn.lock_of($1, path))
`
const listClaimedSql = /* sql */ `
  SELECT path FROM inturn.claim
  WHERE consumer = $1 AND path = ANY ($2)
    AND until > floor(extract(epoch FROM clock_timestamp()) * 1000) + $3::float8
`

/** Whose claims. */
export interface ClaimsOf {
  readonly consumer: number
  readonly streams: readonly StreamPath[]
  readonly fence: number
}

/** Holds the claims that a unit still has until the transaction ends; says which these are. */
export async function lockClaims(
  statements: Statements,
  { consumer, streams, fence }: ClaimsOf,
): Promise<ReadonlySet<StreamPath>> {
  const rows = await statements.run(lockClaimsSql, consumer, streams, fence)
  return new Set(rows.map((row) => textAt(row, 'path')))
}

/** Renews the claims of a unit until so much later; says how many it still has. */
export async function renewClaims(
  statements: Statements,
  { consumer, streams, fence }: ClaimsOf,
  laterMs: number,
): Promise<number> {
  return (await statements.run(renewSql, consumer, streams, fence, laterMs)).length
}

/** Releases claims of a unit; says which of them it still had. */
export async function releaseClaims(
  statements: Statements,
  { consumer, streams, fence }: ClaimsOf,
): Promise<readonly StreamPath[]> {
  const rows = await statements.run(releaseSql, consumer, streams, fence)
  return rows.map((row) => textAt(row, 'path'))
}

/**
 * Which of some streams nobody has. Locks first, claims with a time after them: whoever claims with a time
 * has the lock until its claim can be seen.
 */
export async function listFree(
  statements: Statements,
  { consumer, streams, shiftMs }: Pick<ClaimsOf, 'consumer' | 'streams'> & { readonly shiftMs: number },
): Promise<readonly StreamPath[]> {
  const asked = [
    statements.run(listUnlockedSql, consumer, streams),
    statements.run(listClaimedSql, consumer, streams, shiftMs),
  ]
  const [unlocked = [], claimed = []] = await Promise.all(asked)
  const busy = new Set(claimed.map((row) => textAt(row, 'path')))
  return unlocked.map((row) => textAt(row, 'path')).filter((path) => !busy.has(path))
}
