// Reading a memory store for inspection. Everything handed out is a copy.
import { sortableText } from '../../core/sequence.ts'
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
import { readDeadLetter, readLedgerEntry } from '../../storage/record-text.ts'
import type { HeldEntry } from './held-list.ts'
import { firstIndex, heldEvent } from './held-list.ts'
import type { ConsumerData, MemoryData, StreamRow } from './memory-data.ts'
import { domainOf } from './memory-data.ts'
import { storedEntry } from './stream-inbox.ts'

/** What a reader needs beside the data. */
export interface MemoryReaderOptions {
  readonly now: () => number
  /** Throws when the store is closed. */
  readonly check: () => void
}

/** A reader of a memory store. */
export class MemoryReader implements StoreReader {
  readonly #data: MemoryData
  readonly #options: MemoryReaderOptions

  constructor(data: MemoryData, options: MemoryReaderOptions) {
    this.#data = data
    this.#options = options
  }

  async consumers(): Promise<readonly string[]> {
    this.#options.check()
    return [...this.#data.consumers.keys()].sort()
  }

  async summary(consumer: string): Promise<ConsumerSummary> {
    const data = this.#of(consumer)
    const rows = [...data.streams.values()].filter(({ state }) => state !== undefined)
    return {
      consumer,
      streams: rows.length,
      held: sumOf(rows, (row) => row.held.size),
      handedOver: sumOf([...data.streams.values()], (row) => row.inbox.size),
      deadLetters: data.deadLetters.size,
      ledger: data.ledger.length,
      deliveries: sumOf(rows, (row) => row.deliveries),
      halted: rows.filter(({ state }) => state?.halt !== undefined).length,
      failing: rows.filter(({ state }) => state?.halt === undefined && state?.failing !== undefined).length,
      clock: { now: this.#options.now(), readingMs: data.readingMs },
      ...(data.lastBeatAt === undefined ? {} : { lastBeatAt: data.lastBeatAt }),
      domains: await this.domains(consumer),
    }
  }

  async recordCounts(consumer: string): Promise<RecordCounts> {
    const { deadLetters, ledger } = this.#of(consumer)
    return { deadLetters: deadLetters.size, ledger: ledger.length }
  }

  async domains(consumer: string): Promise<ReadonlyMap<string, DomainStatus>> {
    return new Map([...this.#of(consumer).domains].map(([name, status]) => [name, { ...status }]))
  }

  async stream(consumer: string, stream: StreamPath): Promise<StoredStream | undefined> {
    const row = this.#of(consumer).streams.get(stream)
    return row === undefined ? undefined : this.#stored(row)
  }

  async claims(consumer: string, { limit }: { readonly limit: number }): Promise<readonly LiveClaim[]> {
    const now = this.#options.now()
    const claims = [...this.#of(consumer).watched].flatMap(({ path, claim }) =>
      claim === undefined || claim.until <= now ? [] : [{ stream: path, ...claim }],
    )
    return claims
      .sort((a, b) => a.since - b.since || (a.stream < b.stream ? -1 : 1))
      .slice(0, limit)
      .map(({ stream, worker, fence, since }) => ({ stream, worker, fence, since }))
  }

  async streams(consumer: string, query: StreamQuery): Promise<readonly StoredStream[]> {
    const data = this.#of(consumer)
    const found: StoredStream[] = []
    for (const path of data.paths(query.after)) {
      if (found.length >= query.limit) break
      if (query.after !== undefined && path <= query.after) continue
      const row = data.row(path)
      if (query.domain !== undefined && query.domain !== row.domain) continue
      if (query.onlyWaiting === true && !isWaiting(row)) continue
      const stored = this.#stored(row)
      if (stored !== undefined) found.push(stored)
    }
    return found
  }

  async held(consumer: string, query: RecordQuery): Promise<readonly Paged<HeldEvent>[]> {
    const found: Paged<HeldEvent>[] = []
    const { limit, after = '' } = query
    for (const { path, held } of this.#rows(consumer, query, after.split(' ', 1)[0])) {
      const { entries } = held
      const from = firstIndex(entries, (entry) => heldCursor(path, entry) > after)
      for (const entry of entries.slice(from, from + limit - found.length)) {
        found.push({ ...heldEvent(path, entry), cursor: heldCursor(path, entry) })
      }
      if (found.length >= limit) break
    }
    return found
  }

  async inbox(consumer: string, query: RecordQuery): Promise<readonly Paged<StoredEntry>[]> {
    return [...this.#rows(consumer, query)]
      .flatMap((row) => row.inbox.entries)
      .filter(({ arrivalId }) => isBehind(arrivalId, query))
      .sort((a, b) => (a.arrivalId < b.arrivalId ? -1 : 1))
      .slice(0, query.limit)
      .map((entry) => ({ ...storedEntry(entry), cursor: entry.arrivalId }))
  }

  async deadLetters(
    consumer: string,
    query: RecordQuery & { readonly reason?: DeadLetterReason; readonly key?: string },
  ): Promise<readonly Paged<DeadLetter>[]> {
    const { reason, key } = query
    const { deadLetters } = this.#of(consumer)
    const asked = key === undefined ? deadLetters.values() : [deadLetters.get(key)]
    const behind = numberOf(query)
    const found: Paged<DeadLetter>[] = []
    for (const entry of asked) {
      if (found.length >= query.limit) break
      if (entry === undefined || entry.cursor <= behind || !isAskedFor(entry.stream, query)) continue
      if ((reason ?? entry.reason) !== entry.reason) continue
      found.push({ ...readDeadLetter(entry.text), cursor: sortableText(entry.cursor) })
    }
    return found
  }

  async ledger(consumer: string, query: RecordQuery): Promise<readonly Paged<LedgerEntry>[]> {
    const { ledger } = this.#of(consumer)
    const found: Paged<LedgerEntry>[] = []
    for (let index = numberOf(query) + 1; index < ledger.length && found.length < query.limit; index++) {
      const line = ledger[index]
      if (line === undefined || !isAskedFor(line.stream, query)) continue
      found.push({ ...readLedgerEntry(line.text), cursor: sortableText(index) })
    }
    return found
  }

  #of(consumer: string): ConsumerData {
    this.#options.check()
    return this.#data.peek(consumer)
  }

  /** The rows that a query is about from a path on, ascending by path. */
  *#rows(
    consumer: string,
    { stream, domain }: RecordQuery,
    from?: StreamPath,
  ): Generator<StreamRow, void, void> {
    const data = this.#of(consumer)
    for (const path of stream === undefined ? data.paths(from) : [stream]) {
      const row = data.streams.get(path)
      if (row !== undefined && (domain === undefined || row.domain === domain)) yield row
    }
  }

  #stored(row: StreamRow): StoredStream | undefined {
    if (row.state === undefined) return undefined
    const { claim, inbox } = row
    const isClaimed = claim !== undefined && claim.until > this.#options.now()
    return {
      stream: row.path,
      state: row.state,
      deliveries: row.deliveries,
      due: { ...row.due },
      ...(inbox.size > 0 && { inbox: inbox.stored }),
      ...(isClaimed ? { claimedBy: claim.worker } : {}),
      fence: row.fence,
      changedAt: row.changedAt,
    }
  }
}

function isWaiting({ state, held }: StreamRow): boolean {
  if (held.size > 0 || (state?.heldCount ?? 0) > 0) return true
  return state?.halt !== undefined || state?.failing !== undefined || state?.restart !== undefined
}

function heldCursor(path: StreamPath, { epoch, sequence }: HeldEntry): string {
  return `${path} ${sortableText(epoch)} ${sortableText(sequence)}`
}

function isBehind(cursor: string, { after }: RecordQuery): boolean {
  return after === undefined || cursor > after
}

/** The number in the cursor behind which a list goes on; -1 where it begins. */
function numberOf({ after }: RecordQuery): number {
  return after === undefined ? -1 : Number(after.slice(2))
}

function isAskedFor(path: StreamPath | undefined, { stream, domain }: RecordQuery): boolean {
  if (stream !== undefined && stream !== path) return false
  return domain === undefined || (path !== undefined && domain === domainOf(path))
}

function sumOf(rows: readonly StreamRow[], size: (row: StreamRow) => number): number {
  return rows.reduce((sum, row) => sum + size(row), 0)
}
