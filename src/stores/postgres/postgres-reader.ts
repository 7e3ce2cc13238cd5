// Reading a Postgres store for people and tools: each question one statement, which waits for nobody.
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
  LiveClaim,
  Paged,
  RecordCounts,
  RecordQuery,
  StoredStream,
  StoreReader,
  StreamQuery,
} from '../../ports/store-reader.ts'
import { readDeadLetter, readLedgerEntry } from '../../storage/record-text.ts'
import { pathsOf } from '../../storage/stream-index.ts'
import type { Connection } from './connection.ts'
import { readDomains } from './consumers.ts'
import { heldIn } from './held.ts'
import { entryIn } from './inbox.ts'
import type { PostgresRow } from './postgres-client.ts'
import { shortText } from './records.ts'
import {
  bytesAt,
  flagAt,
  maybeNumberAt,
  maybeRealAt,
  numberAt,
  originalText,
  realAt,
  storedText,
  textAt,
} from './row.ts'

const listConsumersSql = 'SELECT name FROM inturn.consumer ORDER BY name'
const findConsumerSql = 'SELECT id FROM inturn.consumer WHERE name = $1'
const countRecordsSql = /* sql */ `
  SELECT
    (SELECT count(*) FROM inturn.dead_letter WHERE consumer = $1) AS dead_letters,
    (SELECT count(*) FROM inturn.ledger WHERE consumer = $1) AS ledger
`
const summarizeSql = /* sql */ `
  SELECT
    (SELECT count(*) FROM inturn.stream WHERE consumer = $1) AS streams,
    (SELECT coalesce(sum(deliveries), 0) FROM inturn.stream WHERE consumer = $1) AS deliveries,
    (SELECT count(*) FROM inturn.stream WHERE consumer = $1 AND standing > 0 AND standing = 3) AS halted,
    (SELECT count(*) FROM inturn.stream WHERE consumer = $1 AND standing > 0 AND standing = 2) AS failing,
    (SELECT count(*) FROM inturn.dead_letter WHERE consumer = $1) AS dead_letters,
    (SELECT count(*) FROM inturn.ledger WHERE consumer = $1) AS ledger,
    (SELECT reading_ms FROM inturn.consumer WHERE id = $1) AS reading_ms,
    (SELECT beat_at FROM inturn.consumer WHERE id = $1) AS beat_at,
    floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 + $2::float8 AS now
`
// Streams as they are kept, with their live claims and what their inboxes have: $1 consumer, $2 shift.
const storedStreamsSql = /* sql */ `
  SELECT s.path, s.state, s.deliveries, s.changed_at, s.due_at, s.due_reading, c.worker, s.fence,
    c.fence AS claim_fence, i.arrivals, i.redrives, i.has_new
  FROM inturn.stream AS s
  LEFT JOIN LATERAL (
    SELECT sum(arrivals) AS arrivals, sum(redrives) AS redrives, bool_or(newest > seen) AS has_new
    FROM inturn.inbox WHERE consumer = s.consumer AND path = s.path
  ) AS i ON i.arrivals + i.redrives > 0
  LEFT JOIN inturn.claim AS c ON c.consumer = s.consumer AND c.path = s.path
    AND c.until > floor(extract(epoch FROM clock_timestamp()) * 1000) + $2::float8
  WHERE s.consumer = $1
`
const findStreamSql = `${storedStreamsSql} AND s.path = $3`
const streamsBetweenSql = `${storedStreamsSql} AND s.path > $3 AND s.path < $4`
const listStreamsSql = `${streamsBetweenSql} ORDER BY s.path LIMIT $5`
// Those that wait for something.
const listWaitingSql = `${streamsBetweenSql} AND s.standing > 0 ORDER BY s.path LIMIT $5`
// Held events of a range of paths behind a place.
const listHeldSql = /* sql */ `
  SELECT path, epoch, sequence, event, print, held_at FROM inturn.held
  WHERE consumer = $1 AND path >= $2 AND path < $3 AND (path, epoch, sequence) > ($4, $5::bigint, $6)
  ORDER BY path, epoch, sequence LIMIT $7
`
const listInboxSql = /* sql */ `
  SELECT path, arrival_id, entry FROM inturn.inbox_entry
  WHERE consumer = $1 AND path >= $2 AND path < $3 AND arrival_id > $4
  ORDER BY arrival_id LIMIT $5
`
// Dead letters behind an id, in the order in which they were kept; the range of paths $4 to $5, the reason
// and the key count only where they are not null.
const listLettersSql = /* sql */ `
  SELECT id, letter FROM inturn.dead_letter
  WHERE consumer = $1 AND id > $2
    AND ($4::text IS NULL OR (path >= $4 AND path < $5))
    AND ($6::text IS NULL OR reason = $6) AND ($7::text IS NULL OR key = $7)
  ORDER BY id LIMIT $3
`
// Live claims, the longest held first.
const listClaimsSql = /* sql */ `
  SELECT path, worker, fence, since FROM inturn.claim
  WHERE consumer = $1 AND until > floor(extract(epoch FROM clock_timestamp()) * 1000) + $2::float8
  ORDER BY since, path LIMIT $3
`
// Ledger entries behind an id, in the order in which they were written.
const listLedgerSql = /* sql */ `
  SELECT id, entry FROM inturn.ledger
  WHERE consumer = $1 AND id > $2 AND ($4::text IS NULL OR (path >= $4 AND path < $5))
  ORDER BY id LIMIT $3
`

/** A reader of a store. */
export class PostgresReader implements StoreReader {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async consumers(): Promise<readonly string[]> {
    const names = (await this.#run(listConsumersSql)).map((row) => originalText(textAt(row, 'name')))
    return names.toSorted()
  }

  async summary(consumer: string): Promise<ConsumerSummary> {
    const id = await this.#idOf(consumer)
    const [row = {}] = await this.#run(summarizeSql, id, this.#connection.shiftMs())
    const domains = await this.#domainsOf(id)
    const lastBeatAt = maybeRealAt(row, 'beat_at')
    return {
      consumer,
      streams: numberAt(row, 'streams'),
      held: domains.values().reduce((sum, { held }) => sum + held, 0),
      handedOver: domains.values().reduce((sum, { handedOver }) => sum + handedOver, 0),
      deadLetters: numberAt(row, 'dead_letters'),
      ledger: numberAt(row, 'ledger'),
      deliveries: numberAt(row, 'deliveries'),
      halted: numberAt(row, 'halted'),
      failing: numberAt(row, 'failing'),
      clock: { now: realAt(row, 'now'), readingMs: maybeRealAt(row, 'reading_ms') ?? 0 },
      ...(lastBeatAt === undefined ? {} : { lastBeatAt }),
      domains,
    }
  }

  async recordCounts(consumer: string): Promise<RecordCounts> {
    const [counts] = await this.#run(countRecordsSql, await this.#idOf(consumer))
    return { deadLetters: numberAt(counts, 'dead_letters'), ledger: numberAt(counts, 'ledger') }
  }

  async domains(consumer: string): Promise<ReadonlyMap<string, DomainStatus>> {
    return this.#domainsOf(await this.#idOf(consumer))
  }

  async stream(consumer: string, stream: StreamPath): Promise<StoredStream | undefined> {
    const [found] = await this.#stored(consumer, findStreamSql, stream)
    return found
  }

  async claims(consumer: string, { limit }: { readonly limit: number }): Promise<readonly LiveClaim[]> {
    const shiftMs = this.#connection.shiftMs()
    const rows = await this.#run(listClaimsSql, await this.#idOf(consumer), shiftMs, limit)
    return rows.map((row) => ({
      stream: textAt(row, 'path'),
      worker: originalText(textAt(row, 'worker')),
      fence: numberAt(row, 'fence'),
      since: realAt(row, 'since'),
    }))
  }

  async streams(consumer: string, query: StreamQuery): Promise<readonly StoredStream[]> {
    const { first, end } = pathsOf(query)
    const { after = '', limit, onlyWaiting = false } = query
    const from = after > first ? after : first
    return this.#stored(consumer, onlyWaiting ? listWaitingSql : listStreamsSql, from, end, limit)
  }

  async held(consumer: string, query: RecordQuery): Promise<readonly Paged<HeldEvent>[]> {
    const id = await this.#idOf(consumer)
    const { first, end } = pathsOf(query)
    const [path = '', epoch = '-1', sequence = ''] = query.after?.split(' ') ?? []
    const rows = await this.#run(listHeldSql, id, first, end, path, Number(epoch), sequence, query.limit)
    return rows.map((row) => ({
      ...heldIn(row),
      cursor: `${textAt(row, 'path')} ${numberAt(row, 'epoch')} ${textAt(row, 'sequence')}`,
    }))
  }

  async inbox(consumer: string, query: RecordQuery): Promise<readonly Paged<StoredEntry>[]> {
    const id = await this.#idOf(consumer)
    const { first, end } = pathsOf(query)
    const after = query.after === undefined ? 0 : numberOfSortable(query.after)
    const rows = await this.#run(listInboxSql, id, first, end, after, query.limit)
    return rows.map(entryIn).map((entry) => ({ ...entry, cursor: entry.arrivalId }))
  }

  async deadLetters(
    consumer: string,
    query: RecordQuery & { readonly reason?: DeadLetterReason; readonly key?: string },
  ): Promise<readonly Paged<DeadLetter>[]> {
    const id = await this.#idOf(consumer)
    const { reason = null, key } = query
    const own = key === undefined ? null : shortText(key)
    const rows = await this.#run(listLettersSql, id, ...pageOf(query), reason, own)
    return rows.map((row) => ({ ...readDeadLetter(textAt(row, 'letter')), cursor: cursorOf(row) }))
  }

  async ledger(consumer: string, query: RecordQuery): Promise<readonly Paged<LedgerEntry>[]> {
    const rows = await this.#run(listLedgerSql, await this.#idOf(consumer), ...pageOf(query))
    return rows.map((row) => ({ ...readLedgerEntry(textAt(row, 'entry')), cursor: cursorOf(row) }))
  }

  async #stored(consumer: string, sql: string, ...values: readonly unknown[]): Promise<StoredStream[]> {
    const id = await this.#idOf(consumer)
    return (await this.#run(sql, id, this.#connection.shiftMs(), ...values)).map(storedStream)
  }

  async #domainsOf(id: number): Promise<ReadonlyMap<string, DomainStatus>> {
    const { byName } = await readDomains({ run: (sql, ...values) => this.#run(sql, ...values) }, id)
    return byName
  }

  async #idOf(consumer: string): Promise<number> {
    const [row] = await this.#run(findConsumerSql, storedText(consumer))
    return row === undefined ? 0 : numberAt(row, 'id')
  }

  #run(sql: string, ...values: readonly unknown[]): Promise<PostgresRow[]> {
    return this.#connection.read(sql, ...values)
  }
}

/** Where a page of records begins, its limit, and its range of paths, as far as that is not null. */
function pageOf(query: RecordQuery): readonly [number, number, string | null, string | null] {
  const after = query.after === undefined ? 0 : Number(query.after.slice(2))
  const { first, end } = pathsOf(query)
  const isWhole = query.stream === undefined && query.domain === undefined
  return [after, query.limit, isWhole ? null : first, isWhole ? null : end]
}

function cursorOf(row: PostgresRow): string {
  return sortableText(numberAt(row, 'id'))
}

function storedStream(row: PostgresRow): StoredStream {
  const at = maybeRealAt(row, 'due_at')
  const readingMs = maybeRealAt(row, 'due_reading')
  const inbox = row['arrivals'] !== null && {
    inbox: {
      arrivals: numberAt(row, 'arrivals'),
      redrives: numberAt(row, 'redrives'),
      hasNew: flagAt(row, 'has_new'),
    },
  }
  return {
    stream: textAt(row, 'path'),
    state: decodeState(bytesAt(row, 'state')),
    deliveries: numberAt(row, 'deliveries'),
    due: { ...(at === undefined ? {} : { at }), ...(readingMs === undefined ? {} : { readingMs }) },
    ...inbox,
    ...(row['worker'] === null ? {} : { claimedBy: originalText(textAt(row, 'worker')) }),
    fence: Math.max(numberAt(row, 'fence'), maybeNumberAt(row, 'claim_fence') ?? 0),
    changedAt: realAt(row, 'changed_at'),
  }
}
