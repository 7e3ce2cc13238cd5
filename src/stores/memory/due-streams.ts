// Which streams have work that nothing will arrive for, the longest overdue first. Looks only at the
// streams that are watched for it. Upholds I8: each due time is measured by its own clock.
import type { StreamPath } from '../../core/stream-path.ts'
import type { ConsumerData, StreamRow } from './memory-data.ts'

/** Streams that are due and that nobody has claimed, the longest overdue first. */
export function dueStreams(data: ConsumerData, now: number, limit: number): StreamPath[] {
  const found: { readonly path: StreamPath; readonly overdueMs: number }[] = []
  for (const row of data.watched) {
    const overdueMs = overdueOf(row, now, data.readingMs)
    if (overdueMs >= 0) found.push({ path: row.path, overdueMs })
  }
  found.sort((a, b) => b.overdueMs - a.overdueMs || (a.path < b.path ? -1 : 1))
  return found.slice(0, limit).map(({ path }) => path)
}

/** Negative: not due. */
function overdueOf({ claim, due, handedOver }: StreamRow, now: number, readingMs: number): number {
  if (claim !== undefined && claim.until > now) return -1
  if (handedOver.length > 0) return now
  return Math.max(
    claim === undefined ? -1 : now - claim.until,
    due.at === undefined ? -1 : now - due.at,
    due.readingMs === undefined ? -1 : readingMs - due.readingMs,
  )
}
