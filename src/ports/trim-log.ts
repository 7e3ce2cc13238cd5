// Retention: removes the longest beginning of a log that is older than asked, chunk by chunk, each one only
// after the archive has it. Upholds I3: a crash in between leaves a chunk in both, never in neither.
import { InturnError } from '../core/errors.ts'
import type { LoggedEvent } from '../core/logged-event.ts'
import type { EventLog, LogTrim, LogTrimmed } from './event-log.ts'
import { pageMax } from './read-log.ts'

/** A log that can be trimmed. */
export interface TrimParts {
  readonly log: Pick<EventLog, 'page' | 'bounds'>
  /** Removes everything up to and including a place; says how many events that was. */
  readonly remove: (through: number) => Promise<number>
}

/** Trims a log. @throws InturnError `config-invalid` when `before` is neither a place nor a date */
export async function trimLog({ log, remove }: TrimParts, trim: LogTrim): Promise<LogTrimmed> {
  const { archive, signal } = trim
  const isOld = ageOf(trim.before)
  let removed = 0
  for (;;) {
    if (signal?.aborted === true) break
    const { events, isEnd } = await log.page({ after: 'kept', limit: pageMax })
    const end = events.findIndex((event) => !isOld(event))
    const old = end === -1 ? events : events.slice(0, end)
    const last = old.at(-1)
    if (last === undefined) break
    await archive?.(old)
    removed += await remove(last.place)
    if (isEnd || old.length < events.length) break
  }
  return { removed, first: (await log.bounds()).first }
}

function ageOf(before: number | Date): (event: LoggedEvent) => boolean {
  const limit = Number(before)
  if (Number.isNaN(limit)) {
    throw new InturnError(
      'config-invalid',
      `trim: before takes a place of the log or a date, not ${String(before)}`,
    )
  }
  return before instanceof Date ? ({ appendedAt }) => appendedAt < limit : ({ place }) => place < limit
}
