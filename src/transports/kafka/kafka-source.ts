// Topics as a log source, read by one member of a group. The group says which partitions this member has; it
// reads them with positions of its own, so that those it keeps in a rebalance go on where they are, and it
// commits what is settled of each without a hole. Upholds I3, I4, I6 and I7.
//
// A partition: given -> beginning (what the group has committed is asked for) -> read -> lost.
import { InturnError } from '../../core/errors.ts'
import type { ReadRequest, Source, SourceExtent, SourcePart } from '../../ports/source.ts'
import { systemTimers } from '../../ports/timers.ts'
import { kafkaFault } from './faults.ts'
import { FetchLoop } from './fetch-loop.ts'
import { GroupClient } from './group-client.ts'
import type { GroupClientOptions } from './group-client.ts'
import { OffsetKeeper } from './offset-keeper.ts'
import { Partition } from './partition.ts'
import type { RecordDelivery, RecordMapping } from './record-message.ts'
import { deliveryOf } from './record-message.ts'
import { settledRuns } from './settled-runs.ts'
import { surveyGroup } from './survey.ts'

/** What a source is made of. */
export interface KafkaSourceParts {
  readonly client: GroupClientOptions
  readonly mapping: RecordMapping
  readonly start: 'beginning' | 'new'
  readonly unsettledMax: number
  readonly commitEveryMs: number
  readonly refreshMs: number
  readonly warn: (message: string) => void
}

/** A delivery, and what settles it. */
interface HeldDelivery extends RecordDelivery {
  readonly from: { readonly partition: Partition; readonly ticket: number }
}

/** Until a failure is looked at again, or nothing has come; in milliseconds. */
const lookEveryMs = 250
/** Until a partition that cannot be read on is asked for again, in milliseconds. */
const stoppedMs = 5_000

/** The source itself; made by `kafkaSource`. */
export class KafkaSource implements Source<HeldDelivery> {
  readonly kind = 'log'
  readonly isOfGroup = true
  readonly name: string
  readonly #parts: KafkaSourceParts
  #client: GroupClient | undefined
  #loop: FetchLoop | undefined
  #keeper: OffsetKeeper | undefined
  readonly #partitions = new Map<string, Partition>()
  /** What this member has, as it was last looked at. */
  #assignment: GroupClient['assignment'] = null
  #beginning: Promise<void> | undefined
  /** How many partitions each topic had at first: those that came later begin at their beginning. */
  readonly #firstCounts = new Map<string, number>()
  #failure: InturnError | undefined
  #retryAtMs = 0
  /** Partitions take turns in being the first that is read. */
  #turn = 0
  #wake: () => void = () => undefined
  #lastWarning = ''

  constructor(parts: KafkaSourceParts) {
    this.name = parts.client.name
    this.#parts = parts
  }

  async open(): Promise<void> {
    const { client: options, commitEveryMs, refreshMs } = this.#parts
    const news = {
      changed: () => this.#wake(),
      rebalancing: () => void this.#keeper?.commitNow(),
    }
    const client = await GroupClient.open(options, news)
    for (const topic of options.topics) this.#firstCounts.set(topic, client.partitionsOf(topic))
    this.#client = client
    this.#keeper = new OffsetKeeper({
      everyMs: commitEveryMs,
      commit: (commits) => client.commit(commits),
      partitions: this.#partitions,
      warn: (message) => this.#warn(message),
    })
    this.#loop = new FetchLoop(client, {
      name: this.name,
      refreshMs,
      woken: () => {
        this.#keeper?.commitSoon()
        this.#wake()
      },
      failed: (error) => this.#fail(error),
      replaced: (topic) => this.#replaced(topic),
      missing: (topic) => {
        for (const partition of this.#of(topic)) this.#stop(partition, 'the topic is not there any more')
      },
      stopped: (partition, because) => this.#stop(partition, because),
      restarted: (partition, offset) => this.#again(partition).begin(offset),
      warned: (message) => this.#warn(message),
    })
    this.#follow(client)
    await this.#beginning
    const failure = this.#failure
    this.#failure = undefined
    if (failure === undefined) return
    await this.close()
    throw failure
  }

  async read({ max, waitMs, signal }: ReadRequest): Promise<readonly HeldDelivery[]> {
    const client = this.#opened()
    const untilMs = systemTimers.elapsedMs() + waitMs
    while (!signal.aborted) {
      this.#follow(client)
      const taken = this.#take(max)
      this.#loop?.run(this.#partitions.values())
      if (taken.length > 0) return Promise.all(taken)
      const failure = this.#failure
      this.#failure = undefined
      if (failure !== undefined) throw failure
      const leftMs = untilMs - systemTimers.elapsedMs()
      if (leftMs <= 0) break
      await this.#wait(Math.min(leftMs, lookEveryMs), signal)
    }
    return []
  }

  settle(deliveries: readonly HeldDelivery[]): Promise<void> {
    for (const { from } of deliveries) from.partition.settle(from.ticket)
    this.#keeper?.commitSoon()
    return Promise.resolve()
  }

  release(): Promise<void> {
    return Promise.resolve()
  }

  async isCaughtUp(): Promise<boolean> {
    const client = this.#opened()
    this.#follow(client)
    await this.#beginning
    const partitions = [...this.#partitions.values()]
    const ends = await client.offsets(partitions, 'new')
    return partitions.every(({ unread }, index) => unread !== undefined && unread >= (ends[index] ?? 0))
  }

  async extent(): Promise<SourceExtent> {
    const client = this.#opened()
    const partitions = [...this.#partitions.values()]
    const firsts = await client.offsets(partitions, 'beginning')
    const ends = await client.offsets(partitions, 'new')
    const sums = { done: 0, total: 0 }
    for (const [index, { unread = 0 }] of partitions.entries()) {
      const [first = 0, end = 0] = [firsts[index], ends[index]]
      sums.total += Math.max(0, end - first)
      sums.done += Math.max(0, Math.min(unread, end) - first)
    }
    return { ...sums, unit: 'events' }
  }

  parts(): Promise<readonly SourcePart[]> {
    const { client, start } = this.#parts
    if (this.#client === undefined) return surveyGroup(client, start)
    const uncommitted = this.#keeper?.problem
    return Promise.resolve(
      [...this.#partitions.values()].map(({ name, behind, problem = uncommitted }) => ({
        name,
        ...(behind !== undefined && { behind }),
        ...(problem !== undefined && { problem }),
      })),
    )
  }

  /** Commits what is settled, and leaves the group, so that others go on from there at once. */
  async close(): Promise<void> {
    const [client, loop, keeper] = [this.#client, this.#loop, this.#keeper]
    this.#client = undefined
    await keeper?.close()
    await Promise.all([loop?.close(), client?.close(), this.#beginning])
    for (const partition of this.#partitions.values()) partition.isLost = true
    this.#partitions.clear()
  }

  #opened(): GroupClient {
    if (this.#client !== undefined) return this.#client
    throw new InturnError('source-unavailable', `${this.name}: it is not open`)
  }

  /** Compares what this member has with what the group says, and begins what is new. */
  #follow(client: GroupClient): void {
    const isPaused = systemTimers.elapsedMs() < this.#retryAtMs
    if (!isPaused) void client.join().catch((error: unknown) => this.#fail(kafkaFault(this.name, error)))
    const { assignment } = client
    if (assignment !== this.#assignment) {
      this.#assignment = assignment
      const given = (assignment ?? []).flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      )
      const names = new Set(given.map(({ topic, partition }) => `${topic}[${partition}]`))
      for (const partition of this.#partitions.values()) if (!names.has(partition.name)) this.#lose(partition)
      for (const { topic, partition } of given) this.#add(topic, partition)
    }
    const isMissing = [...this.#partitions.values()].some(({ next }) => next === undefined)
    if (!isMissing || isPaused || this.#beginning !== undefined) return
    this.#beginning = this.#begin(client)
      .catch((error: unknown) => this.#fail(kafkaFault(this.name, error)))
      .finally(() => {
        this.#beginning = undefined
        this.#wake()
      })
  }

  #add(topic: string, partition: number): void {
    const { unsettledMax } = this.#parts
    const topicId = this.#client?.topicId(topic) ?? ''
    const made = new Partition({ topic, partition }, { topicId, unsettledMax })
    if (!this.#partitions.has(made.name)) this.#partitions.set(made.name, made)
  }

  #lose(partition: Partition): void {
    partition.isLost = true
    this.#partitions.delete(partition.name)
  }

  /** The same partition without anything that was read of it. */
  #again(partition: Partition): Partition {
    this.#lose(partition)
    this.#add(partition.topic, partition.partition)
    return this.#partitions.get(partition.name) ?? partition
  }

  /**
   * Finds out where partitions begin: where the group has come to, or else where it is to start. That is
   * committed at once, so that whoever has them next begins at the same place.
   */
  async #begin(client: GroupClient): Promise<void> {
    const open = [...this.#partitions.values()].filter(({ next }) => next === undefined)
    const committed = await client.committed(open)
    for (const [index, has] of committed.entries()) {
      if (has !== undefined) open[index]?.begin(has.offset, has, settledRuns(has.offset, has.metadata))
    }
    for (const at of ['beginning', 'new'] as const) {
      const fresh = open.filter(
        (partition) => partition.next === undefined && this.#startOf(partition) === at,
      )
      const offsets = await client.offsets(fresh, at)
      for (const [index, partition] of fresh.entries()) partition.begin(offsets[index] ?? 0)
    }
    await this.#keeper?.commitNow()
  }

  #startOf({ topic, partition }: Partition): 'beginning' | 'new' {
    return partition < (this.#firstCounts.get(topic) ?? 0) ? this.#parts.start : 'beginning'
  }

  #replaced(topic: string): void {
    this.#warn(`the topic ${topic} was deleted and made anew; it is read from its beginning`)
    this.#firstCounts.set(topic, 0)
    for (const partition of this.#of(topic)) this.#again(partition).begin(0)
  }

  #of(topic: string): readonly Partition[] {
    return [...this.#partitions.values()].filter((partition) => partition.topic === topic)
  }

  /** It stands still, and the others go on. Told once for each reason. */
  #stop(partition: Partition, because: string): void {
    const { name, next, problem: before } = partition
    const problem = `${name} is not read on from offset ${next ?? '?'}: ${because}`
    partition.stop(problem, systemTimers.elapsedMs() + stoppedMs)
    if (problem !== before) this.#warn(`${problem}. Other partitions go on; it is tried again and again`)
  }

  /** Takes what waits, an even share of each partition. */
  #take(max: number): readonly Promise<HeldDelivery>[] {
    const all = [...this.#partitions.values()]
    const first = all.length === 0 ? 0 : this.#turn++ % all.length
    const waiting = [...all.slice(first), ...all.slice(0, first)].filter(
      ({ waitingBytes }) => waitingBytes > 0,
    )
    const taken: Promise<HeldDelivery>[] = []
    for (const [index, partition] of waiting.entries()) {
      const share = Math.ceil((max - taken.length) / (waiting.length - index))
      for (const { ticket, ...given } of partition.take(share)) {
        const made = deliveryOf(partition, given, this.#parts.mapping)
        taken.push(made.then((delivery) => ({ ...delivery, from: { partition, ticket } })))
      }
    }
    return taken
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController()
    this.#wake = () => woken.abort('woken')
    await systemTimers.sleep(ms, AbortSignal.any([signal, woken.signal]))
    this.#wake = () => undefined
  }

  #fail(error: InturnError): void {
    this.#failure ??= error
    this.#retryAtMs = systemTimers.elapsedMs() + lookEveryMs
    this.#wake()
  }

  #warn(message: string): void {
    if (message === this.#lastWarning) return
    this.#lastWarning = message
    this.#parts.warn(`${this.name}: ${message}`)
  }
}
