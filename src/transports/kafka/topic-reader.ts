// Reads partitions, whoever has given them out: gives out what was fetched, an even share of each, and waits
// where there is nothing. Upholds I6.
import type { InturnError } from '../../core/errors.ts'
import { orAborted } from '../../ports/sending.ts'
import type { ReadRequest, SourceExtent } from '../../ports/source.ts'
import { systemTimers } from '../../ports/timers.ts'
import { FetchLoop } from './fetch-loop.ts'
import { Partition } from './partition.ts'
import type { PartitionName } from './partition.ts'
import type { HeldDelivery, RecordMapping } from './record-message.ts'
import { deliveryOf } from './record-message.ts'
import type { TopicClient, TopicNews } from './topic-client.ts'

/** What a reader is made of. */
export interface TopicReaderParts {
  readonly name: string
  readonly mapping: RecordMapping
  readonly unsettledMax: number
  readonly refreshMs: number
  readonly warn: (message: string) => void
}

/** What whoever reads is told of, besides what comes. */
export interface ReaderNews extends TopicNews {
  /** Something was fetched, or failed. */
  fetched(): void
}

/** Until a failure is looked at again, or nothing has come; in milliseconds. */
const lookEveryMs = 250
/** Until a partition that cannot be read on is asked for again, in milliseconds. */
const stoppedMs = 5_000

/** A reader of partitions. */
export class TopicReader {
  /** By their names. */
  readonly partitions: Map<string, Partition> = new Map()
  readonly #parts: TopicReaderParts
  readonly #topics: TopicClient
  readonly #loop: FetchLoop
  #failure: InturnError | undefined
  #retryAtMs = 0
  /** Partitions take turns in being the first that is read. */
  #turn = 0
  #wake: () => void = () => undefined
  #lastWarning = ''
  /** What waits for `decode`; nothing else is given out in front of it. */
  #decoding: Promise<readonly HeldDelivery[]> | undefined

  constructor(topics: TopicClient, parts: TopicReaderParts, news: ReaderNews) {
    this.#parts = parts
    this.#topics = topics
    this.#loop = new FetchLoop(topics, {
      name: parts.name,
      refreshMs: parts.refreshMs,
      woken: () => {
        news.fetched()
        this.wake()
      },
      failed: (error) => this.fail(error),
      changed: (topic) => news.changed(topic),
      replaced: (topic) => {
        this.warn(`the topic ${topic} was deleted and made anew; it is read from its beginning`)
        news.replaced(topic)
        for (const partition of this.#of(topic)) this.#again(partition).begin(0)
      },
      missing: (topic) => {
        news.missing(topic)
        for (const partition of this.#of(topic)) this.#stop(partition, 'the topic is not there any more')
      },
      stopped: (partition, because) => this.#stop(partition, because),
      unled: (partition) => this.#stop(partition, 'no broker leads it', 0),
      restarted: (partition, offset) => this.#again(partition).begin(offset),
      warned: (message) => this.warn(message),
    })
  }

  /** Begins to have a partition, unless it has it; where to read is for its `begin` to say. */
  add({ topic, partition }: PartitionName): Partition {
    const { unsettledMax } = this.#parts
    const topicId = this.#topics.topicId(topic) ?? ''
    const made = new Partition({ topic, partition }, { topicId, unsettledMax })
    const own = this.partitions.get(made.name) ?? made
    this.partitions.set(own.name, own)
    return own
  }

  lose(partition: Partition): void {
    partition.isLost = true
    this.partitions.delete(partition.name)
  }

  /** The next deliveries; `prepare` is called before each look. */
  async read({ max, waitMs, signal }: ReadRequest, prepare: () => void): Promise<readonly HeldDelivery[]> {
    const untilMs = systemTimers.elapsedMs() + waitMs
    while (!signal.aborted) {
      prepare()
      const taken = this.#decoding ?? this.#take(max)
      this.#loop.run(this.partitions.values())
      if (taken instanceof Promise) {
        this.#decoding = taken
        await orAborted(taken, signal)
        // Whoever ends waits for no decode: what it has not made is not settled, and comes again.
        if (signal.aborted) break
        this.#decoding = undefined
      }
      const ready = await taken
      if (ready.length > 0) return ready
      const failure = this.takeFailure()
      if (failure !== undefined) throw failure
      const leftMs = untilMs - systemTimers.elapsedMs()
      if (leftMs <= 0) break
      await this.#wait(Math.min(leftMs, lookEveryMs), signal)
    }
    return []
  }

  async isCaughtUp(): Promise<boolean> {
    const partitions = [...this.partitions.values()]
    if (partitions.some((partition) => !this.isLed(partition))) return false
    const ends = await this.#topics.offsets(partitions, 'new')
    return partitions.every(({ unread, window }, index) => {
      return unread !== undefined && unread >= Math.min(window.until, ends[index] ?? 0)
    })
  }

  async extent(): Promise<SourceExtent> {
    const partitions = [...this.partitions.values()].filter((partition) => this.isLed(partition))
    const firsts = await this.#topics.offsets(partitions, 'beginning')
    const ends = await this.#topics.offsets(partitions, 'new')
    const sums = { done: 0, total: 0 }
    for (const [index, { unread = 0, window }] of partitions.entries()) {
      const first = Math.max(firsts[index] ?? 0, window.from)
      const end = Math.min(window.until, ends[index] ?? 0)
      sums.total += Math.max(0, end - first)
      sums.done += Math.max(0, Math.min(unread, end) - first)
    }
    return { ...sums, unit: 'events' }
  }

  /** Whether a broker leads a partition; one that nobody leads can be asked for nothing. */
  isLed(partition: PartitionName): boolean {
    return this.#topics.leaderOf(partition) !== undefined
  }

  /** Whether something has failed a moment ago, and is not tried again yet. */
  get isPaused(): boolean {
    return systemTimers.elapsedMs() < this.#retryAtMs
  }

  fail(error: InturnError): void {
    this.#failure ??= error
    this.#retryAtMs = systemTimers.elapsedMs() + lookEveryMs
    this.wake()
  }

  /** What has failed since it was last asked. */
  takeFailure(): InturnError | undefined {
    const failure = this.#failure
    this.#failure = undefined
    return failure
  }

  wake(): void {
    this.#wake()
  }

  warn(message: string): void {
    if (message === this.#lastWarning) return
    this.#lastWarning = message
    this.#parts.warn(`${this.#parts.name}: ${message}`)
  }

  /** What was given out stays as it is, and tells nobody any more. */
  async close(): Promise<void> {
    for (const partition of this.partitions.values()) this.lose(partition)
    await this.#loop.close()
  }

  /** The same partition without anything that was read of it. */
  #again(partition: Partition): Partition {
    this.lose(partition)
    const made = this.add(partition)
    made.window = partition.window
    return made
  }

  #of(topic: string): readonly Partition[] {
    return [...this.partitions.values()].filter((partition) => partition.topic === topic)
  }

  /** It stands still, and the others go on. Told once for each reason. */
  #stop(partition: Partition, because: string, forMs: number = stoppedMs): void {
    const { name, next, problem: before } = partition
    const problem = `${name} is not read on from offset ${next ?? '?'}: ${because}`
    partition.stop(problem, systemTimers.elapsedMs() + forMs)
    if (problem !== before) this.warn(`${problem}. Other partitions go on; it is tried again and again`)
  }

  /** Takes what waits, an even share of each partition. */
  #take(max: number): readonly HeldDelivery[] | Promise<readonly HeldDelivery[]> {
    const all = [...this.partitions.values()]
    const first = all.length === 0 ? 0 : this.#turn++ % all.length
    const waiting = [...all.slice(first), ...all.slice(0, first)].filter(
      ({ waitingBytes }) => waitingBytes > 0,
    )
    const taken: (HeldDelivery | Promise<HeldDelivery>)[] = []
    for (const [index, partition] of waiting.entries()) {
      const share = Math.ceil((max - taken.length) / (waiting.length - index))
      for (const given of partition.take(share)) taken.push(deliveryOf(partition, given, this.#parts.mapping))
    }
    const ready = taken.filter((one): one is HeldDelivery => !(one instanceof Promise))
    return ready.length === taken.length ? ready : Promise.all(taken.map(async (one) => one))
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController()
    this.#wake = () => woken.abort('woken')
    await systemTimers.sleep(ms, AbortSignal.any([signal, woken.signal]))
    this.#wake = () => undefined
  }
}
