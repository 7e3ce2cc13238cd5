// Topics as a log source, read by one member of a group. The group says which partitions this member has; it
// reads them with positions of its own, so that those it keeps in a rebalance go on where they are, and it
// commits what is settled of each without a hole. Upholds I3, I4, I6 and I7.
//
// A partition: given -> beginning (what the group has committed is asked for) -> read -> lost.
import { InturnError } from '../../core/errors.ts'
import type { ReadRequest, Source, SourceExtent, SourcePart, SourceWindow } from '../../ports/source.ts'
import { atMost, systemTimers } from '../../ports/timers.ts'
import { kafkaFault } from './faults.ts'
import { GroupClient } from './group-client.ts'
import type { GroupClientOptions } from './group-client.ts'
import { KafkaHistory } from './kafka-history.ts'
import { OffsetKeeper } from './offset-keeper.ts'
import type { Partition } from './partition.ts'
import type { HeldDelivery } from './record-message.ts'
import { settledRuns } from './settled-runs.ts'
import { surveyGroup } from './survey.ts'
import { closeMs } from './topic-client.ts'
import type { TopicReaderParts } from './topic-reader.ts'
import { TopicReader } from './topic-reader.ts'

/** What a source is made of. */
export interface KafkaSourceParts extends Omit<TopicReaderParts, 'name'> {
  readonly client: GroupClientOptions
  readonly start: 'beginning' | 'new'
  readonly commitEveryMs: number
}

/** What is there while it is open. */
interface OpenedSource {
  readonly group: GroupClient
  readonly reader: TopicReader
  readonly keeper: OffsetKeeper
}

/** The source itself; made by `kafkaSource`. */
export class KafkaSource implements Source<HeldDelivery> {
  readonly kind = 'log'
  readonly isOfGroup = true
  readonly name: string
  readonly #parts: KafkaSourceParts
  #opened: OpenedSource | undefined
  /** What this member has, as it was last looked at. */
  #assignment: GroupClient['assignment'] = null
  /** Partitions whose beginnings are asked for. */
  readonly #beginnings = new Set<Promise<void>>()
  readonly #asked = new WeakSet<Partition>()
  /** How many partitions each topic had at first: those that came later begin at their beginning. */
  readonly #firstCounts = new Map<string, number>()

  constructor(parts: KafkaSourceParts) {
    this.name = parts.client.name
    this.#parts = parts
  }

  async open(): Promise<void> {
    const { client: options, commitEveryMs } = this.#parts
    const group = await GroupClient.open(options, {
      changed: () => this.#opened?.reader.wake(),
      rebalancing: () => void this.#opened?.keeper.commitNow(),
    })
    for (const topic of options.topics) this.#firstCounts.set(topic, group.topics.partitionsOf(topic))
    const reader = new TopicReader(
      group.topics,
      { ...this.#parts, name: this.name },
      {
        fetched: () => this.#opened?.keeper.commitSoon(),
        changed: (topic) => group.takeIn(topic),
        replaced: (topic) => void this.#firstCounts.set(topic, 0),
        missing: (topic) => group.leaveOut(topic),
      },
    )
    const keeper = new OffsetKeeper({
      everyMs: commitEveryMs,
      commit: (commits) => group.commit(commits),
      partitions: reader.partitions,
      troubles: reader.troubles,
    })
    this.#opened = { group, reader, keeper }
    this.#assignment = null
    this.#follow(this.#opened)
    await Promise.all(this.#beginnings)
    const { failure } = reader
    if (failure === undefined) return
    await this.close()
    throw failure
  }

  read(request: ReadRequest): Promise<readonly HeldDelivery[]> {
    const opened = this.#use()
    return opened.reader.read(request, () => this.#follow(opened))
  }

  settle(deliveries: readonly HeldDelivery[]): Promise<void> {
    for (const { heldBy, ticket } of deliveries) heldBy.settle(ticket)
    this.#opened?.keeper.commitSoon()
    return Promise.resolve()
  }

  release(): Promise<void> {
    return Promise.resolve()
  }

  async isCaughtUp(): Promise<boolean> {
    const opened = this.#use()
    this.#follow(opened)
    return opened.reader.isCaughtUp()
  }

  async extent(): Promise<SourceExtent> {
    return this.#use().reader.extent()
  }

  parts(): Promise<readonly SourcePart[]> {
    const { client, start } = this.#parts
    if (this.#opened === undefined) return surveyGroup(client, start)
    const { reader, keeper } = this.#opened
    return Promise.resolve(
      [...reader.partitions.values()].map(({ name, behind, problem = keeper.problem }) => ({
        name,
        ...(behind !== undefined && { behind }),
        ...(problem !== undefined && { problem }),
      })),
    )
  }

  /** Its topics, as nobody's group reads them. */
  past(window: SourceWindow): Source {
    const { groupId: _, ...client } = this.#parts.client
    const name = `kafka ${client.topics.join(', ')}`
    return new KafkaHistory({ ...this.#parts, client: { ...client, name }, window: { text: '' } }).past(
      window,
    )
  }

  /**
   * Commits what is settled, and leaves the group, so that others go on from there at once. Waits for
   * brokers that say nothing no longer than some seconds: what they were not told costs copies.
   */
  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    if (opened === undefined) return
    const { group, reader, keeper } = opened
    await atMost(closeMs, keeper.close())
    await group.close()
    await atMost(closeMs, Promise.allSettled([reader.close(), ...this.#beginnings]))
  }

  #use(): OpenedSource {
    if (this.#opened !== undefined) return this.#opened
    throw new InturnError('source-unavailable', `${this.name}: it is not open`)
  }

  /** Compares what this member has with what the group says, and begins what is new. */
  #follow({ group, reader, keeper }: OpenedSource): void {
    const { partitions } = reader
    if (reader.mayTry('group')) {
      this.#need(reader, 'group', () => group.join()).catch(() => undefined)
    }
    const { assignment } = group
    if (assignment !== this.#assignment) {
      this.#assignment = assignment
      const given = (assignment ?? []).flatMap(({ topic, partitions: own }) =>
        own.map((partition) => ({ topic, partition })),
      )
      const names = new Set(given.map(({ topic, partition }) => `${topic}[${partition}]`))
      for (const partition of partitions.values()) if (!names.has(partition.name)) reader.lose(partition)
      for (const name of given) reader.add(name)
    }
    const open = this.#toBegin(reader)
    if (open.length === 0 || !reader.mayTry('beginnings')) return
    for (const partition of open) this.#asked.add(partition)
    const begin = (): Promise<void> => this.#begin({ group, reader, keeper }, open)
    const beginning = this.#need(reader, 'beginnings', begin).finally(() => {
      for (const partition of open) this.#asked.delete(partition)
      this.#beginnings.delete(beginning)
      reader.wake()
    })
    this.#beginnings.add(beginning)
  }

  /** Does what reading needs, and has the reader know what came of it. Never fails. */
  async #need(reader: TopicReader, need: 'group' | 'beginnings', act: () => Promise<void>): Promise<void> {
    const sinceMs = systemTimers.elapsedMs()
    try {
      await act()
      reader.works(need)
    } catch (error) {
      reader.failed(need, kafkaFault(this.name, error), sinceMs)
    }
  }

  /**
   * Finds out where partitions begin: where the group has come to, or else where it is to start. That is
   * committed at once, so that whoever has them next begins at the same place. A broker that does not say
   * where its partitions begin keeps no others back.
   */
  async #begin({ group, reader, keeper }: OpenedSource, open: readonly Partition[]): Promise<void> {
    const committed = await group.committed(open)
    for (const [index, has] of committed.entries()) {
      if (has !== undefined) open[index]?.begin(has.offset, has, settledRuns(has.offset, has.metadata))
    }
    const failed: unknown[] = []
    for (const at of ['beginning', 'new'] as const) {
      const fresh = open.filter(
        (partition) => partition.next === undefined && this.#startOf(partition) === at,
      )
      const leaders = Map.groupBy(fresh, (partition) => group.topics.leaderOf(partition))
      const begun = [...leaders.values()].map(async (own) => {
        const offsets = await group.topics.offsets(own, at)
        for (const [index, partition] of own.entries()) partition.begin(offsets[index] ?? 0)
        reader.wake()
      })
      const ends = await Promise.allSettled(begun)
      failed.push(...ends.filter((end) => end.status === 'rejected').map(({ reason }): unknown => reason))
    }
    await keeper.commitNow()
    if (failed.length > 0) throw failed[0]
  }

  #toBegin(reader: TopicReader): readonly Partition[] {
    return [...reader.partitions.values()].filter(
      (partition) => partition.next === undefined && reader.isLed(partition) && !this.#asked.has(partition),
    )
  }

  #startOf({ topic, partition }: Partition): 'beginning' | 'new' {
    return partition < (this.#firstCounts.get(topic) ?? 0) ? this.#parts.start : 'beginning'
  }
}
