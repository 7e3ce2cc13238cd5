// What brokers are asked of topics, by whoever reads them: who leads what, where logs begin and end, records.
// Fetches are raw requests on connections of their own, because a broker answers the requests of one
// connection one after another, and a fetch waits. Upholds I10.
import type { ClusterMetadata, ConnectionPool, Consumer } from '@platformatic/kafka'
import { InturnError } from '../../core/errors.ts'
import { errorMessage } from '../../core/thrown.ts'
import { atMost } from '../../ports/timers.ts'
import { asksOthers } from './asks-others.ts'
import { clientIdOf, connectionOf } from './cluster-target.ts'
import type { KafkaTarget } from './cluster-target.ts'
import { kafkaFault } from './faults.ts'
import { fetchApis } from './fetch-request.ts'
import type { FetchApi, FetchResponse } from './fetch-request.ts'
import type { KafkaLibrary } from './library.ts'
import { kafkaLibrary } from './library.ts'
import type { Partition, PartitionName } from './partition.ts'
import { offsetOf } from './record-batch.ts'

/** What is asked, and of whom. */
export interface TopicClientOptions extends KafkaTarget {
  readonly name: string
  readonly topics: readonly string[]
}

/** What is told of topics. */
export interface TopicNews {
  /** It is not there any more. */
  missing(topic: string): void
  /** It is there again, or has other partitions. */
  changed(topic: string): void
  /** It was made anew. */
  replaced(topic: string): void
}

/** The newest form of a request that the brokers know and whose shape is the one that is used here. */
export type NewestApi = <Found extends { readonly version: number }>(
  name: string,
  found: readonly Found[],
) => Found

/** Where a broker is. */
export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** A place in a log: its beginning, behind its last record, or the first record that is not older. */
export type OffsetAt = 'beginning' | 'new' | Date

/** What a connection fetches at most, in all and of one partition, and how long a broker waits for it. */
const fetchBytesMax = 4 * 1024 * 1024
const partitionBytesMax = 1024 * 1024
const fetchWaitMs = 300
const readCommitted = 1
const timestamps = { beginning: -2n, new: -1n } as const
const noEpoch = -1

/** How long brokers are waited for when it ends: for each thing that they are told. */
export const closeMs = 2_000

/** A client of a cluster, for some of its topics. */
export class TopicClient {
  readonly #options: TopicClientOptions
  readonly #client: Consumer
  readonly #fetch: FetchApi
  readonly #fetches: ConnectionPool
  #cluster: ClusterMetadata | undefined
  /** Topics that were not there when they were last looked at. */
  #missing: ReadonlySet<string> = new Set()

  constructor(
    options: TopicClientOptions,
    made: { readonly library: KafkaLibrary; readonly client: Consumer; readonly newest: NewestApi },
  ) {
    this.#options = options
    this.#client = made.client
    this.#fetch = made.newest('Fetch', fetchApis(made.library))
    this.#fetches = new made.library.ConnectionPool(clientIdOf(options), connectionOf(options))
  }

  /** Connects, and joins no group. */
  static async open(options: TopicClientOptions): Promise<TopicClient> {
    const library = await kafkaLibrary()
    const consumer = new library.Consumer({
      ...connectionOf(options),
      clientId: clientIdOf(options),
      bootstrapBrokers: [...options.brokers],
      // It has to have a name, and nobody is asked about it.
      groupId: 'inturn-reads-without-a-group',
      autocommit: false,
      retries: 3,
      retryDelay: 250,
    })
    const client = asksOthers(library, consumer)
    client.on('error', () => undefined)
    let made: TopicClient | undefined
    try {
      const newest = newestOf(await client.listApis())
      made = new TopicClient(options, { library, client, newest })
      await made.refresh()
      return made
    } catch (thrown) {
      await (made ?? client).close().catch(() => undefined)
      throw kafkaFault(options.name, thrown)
    }
  }

  /**
   * Looks anew who leads what. A topic that is not there any more is told, and keeps no other back; at the
   * start it is an error.
   */
  async refresh(news?: TopicNews): Promise<void> {
    const before = this.#cluster
    const { cluster, missing } = await this.#lookAt(this.#options.topics)
    const wereMissing = this.#missing
    this.#cluster = cluster
    this.#missing = missing
    for (const topic of this.#options.topics) {
      const had = before?.topics.get(topic)
      if (missing.has(topic)) {
        if (had !== undefined) cluster.topics.set(topic, had)
        news?.missing(topic)
        continue
      }
      if (before === undefined) continue
      if (wereMissing.has(topic) || this.partitionsOf(topic) !== had?.partitionsCount) news?.changed(topic)
      if (had !== undefined && had.id !== this.topicId(topic)) news?.replaced(topic)
    }
  }

  /** The id of a topic, which tells it from one that had its name before. */
  topicId(topic: string): string | undefined {
    return this.#cluster?.topics.get(topic)?.id
  }

  partitionsOf(topic: string): number {
    return this.#cluster?.topics.get(topic)?.partitionsCount ?? 0
  }

  /** The node that leads a partition; `undefined`: none that is known. */
  leaderOf({ topic, partition }: PartitionName): number | undefined {
    const node = this.#cluster?.topics.get(topic)?.partitions[partition]?.leader
    return node === undefined || this.#cluster?.brokers.get(node) === undefined ? undefined : node
  }

  /** Where a node is, as far as it is known. */
  addressOf(node: number): BrokerAddress {
    return this.#cluster?.brokers.get(node) ?? { host: 'unknown', port: 0 }
  }

  /** Ends the fetch that a broker has not answered: it fails. */
  endFetch(broker: BrokerAddress): void {
    void this.#fetches
      .getEstablishedConnection(broker)
      ?.close()
      .catch(() => undefined)
  }

  /** Whether a partition is known, and no broker leads it. */
  isUnled(partition: PartitionName): boolean {
    const isKnown = partition.partition < this.partitionsOf(partition.topic)
    return isKnown && this.leaderOf(partition) === undefined
  }

  /** Fetches from a node; resolves once there is something, or the broker has waited for a while. */
  async fetch(node: number, partitions: readonly Partition[]): Promise<FetchResponse> {
    const topics = Map.groupBy(partitions, ({ topicId }) => topicId)
    const request = [...topics].map(([topicId, own]) => ({
      topicId,
      partitions: own.map(({ partition, next = 0 }) => ({
        partition,
        currentLeaderEpoch: noEpoch,
        fetchOffset: BigInt(next),
        lastFetchedEpoch: noEpoch,
        partitionMaxBytes: partitionBytesMax,
      })),
    }))
    const connection = await this.connection(this.#fetches, node)
    const limits = [fetchWaitMs, 1, fetchBytesMax, readCommitted] as const
    const fetch = this.#fetch
    const answer = await this.asked(() => fetch.async(connection, ...limits, 0, noEpoch, request, [], ''))
    if (answer.errorCode === 0) return answer
    throw this.#failed(`the broker ${node} refuses to be read: error ${answer.errorCode}`)
  }

  /**
   * A place in each partition as an offset, in the order in which they were asked for. Open transactions end
   * a log; where no record is as young as a time asked for, it is the end.
   */
  async offsets(partitions: readonly PartitionName[], at: OffsetAt): Promise<readonly number[]> {
    if (partitions.length === 0) return []
    const found = await this.#listed(partitions, at)
    const isNone = found.map((offset) => offset < 0n)
    const young = partitions.filter((_, index) => isNone[index])
    const ends = young.length === 0 ? [] : [...(await this.#listed(young, 'new'))]
    return found.map((offset, index) => offsetOf(isNone[index] === true ? (ends.shift() ?? 0n) : offset))
  }

  /** A connection of a pool to a node. */
  async connection(pool: ConnectionPool, node: number): ReturnType<ConnectionPool['get']> {
    const broker = this.#cluster?.brokers.get(node)
    if (broker === undefined) throw this.#failed(`the broker ${node} is not known`)
    return this.asked(() => pool.get(broker))
  }

  /** Asks, with failures as inturn's. */
  async asked<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask()
    } catch (thrown) {
      throw kafkaFault(this.#options.name, thrown)
    }
  }

  /** Ends what is asked, and waits no longer than a while for brokers that say nothing. */
  async close(): Promise<void> {
    const closed = [this.#fetches.close(), this.#client.close(true)]
    await atMost(closeMs, Promise.allSettled(closed))
  }

  async #listed(partitions: readonly PartitionName[], at: OffsetAt): Promise<readonly bigint[]> {
    const asked = new Map(
      byTopic(partitions).map(([topic, own]) => [topic, own.map(({ partition }) => partition)]),
    )
    const request = {
      topics: [...asked.keys()],
      partitions: Object.fromEntries(asked),
      timestamp: at instanceof Date ? BigInt(at.getTime()) : timestamps[at],
      isolationLevel: readCommitted,
    }
    await this.#know(partitions, request.topics)
    const unled = partitions.find((partition) => this.isUnled(partition))
    if (unled !== undefined) throw this.#failed(`no broker leads ${unled.topic}[${unled.partition}]`)
    const found = await this.asked(() => this.#client.listOffsets(request))
    return partitions.map(({ topic, partition }) => {
      const offset = found.get(topic)?.[partition]
      if (offset !== undefined) return offset
      throw this.#failed(`no broker knows the offsets of ${topic}[${partition}]`)
    })
  }

  /** The group may give out partitions that were added since the library has looked at their topics. */
  async #know(partitions: readonly PartitionName[], topics: readonly string[]): Promise<void> {
    if (partitions.every(({ topic, partition }) => partition < this.partitionsOf(topic))) return
    const cluster = await this.asked(() => this.#client.metadata({ topics: [...topics], forceUpdate: true }))
    for (const { topic, partition } of partitions) {
      if (partition < (cluster.topics.get(topic)?.partitionsCount ?? 0)) continue
      throw this.#failed(`no broker knows ${topic}[${partition}] yet`)
    }
  }

  /**
   * A request that names a topic which is not there fails for all of them, and does not say reliably which
   * one it is: then each is asked for by itself. At the start it is an error.
   */
  async #lookAt(
    topics: readonly string[],
  ): Promise<{ readonly cluster: ClusterMetadata; readonly missing: ReadonlySet<string> }> {
    const ask = (names: readonly string[]): Promise<ClusterMetadata> =>
      this.asked(() => this.#client.metadata({ topics: [...names], forceUpdate: true }))
    const missing = new Set<string>()
    try {
      return { cluster: await ask(topics), missing }
    } catch (failure) {
      if (this.#cluster === undefined || !isUnknownTopic(failure)) throw failure
      for (const topic of topics) {
        await ask([topic]).catch((thrown: unknown) => {
          if (!isUnknownTopic(thrown)) throw thrown
          missing.add(topic)
        })
      }
      return { cluster: await ask(topics.filter((topic) => !missing.has(topic))), missing }
    }
  }

  #failed(because: string): InturnError {
    return new InturnError('source-unavailable', `${this.#options.name}: ${because}`, { retryable: true })
  }
}

/** Picks requests by what brokers say that they know. */
export function newestOf(
  known: readonly { readonly name: string; readonly maxVersion: number }[],
): NewestApi {
  return (name, found) => {
    const most = known.find((one) => one.name === name)?.maxVersion ?? 0
    const api = found.find(({ version }) => version <= most)
    if (api !== undefined) return api
    throw new InturnError('source-unavailable', `the brokers are older than Kafka 3.1 (${name} ${most})`)
  }
}

export function byTopic<Named extends PartitionName>(partitions: readonly Named[]): [string, Named[]][] {
  return [...Map.groupBy(partitions, ({ topic }) => topic)]
}

function isUnknownTopic(thrown: unknown): boolean {
  return /Unknown topic .+\.$/.test(errorMessage(thrown))
}
