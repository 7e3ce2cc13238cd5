// Which streams have work that nothing will arrive for. Upholds I8: each due time is measured by its own
// clock.
import type { StreamPath } from '../../core/stream-path.ts'
import { streamPath } from '../../core/stream-path.ts'
import { readDomains } from './consumers.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'

const findConsumerSql = sqlFile(new URL('./consumers/find-consumer.sql', import.meta.url))
const listDueSql = sqlFile(new URL('./streams/list-due-streams.sql', import.meta.url))

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
