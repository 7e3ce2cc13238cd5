// Which streams have work that nothing will arrive for. Upholds I8: each due time is measured by its own
// clock.
import type { StreamPath } from '../../core/stream-path.ts'
import { streamPath } from '../../core/stream-path.ts'
import { findConsumerSql, readDomains } from './consumers.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'

// Streams with work that nothing will arrive for and that nobody has claimed, the longest overdue first:
// ?1 consumer, ?2 now, ?3 reading clock, ?4 limit, ?5 the domains that are asked for or null, ?6 those that
// are paused, both as paths begin.
const listDueSql = /* sql */ `
  SELECT path, max(overdue) AS overdue
  FROM (
    SELECT * FROM (
      SELECT path, ?2 - due_at AS overdue FROM inturn_stream AS s
      WHERE consumer = ?1 AND due_at <= ?2
        AND (?5 IS NULL OR substr(path, 1, instr(path, '/') - 1) IN (SELECT value FROM json_each(?5)))
        AND NOT EXISTS (
          SELECT 1 FROM inturn_claim AS c WHERE c.consumer = ?1 AND c.path = s.path AND c.until > ?2)
      ORDER BY due_at LIMIT ?4)
    UNION ALL
    SELECT * FROM (
      SELECT path, ?3 - due_reading FROM inturn_stream AS s
      WHERE consumer = ?1 AND due_reading <= ?3
        AND (?5 IS NULL OR substr(path, 1, instr(path, '/') - 1) IN (SELECT value FROM json_each(?5)))
        AND NOT EXISTS (
          SELECT 1 FROM inturn_claim AS c WHERE c.consumer = ?1 AND c.path = s.path AND c.until > ?2)
      ORDER BY due_reading LIMIT ?4)
    UNION ALL
    SELECT * FROM (
      SELECT path, ?2 FROM inturn_inbox AS i
      WHERE consumer = ?1 AND (newest > seen OR redrives > 0)
        AND (?5 IS NULL OR substr(path, 1, instr(path, '/') - 1) IN (SELECT value FROM json_each(?5)))
        AND substr(path, 1, instr(path, '/') - 1) NOT IN (SELECT value FROM json_each(?6))
        AND NOT EXISTS (
          SELECT 1 FROM inturn_claim AS c WHERE c.consumer = ?1 AND c.path = i.path AND c.until > ?2)
      LIMIT ?4)
    UNION ALL
    SELECT path, ?2 - until FROM inturn_claim WHERE consumer = ?1 AND until <= ?2
      AND (?5 IS NULL OR substr(path, 1, instr(path, '/') - 1) IN (SELECT value FROM json_each(?5)))
  )
  GROUP BY path ORDER BY max(overdue) DESC, path LIMIT ?4
`

/** Streams of a consumer that are due and that nobody has claimed, the longest overdue first. */
export function dueStreams(
  database: Database,
  consumer: string,
  question: {
    readonly now: number
    readonly limit: number
    /** `undefined`: all. */
    readonly domains: readonly string[] | undefined
  },
): StreamPath[] {
  const row = database.get(findConsumerSql, consumer)
  if (row === undefined) return []
  const [id, readingMs] = [numberAt(row, 'id'), numberAt(row, 'reading_ms')]
  const { now, limit, domains } = question
  const paused = [...readDomains(database, id)].filter(([, status]) => status.paused).map(([name]) => name)
  const wanted = domains === undefined ? null : pathParts(domains)
  const rows = database.all(listDueSql, id, now, readingMs, limit, wanted, pathParts(paused))
  return rows.map((found) => textAt(found, 'path'))
}

/** The parts that paths of these domains begin with, as a JSON list. */
function pathParts(domains: readonly string[]): string {
  return JSON.stringify(domains.map((domain) => streamPath(domain, '').slice(0, -1)))
}
