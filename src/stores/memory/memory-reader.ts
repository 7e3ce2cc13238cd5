// Reading a memory store for inspection. Everything handed out is a copy.
import { copyState } from '../../core/copy-state.ts'
import { sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { readDeadLetter, readHandedOver, readLedgerEntry } from '../../ports/record-text.ts'
import type {
  DeadLetter,
  DeadLetterReason,
  HeldEvent,
  LedgerEntry,
  StoredHandedOver,
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
import type { HeldEntry } from './held-list.ts'
import { heldEvent } from './held-list.ts'
import type { ConsumerData, MemoryData, StreamRow } from './memory-data.ts'
import { domainOf } from './memory-data.ts'

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
      handedOver: sumOf([...data.streams.values()], (row) => row.handedOver.length),
      deadLetters: data.deadLetters.size,
      ledger: data.ledger.length,
      deliveries: sumOf(rows, (row) => row.deliveries),
      halted: rows.filter(({ state }) => state?.halt !== undefined).length,
      failing: rows.filter(({ state }) => state?.halt === undefined && state?.failing !== undefined).length,
      clock: { now: this.#options.now(), readingMs: data.readingMs },
      ...(data.lastBeatAt === undefined ? {} : { lastBeatAt: data.lastBeatAt }),
      domains: new Map([...data.domains].map(([name, status]) => [name, { ...status }])),
    }
  }

  async recordCounts(consumer: string): Promise<RecordCounts> {
    const { deadLetters, ledger } = this.#of(consumer)
    return { deadLetters: deadLetters.size, ledger: ledger.length }
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
    for (const path of data.paths()) {
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
    for (const row of this.#rows(consumer, query)) {
      for (const entry of row.held.entries) {
        if (found.length >= query.limit) return found
        const cursor = heldCursor(row.path, entry)
        if (isBehind(cursor, query)) found.push({ ...heldEvent(row.path, entry), cursor })
      }
    }
    return found
  }

  async handedOver(consumer: string, query: RecordQuery): Promise<readonly Paged<StoredHandedOver>[]> {
    return this.#rows(consumer, query)
      .flatMap((row) => row.handedOver)
      .filter(({ arrivalId }) => isBehind(arrivalId, query))
      .sort((a, b) => (a.arrivalId < b.arrivalId ? -1 : 1))
      .slice(0, query.limit)
      .map(({ stream, arrivalId, text }) => {
        return { stream, arrivalId, ...readHandedOver(text), cursor: arrivalId }
      })
  }

  async deadLetters(
    consumer: string,
    query: RecordQuery & { readonly reason?: DeadLetterReason; readonly key?: string },
  ): Promise<readonly Paged<DeadLetter>[]> {
    const { reason, key } = query
    const { deadLetters } = this.#of(consumer)
    const found = key === undefined ? deadLetters.values() : [deadLetters.get(key)]
    return [...found]
      .filter((entry) => entry !== undefined)
      .map((entry) => ({ ...entry, cursor: sortableText(entry.cursor) }))
      .filter((entry) => isAskedFor(entry.stream, query) && isBehind(entry.cursor, query))
      .filter((entry) => (reason ?? entry.reason) === entry.reason)
      .slice(0, query.limit)
      .map(({ text, cursor }) => ({ ...readDeadLetter(text), cursor }))
  }

  async ledger(consumer: string, query: RecordQuery): Promise<readonly Paged<LedgerEntry>[]> {
    return this.#of(consumer)
      .ledger.map(({ stream, text }, index) => ({ stream, text, cursor: sortableText(index) }))
      .filter(({ stream, cursor }) => isAskedFor(stream, query) && isBehind(cursor, query))
      .slice(0, query.limit)
      .map(({ text, cursor }) => ({ ...readLedgerEntry(text), cursor }))
  }

  #of(consumer: string): ConsumerData {
    this.#options.check()
    return this.#data.peek(consumer)
  }

  /** The rows that a query is about, ascending by path. */
  #rows(consumer: string, { stream, domain }: RecordQuery): StreamRow[] {
    const data = this.#of(consumer)
    const paths = stream === undefined ? data.paths() : [stream]
    const rows = paths.flatMap((path) => data.streams.get(path) ?? [])
    return domain === undefined ? rows : rows.filter((row) => row.domain === domain)
  }

  #stored(row: StreamRow): StoredStream | undefined {
    if (row.state === undefined) return undefined
    const { claim } = row
    const isClaimed = claim !== undefined && claim.until > this.#options.now()
    return {
      stream: row.path,
      state: copyState(row.state),
      deliveries: row.deliveries,
      due: { ...row.due },
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

function isAskedFor(path: StreamPath | undefined, { stream, domain }: RecordQuery): boolean {
  if (stream !== undefined && stream !== path) return false
  return domain === undefined || (path !== undefined && domain === domainOf(path))
}

function sumOf(rows: readonly StreamRow[], size: (row: StreamRow) => number): number {
  return rows.reduce((sum, row) => sum + size(row), 0)
}
