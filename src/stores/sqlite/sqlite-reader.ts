// Reading the file for inspection, through a connection that cannot write and never waits for a worker.
import { decodeState } from '../../core/encode-state.ts'
import { numberOfSortable, sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type {
  DeadLetter,
  DeadLetterReason,
  DomainStatus,
  HeldEvent,
  LedgerEntry,
  StoredEntry,
} from '../../ports/records.ts'
import type {
  ConsumerSummary,
  RecordCounts,
  LiveClaim,
  Paged,
  RecordQuery,
  StoredStream,
  StoreReader,
  StreamQuery,
} from '../../ports/store-reader.ts'
import { readDeadLetter, readEvent, readLedgerEntry } from '../../storage/record-text.ts'
import { pathsOf } from '../../storage/stream-index.ts'
import { findConsumerSql, readDomains } from './consumers.ts'
import type { Database } from './database.ts'
import { entryIn, inboxIn, listStreamInboxSql } from './inbox.ts'
import type { JournaledStream } from './journal.ts'
import { JournalReader } from './journal.ts'
import type { Row } from './row.ts'
import { bytesAt, maybeNumberAt, numberAt, storedText, textAt } from './row.ts'

const listConsumersSql = 'SELECT name FROM inturn_consumer ORDER BY name'
const countRecordsSql = /* sql */ `
  SELECT
    (SELECT count(*) FROM inturn_dead_letter WHERE consumer = ?1) AS dead_letters,
    (SELECT count(*) FROM inturn_ledger WHERE consumer = ?1) AS ledger
`
const summarizeSql = /* sql */ `
  SELECT
    (SELECT count(*) FROM inturn_stream WHERE consumer = ?1) AS streams,
    (SELECT coalesce(sum(deliveries), 0) FROM inturn_stream WHERE consumer = ?1)
      + (SELECT coalesce(sum(deliveries), 0) FROM inturn_journal WHERE consumer = ?1) AS deliveries,
    (SELECT count(*) FROM inturn_stream INDEXED BY inturn_stream_standing
      WHERE consumer = ?1 AND standing > 0 AND standing = 3) AS halted,
    (SELECT count(*) FROM inturn_stream INDEXED BY inturn_stream_standing
      WHERE consumer = ?1 AND standing > 0 AND standing = 2) AS failing,
    (SELECT count(*) FROM inturn_dead_letter WHERE consumer = ?1) AS dead_letters,
    (SELECT count(*) FROM inturn_ledger WHERE consumer = ?1) AS ledger
`
// Streams as they are kept, with their live claims: ?1 consumer, ?2 now.
const storedStreamsSql = /* sql */ `
  SELECT s.id, s.path, s.state, s.journal_seen, s.deliveries, s.changed_at, s.due_at, s.due_reading, c.worker,
    s.fence, c.fence AS claim_fence, i.arrivals, i.redrives, i.newest > i.seen AS has_new
  FROM inturn_stream AS s
  LEFT JOIN inturn_inbox AS i ON i.consumer = s.consumer AND i.path = s.path
  LEFT JOIN inturn_claim AS c ON c.consumer = s.consumer AND c.path = s.path AND c.until > ?2
  WHERE s.consumer = ?1
`
const findStreamSql = `${storedStreamsSql} AND s.path = ?3`
const streamsBetweenSql = `${storedStreamsSql} AND s.path > ?3 AND s.path < ?4`
export const listStreamsSql: string = `${streamsBetweenSql} ORDER BY s.path LIMIT ?5`
// Those that wait for something.
export const listWaitingSql: string = `${streamsBetweenSql} AND s.standing > 0 ORDER BY s.path LIMIT ?5`
// Held events of the streams from a path to before an end, ascending by stream, epoch and sequence.
export const listHeldSql = /* sql */ `
  SELECT path, epoch, sequence, event, print, held_at
  FROM inturn_stream INDEXED BY inturn_stream_standing CROSS JOIN inturn_held ON stream = inturn_stream.id
  WHERE consumer = ?1 AND path >= ?2 AND path < ?3 AND standing > 0
  ORDER BY path, epoch, sequence LIMIT ?4
`
export const listStreamHeldSql = /* sql */ `
  SELECT path, epoch, sequence, event, print, held_at
  FROM inturn_stream CROSS JOIN inturn_held ON stream = inturn_stream.id
  WHERE consumer = ?1 AND path = ?2 AND (epoch, sequence) > (?3, ?4)
  ORDER BY epoch, sequence LIMIT ?5
`
export const listInboxSql: string = /* sql */ `
  SELECT path, arrival_id, entry FROM inturn_inbox_entry INDEXED BY inturn_inbox_entry_order
  WHERE consumer = ?1 AND path >= ?2 AND path < ?3 AND arrival_id > ?4
  ORDER BY arrival_id LIMIT ?5
`
// Dead letters behind an id, in the order in which they were kept; ?4 and ?5 a range of paths, and ?6 reason,
// count only where they are not null. No index has this order: the rows themselves do.
export const listLettersSql = /* sql */ `
  SELECT id, letter FROM inturn_dead_letter NOT INDEXED
  WHERE consumer = ?1 AND id > ?2
    AND (?4 IS NULL OR (path >= ?4 AND path < ?5))
    AND (?6 IS NULL OR reason = ?6)
  ORDER BY id LIMIT ?3
`
// Dead letters of one stream behind an id, in the order in which they were kept; ?5 reason counts only where
// it is not null.
export const listStreamLettersSql = /* sql */ `
  SELECT id, letter FROM inturn_dead_letter INDEXED BY inturn_dead_letter_path
  WHERE consumer = ?1 AND path = ?4 AND id > ?2 AND (?5 IS NULL OR reason = ?5)
  ORDER BY id LIMIT ?3
`
// The dead letter of a key, where it lies behind an id and ?4 and ?5 a range of paths, and ?6 reason fit as
// far as they are not null.
const findLetterSql = /* sql */ `
  SELECT id, letter FROM inturn_dead_letter
  WHERE consumer = ?1 AND key = ?7 AND id > ?2
    AND (?4 IS NULL OR (path >= ?4 AND path < ?5))
    AND (?6 IS NULL OR reason = ?6)
  LIMIT ?3
`
// Live claims, the longest held first.
const listClaimsSql = /* sql */ `
  SELECT path, worker, fence, since FROM inturn_claim WHERE consumer = ?1 AND until > ?2
  ORDER BY since, path LIMIT ?3
`
// Ledger entries behind an id, in the order in which they were written; ?4 and ?5 a range of paths count only
// where they are not null. No index has this order: the rows themselves do.
export const listLedgerSql = /* sql */ `
  SELECT id, entry FROM inturn_ledger NOT INDEXED
  WHERE consumer = ?1 AND id > ?2 AND (?4 IS NULL OR (path >= ?4 AND path < ?5))
  ORDER BY id LIMIT ?3
`
export const listStreamLedgerSql = /* sql */ `
  SELECT id, entry FROM inturn_ledger INDEXED BY inturn_ledger_path
  WHERE consumer = ?1 AND path = ?4 AND id > ?2
  ORDER BY id LIMIT ?3
`

/** What a reader is made of. */
export interface ReaderParts {
  /** A connection that only reads, opened when it is first needed. */
  readonly connect: () => Promise<Database>
  readonly now: () => number
}

/** A reader of a file. */
export class SqliteReader implements StoreReader {
  readonly #parts: ReaderParts
  readonly #journal = new JournalReader()

  constructor(parts: ReaderParts) {
    this.#parts = parts
  }

  async consumers(): Promise<readonly string[]> {
    const database = await this.#parts.connect()
    return database.all(listConsumersSql).map((row) => textAt(row, 'name'))
  }

  async summary(consumer: string): Promise<ConsumerSummary> {
    const database = await this.#parts.connect()
    const row = database.get(findConsumerSql, consumer)
    const id = row === undefined ? 0 : numberAt(row, 'id')
    const counts = database.one(summarizeSql, id)
    const domains = readDomains(database, id)
    const lastBeatAt = row === undefined ? undefined : maybeNumberAt(row, 'beat_at')
    const readingMs = row === undefined ? 0 : numberAt(row, 'reading_ms')
    return {
      consumer,
      streams: numberAt(counts, 'streams'),
      held: sumOf(domains.values(), ({ held }) => held),
      handedOver: sumOf(domains.values(), ({ handedOver }) => handedOver),
      deadLetters: numberAt(counts, 'dead_letters'),
      ledger: numberAt(counts, 'ledger'),
      deliveries: numberAt(counts, 'deliveries'),
      halted: numberAt(counts, 'halted'),
      failing: numberAt(counts, 'failing'),
      clock: { now: this.#parts.now(), readingMs },
      ...(lastBeatAt === undefined ? {} : { lastBeatAt }),
      domains,
    }
  }

  async recordCounts(consumer: string): Promise<RecordCounts> {
    const { database, id } = await this.#of(consumer)
    const counts = database.one(countRecordsSql, id)
    return { deadLetters: numberAt(counts, 'dead_letters'), ledger: numberAt(counts, 'ledger') }
  }

  async domains(consumer: string): Promise<ReadonlyMap<string, DomainStatus>> {
    const { database, id } = await this.#of(consumer)
    return readDomains(database, id)
  }

  async stream(consumer: string, stream: StreamPath): Promise<StoredStream | undefined> {
    const [found] = await this.#stored(consumer, findStreamSql, [stream])
    return found
  }

  async claims(consumer: string, { limit }: { readonly limit: number }): Promise<readonly LiveClaim[]> {
    const { database, id } = await this.#of(consumer)
    return database.all(listClaimsSql, id, this.#parts.now(), limit).map((row) => ({
      stream: textAt(row, 'path'),
      worker: textAt(row, 'worker'),
      fence: numberAt(row, 'fence'),
      since: numberAt(row, 'since'),
    }))
  }

  async streams(consumer: string, query: StreamQuery): Promise<readonly StoredStream[]> {
    const { first, end } = pathsOf(query)
    const { after = '', limit, onlyWaiting = false } = query
    const from = after > first ? after : first
    return this.#stored(consumer, onlyWaiting ? listWaitingSql : listStreamsSql, [from, end, limit])
  }

  async held(consumer: string, query: RecordQuery): Promise<readonly Paged<HeldEvent>[]> {
    const { database, id } = await this.#of(consumer)
    const { first, end } = pathsOf(query)
    const [path = query.stream ?? '', epoch = '-1', sequence = ''] = query.after?.split(' ') ?? []
    const place = [path, Number(epoch), sequence, query.limit] as const
    const rows = path < first || path >= end ? [] : database.all(listStreamHeldSql, id, ...place)
    if (query.stream === undefined && rows.length < query.limit) {
      const from = path < first ? first : `${path}\u0001`
      rows.push(...database.all(listHeldSql, id, from, end, query.limit - rows.length))
    }
    return rows.map((row) => ({
      stream: textAt(row, 'path'),
      event: readEvent(textAt(row, 'event')),
      print: numberAt(row, 'print'),
      heldAt: numberAt(row, 'held_at'),
      cursor: `${textAt(row, 'path')} ${numberAt(row, 'epoch')} ${textAt(row, 'sequence')}`,
    }))
  }

  async inbox(consumer: string, query: RecordQuery): Promise<readonly Paged<StoredEntry>[]> {
    const { database, id } = await this.#of(consumer)
    const { first, end } = pathsOf(query)
    const { stream: path, limit } = query
    const after = query.after === undefined ? 0 : numberOfSortable(query.after)
    const rows =
      path === undefined
        ? database.all(listInboxSql, id, first, end, after, limit)
        : database.all(listStreamInboxSql, id, path, after, first === '' ? 0 : limit)
    return rows.map(entryIn).map((entry) => ({ ...entry, cursor: entry.arrivalId }))
  }

  async deadLetters(
    consumer: string,
    query: RecordQuery & { readonly reason?: DeadLetterReason; readonly key?: string },
  ): Promise<readonly Paged<DeadLetter>[]> {
    const { database, id } = await this.#of(consumer)
    const { stream, reason = null, key } = query
    const asked = [id, ...pageOf(query)]
    const rows =
      key !== undefined
        ? database.all(findLetterSql, ...asked, ...rangeOf(query), reason, storedText(key))
        : stream === undefined
          ? database.all(listLettersSql, ...asked, ...rangeOf(query), reason)
          : database.all(listStreamLettersSql, ...asked, pathsOf(query).first, reason)
    return rows.map((row) => ({ ...readDeadLetter(textAt(row, 'letter')), cursor: cursorOf(row) }))
  }

  async ledger(consumer: string, query: RecordQuery): Promise<readonly Paged<LedgerEntry>[]> {
    const { database, id } = await this.#of(consumer)
    const asked = [id, ...pageOf(query)]
    const rows =
      query.stream === undefined
        ? database.all(listLedgerSql, ...asked, ...rangeOf(query))
        : database.all(listStreamLedgerSql, ...asked, pathsOf(query).first)
    return rows.map((row) => ({ ...readLedgerEntry(textAt(row, 'entry')), cursor: cursorOf(row) }))
  }

  /** The streams that a statement finds, with what the journal says of them. */
  async #stored(
    consumer: string,
    sql: string,
    values: readonly (string | number)[],
  ): Promise<StoredStream[]> {
    const { database, id } = await this.#of(consumer)
    return database.snapshot(() => {
      const rows = database.all(sql, id, this.#parts.now(), ...values)
      const journal = this.#journal.read(database, id)
      return rows.map((row) => storedStream(row, journal.get(numberAt(row, 'id'))))
    })
  }

  async #of(consumer: string): Promise<{ readonly database: Database; readonly id: number }> {
    const database = await this.#parts.connect()
    const row = database.get(findConsumerSql, consumer)
    return { database, id: row === undefined ? 0 : numberAt(row, 'id') }
  }
}

/** Id to continue behind, and limit, as the statements on records take them. */
function pageOf({ after, limit }: RecordQuery): readonly [number, number] {
  return [after === undefined ? 0 : Number(after.slice(2)), limit]
}

/** The range of paths as the statements on records take it; nothing where all records are asked for. */
function rangeOf(query: RecordQuery): readonly [string | null, string | null] {
  const { first, end } = pathsOf(query)
  return query.stream === undefined && query.domain === undefined ? [null, null] : [first, end]
}

function cursorOf(row: Row): string {
  return sortableText(numberAt(row, 'id'))
}

function storedStream(row: Row, journaled: JournaledStream | undefined): StoredStream {
  const at = maybeNumberAt(row, 'due_at')
  const readingMs = maybeNumberAt(row, 'due_reading')
  const newer = (journaled?.number ?? 0) > numberAt(row, 'journal_seen') ? journaled : undefined
  const fence = newer?.fence ?? numberAt(row, 'fence')
  return {
    stream: textAt(row, 'path'),
    state: decodeState(newer?.state ?? bytesAt(row, 'state')),
    deliveries: numberAt(row, 'deliveries') + (journaled?.deliveries ?? 0),
    due: { ...(at === undefined ? {} : { at }), ...(readingMs === undefined ? {} : { readingMs }) },
    ...(row['arrivals'] === null ? {} : { inbox: inboxIn(row) }),
    ...(row['worker'] === null ? {} : { claimedBy: textAt(row, 'worker') }),
    fence: Math.max(fence, maybeNumberAt(row, 'claim_fence') ?? 0),
    changedAt: newer?.changedAt ?? numberAt(row, 'changed_at'),
  }
}

function sumOf<Item>(items: Iterable<Item>, size: (item: Item) => number): number {
  let sum = 0
  for (const item of items) sum += size(item)
  return sum
}
