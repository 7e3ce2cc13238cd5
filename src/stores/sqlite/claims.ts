// Claims: a unit's exclusive right to advance a stream for a time. Its fence refuses a late completion.
// Upholds I5.
import type { StreamPath } from '../../core/stream-path.ts'
import type { WorkRequest } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'

const hasClaimsSql = 'SELECT 1 AS is_there FROM inturn_claim WHERE consumer = ?1 LIMIT 1'
const findClaimsSql = /* sql */ `
  SELECT inturn_claim.path, fence, until
  FROM json_each(?2) AS asked CROSS JOIN inturn_claim
  ON inturn_claim.consumer = ?1 AND inturn_claim.path = asked.value
`
// Claims a stream, or takes over a claim that has expired.
const insertClaimSql = /* sql */ `
  INSERT INTO inturn_claim (consumer, path, worker, fence, until, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
  ON CONFLICT (consumer, path) DO UPDATE
  SET worker = excluded.worker, fence = excluded.fence, until = excluded.until, since = excluded.since
`
const renewClaimsSql = 'UPDATE inturn_claim SET until = ?3 WHERE consumer = ?1 AND fence = ?2'
const releaseClaimsSql = 'DELETE FROM inturn_claim WHERE consumer = ?1 AND fence = ?2 RETURNING path'
// Forgets a claim that has expired.
const deleteClaimSql = 'DELETE FROM inturn_claim WHERE consumer = ?1 AND path = ?2'

/** A claim as the file has it. */
export interface Claim {
  readonly fence: number
  readonly until: number
}

/** The claims of some streams, live or expired. */
export function findClaims(
  database: Database,
  consumer: number,
  streams: Iterable<StreamPath>,
): Map<StreamPath, Claim> {
  if (database.get(hasClaimsSql, consumer) === undefined) return new Map()
  const rows = database.all(findClaimsSql, consumer, JSON.stringify([...streams]))
  return new Map(
    rows.map((row) => [
      textAt(row, 'path'),
      { fence: numberAt(row, 'fence'), until: numberAt(row, 'until') },
    ]),
  )
}

/** Claims streams for a unit. */
export function keepClaims(
  database: Database,
  consumer: number,
  claims: {
    readonly request: WorkRequest
    readonly won: Iterable<StreamPath>
    readonly since: number
  } & Claim,
): void {
  const { request, won, fence, until, since } = claims
  for (const path of won) database.run(insertClaimSql, consumer, path, request.worker, fence, until, since)
}

/** Renews the claims of a unit; says how many it still has. */
export function renewClaims(database: Database, consumer: number, { fence, until }: Claim): number {
  return database.run(renewClaimsSql, consumer, fence, until)
}

/** Releases the claims of a unit; says which it still had. */
export function releaseClaims(database: Database, consumer: number, fence: number): StreamPath[] {
  return database.all(releaseClaimsSql, consumer, fence).map((row) => textAt(row, 'path'))
}

/** Forgets an expired claim, so that its unit can commit nothing any more. */
export function dropClaim(database: Database, consumer: number, stream: StreamPath): void {
  database.run(deleteClaimSql, consumer, stream)
}
