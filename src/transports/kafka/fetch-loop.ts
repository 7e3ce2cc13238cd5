// Fetches for the partitions that have room, one request a broker at a time. A partition that is full is
// left out of the request; one that fails keeps no other back, and a broker that fails or says nothing keeps
// back what it leads alone. A broker fills its answer in the order of the request, so those that have waited
// longest come first. What a log has no longer is told. Upholds I6 and I7.
//
// A broker: asked -> answered | failed: not asked for a while, and looked whether others lead its partitions.
import type { InturnError } from '../../core/errors.ts'
import { errorMessage } from '../../core/thrown.ts'
import { systemRandom, systemTimers } from '../../ports/timers.ts'
import { kafkaFault, reasonOf } from './faults.ts'
import type { FetchedPartition } from './fetch-request.ts'
import type { Partition } from './partition.ts'
import type { BrokerAddress, TopicClient, TopicNews } from './topic-client.ts'

/** Whom the loop serves. */
export interface FetchReader extends TopicNews {
  readonly name: string
  readonly refreshMs: number
  /** By their names. */
  readonly partitions: ReadonlyMap<string, Partition>
  /** Something came, or failed. */
  woken(): void
  /** Nobody could say who leads what, as it was asked at that moment. */
  failed(error: InturnError, sinceMs: number): void
  /** Somebody has said who leads what. */
  looked(): void
  /** A broker cannot be asked for partitions that it leads, and the others go on. */
  waitsFor(broker: string, partitions: readonly Partition[], because: string): void
  /** Nothing waits for a broker any more. */
  goesOn(broker: string, because: string): void
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
/** Until a broker that goes on failing is asked again, at most. */
const retryMsMax = 5_000
/** A broker has answered nothing for so long, though it answers within a third of a second. */
const silentMs = 5_000
/** While a broker fails or is silent, it is asked so often who leads what. */
const lookEveryMs = 1_000

/** A broker, as it is asked. */
interface Asked {
  readonly address: BrokerAddress
  /** For people. */
  readonly name: string
  /** What is being fetched, and since when. */
  fetch: { readonly partitions: readonly Partition[]; readonly sinceMs: number } | undefined
  /** How often it has failed since it answered, and what with. */
  failures: number
  because: string | undefined
  notBeforeMs: number
}

const offsetOutOfRange = 1
/** What an answer says of a partition whose leader, or topic, is no longer where it was. */
const movedCodes: ReadonlySet<number> = new Set([3, 5, 6, 9, 56, 74, 75, 76, 78, 100, 103])

const refusals: ReadonlyMap<number, string> = new Map([[29, 'this user may not read the topic']])

/** The fetches of one source. */
export class FetchLoop {
  readonly #client: TopicClient
  readonly #reader: FetchReader
  readonly #brokers = new Map<number, Asked>()
  readonly #running = new Set<Promise<void>>()
  #refreshAtMs: number
  #refreshedAtMs = -Infinity
  #answeredAtMs = -Infinity
  #refreshing: Promise<void> | undefined
  #isClosed = false
  /** How many answers of a partition had something. */
  #served = 0

  constructor(client: TopicClient, reader: FetchReader) {
    this.#client = client
    this.#reader = reader
    this.#refreshAtMs = systemTimers.elapsedMs() + reader.refreshMs
  }

  /** When a broker has last answered a fetch. */
  get answeredAtMs(): number {
    return this.#answeredAtMs
  }

  /** Asks each broker that is not being asked already for what has room. */
  run(): void {
    if (this.#isClosed) return
    const nowMs = systemTimers.elapsedMs()
    const all = [...this.#reader.partitions.values()]
    this.#lookForLeaders(all, nowMs)
    if (all.reduce((sum, { waitingBytes }) => sum + waitingBytes, 0) >= waitingBytesMax) return
    const wanted = all
      .filter((partition) => partition.mayFetch(nowMs))
      .sort((one, other) => one.servedAt - other.servedAt)
    for (const [node, own] of Map.groupBy(wanted, (partition) => this.#client.leaderOf(partition))) {
      if (node === undefined) continue
      const asked = this.#brokerOf(node)
      if (asked.fetch === undefined && nowMs >= asked.notBeforeMs) this.#start(node, asked, own)
    }
  }

  /** Whether a partition is led by a broker that cannot be asked now. */
  isStuck(partition: Partition): boolean {
    const node = this.#client.leaderOf(partition)
    const asked = node === undefined ? undefined : this.#brokers.get(node)
    return asked !== undefined && problemOf(asked, systemTimers.elapsedMs()) !== undefined
  }

  /** Those that nobody leads, or whose leader fails, keep no other back. */
  #lookForLeaders(partitions: readonly Partition[], nowMs: number): void {
    const unled = partitions.filter((partition) => this.#client.leaderOf(partition) === undefined)
    const isStuck = this.#brokers.values().some((asked) => problemOf(asked, nowMs) !== undefined)
    const dueMs = Math.min(
      this.#refreshAtMs,
      unled.length > 0 ? this.#refreshedAtMs + retryMs : Infinity,
      isStuck ? this.#refreshedAtMs + lookEveryMs : Infinity,
    )
    if (nowMs < dueMs) return
    this.#refresh()
    for (const partition of unled) if (this.#client.isUnled(partition)) this.#reader.unled(partition)
  }

  /** Resolves once nothing is being asked any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#running, this.#refreshing])
  }

  #brokerOf(node: number): Asked {
    const address = this.#client.addressOf(node)
    const name = `the broker ${node} (${address.host}:${address.port})`
    const known = this.#brokers.get(node)
    if (known?.name === name) return known
    if (known !== undefined) this.#reader.goesOn(known.name, 'is at another address now')
    const asked = { address, name, fetch: undefined, failures: 0, because: undefined, notBeforeMs: 0 }
    this.#brokers.set(node, asked)
    return asked
  }

  #start(node: number, asked: Asked, partitions: readonly Partition[]): void {
    asked.fetch = { partitions, sinceMs: systemTimers.elapsedMs() }
    for (const partition of partitions) partition.isFetching = true
    const running = this.#fetch(node, partitions)
      .then(
        () => this.#answered(asked),
        (error: unknown) => this.#failed(asked, error),
      )
      .finally(() => {
        asked.fetch = undefined
        this.#running.delete(running)
        for (const partition of partitions) partition.isFetching = false
        this.#reader.woken()
      })
    this.#running.add(running)
  }

  #answered(asked: Asked): void {
    this.#answeredAtMs = systemTimers.elapsedMs()
    const wasStuck = problemOf(asked, this.#answeredAtMs) !== undefined
    Object.assign(asked, { failures: 0, because: undefined, notBeforeMs: 0 })
    if (wasStuck) this.#reader.goesOn(asked.name, 'answers again')
  }

  #failed(asked: Asked, error: unknown): void {
    if (this.#isClosed) return
    const ceiling = Math.min(retryMsMax, retryMs * 2 ** asked.failures)
    asked.failures++
    asked.because = reasonOf(this.#reader.name, error)
    asked.notBeforeMs = systemTimers.elapsedMs() + (ceiling * (1 + systemRandom.next())) / 2
    this.#refresh()
  }

  async #fetch(node: number, partitions: readonly Partition[]): Promise<void> {
    const asked = new Map(partitions.map((partition) => [keyOf(partition), partition]))
    const from = new Map(partitions.map((partition) => [partition, partition.next]))
    const { partitions: answers } = await this.#client.fetch(node, partitions)
    for (const answer of answers) {
      const partition = asked.get(keyOf(answer))
      if (partition === undefined) continue
      // What cannot be read of one keeps no other back.
      await this.#take(partition, from.get(partition), answer).catch((error: unknown) =>
        this.#reader.stopped(partition, reasonOf(this.#reader.name, error)),
      )
    }
  }

  async #take(partition: Partition, from: number | undefined, answer: FetchedPartition): Promise<void> {
    const { errorCode } = answer
    if (from === undefined || partition.isLost) return
    if (errorCode === 0) this.#accept(partition, from, answer)
    else if (errorCode === offsetOutOfRange) await this.#findBeginning(partition, from)
    else if (movedCodes.has(errorCode)) {
      partition.notBeforeMs = systemTimers.elapsedMs() + retryMs
      this.#refresh()
    } else
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

  /** Looks anew who leads what. */
  #refresh(): void {
    if (this.#refreshing !== undefined || this.#isClosed) return
    const nowMs = systemTimers.elapsedMs()
    this.#refreshedAtMs = nowMs
    this.#refreshAtMs = nowMs + this.#reader.refreshMs
    this.#refreshing = this.#client
      .refresh(this.#reader)
      .then(
        () => this.#looked(),
        (error: unknown) => {
          this.#refreshAtMs = Math.min(this.#refreshAtMs, systemTimers.elapsedMs() + lookEveryMs)
          if (!this.#isClosed) this.#reader.failed(kafkaFault(this.#reader.name, error), nowMs)
        },
      )
      .finally(() => {
        this.#refreshing = undefined
        this.#reader.woken()
      })
  }

  /** Tells what waits for brokers that cannot be asked; what another one leads now does not wait for them. */
  #looked(): void {
    if (this.#isClosed) return
    this.#reader.looked()
    const nowMs = systemTimers.elapsedMs()
    const partitions = [...this.#reader.partitions.values()]
    for (const [node, asked] of this.#brokers) {
      const because = problemOf(asked, nowMs)
      if (because === undefined) continue
      const isOf = (partition: Partition): boolean => this.#client.leaderOf(partition) === node
      if (asked.fetch?.partitions.every(isOf) === false) this.#client.endFetch(asked.address)
      const own = partitions.filter(isOf)
      if (own.length > 0) this.#reader.waitsFor(asked.name, own, because)
      else this.#reader.goesOn(asked.name, 'leads nothing here any more')
      if (own.length === 0 && asked.fetch === undefined) this.#brokers.delete(node)
    }
  }
}

/** Why a broker cannot be asked now; `undefined`: it can. */
function problemOf({ failures, because, fetch }: Asked, nowMs: number): string | undefined {
  // A connection that ends tells nothing yet of whether there is another one.
  if (failures > 1) return because
  const isSilent = fetch !== undefined && nowMs - fetch.sinceMs >= silentMs
  return isSilent ? `it has not answered for ${silentMs / 1_000} s` : undefined
}

function keyOf({ topicId, partition }: Pick<Partition, 'topicId' | 'partition'>): string {
  return `${topicId}[${partition}]`
}
