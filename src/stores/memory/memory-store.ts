// The memory store itself: everything happens at once between two awaits, so nothing here needs a lock.
// Upholds I8.
import { InturnError } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { InboxEntry } from '../../ports/records.ts'
import type { StoreReader } from '../../ports/store-reader.ts'
import type {
  AboutStore,
  Beat,
  BeatOptions,
  Lease,
  LeaseRequest,
  Store,
  UnitOfWork,
  Worked,
  WorkRequest,
} from '../../ports/store.ts'
import type { Timers } from '../../ports/timers.ts'
import { workWithClaims } from '../../storage/unit-of-work.ts'
import type { StreamlessRecords } from './apply-commit.ts'
import { applyRecords, prepareRecords } from './apply-commit.ts'
import type { ConsumerData, MemoryData, StreamRow } from './memory-data.ts'
import { MemoryReader } from './memory-reader.ts'
import { MemoryUnit } from './memory-unit.ts'
import { keptEntry } from './stream-inbox.ts'

const longestBeatMs = 5000

/** Clocks of a memory store. */
export interface MemoryStoreOptions {
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly now?: () => number
  /** What renews claims. Default: the machine's timers. */
  readonly timers?: Timers
}

/** A store in memory. */
export interface MemoryStore extends Store<undefined> {
  /**
   * A store of another worker over the same data; opened and closed by itself, with its own clocks if
   * given.
   */
  beside(options?: MemoryStoreOptions): MemoryStore
}

/** A worker's handle on data in memory; made by `memoryStore`. */
export class MemoryHandle implements MemoryStore {
  readonly about: AboutStore = { name: 'memory', durable: false, effects: 'fenced' }
  readonly reader: StoreReader
  readonly #data: MemoryData
  readonly #clocks: Required<MemoryStoreOptions>
  #isOpen = false
  #isClosed = false

  constructor(data: MemoryData, clocks: Required<MemoryStoreOptions>) {
    this.#data = data
    this.#clocks = clocks
    this.reader = new MemoryReader(data, { now: clocks.now, check: () => this.#checkNotClosed() })
  }

  beside(options: MemoryStoreOptions = {}): MemoryStore {
    return new MemoryHandle(this.#data, { ...this.#clocks, ...options })
  }

  async open(): Promise<void> {
    this.#isOpen = true
    this.#isClosed = false
  }

  async close(): Promise<void> {
    this.#isOpen = false
    this.#isClosed = true
  }

  async now(): Promise<number> {
    this.#checkOpen()
    return this.#clocks.now()
  }

  async work<Result>(
    request: WorkRequest,
    body: (unit: UnitOfWork<undefined>) => Promise<Result>,
  ): Promise<Worked<Result>> {
    this.#checkOpen()
    const { now, timers } = this.#clocks
    const unit = new MemoryUnit(this.#data.consumer(request.consumer), request, now)
    return workWithClaims(unit, { timers, claimMs: request.claimMs }, body)
  }

  async handOver(consumer: string, entries: readonly InboxEntry[]): Promise<readonly StreamPath[]> {
    this.#checkOpen()
    const data = this.#data.consumer(consumer)
    const now = this.#clocks.now()
    const kept = entries.map(keptEntry)
    const free = new Set<StreamPath>()
    for (const entry of kept) {
      const row = data.append(entry)
      if (row.claim === undefined || row.claim.until <= now) free.add(row.path)
    }
    return [...free]
  }

  async record(consumer: string, records: StreamlessRecords): Promise<void> {
    this.#checkOpen()
    applyRecords(this.#data.consumer(consumer), records, prepareRecords(records))
  }

  async due(consumer: string, limit: number, domains?: readonly string[]): Promise<readonly StreamPath[]> {
    this.#checkOpen()
    return dueStreams(this.#data.consumer(consumer), { now: this.#clocks.now(), limit, domains })
  }

  async heartbeat(consumer: string, worker: string, options: BeatOptions = {}): Promise<Beat> {
    this.#checkOpen()
    const { silentMs, leaves } = options
    const data = this.#data.consumer(consumer)
    const now = this.#clocks.now()
    if (leaves === true) {
      data.workers.delete(worker)
      return { now, readingMs: data.readingMs, died: [] }
    }
    const sinceMs = now - (data.lastBeatAt ?? now)
    if (sinceMs > 0 && sinceMs <= longestBeatMs) data.readingMs += sinceMs
    data.lastBeatAt = now
    data.workers.set(worker, now)
    const isSilent = ([name, beatAt]: [string, number]): boolean =>
      silentMs !== undefined && name !== worker && now - beatAt > silentMs
    const died = [...data.workers].filter(isSilent).map(([name]) => name)
    for (const name of died) data.workers.delete(name)
    return { now, readingMs: data.readingMs, died }
  }

  async lease(name: string, request: LeaseRequest): Promise<Lease | undefined> {
    this.#checkOpen()
    const { leases } = this.#data
    const { holder, ms, usedUntil } = request
    const now = this.#clocks.now()
    const current = leases.get(name)
    const isOwn = current?.holder === holder
    const isHeld = current !== undefined && current.until > now
    if (isHeld && !isOwn) return undefined
    const isLasting = current?.isLasting === true || usedUntil !== undefined
    if (ms <= 0) {
      if (!isLasting) leases.delete(name)
      else if (isOwn) leases.set(name, { ...current, until: usedUntil ?? current.until, isLasting })
      return undefined
    }
    const until = isHeld ? Math.max(current.until, now + ms) : now + ms
    const fence = isHeld ? current.fence : this.#data.nextLeaseFence()
    leases.set(name, { holder, until, fence, isLasting })
    return { fence, now, until }
  }

  async checkpoint(consumer: string, source: string, next?: string): Promise<string | undefined> {
    this.#checkOpen()
    const { checkpoints } = this.#data.consumer(consumer)
    if (next !== undefined) checkpoints.set(source, next)
    return checkpoints.get(source)
  }

  #checkOpen(): void {
    this.#checkNotClosed()
    if (!this.#isOpen) throw new InturnError('store-closed', 'the memory store is not open yet')
  }

  #checkNotClosed(): void {
    if (this.#isClosed) throw new InturnError('store-closed', 'the memory store is closed')
  }
}

/** What is asked. */
interface DueQuestion {
  readonly now: number
  readonly limit: number
  /** `undefined`: all. */
  readonly domains: readonly string[] | undefined
}

/**
 * Streams that are due and that nobody has claimed, the longest overdue first. Looks only at the streams
 * that are watched for it, and measures each due time by its own clock.
 */
function dueStreams(data: ConsumerData, question: DueQuestion): StreamPath[] {
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
