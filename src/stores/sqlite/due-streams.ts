// Which streams have work that nothing will arrive for. Upholds I8: each due time is measured by its own
// clock.
import type { StreamPath } from '../../core/stream-path.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'

const findConsumerSql = sqlFile(new URL('./consumers/find-consumer.sql', import.meta.url))
const listDueSql = sqlFile(new URL('./streams/list-due-streams.sql', import.meta.url))

/** Streams of a consumer that are due and that nobody has claimed, the longest overdue first. */
export function dueStreams(
  database: Database,
  consumer: string,
  { now, limit }: { readonly now: number; readonly limit: number },
): StreamPath[] {
  const row = database.get(findConsumerSql, consumer)
  if (row === undefined) return []
  const [id, readingMs] = [numberAt(row, 'id'), numberAt(row, 'reading_ms')]
  return database.all(listDueSql, id, now, readingMs, limit).map((found) => textAt(found, 'path'))
}
