// Which streams have work that nothing will arrive for, the longest overdue first. Looks only at the
// streams that are watched for it. Upholds I8: each due time is measured by its own clock.
import type { StreamPath } from '../../core/stream-path.ts'
import type { ConsumerData, StreamRow } from './memory-data.ts'

/** What is asked. */
export interface DueQuestion {
  readonly now: number
  readonly limit: number
  /** `undefined`: all. */
  readonly domains: readonly string[] | undefined
}

/** Streams that are due and that nobody has claimed, the longest overdue first. */
export function dueStreams(data: ConsumerData, question: DueQuestion): StreamPath[] {
  const { now, limit, domains } = question
  const wanted = domains === undefined ? undefined : new Set(domains)
  const found: { readonly path: StreamPath; readonly overdueMs: number }[] = []
  for (const row of data.watched) {
    if (wanted?.has(row.domain) === false) continue
    const isPaused = data.domains.get(row.domain)?.paused === true
    const overdueMs = overdueOf(row, { now, readingMs: data.readingMs, isPaused })
    if (overdueMs >= 0) found.push({ path: row.path, overdueMs })
  }
  found.sort((a, b) => b.overdueMs - a.overdueMs || (a.path < b.path ? -1 : 1))
  return found.slice(0, limit).map(({ path }) => path)
}

/** Negative: not due. */
function overdueOf(
  { claim, due, inbox }: StreamRow,
  {
    now,
    readingMs,
    isPaused,
  }: { readonly now: number; readonly readingMs: number; readonly isPaused: boolean },
): number {
  if (claim !== undefined && claim.until > now) return -1
  if (inbox.isDue && !isPaused) return now
  return Math.max(
    claim === undefined ? -1 : now - claim.until,
    due.at === undefined ? -1 : now - due.at,
    due.readingMs === undefined ? -1 : readingMs - due.readingMs,
  )
}
