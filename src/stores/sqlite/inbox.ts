// The inboxes of streams: what is kept and not decided yet, found by place and by arrival. One row a stream
// tells how much there is, so that a unit of work need not look at the entries of an inbox that is empty.
import type { Position } from '../../core/sequence.ts'
import { numberOfSortable, sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { InboxEntry, InboxPage, InboxSize, StoredEntry } from '../../ports/records.ts'
import type { StoredInbox } from '../../ports/store-reader.ts'
import type { StreamChange, StreamRecords } from '../../ports/store.ts'
import { changesState, placeOnWire } from '../../ports/store.ts'
import { inboxText, readInbox } from '../../storage/record-text.ts'
import { DomainCounts } from './consumers.ts'
import type { Database } from './database.ts'
import type { Row } from './row.ts'
import { numberAt, textAt } from './row.ts'

const numberArrivalsSql = /* sql */ `
  UPDATE inturn_consumer SET arrivals = arrivals + ?2 WHERE id = ?1 RETURNING arrivals
`
const insertSql = /* sql */ `
  INSERT INTO inturn_inbox_entry (consumer, path, redrive, epoch, number, arrival_id, entry)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
`
const appendSql = /* sql */ `
  INSERT INTO inturn_inbox (consumer, path, arrivals, redrives, newest) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (consumer, path) DO UPDATE
  SET
    arrivals = arrivals + excluded.arrivals,
    redrives = redrives + excluded.redrives,
    newest = excluded.newest
`
const lookSql = 'UPDATE inturn_inbox SET seen = max(seen, ?3) WHERE consumer = ?1 AND path = ?2'
const forgetSql = /* sql */ `
  DELETE FROM inturn_inbox_entry INDEXED BY inturn_inbox_entry_order
  WHERE consumer = ?1 AND path = ?2 AND arrival_id IN (SELECT value FROM json_each(?3))
  RETURNING redrive
`
const countDownSql = /* sql */ `
  UPDATE inturn_inbox SET arrivals = arrivals - ?3, redrives = redrives - ?4 WHERE consumer = ?1 AND path = ?2
`
const forgetEmptySql = /* sql */ `
  DELETE FROM inturn_inbox WHERE consumer = ?1 AND path = ?2 AND arrivals + redrives = 0
`
const findSql = /* sql */ `
  SELECT inturn_inbox.path, arrivals, redrives, newest, newest > seen AS has_new
  FROM json_each(?2) AS asked CROSS JOIN inturn_inbox
  ON inturn_inbox.consumer = ?1 AND inturn_inbox.path = asked.value
`
// The lowest entries from a place to below another one.
export const readPageSql: string = /* sql */ `
  SELECT path, arrival_id, entry FROM inturn_inbox_entry
  WHERE consumer = ?1 AND path = ?2 AND redrive = ?3
    AND (epoch, number) >= (?4, ?5) AND (epoch, number) < (?6, ?7)
  ORDER BY epoch, number, arrival_id LIMIT ?8
`
export const listStreamInboxSql: string = /* sql */ `
  SELECT path, arrival_id, entry FROM inturn_inbox_entry
  WHERE consumer = ?1 AND path = ?2 AND arrival_id > ?3
  ORDER BY arrival_id LIMIT ?4
`

/** Appends entries to inboxes. */
export function appendToInbox(database: Database, consumer: number, entries: readonly InboxEntry[]): void {
  const last = numberAt(database.one(numberArrivalsSql, consumer, entries.length), 'arrivals')
  const counts = new DomainCounts()
  for (const [index, entry] of entries.entries()) {
    const { stream, arrival, redrive } = entry
    const arrivalId = last - entries.length + 1 + index
    const isRedrive = redrive === undefined ? 0 : 1
    const place = placeOf(placeOnWire(arrival))
    database.run(insertSql, consumer, stream, isRedrive, ...place, arrivalId, inboxText(entry))
    database.run(appendSql, consumer, stream, 1 - isRedrive, isRedrive, arrivalId)
    counts.handedOver(stream, 1)
  }
  counts.write(database, consumer)
}

/** Takes into account what a stream's part of a commit says of its inbox. */
export function settleInbox(
  database: Database,
  consumer: number,
  { change, counts }: { readonly change: StreamChange | StreamRecords; readonly counts: DomainCounts },
): void {
  const { stream, decided } = change
  if (changesState(change) && change.inboxSeen !== undefined) {
    database.run(lookSql, consumer, stream, change.inboxSeen)
  }
  if (decided.length === 0) return
  const forgotten = database.all(forgetSql, consumer, stream, JSON.stringify(decided.map(numberOfSortable)))
  const redrives = forgotten.filter((row) => numberAt(row, 'redrive') === 1).length
  database.run(countDownSql, consumer, stream, forgotten.length - redrives, redrives)
  database.run(forgetEmptySql, consumer, stream)
  counts.handedOver(stream, -forgotten.length)
}

/** The inboxes of some streams, as far as they have entries. */
export function readInboxes(
  database: Database,
  consumer: number,
  streams: Iterable<StreamPath>,
): Map<StreamPath, InboxSize & StoredInbox> {
  const rows = database.all(findSql, consumer, JSON.stringify([...streams]))
  return new Map(
    rows.map((row) => [textAt(row, 'path'), { ...inboxIn(row), newest: numberAt(row, 'newest') }]),
  )
}

/** Which of some streams have entries that nobody has looked at. */
export function newlyWaiting(
  database: Database,
  consumer: number,
  streams: Iterable<StreamPath>,
): StreamPath[] {
  return [...readInboxes(database, consumer, streams)].flatMap(([path, { hasNew }]) => (hasNew ? [path] : []))
}

/** The lowest entries of a part of an inbox. */
export function readPage(database: Database, consumer: number, page: InboxPage): StoredEntry[] {
  const { stream, redrives, from, below, limit } = page
  const isRedrive = redrives === true ? 1 : 0
  const [first, end] = [
    from === undefined ? lowest : placeOf(from),
    below === undefined ? highest : placeOf(below),
  ]
  return database.all(readPageSql, consumer, stream, isRedrive, ...first, ...end, limit).map(entryIn)
}

/** How much an inbox has, from a row with its counts. */
export function inboxIn(row: Row): StoredInbox {
  return {
    arrivals: numberAt(row, 'arrivals'),
    redrives: numberAt(row, 'redrives'),
    hasNew: numberAt(row, 'has_new') === 1,
  }
}

/** An entry of a row. */
export function entryIn(row: Row): StoredEntry {
  return {
    stream: textAt(row, 'path'),
    arrivalId: sortableText(numberAt(row, 'arrival_id')),
    ...readInbox(textAt(row, 'entry')),
  }
}

/** Below and above every place; numbers are texts of digits, or begin with a minus. */
const lowest = [Number.MIN_SAFE_INTEGER, ''] as const
const highest = [Number.MAX_SAFE_INTEGER, '~'] as const

function placeOf({ epoch, sequence }: Position): readonly [number, string] {
  return [epoch, sortableText(sequence)]
}
