// Everything a memory store keeps: plain maps, one set of them per consumer. Upholds I6: no consumer sees
// another's.
import { sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { parseStreamPath } from '../../core/stream-path.ts'
import type { StreamState } from '../../core/stream-state.ts'
import type { DeadLetter, DueTime } from '../../ports/records.ts'
import { firstIndex, HeldList } from './held-list.ts'
import type { KeptEntry } from './stream-inbox.ts'
import { StreamInbox } from './stream-inbox.ts'

/** A worker's claim of a stream. */
interface Claim {
  readonly worker: string
  readonly fence: number
  readonly since: number
  readonly until: number
}

/** A dead letter as it is kept. */
export interface DeadLetterEntry extends Pick<DeadLetter, 'key' | 'reason'> {
  readonly stream: StreamPath | undefined
  readonly cursor: number
  readonly text: string
}

/** A ledger entry as it is kept. */
export interface LedgerLine {
  readonly stream: StreamPath | undefined
  readonly text: string
}

/** One stream of one consumer. */
export interface StreamRow {
  readonly path: StreamPath
  readonly domain: string
  /** `undefined` until the first commit. */
  state: StreamState | undefined
  deliveries: number
  due: DueTime
  changedAt: number
  fence: number
  claim: Claim | undefined
  readonly held: HeldList
  readonly inbox: StreamInbox
}

/** What is counted of a domain. */
export interface DomainRow {
  held: number
  handedOver: number
  paused: boolean
}

/** All that is kept for one consumer. */
export class ConsumerData {
  readonly streams: Map<StreamPath, StreamRow> = new Map()
  /** The streams that `due` has to look at: with a due time, a claim, or an inbox that makes them due. */
  readonly watched: Set<StreamRow> = new Set()
  readonly domains: Map<string, DomainRow> = new Map()
  readonly deadLetters: Map<string, DeadLetterEntry> = new Map()
  readonly ledger: LedgerLine[] = []
  /** By domain: processed ids with the time until which they are remembered, oldest first. */
  readonly windows: Map<string, Map<string, number>> = new Map()
  readonly checkpoints: Map<string, string> = new Map()
  readingMs: number = 0
  lastBeatAt: number | undefined
  /** Workers that have not left, by name: when each said last that it was reading. */
  readonly workers: Map<string, number> = new Map()
  #fence = 0
  #arrivals = 0
  #cursors = 0
  #sortedPaths: readonly StreamPath[] | undefined

  nextFence(): number {
    return ++this.#fence
  }

  /** Appends an entry to the inbox of its stream. */
  append(entry: Omit<KeptEntry, 'arrivalId'>): StreamRow {
    const row = this.row(entry.stream)
    const nth = ++this.#arrivals
    row.inbox.append({ ...entry, arrivalId: sortableText(nth) }, nth)
    this.domain(row.domain).handedOver++
    this.watch(row)
    return row
  }

  nextCursor(): number {
    return ++this.#cursors
  }

  /** The row of a stream; made where there is none. */
  row(path: StreamPath): StreamRow {
    const there = this.streams.get(path)
    if (there !== undefined) return there
    const row: StreamRow = {
      path,
      domain: domainOf(path),
      state: undefined,
      deliveries: 0,
      due: {},
      changedAt: 0,
      fence: 0,
      claim: undefined,
      held: new HeldList(),
      inbox: new StreamInbox(),
    }
    this.streams.set(path, row)
    this.#sortedPaths = undefined
    return row
  }

  /** Forgets a row of which nothing was ever committed or kept. */
  forgetIfEmpty(row: StreamRow): void {
    if (row.state !== undefined || row.inbox.size > 0) return
    this.streams.delete(row.path)
    this.#sortedPaths = undefined
  }

  /** Puts a row where `due` finds it, or takes it away. */
  watch(row: StreamRow): void {
    const { due, claim, inbox } = row
    const isWatched =
      due.at !== undefined || due.readingMs !== undefined || claim !== undefined || inbox.isDue
    if (isWatched) this.watched.add(row)
    else this.watched.delete(row)
  }

  domain(name: string): DomainRow {
    const there = this.domains.get(name)
    if (there !== undefined) return there
    const row: DomainRow = { held: 0, handedOver: 0, paused: false }
    this.domains.set(name, row)
    return row
  }

  /** The paths of all streams from one on, ascending. */
  *paths(from: StreamPath = ''): Generator<StreamPath, void, void> {
    this.#sortedPaths ??= [...this.streams.keys()].sort()
    const paths = this.#sortedPaths
    for (let at = firstIndex(paths, (path) => path >= from); at < paths.length; at++) yield paths[at] ?? ''
  }
}

/** The domain of a path. */
export function domainOf(path: StreamPath): string {
  return parseStreamPath(path)?.domain ?? path
}

/** A lease as it is kept. */
export interface LeaseRow {
  readonly holder: string
  readonly fence: number
  readonly until: number
  /** Whether its end is kept for good. */
  readonly isLasting: boolean
}

/** All data of a memory store. */
export class MemoryData {
  readonly consumers: Map<string, ConsumerData> = new Map()
  readonly leases: Map<string, LeaseRow> = new Map()
  #leaseFence = 0

  nextLeaseFence(): number {
    return ++this.#leaseFence
  }

  /** A consumer's data for reading: empty, and not kept, where there is none. */
  peek(name: string): ConsumerData {
    return this.consumers.get(name) ?? new ConsumerData()
  }

  consumer(name: string): ConsumerData {
    const there = this.consumers.get(name)
    if (there !== undefined) return there
    const data = new ConsumerData()
    this.consumers.set(name, data)
    return data
  }
}
