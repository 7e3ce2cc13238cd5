// Which streams have work that nothing will arrive for. Upholds I8: each due time is measured by its own
// clock.
import { encodePart } from '../../core/stream-path.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Connection } from './connection.ts'
import { storedText, textAt } from './row.ts'

// Streams with work that nothing will arrive for and that nobody has claimed for a time, the longest overdue
// first: $1 consumer, $2 limit, $3 the domains that are asked for or null, as paths begin, $4 shift of the
// clock.
const listDueSql = /* sql */ `
  WITH known AS (
    SELECT id, reading_ms, floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 + $4::float8 AS now
    FROM inturn.consumer WHERE name = $1
  ), paused AS (
    SELECT part FROM inturn.domain WHERE consumer = (SELECT id FROM known) AND paused
  ), live AS (
    SELECT path FROM inturn.claim WHERE consumer = (SELECT id FROM known) AND until > (SELECT now FROM known)
  )
  SELECT path, max(overdue) AS overdue FROM (
    (
      SELECT path, (SELECT now FROM known) - due_at AS overdue FROM inturn.stream
      WHERE consumer = (SELECT id FROM known) AND due_at <= (SELECT now FROM known)
        AND ($3::text[] IS NULL OR split_part(path, '/', 1) = ANY ($3))
        AND path NOT IN (SELECT path FROM live)
      ORDER BY due_at LIMIT $2
    ) UNION ALL (
      SELECT path, (SELECT reading_ms FROM known) - due_reading FROM inturn.stream
      WHERE consumer = (SELECT id FROM known) AND due_reading <= (SELECT reading_ms FROM known)
        AND ($3::text[] IS NULL OR split_part(path, '/', 1) = ANY ($3))
        AND path NOT IN (SELECT path FROM live)
      ORDER BY due_reading LIMIT $2
    ) UNION ALL (
      SELECT DISTINCT path, (SELECT now FROM known) FROM inturn.inbox
      WHERE consumer = (SELECT id FROM known) AND (newest > seen OR redrives > 0)
        AND ($3::text[] IS NULL OR split_part(path, '/', 1) = ANY ($3))
        AND split_part(path, '/', 1) NOT IN (SELECT part FROM paused)
        AND path NOT IN (SELECT path FROM live)
      LIMIT $2
    ) UNION ALL (
      SELECT path, (SELECT now FROM known) - until FROM inturn.claim
      WHERE consumer = (SELECT id FROM known) AND until <= (SELECT now FROM known)
        AND ($3::text[] IS NULL OR split_part(path, '/', 1) = ANY ($3))
    )
  ) AS due
  GROUP BY path ORDER BY max(overdue) DESC, path LIMIT $2
`

/** Streams of a consumer that are due and that nobody has claimed, the longest overdue first. */
export async function dueStreams(
  connection: Connection,
  consumer: string,
  question: {
    readonly limit: number
    /** `undefined`: all. */
    readonly domains: readonly string[] | undefined
  },
): Promise<readonly StreamPath[]> {
  const { limit, domains } = question
  const parts = domains?.map(encodePart) ?? null
  const rows = await connection.read(listDueSql, storedText(consumer), limit, parts, connection.shiftMs())
  return rows.map((row) => textAt(row, 'path'))
}
