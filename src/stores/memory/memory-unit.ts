// A unit of work in memory: the streams that were won, each with its claim. A commit applies only to
// streams whose claim still bears the unit's fence. Upholds I5.
import { InturnError, invariant } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Clock } from '../../core/stream-state.ts'
import { unknownStream } from '../../core/stream-state.ts'
import type { DomainStatus } from '../../ports/domain-status.ts'
import type { HeldEvent, HeldRange, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { Commit, CommitOutcome, UnitOfWork, WonStream, WorkRequest } from '../../ports/store.ts'
import type { PreparedChange } from './apply-commit.ts'
import { applyChange, applyRecords, prepareChange, prepareRecords, rememberIds } from './apply-commit.ts'
import type { ConsumerData, StreamRow } from './memory-data.ts'

/** The claims of one worker for one batch. */
export class MemoryUnit implements UnitOfWork<undefined> {
  readonly clock: Clock
  readonly streams: ReadonlyMap<StreamPath, WonStream>
  readonly busy: readonly StreamPath[]
  readonly domains: ReadonlyMap<string, DomainStatus>
  readonly transaction: undefined
  readonly isUndone = false
  readonly fault: undefined
  readonly #data: ConsumerData
  readonly #now: () => number
  readonly #won: ReadonlyMap<StreamPath, StreamRow>
  readonly #fence: number
  readonly #abort = new AbortController()
  readonly #released = new Set<StreamRow>()
  #isEnded = false

  constructor(data: ConsumerData, request: WorkRequest, now: () => number) {
    this.#data = data
    this.#now = now
    this.#fence = data.nextFence()
    this.clock = { now: now(), readingMs: data.readingMs }
    const won = new Map<StreamPath, StreamRow>()
    const streams = new Map<StreamPath, WonStream>()
    const busy: StreamPath[] = []
    for (const path of request.streams) {
      const isTakenOver = data.streams.get(path)?.claim !== undefined
      const row = this.#claim(path, request)
      if (row === undefined) {
        busy.push(path)
        continue
      }
      won.set(path, row)
      const { state = unknownStream, inbox } = row
      streams.set(path, { state, fence: this.#fence, inbox: inbox.told, isTakenOver })
    }
    this.#won = won
    this.streams = streams
    this.busy = busy
    this.domains = new Map([...data.domains].map(([name, status]) => [name, { ...status }]))
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Fires the signal: a claim is lost. */
  abort(): void {
    this.#abort.abort()
  }

  async held(ranges: readonly HeldRange[]): Promise<readonly HeldEvent[]> {
    this.#checkUsable()
    return ranges.flatMap((range) => this.#row(range.stream).held.within(range))
  }

  async inbox(pages: readonly InboxPage[]): Promise<readonly StoredEntry[]> {
    this.#checkUsable()
    return pages.flatMap((page) => this.#row(page.stream).inbox.page(page))
  }

  async knownIds(domain: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    this.#checkUsable()
    const known = this.#data.windows.get(domain)
    const now = this.#now()
    return new Set(ids.filter((id) => (known?.get(id) ?? now) > now))
  }

  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    this.#checkUsable()
    const prepared = commit.streams.map(prepareChange)
    const records = prepareRecords(commit)
    const outcomes = prepared.map((change) => this.#apply(change))
    applyRecords(this.#data, commit, records)
    for (const ids of commit.ids ?? []) rememberIds(this.#data, ids, this.#now())
    for (const stream of commit.ended ?? []) this.#release(this.#row(stream))
    return outcomes
  }

  async savepoint<Result>(): Promise<Result> {
    throw new InturnError('invariant-violated', 'a savepoint was asked of a store without transactions')
  }

  /** Renews every claim that is still held; `false` when one is not. */
  renew(claimMs: number): boolean {
    let isWhole = true
    for (const row of this.#won.values()) {
      if (this.#released.has(row)) continue
      if (row.claim?.fence === this.#fence) row.claim = { ...row.claim, until: this.#now() + claimMs }
      else isWhole = false
    }
    return isWhole
  }

  /** Releases the claims, and says which of the streams have entries that were not looked at. */
  end(): StreamPath[] {
    this.#isEnded = true
    const again: StreamPath[] = []
    for (const row of this.#won.values()) {
      const isReleased = this.#released.has(row) && row.claim === undefined
      if (!isReleased && !this.#release(row)) continue
      if (row.inbox.hasNew) again.push(row.path)
      this.#data.forgetIfEmpty(row)
    }
    return again
  }

  /** Gives a claim back; whether the unit had it still. */
  #release(row: StreamRow): boolean {
    if (row.claim?.fence !== this.#fence) return false
    row.claim = undefined
    this.#data.watch(row)
    this.#released.add(row)
    return true
  }

  #claim(path: StreamPath, { worker, claimMs }: WorkRequest): StreamRow | undefined {
    const { now } = this.clock
    const row = this.#data.row(path)
    if (row.claim !== undefined && row.claim.until > now) return undefined
    row.claim = { worker, fence: this.#fence, since: now, until: now + claimMs }
    row.fence = this.#fence
    this.#data.watched.add(row)
    return row
  }

  #apply(prepared: PreparedChange): CommitOutcome {
    const row = this.#row(prepared.change.stream)
    if (row.claim?.fence !== this.#fence) return 'claim-lost'
    applyChange(this.#data, row, prepared)
    row.changedAt = this.#now()
    return 'committed'
  }

  #row(stream: StreamPath): StreamRow {
    const row = this.#won.get(stream)
    invariant(row !== undefined, `${stream} was used in a unit of work that has not won it`)
    return row
  }

  #checkUsable(): void {
    invariant(!this.#isEnded, 'a unit of work was used after its end')
  }
}
