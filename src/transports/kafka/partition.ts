// One partition while this member of the group has it: what was fetched and not given out, and what was
// given out and not settled. The group may forget of it what lies in front of the first record that is not
// settled. One that is lost stays as it is: what it has given out is processed to its end, and tells nobody.
// Upholds I4 and I7.
import { PartedQueue } from '../../core/parted-queue.ts'
import { SettledPrefix } from '../../core/settled-prefix.ts'
import { committedBatches } from './committed-batches.ts'
import type { FetchedPartition } from './fetch-request.ts'
import type { FetchedRecord } from './fetched-record.ts'
import { emptyBatch, offsetOf } from './record-batch.ts'
import type { RecordBatch } from './record-batch.ts'
import { settledText } from './settled-runs.ts'
import type { OffsetRun } from './settled-runs.ts'

/** Which partition it is. */
export interface PartitionName {
  readonly topic: string
  readonly partition: number
}

/** Offsets, from the first one up to in front of the last one. */
export interface OffsetWindow {
  readonly from: number
  readonly until: number
}

/** What a group keeps of a partition. */
export interface CommittedOffset {
  /** Where reading goes on. */
  readonly offset: number
  readonly metadata: string
}

/** A record that was given out, and the ticket that settles it. */
export interface GivenRecord {
  readonly record: FetchedRecord
  readonly ticket: number
  /** It stands for records that the log has no longer, from this offset up to its own. */
  readonly lostFrom?: number
}

/** Neighbours in a batch that wait to be given out: from an index, and its ticket, on. */
interface WaitingRecords {
  readonly batch: RecordBatch
  index: number
  end: number
  ticket: number
  readonly lostFrom?: number
}

/** No more is fetched while so many bytes wait to be given out. */
const waitingBytesMax = 512 * 1024

/** A partition that is read. */
export class Partition implements PartitionName {
  readonly topic: string
  readonly partition: number
  /** The topic as brokers tell it from others that had its name before. */
  readonly topicId: string
  /** For people: `clicks[3]`. */
  readonly name: string
  /** Names what its offsets are places of. */
  readonly log: string
  /** The group has given it to another member. */
  isLost = false
  /** Its leader is being asked. */
  isFetching = false
  /** Its leader is not asked for it before then. */
  notBeforeMs = 0
  /** When something of it was fetched last, as a count: who has waited longest is asked for first. */
  servedAt = 0
  /** The offsets that are read of it: from the first one up to in front of the last one. */
  window: OffsetWindow = { from: 0, until: Infinity }
  readonly #unsettledMax: number
  readonly #prefix = new SettledPrefix<number>()
  /** Settled by whoever had it before; those in front of what was fetched are forgotten. */
  #settledBefore: readonly OffsetRun[] = []
  readonly #waiting = new PartedQueue<WaitingRecords>()
  #waitingBytes = 0
  /** Where the next fetch begins; `undefined`: nobody knows yet. */
  #next: number | undefined
  /** Everything in front of it is settled. */
  #floor = 0
  #committed: CommittedOffset | undefined
  /** Behind its last record, as its leader said last. */
  #end: number | undefined
  #problem: string | undefined

  constructor(
    { topic, partition }: PartitionName,
    { topicId, unsettledMax }: { readonly topicId: string; readonly unsettledMax: number },
  ) {
    this.topic = topic
    this.partition = partition
    this.topicId = topicId
    this.name = `${topic}[${partition}]`
    this.log = `${topicId}[${partition}]`
    this.#unsettledMax = unsettledMax
  }

  /** Begins to read at an offset, without what is settled beyond it; `committed` is what the group has. */
  begin(offset: number, committed?: CommittedOffset, settled: readonly OffsetRun[] = []): void {
    this.#next = offset
    this.#floor = offset
    this.#committed = committed
    this.#settledBefore = settled
  }

  /**
   * Goes on at an offset, because the log has nothing in front of it any more. What is lost by that and was
   * not settled is given out too, a range at a time. What was given out before stays.
   */
  skipTo(begins: number): void {
    const offset = Math.min(begins, this.window.until)
    let first = this.#next ?? offset
    for (const run of this.#settledBefore) {
      this.#lose(first, Math.min(run.first, offset) - 1)
      first = Math.max(first, run.last + 1)
    }
    this.#lose(first, offset - 1)
    this.#next = offset
  }

  #lose(first: number, last: number): void {
    if (first > last) return
    if (this.#prefix.pending === 0) this.#floor = first
    const batch = emptyBatch(last)
    this.#waiting.push({ batch, index: 0, end: 1, ticket: this.#prefix.add(last), lostFrom: first })
    this.#waitingBytes += batch.bytesAt(0)
  }

  /** It cannot be read on: it is asked for no more until then. */
  stop(problem: string, untilMs: number): void {
    this.#problem = problem
    this.notBeforeMs = untilMs
  }

  /** Why it is not read on. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Whether its leader may be asked for more. */
  mayFetch(nowMs: number): boolean {
    const hasRoom = this.#waitingBytes < waitingBytesMax && this.#prefix.pending < this.#unsettledMax
    const isOpen = this.#next !== undefined && this.#next < this.window.until
    return isOpen && !this.isFetching && hasRoom && nowMs >= this.notBeforeMs
  }

  /** Where the next fetch begins; `undefined`: nobody knows yet where to begin. */
  get next(): number | undefined {
    return this.#next
  }

  /** The first offset that was not given out. */
  get unread(): number | undefined {
    const { first } = this.#waiting
    return first === undefined ? this.#next : first.batch.offsetAt(first.index)
  }

  /** How many bytes wait to be given out. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Takes in what its leader answered to a fetch from an offset. */
  accept(from: number, fetched: FetchedPartition): void {
    if (this.isLost || from !== this.#next) return
    const { committed, next } = committedBatches(from, fetched)
    if (fetched.end >= 0n) this.#end = offsetOf(fetched.end)
    if (fetched.problem === undefined) {
      this.#problem = undefined
      this.notBeforeMs = 0
    }
    for (const { batch, from: first } of committed) this.#add(batch, first)
    this.#next = Math.min(next, this.window.until)
  }

  /** Has records of a batch wait: from an offset on, as far as they are read and were not settled before. */
  #add(batch: RecordBatch, from: number): void {
    let run: WaitingRecords | undefined
    for (let index = 0; index < batch.size; index++) {
      const offset = batch.offsetAt(index)
      if (offset >= this.window.until) return
      const ticket = offset < from ? undefined : this.#note(offset)
      if (ticket === undefined) run = undefined
      else if (run === undefined) {
        run = { batch, index, end: index, ticket }
        this.#waiting.push(run)
      }
      if (run === undefined) continue
      run.end++
      this.#waitingBytes += batch.bytesAt(index)
    }
  }

  /** Notes an offset that was read; the ticket that settles it, unless it was settled before. */
  #note(offset: number): number | undefined {
    if (this.#prefix.pending === 0) this.#floor = offset
    const ticket = this.#prefix.add(offset)
    if (!this.#isSettledBefore(offset)) return ticket
    this.#prefix.settle(ticket)
    return undefined
  }

  /** Gives out the next records. */
  take(max: number): readonly GivenRecord[] {
    const taken: GivenRecord[] = []
    for (let run = this.#waiting.first; run !== undefined && taken.length < max; run = this.#waiting.first) {
      const { batch, lostFrom } = run
      const end = Math.min(run.end, run.index + max - taken.length)
      for (; run.index < end; run.index++) {
        const record = batch.recordAt(run.index)
        const ticket = run.ticket++
        taken.push(lostFrom === undefined ? { record, ticket } : { record, ticket, lostFrom })
        this.#waitingBytes -= batch.bytesAt(run.index)
      }
      if (run.index === run.end) this.#waiting.take(1)
    }
    return taken
  }

  /** A record that was given out is safe to forget. */
  settle(ticket: number): void {
    this.#prefix.settle(ticket)
  }

  /** Everything in front of it is settled; `undefined`: nobody knows yet where it begins. */
  get settledTo(): number | undefined {
    if (this.#prefix.pending === 0) return this.#next
    const end = this.#prefix.end
    return end === undefined ? this.#floor : Math.max(this.#floor, end + 1)
  }

  /** How many offsets lie between what is settled and its end, as its leader said last. */
  get behind(): number | undefined {
    const [end, settled] = [this.#end, this.settledTo]
    return end === undefined || settled === undefined ? undefined : Math.max(0, end - settled)
  }

  /** What the group is to keep, where that is not what it has. */
  get toCommit(): CommittedOffset | undefined {
    const offset = this.settledTo
    if (this.isLost || offset === undefined) return undefined
    const metadata = settledText(offset, this.#prefix.runsBeyond())
    const has = this.#committed
    return has?.offset === offset && has.metadata === metadata ? undefined : { offset, metadata }
  }

  /** The group has it. */
  hasCommitted(committed: CommittedOffset): void {
    this.#committed = committed
  }

  #isSettledBefore(offset: number): boolean {
    while (this.#settledBefore[0] !== undefined && this.#settledBefore[0].last < offset) {
      this.#settledBefore = this.#settledBefore.slice(1)
    }
    const [run] = this.#settledBefore
    return run !== undefined && run.first <= offset
  }
}
