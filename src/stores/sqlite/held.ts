// Held events: kept, released and read by ranges of (epoch, sequence).
import { sortableText } from '../../core/sequence.ts'
import type { HeldEvent, HeldRange } from '../../ports/records.ts'
import { readEvent, recordText } from '../../storage/record-text.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'

// Keeps an event, unless one with its number is there.
const insertHeldSql = /* sql */ `
  INSERT INTO inturn_held (stream, epoch, sequence, event, print, held_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
  ON CONFLICT (stream, epoch, sequence) DO NOTHING
`
const replaceHeldSql = /* sql */ `
  UPDATE inturn_held SET event = ?4, print = ?5, held_at = ?6
  WHERE stream = ?1 AND epoch = ?2 AND sequence = ?3
`
const releaseHeldSql = /* sql */ `
  DELETE FROM inturn_held WHERE stream = ?1 AND epoch = ?2 AND sequence > ?3 AND sequence <= ?4
`
const readHeldSql = /* sql */ `
  SELECT event, print, held_at FROM inturn_held
  WHERE stream = ?1 AND epoch = ?2 AND sequence > ?3 AND sequence <= ?4 ORDER BY sequence
`

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
