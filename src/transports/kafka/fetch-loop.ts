// Fetches for the partitions that have room, one request a broker at a time. A partition that is full is
// left out of the request; one that fails keeps no other back. A broker fills its answer in the order of the
// request, so those that have waited longest come first. What a log has no longer is told. Upholds I6 and I7.
import type { InturnError } from '../../core/errors.ts'
import { errorMessage } from '../../core/thrown.ts'
import { systemTimers } from '../../ports/timers.ts'
import { kafkaFault } from './faults.ts'
import type { FetchedPartition } from './fetch-request.ts'
import type { Partition } from './partition.ts'
import type { TopicClient, TopicNews } from './topic-client.ts'

/** Whom the loop serves. */
export interface FetchReader extends TopicNews {
  readonly name: string
  readonly refreshMs: number
  /** Something came, or failed. */
  woken(): void
  failed(error: InturnError): void
  /** A partition goes on at its beginning, behind what was given out of it. */
  restarted(partition: Partition, offset: number): void
  /** A partition cannot be read on, and the others go on. */
  stopped(partition: Partition, because: string): void
  /** No broker leads it; it is read on as soon as one does. */
  unled(partition: Partition): void
  warned(message: string): void
}

/** No more is fetched while all partitions together have so much waiting. */
const waitingBytesMax = 32 * 1024 * 1024
const retryMs = 250

const offsetOutOfRange = 1
/** What an answer says of a partition whose leader, or topic, is no longer where it was. */
const movedCodes: ReadonlySet<number> = new Set([3, 5, 6, 9, 56, 74, 75, 76, 78, 100, 103])

const refusals: ReadonlyMap<number, string> = new Map([[29, 'this user may not read the topic']])

/** The fetches of one source. */
export class FetchLoop {
  readonly #client: TopicClient
  readonly #reader: FetchReader
  readonly #busyNodes = new Set<number>()
  readonly #running = new Set<Promise<void>>()
  #notBeforeMs = 0
  #refreshAtMs: number
  #refreshedAtMs = -Infinity
  #refreshing: Promise<void> | undefined
  #isClosed = false
  /** How many answers of a partition had something. */
  #served = 0

  constructor(client: TopicClient, reader: FetchReader) {
    this.#client = client
    this.#reader = reader
    this.#refreshAtMs = systemTimers.elapsedMs() + reader.refreshMs
  }

  /** Asks each broker that is not being asked already for what has room. */
  run(partitions: Iterable<Partition>): void {
    const nowMs = systemTimers.elapsedMs()
    if (this.#isClosed || nowMs < this.#notBeforeMs) return
    const all = [...partitions]
    if (nowMs >= this.#refreshAtMs) this.#refresh()
    this.#lookForLeaders(all, nowMs)
    if (all.reduce((sum, { waitingBytes }) => sum + waitingBytes, 0) >= waitingBytesMax) return
    const wanted = all
      .filter((partition) => partition.mayFetch(nowMs))
      .sort((one, other) => one.servedAt - other.servedAt)
    for (const [node, own] of Map.groupBy(wanted, (partition) => this.#client.leaderOf(partition))) {
      if (node !== undefined && !this.#busyNodes.has(node)) this.#start(node, own)
    }
  }

  /** Those that nobody leads, or that are not known yet, keep no other back. */
  #lookForLeaders(partitions: readonly Partition[], nowMs: number): void {
    const unled = partitions.filter((partition) => this.#client.leaderOf(partition) === undefined)
    if (unled.length === 0 || nowMs < this.#refreshedAtMs + retryMs) return
    this.#refresh()
    for (const partition of unled) if (this.#client.isUnled(partition)) this.#reader.unled(partition)
  }

  /** Resolves once nothing is being asked any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#running, this.#refreshing])
  }

  #start(node: number, partitions: readonly Partition[]): void {
    this.#busyNodes.add(node)
    for (const partition of partitions) partition.isFetching = true
    const running = this.#fetch(node, partitions)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#busyNodes.delete(node)
        this.#running.delete(running)
        for (const partition of partitions) partition.isFetching = false
        this.#reader.woken()
      })
    this.#running.add(running)
  }

  async #fetch(node: number, partitions: readonly Partition[]): Promise<void> {
    const asked = new Map(partitions.map((partition) => [keyOf(partition), partition]))
    const from = new Map(partitions.map((partition) => [partition, partition.next]))
    const { partitions: answers } = await this.#client.fetch(node, partitions)
    for (const answer of answers) {
      const partition = asked.get(keyOf(answer))
      // What cannot be read of one keeps no other back.
      const taken = partition && this.#take(partition, from.get(partition), answer)
      await taken?.catch((error: unknown) => this.#fail(error))
    }
  }

  async #take(partition: Partition, from: number | undefined, answer: FetchedPartition): Promise<void> {
    const { errorCode } = answer
    if (from === undefined || partition.isLost) return
    if (errorCode === 0) this.#accept(partition, from, answer)
    else if (errorCode === offsetOutOfRange) await this.#findBeginning(partition, from)
    else if (movedCodes.has(errorCode)) this.#pause()
    else
      this.#reader.stopped(partition, refusals.get(errorCode) ?? `its leader answers with error ${errorCode}`)
  }

  #accept(partition: Partition, from: number, answer: FetchedPartition): void {
    let { problem } = answer
    if (answer.batches.length > 0) partition.servedAt = ++this.#served
    try {
      partition.accept(from, answer)
    } catch (thrown) {
      problem = errorMessage(thrown)
    }
    if (problem !== undefined) this.#reader.stopped(partition, problem)
  }

  /** Retention has removed what was to be read next, or the log was cut and ends in front of it. */
  async #findBeginning(partition: Partition, from: number): Promise<void> {
    const [first = from] = await this.#client.offsets([partition], 'beginning')
    if (partition.isLost || partition.next !== from) return
    const { name } = partition
    if (first > from) {
      partition.skipTo(first)
      const lost = `the offsets ${from} to ${first - 1} of ${name} were removed before they were read`
      this.#reader.warned(`${lost}. Give the topic a longer retention`)
    } else {
      this.#reader.warned(
        `${name} ends in front of offset ${from}, which was read; it is read from ${first} again`,
      )
      this.#reader.restarted(partition, first)
    }
  }

  /** Looks anew who leads what, after a while. */
  #pause(): void {
    this.#notBeforeMs = systemTimers.elapsedMs() + retryMs
    this.#refresh()
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return
    this.#reader.failed(kafkaFault(this.#reader.name, error))
    this.#pause()
  }

  #refresh(): void {
    if (this.#refreshing !== undefined || this.#isClosed) return
    this.#refreshedAtMs = systemTimers.elapsedMs()
    this.#refreshAtMs = this.#refreshedAtMs + this.#reader.refreshMs
    this.#refreshing = this.#client
      .refresh(this.#reader)
      .catch((error: unknown) => {
        this.#notBeforeMs = systemTimers.elapsedMs() + retryMs
        if (!this.#isClosed) this.#reader.failed(kafkaFault(this.#reader.name, error))
      })
      .finally(() => {
        this.#refreshing = undefined
        this.#reader.woken()
      })
  }
}

function keyOf({ topicId, partition }: Pick<Partition, 'topicId' | 'partition'>): string {
  return `${topicId}[${partition}]`
}
