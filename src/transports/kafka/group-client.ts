// What is asked of the brokers. The library keeps this member in its group and knows the cluster; fetches and
// offsets are raw requests on connections of their own, because a broker answers the requests of one
// connection one after another, and a fetch waits. Upholds I10.
import type { ClusterMetadata, ConnectionPool, Consumer } from '@platformatic/kafka'
import { InturnError } from '../../core/errors.ts'
import { errorMessage } from '../../core/thrown.ts'
import { clientIdOf, connectionOf } from './cluster-target.ts'
import type { KafkaTarget } from './cluster-target.ts'
import { offsetOf } from './committed-records.ts'
import { apiIdsOf, kafkaFault } from './faults.ts'
import { fetchApis } from './fetch-request.ts'
import type { FetchApi, FetchResponse } from './fetch-request.ts'
import { kafkaLibrary } from './library.ts'
import type { KafkaLibrary } from './library.ts'
import type { CommittedOffset, Partition, PartitionName } from './partition.ts'

/** What a client is made of. */
export interface GroupClientOptions extends KafkaTarget {
  readonly name: string
  readonly groupId: string
  readonly topics: readonly string[]
  readonly instanceId: string | undefined
  readonly sessionMs: number
}

/** What a client tells of. */
export interface GroupNews {
  /** This member has other partitions, or has to join anew. */
  changed(): void
  /** The group is about to give partitions to others. */
  rebalancing(): void
}

/** What is told of topics. */
export interface TopicNews {
  missing(topic: string): void
  replaced(topic: string): void
}

/** What a group has committed of each partition, in the order in which they were asked for. */
type Committed = readonly (CommittedOffset | undefined)[]

interface Apis {
  readonly fetch: FetchApi
  readonly commit: KafkaLibrary['offsetCommitV9']['api']
  readonly committed: KafkaLibrary['offsetFetchV9']['api']
}

/** What a connection fetches at most, in all and of one partition, and how long a broker waits for it. */
const fetchBytesMax = 4 * 1024 * 1024
const partitionBytesMax = 1024 * 1024
const fetchWaitMs = 300
const readCommitted = 1
const timestamps = { beginning: -2n, new: -1n } as const
const noEpoch = -1
/** What a group says to a member that is not its own now. */
const refusals: ReadonlySet<string> = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
])

/** A client of a cluster, and a member of a group of its consumers. */
export class GroupClient {
  readonly #options: GroupClientOptions
  readonly #news: GroupNews
  readonly #member: Consumer
  readonly #fetches: ConnectionPool
  readonly #offsets: ConnectionPool
  readonly #apis: Apis
  #mustJoin = true
  #joining: Promise<void> | undefined
  #cluster: ClusterMetadata | undefined

  private constructor(
    options: GroupClientOptions,
    { library, member, apis, news }: { library: KafkaLibrary; member: Consumer; apis: Apis; news: GroupNews },
  ) {
    this.#options = options
    this.#news = news
    this.#member = member
    this.#apis = apis
    this.#fetches = new library.ConnectionPool(clientIdOf(options), connectionOf(options))
    this.#offsets = new library.ConnectionPool(clientIdOf(options), connectionOf(options))
    const joinAnew = (): void => {
      this.#mustJoin = true
      news.changed()
    }
    member.on('error', joinAnew)
    member.on('consumer:heartbeat:stalled', joinAnew)
    member.on('consumer:group:join', () => news.changed())
    member.on('consumer:group:rebalance', () => news.rebalancing())
  }

  /** Connects, and joins the group. */
  static async open(options: GroupClientOptions, news: GroupNews): Promise<GroupClient> {
    const library = await kafkaLibrary()
    const member = memberOf(library, options)
    let client: GroupClient | undefined
    try {
      const apis = apisOf(library, await member.listApis())
      client = new GroupClient(options, { library, member, apis, news })
      await client.refresh()
      await client.join()
      return client
    } catch (thrown) {
      await (client === undefined ? member.close() : client.close()).catch(() => undefined)
      throw kafkaFault(options.name, thrown)
    }
  }

  /** The partitions that the group has given to this member; another list whenever it is another. */
  get assignment(): readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null {
    return this.#member.assignments
  }

  /** Joins the group, unless this client is a member and need not join anew. */
  async join(): Promise<void> {
    if (!this.#mustJoin) return
    this.#joining ??= this.#asked(() => this.#member.joinGroup({}))
      .then(() => {
        this.#mustJoin = false
      })
      .finally(() => {
        this.#joining = undefined
        this.#news.changed()
      })
    await this.#joining
  }

  /**
   * Looks anew who leads what; a topic with more partitions than before has the group share them out. One
   * that is not there any more is told, and left out of the group until it is there again, so that it keeps
   * no other back; one that was made anew is told too.
   */
  async refresh(news?: TopicNews): Promise<void> {
    const before = this.#cluster
    const { cluster, missing } = await this.#lookAt(this.#options.topics)
    this.#cluster = cluster
    for (const topic of this.#options.topics) {
      const had = before?.topics.get(topic)
      if (missing.has(topic)) {
        this.#member.topics.untrack(topic)
        if (had !== undefined) cluster.topics.set(topic, had)
        news?.missing(topic)
        continue
      }
      const isBack = !this.#member.topics.has(topic)
      if (isBack) this.#member.topics.track(topic)
      if (before === undefined) continue
      if (isBack || this.partitionsOf(topic) !== had?.partitionsCount) this.#mustJoin = true
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
    const connection = await this.#connection(this.#fetches, node)
    const limits = [fetchWaitMs, 1, fetchBytesMax, readCommitted] as const
    const fetch = this.#apis.fetch
    const answer = await this.#asked(() => fetch.async(connection, ...limits, 0, noEpoch, request, [], ''))
    if (answer.errorCode === 0) return answer
    throw this.#failed(`the broker ${node} refuses to be read: error ${answer.errorCode}`)
  }

  /** What the group has committed of partitions. */
  async committed(partitions: readonly PartitionName[]): Promise<Committed> {
    const { groupId } = this.#options
    const topics = byTopic(partitions).map(([name, own]) => ({
      name,
      partitionIndexes: own.map(({ partition }) => partition),
    }))
    const { groups } = await this.#asked(async () => {
      const group = { groupId, memberId: null, memberEpoch: noEpoch, topics }
      return this.#apis.committed.async(await this.#coordinator(), [group], true)
    })
    return partitions.map(({ topic, partition }) => {
      const found = groups[0]?.topics
        .find(({ name }) => name === topic)
        ?.partitions.find(({ partitionIndex }) => partitionIndex === partition)
      if (found === undefined || found.committedOffset < 0n) return undefined
      return { offset: offsetOf(found.committedOffset), metadata: found.metadata ?? '' }
    })
  }

  /**
   * Commits offsets. What another member has by now is refused, and costs copies; so does all that fails in
   * a rebalance: `false`.
   */
  async commit(commits: readonly (PartitionName & CommittedOffset)[]): Promise<boolean> {
    const { groupId, instanceId = null } = this.#options
    const topics = byTopic(commits).map(([name, own]) => ({
      name,
      partitions: own.map(({ partition, offset, metadata }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: noEpoch,
        committedMetadata: metadata,
      })),
    }))
    const connection = await this.#coordinator()
    const { generationId, memberId } = this.#member
    if (memberId === null) return false
    try {
      await this.#apis.commit.async(connection, groupId, generationId, memberId, instanceId, topics)
      return true
    } catch (thrown) {
      const why = apiIdsOf(thrown)
      if (why.some((id) => refusals.has(id))) return false
      // Of a topic that is there no more nothing is to be kept; what else was committed is.
      if (why.every((id) => id === 'UNKNOWN_TOPIC_OR_PARTITION')) return true
      throw kafkaFault(this.#options.name, thrown)
    }
  }

  /**
   * The first offset of each partition, or that behind its last one, in the order in which they were asked
   * for. Open transactions end it.
   */
  async offsets(partitions: readonly PartitionName[], at: 'beginning' | 'new'): Promise<readonly number[]> {
    if (partitions.length === 0) return []
    const asked = new Map(
      byTopic(partitions).map(([topic, own]) => [topic, own.map(({ partition }) => partition)]),
    )
    const request = {
      topics: [...asked.keys()],
      partitions: Object.fromEntries(asked),
      timestamp: timestamps[at],
      isolationLevel: readCommitted,
    }
    const found = await this.#asked(() => this.#member.listOffsets(request))
    return partitions.map(({ topic, partition }) => {
      const offset = found.get(topic)?.[partition]
      if (offset !== undefined) return offsetOf(offset)
      throw this.#failed(`no broker knows the offsets of ${topic}[${partition}]`)
    })
  }

  /** Leaves the group, so that others have its partitions at once. */
  async close(): Promise<void> {
    await this.#member.close(true).catch(() => undefined)
    await Promise.allSettled([this.#fetches.close(), this.#offsets.close()])
  }

  /**
   * A request that names a topic which is not there fails for all of them, and does not say reliably which
   * one it is: then each is asked for by itself. At the start it is an error.
   */
  async #lookAt(
    topics: readonly string[],
  ): Promise<{ readonly cluster: ClusterMetadata; readonly missing: ReadonlySet<string> }> {
    const ask = (names: readonly string[]): Promise<ClusterMetadata> =>
      this.#asked(() => this.#member.metadata({ topics: [...names], forceUpdate: true }))
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

  async #coordinator(): ReturnType<ConnectionPool['get']> {
    return this.#connection(this.#offsets, await this.#asked(() => this.#member.findGroupCoordinator()))
  }

  async #connection(pool: ConnectionPool, node: number): ReturnType<ConnectionPool['get']> {
    const broker = this.#cluster?.brokers.get(node)
    if (broker === undefined) throw this.#failed(`the broker ${node} is not known`)
    return this.#asked(() => pool.get(broker))
  }

  async #asked<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask()
    } catch (thrown) {
      throw kafkaFault(this.#options.name, thrown)
    }
  }

  #failed(because: string): InturnError {
    return new InturnError('source-unavailable', `${this.#options.name}: ${because}`, { retryable: true })
  }
}

function memberOf(library: KafkaLibrary, options: GroupClientOptions): Consumer {
  const { brokers, groupId, instanceId, topics, sessionMs } = options
  const member = new library.Consumer({
    ...connectionOf(options),
    clientId: clientIdOf(options),
    bootstrapBrokers: [...brokers],
    groupId,
    ...(instanceId !== undefined && { groupInstanceId: instanceId }),
    autocommit: false,
    protocols: [{ name: 'cooperative-sticky', version: 3 }],
    sessionTimeout: sessionMs,
    rebalanceTimeout: sessionMs,
    heartbeatInterval: Math.max(100, Math.min(3_000, Math.floor(sessionMs / 4))),
    heartbeatStallTimeout: 2 * sessionMs,
    retries: 3,
    retryDelay: 250,
  })
  // Heard before the group is joined: an error that nobody listens to ends the process.
  member.on('error', () => undefined)
  for (const topic of topics) member.topics.track(topic)
  return member
}

/** The newest form of each request that the brokers know and whose shape is the one that is used here. */
function apisOf(
  library: KafkaLibrary,
  known: readonly { readonly name: string; readonly maxVersion: number }[],
): Apis {
  const newest = <Found extends { readonly version: number }>(
    name: string,
    found: readonly Found[],
  ): Found => {
    const most = known.find((one) => one.name === name)?.maxVersion ?? 0
    const api = found.find(({ version }) => version <= most)
    if (api !== undefined) return api
    throw new InturnError('source-unavailable', `the brokers are older than Kafka 3.1 (${name} ${most})`)
  }
  return {
    fetch: newest('Fetch', fetchApis(library)),
    commit: newest('OffsetCommit', [library.offsetCommitV9.api, library.offsetCommitV8.api]),
    committed: newest('OffsetFetch', [library.offsetFetchV9.api, library.offsetFetchV8.api]),
  }
}

function byTopic<Named extends PartitionName>(partitions: readonly Named[]): [string, Named[]][] {
  return [...Map.groupBy(partitions, ({ topic }) => topic)]
}

function isUnknownTopic(thrown: unknown): boolean {
  return /Unknown topic .+\.$/.test(errorMessage(thrown))
}
