// A unit of work in memory: the streams that were won, each with its claim. A commit applies only to
// streams whose claim still bears the unit's fence. Upholds I5.
import { invariant } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { unknownStream } from '../../core/stream-state.ts'
import type { HeldEvent, HeldRange, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { Commit, CommitOutcome, WonStream, WorkRequest } from '../../ports/store.ts'
import type { BegunUnit, ClaimParts, UnitReads } from '../../storage/unit-of-work.ts'
import type { PreparedChange } from './apply-commit.ts'
import { applyChange, applyRecords, prepareChange, prepareRecords, rememberIds } from './apply-commit.ts'
import type { ConsumerData, StreamRow } from './memory-data.ts'

/** The claims of one worker for one batch. */
export class MemoryUnit implements ClaimParts, UnitReads {
  readonly begun: BegunUnit
  readonly #data: ConsumerData
  readonly #now: () => number
  readonly #claimMs: number
  readonly #won = new Map<StreamPath, StreamRow>()
  readonly #fence: number
  readonly #released = new Set<StreamRow>()

  constructor(data: ConsumerData, request: WorkRequest, now: () => number) {
    this.#data = data
    this.#now = now
    this.#claimMs = request.claimMs
    this.#fence = data.nextFence()
    const clock = { now: now(), readingMs: data.readingMs }
    const streams = new Map<StreamPath, WonStream>()
    const busy: StreamPath[] = []
    for (const path of request.streams) {
      const isTakenOver = data.streams.get(path)?.claim !== undefined
      const row = this.#claim(path, request.worker, clock.now)
      if (row === undefined) {
        busy.push(path)
        continue
      }
      this.#won.set(path, row)
      const { state = unknownStream, inbox } = row
      streams.set(path, { state, fence: this.#fence, inbox: inbox.told, isTakenOver })
    }
    const domains = new Map([...data.domains].map(([name, status]) => [name, { ...status }]))
    this.begun = { clock, streams, busy, domains }
  }

  get reads(): UnitReads {
    return this
  }

  async held(ranges: readonly HeldRange[]): Promise<readonly HeldEvent[]> {
    return ranges.flatMap((range) => this.#row(range.stream).held.within(range))
  }

  async inbox(pages: readonly InboxPage[]): Promise<readonly StoredEntry[]> {
    return pages.flatMap((page) => this.#row(page.stream).inbox.page(page))
  }

  async knownIds(domain: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const known = this.#data.windows.get(domain)
    const now = this.#now()
    return new Set(ids.filter((id) => (known?.get(id) ?? now) > now))
  }

  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    const prepared = commit.streams.map(prepareChange)
    const records = prepareRecords(commit)
    const outcomes = prepared.map((change) => this.#apply(change))
    applyRecords(this.#data, commit, records)
    for (const ids of commit.ids ?? []) rememberIds(this.#data, ids, this.#now())
    for (const stream of commit.ended ?? []) this.#release(this.#row(stream))
    return outcomes
  }

  async renew(): Promise<boolean> {
    let isWhole = true
    const until = this.#now() + this.#claimMs
    for (const row of this.#won.values()) {
      if (this.#released.has(row)) continue
      if (row.claim?.fence === this.#fence) row.claim = { ...row.claim, until }
      else isWhole = false
    }
    return isWhole
  }

  async release(): Promise<readonly StreamPath[]> {
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

  #claim(path: StreamPath, worker: string, now: number): StreamRow | undefined {
    const row = this.#data.row(path)
    if (row.claim !== undefined && row.claim.until > now) return undefined
    row.claim = { worker, fence: this.#fence, since: now, until: now + this.#claimMs }
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
    invariant(row !== undefined, `${stream} is not won`)
    return row
  }
}
