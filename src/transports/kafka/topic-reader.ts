// Reads partitions, whoever has given them out: gives out what was fetched, an even share of each, and waits
// where there is nothing. Upholds I6.
import type { InturnError } from '../../core/errors.ts'
import { orAborted } from '../../ports/sending.ts'
import type { ReadRequest, SourceExtent } from '../../ports/source.ts'
import { systemTimers } from '../../ports/timers.ts'
import { Troubles } from '../../ports/troubles.ts'
import { reasonOf } from './faults.ts'
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

/** Until something that failed is tried again, or nothing has come; in milliseconds. */
const lookEveryMs = 250
/** Until what goes on failing is tried again, at most. */
const retryMsMax = 5_000
/** So many partitions are named in a warning. */
const namesMax = 10
/** Until a partition that cannot be read on is asked for again, in milliseconds. */
const stoppedMs = 5_000

/** What reading needs: who leads what, a place in the group, where partitions begin. */
type Need = 'leaders' | 'group' | 'beginnings'

interface Failing {
  readonly error: InturnError
  /** What has failed was begun then. */
  readonly sinceMs: number
  readonly failures: number
  readonly retryAtMs: number
  isThrown: boolean
}

const asked: Readonly<Record<Need, string>> = {
  leaders: 'asking who leads what',
  group: 'joining the group',
  beginnings: 'asking where partitions begin',
}

/** A reader of partitions. */
export class TopicReader {
  /** By their names. */
  readonly partitions: Map<string, Partition> = new Map()
  readonly #parts: TopicReaderParts
  readonly #topics: TopicClient
  readonly #loop: FetchLoop
  readonly #failing = new Map<Need, Failing>()
  /** What goes wrong with a part of what is read. */
  readonly troubles: Troubles<string>
  /** Partitions take turns in being the first that is read. */
  #turn = 0
  #wake: () => void = () => undefined
  #lastWarning = ''
  /** What waits for `decode`; nothing else is given out in front of it. */
  #decoding: Promise<readonly HeldDelivery[]> | undefined

  constructor(topics: TopicClient, parts: TopicReaderParts, news: ReaderNews) {
    this.#parts = parts
    this.#topics = topics
    this.troubles = new Troubles({
      tell: (message) => parts.warn(`${parts.name}: ${message}`),
      againMs: 60_000,
      againMsMax: 300_000,
      elapsedMs: () => systemTimers.elapsedMs(),
    })
    this.#loop = new FetchLoop(topics, {
      name: parts.name,
      refreshMs: parts.refreshMs,
      partitions: this.partitions,
      woken: () => {
        news.fetched()
        this.wake()
      },
      failed: (error, sinceMs) => this.failed('leaders', error, sinceMs),
      looked: () => this.works('leaders'),
      waitsFor: (broker, partitions, because) => this.#waitFor(broker, partitions, because),
      goesOn: (broker, because) => this.troubles.over(broker, `${broker} ${because}`),
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
      this.#loop.run()
      if (taken instanceof Promise) {
        this.#decoding = taken
        await orAborted(taken, signal)
        // Whoever ends waits for no decode: what it has not made is not settled, and comes again.
        if (signal.aborted) break
        this.#decoding = undefined
      }
      const ready = await taken
      if (ready.length > 0) return ready
      const leftMs = untilMs - systemTimers.elapsedMs()
      this.#throwFailure(leftMs <= 0)
      if (leftMs <= 0) break
      await this.#wait(Math.min(leftMs, lookEveryMs), signal)
    }
    return []
  }

  async isCaughtUp(): Promise<boolean> {
    const partitions = [...this.partitions.values()]
    if (partitions.some((one) => !this.isLed(one) || this.#loop.isStuck(one))) return false
    const askedAtMs = systemTimers.elapsedMs()
    const ends = await this.#topics.offsets(partitions, 'new').catch((error: unknown) => {
      // Of a broker that has failed just now the next fetch tells.
      if (this.#loop.answeredAtMs < askedAtMs) throw error
    })
    if (ends === undefined) return false
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

  /** Whether something may be tried: it has not failed a moment ago. */
  mayTry(need: Need): boolean {
    return systemTimers.elapsedMs() >= (this.#failing.get(need)?.retryAtMs ?? 0)
  }

  /** Something has failed that was begun then. All who have waited for it may say so. */
  failed(need: Need, error: InturnError, sinceMs: number): void {
    const before = this.#failing.get(need)
    if (before?.error === error) return
    const failures = (before?.failures ?? 0) + 1
    const retryAtMs = systemTimers.elapsedMs() + Math.min(retryMsMax, lookEveryMs * 2 ** (failures - 1))
    this.#failing.set(need, { error, sinceMs, failures, retryAtMs, isThrown: false })
    this.wake()
  }

  works(need: Need): void {
    if (this.#failing.delete(need)) this.troubles.over(need, `${asked[need]} works again`)
  }

  /** What has failed and does not work yet. */
  get failure(): InturnError | undefined {
    return this.#failing.values().next().value?.error
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

  /**
   * What reading needs fails, and no broker has answered a fetch since: that is the source's failure, which
   * lasts as long as that is so. Where brokers answer it is a trouble that is told, and reading goes on.
   */
  #throwFailure(isEnd: boolean): void {
    for (const [need, failing] of this.#failing) {
      const { error, sinceMs, isThrown } = failing
      if (sinceMs < this.#loop.answeredAtMs) {
        const reason = reasonOf(this.#parts.name, error)
        this.troubles.has(need, reason, `${asked[need]} fails; what this reader has is read on: ${reason}`)
      } else if (isEnd || !isThrown) {
        failing.isThrown = true
        throw error
      }
    }
  }

  /** Partitions wait for their broker, and the others go on. */
  #waitFor(broker: string, partitions: readonly Partition[], because: string): void {
    for (const partition of partitions) partition.stop(`${broker} cannot be asked: ${because}`, 0)
    const names = partitions.slice(0, namesMax).map(({ name }) => name)
    const more = partitions.length > namesMax ? ` and ${partitions.length - namesMax} more` : ''
    const wait = `${names.join(', ')}${more} ${partitions.length === 1 ? 'waits' : 'wait'} for it`
    this.troubles.has(broker, because, `${broker} cannot be asked; ${wait}, others go on: ${because}`)
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
