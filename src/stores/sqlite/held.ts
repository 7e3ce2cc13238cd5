// Held events: kept, released and read by ranges of (epoch, sequence).
import { sortableText } from '../../core/sequence.ts'
import { readEvent, recordText } from '../../ports/record-text.ts'
import type { HeldEvent, HeldRange } from '../../ports/records.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'

const insertHeldSql = sqlFile(new URL('./held/insert-held.sql', import.meta.url))
const replaceHeldSql = sqlFile(new URL('./held/replace-held.sql', import.meta.url))
const releaseHeldSql = sqlFile(new URL('./held/release-held.sql', import.meta.url))
const readHeldSql = sqlFile(new URL('./held/read-held.sql', import.meta.url))

/** Keeps an event of the stream with this id; says how many more are held now: 1, or 0 for a replaced one. */
export function keepHeld(database: Database, stream: number, { event, print, heldAt }: HeldEvent): number {
  const sequence = sortableText(event.sequence)
  const text = recordText(event)
  const isNew = database.run(insertHeldSql, stream, event.epoch, sequence, text, print, heldAt) === 1
  if (!isNew) database.run(replaceHeldSql, stream, event.epoch, sequence, text, print, heldAt)
  return isNew ? 1 : 0
}

/** Forgets a range; says how many events it had. */
export function releaseHeld(database: Database, stream: number, range: HeldRange): number {
  return database.run(releaseHeldSql, stream, range.epoch, lowerEnd(range), sortableText(range.to))
}

/** The events of a range, ascending. */
export function readHeld(database: Database, stream: number, range: HeldRange): HeldEvent[] {
  const rows = database.all(readHeldSql, stream, range.epoch, lowerEnd(range), sortableText(range.to))
  return rows.map((row) => ({
    stream: range.stream,
    event: readEvent(textAt(row, 'event')),
    print: numberAt(row, 'print'),
    heldAt: numberAt(row, 'held_at'),
  }))
}

function lowerEnd({ after }: HeldRange): string {
  return after === null ? '' : sortableText(after)
}
