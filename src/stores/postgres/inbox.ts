// The inboxes of streams: what is kept and not decided yet. Entries are numbered behind one lock a consumer,
// so that within it the order of their numbers is that of their commits: who has looked at one has seen all
// before it. How much an inbox has is the sum of its rows; its stream's holder folds them. Upholds I3.
import type { Position } from '../../core/sequence.ts'
import { numberOfSortable, sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { InboxEntry, InboxPage, InboxSize, StoredEntry } from '../../ports/records.ts'
import type { StreamChange, StreamRecords } from '../../ports/store.ts'
import { changesState, placeOnWire } from '../../ports/store.ts'
import { inboxText, readInbox } from '../../storage/record-text.ts'
import type { PostgresRow } from './postgres-client.ts'
import { numberAt, partsOf, textAt } from './row.ts'
import type { Statements } from './schema.ts'

const lockArrivalsSql = /* sql */ `
  SELECT pg_advisory_xact_lock(hashtextextended('inbox ' || $1, 'inturn.inbox'::regclass::oid::bigint))
`
const appendSql = /* sql */ `
  WITH kept AS (
    INSERT INTO inturn.inbox_entry (consumer, path, redrive, epoch, number, entry)
    SELECT $1, path, redrive, epoch, number, entry
    FROM unnest($2::text[], $3::boolean[], $4::bigint[], $5::text[], $6::text[])
      WITH ORDINALITY AS given (path, redrive, epoch, number, entry, nth)
    ORDER BY nth
    RETURNING arrival_id, path, redrive
  ), counted AS (
    INSERT INTO inturn.inbox (consumer, path, arrivals, redrives, newest, seen)
    SELECT $1, path, count(*) FILTER (WHERE NOT redrive), count(*) FILTER (WHERE redrive), max(arrival_id), 0
    FROM kept GROUP BY path
  )
  INSERT INTO inturn.domain_count (consumer, part, held, handed_over)
  SELECT $1, split_part(path, '/', 1), 0, count(*) FROM kept GROUP BY 2
`
// What was decided is forgotten, and each inbox becomes one row, which says how far it was looked at: $2 and
// $3 the streams with an arrival id or null, $4 and $5 the streams and arrival ids of what was decided.
const settleSql = /* sql */ `
  WITH decided AS (
    DELETE FROM inturn.inbox_entry AS e USING unnest($4::text[], $5::bigint[]) AS d (path, arrival_id)
    WHERE e.consumer = $1 AND e.path = d.path AND e.arrival_id = d.arrival_id
    RETURNING e.path, e.redrive
  ), gone AS (
    SELECT path, count(*) FILTER (WHERE NOT redrive) AS arrivals, count(*) FILTER (WHERE redrive) AS redrives
    FROM decided GROUP BY path
  ), old AS (
    DELETE FROM inturn.inbox AS i USING unnest($2::text[], $3::bigint[]) AS a (path, seen)
    WHERE i.consumer = $1 AND i.path = a.path
    RETURNING i.path, i.arrivals, i.redrives, i.newest, i.seen, a.seen AS looked
  ), folded AS (
    SELECT path, sum(old.arrivals) - coalesce(max(gone.arrivals), 0) AS arrivals,
      sum(old.redrives) - coalesce(max(gone.redrives), 0) AS redrives, max(newest) AS newest,
      greatest(max(seen), max(looked)) AS seen
    FROM old LEFT JOIN gone USING (path) GROUP BY path
  ), kept AS (
    INSERT INTO inturn.inbox (consumer, path, arrivals, redrives, newest, seen)
    SELECT $1, path, arrivals, redrives, newest, seen FROM folded WHERE arrivals + redrives > 0
  )
  INSERT INTO inturn.domain_count (consumer, part, held, handed_over)
  SELECT $1, split_part(path, '/', 1), 0, -count(*) FROM decided GROUP BY 2
`
// Streams of the consumer with new entries, whichever they are: nearly always none.
const peekNewSql = 'SELECT path FROM inturn.inbox WHERE consumer = $1 AND newest > seen LIMIT $2'
const listNewSql = /* sql */ `
  SELECT DISTINCT path FROM inturn.inbox WHERE consumer = $1 AND path = ANY ($2) AND newest > seen
`
// The lowest entries of pages, each from a place to below another one.
const readPagesSql = /* sql */ `
  SELECT e.path, e.arrival_id, e.entry
  FROM unnest(
    $2::text[], $3::boolean[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::int[]
  ) WITH ORDINALITY AS p (path, redrive, first_epoch, first_number, end_epoch, end_number, at_most, nth)
  CROSS JOIN LATERAL (
    SELECT * FROM inturn.inbox_entry AS e
    WHERE e.consumer = $1 AND e.path = p.path AND e.redrive = p.redrive
      AND (e.epoch, e.number) >= (p.first_epoch, p.first_number COLLATE "C")
      AND (e.epoch, e.number) < (p.end_epoch, p.end_number COLLATE "C")
    ORDER BY e.epoch, e.number, e.arrival_id LIMIT p.at_most
  ) AS e
  ORDER BY p.nth, e.epoch, e.number, e.arrival_id
`

/** Entries as columns. */
export function inboxColumns(entries: readonly InboxEntry[]): readonly unknown[][] {
  const places = entries.map(({ arrival }) => placeOf(placeOnWire(arrival)))
  return [
    entries.map(({ stream }) => stream),
    entries.map(({ redrive }) => redrive !== undefined),
    places.map(([epoch]) => epoch),
    places.map(([, number]) => number),
    entries.map(inboxText),
  ]
}

/** Appends entries to inboxes. */
export async function appendToInbox(
  statements: Statements,
  consumer: number,
  columns: readonly unknown[][],
): Promise<void> {
  const locked = statements.run(lockArrivalsSql, consumer)
  const parts = partsOf(columns).map((part) => statements.run(appendSql, consumer, ...part))
  await Promise.all([locked, ...parts])
}

/** The parts of a commit that say something of an inbox. */
export function inboxChanges(
  changes: readonly (StreamChange | StreamRecords)[],
): readonly (StreamChange | StreamRecords)[] {
  return changes.filter((change) => change.decided.length > 0 || seenIn(change) !== null)
}

/** Takes into account what a commit says of inboxes. */
export function settleInboxes(
  statements: Statements,
  consumer: number,
  changes: readonly (StreamChange | StreamRecords)[],
): Promise<unknown> {
  const decided = changes.flatMap(({ stream, decided }) =>
    decided.map((arrivalId) => [stream, numberOfSortable(arrivalId)] as const),
  )
  return statements.run(
    settleSql,
    consumer,
    changes.map(({ stream }) => stream),
    changes.map(seenIn),
    decided.map(([stream]) => stream),
    decided.map(([, arrivalId]) => arrivalId),
  )
}

/** The inboxes of rows that tell their sizes, as far as they have entries. */
export function inboxesOf(rows: readonly PostgresRow[]): ReadonlyMap<StreamPath, InboxSize> {
  const sizes = rows.map((row): readonly [StreamPath, InboxSize] => {
    const counts = { arrivals: numberAt(row, 'arrivals'), redrives: numberAt(row, 'redrives') }
    return [textAt(row, 'path'), { ...counts, newest: numberAt(row, 'newest') }]
  })
  return new Map(sizes.filter(([, { arrivals, redrives }]) => arrivals + redrives > 0))
}

/** Up to so many new entries are looked through for those of some streams, which then need not be named. */
const peekMax = 100

/** Which of some streams have entries that nobody has looked at. */
export async function newlyWaiting(
  statements: Statements,
  consumer: number,
  streams: ReadonlySet<StreamPath>,
): Promise<readonly StreamPath[]> {
  const peeked = await statements.run(peekNewSql, consumer, peekMax + 1)
  const rows = peeked.length <= peekMax ? peeked : await statements.run(listNewSql, consumer, [...streams])
  return [...new Set(rows.map((row) => textAt(row, 'path')))].filter((path) => streams.has(path))
}

/** The lowest entries of parts of inboxes. */
export async function readPages(
  statements: Statements,
  consumer: number,
  pages: readonly InboxPage[],
): Promise<readonly StoredEntry[]> {
  if (pages.length === 0) return []
  const firsts = pages.map(({ from }) => (from === undefined ? lowest : placeOf(from)))
  const ends = pages.map(({ below }) => (below === undefined ? highest : placeOf(below)))
  const rows = await statements.run(
    readPagesSql,
    consumer,
    pages.map(({ stream }) => stream),
    pages.map(({ redrives }) => redrives === true),
    firsts.map(([epoch]) => epoch),
    firsts.map(([, number]) => number),
    ends.map(([epoch]) => epoch),
    ends.map(([, number]) => number),
    pages.map(({ limit }) => limit),
  )
  return rows.map(entryIn)
}

/** An entry of a row. */
export function entryIn(row: PostgresRow): StoredEntry {
  return {
    stream: textAt(row, 'path'),
    arrivalId: sortableText(numberAt(row, 'arrival_id')),
    ...readInbox(textAt(row, 'entry')),
  }
}

function seenIn(change: StreamChange | StreamRecords): number | null {
  return changesState(change) ? (change.inboxSeen ?? null) : null
}

/** Below and above every place; numbers are texts of digits, or begin with a minus. */
const lowest = [Number.MIN_SAFE_INTEGER, ''] as const
const highest = [Number.MAX_SAFE_INTEGER, '~'] as const

function placeOf({ epoch, sequence }: Position): readonly [number, string] {
  return [epoch, sortableText(sequence)]
}
