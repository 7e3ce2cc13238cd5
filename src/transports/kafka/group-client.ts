// A member of a group of consumers. The library keeps it in the group; what the group has committed is asked
// for and told by raw requests, on connections of their own, since the library has no metadata of commits.
// Upholds I10.
import type { ConnectionPool, Consumer } from '@platformatic/kafka'
import { atMost } from '../../ports/timers.ts'
import { asksOthers } from './asks-others.ts'
import { clientIdOf, connectionOf } from './cluster-target.ts'
import { apiIdsOf, kafkaFault } from './faults.ts'
import { kafkaLibrary } from './library.ts'
import type { KafkaLibrary } from './library.ts'
import type { CommittedOffset, PartitionName } from './partition.ts'
import { offsetOf } from './record-batch.ts'
import type { NewestApi, TopicClientOptions } from './topic-client.ts'
import { byTopic, closeMs, newestOf, TopicClient } from './topic-client.ts'

/** What a client is made of. */
export interface GroupClientOptions extends TopicClientOptions {
  readonly groupId: string
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

/** What a group has committed of each partition, in the order in which they were asked for. */
type Committed = readonly (CommittedOffset | undefined)[]

interface Apis {
  readonly commit: KafkaLibrary['offsetCommitV9']['api']
  readonly committed: KafkaLibrary['offsetFetchV9']['api']
  readonly leave: KafkaLibrary['leaveGroupV5']['api']
}

const noEpoch = -1
/** How long a coordinator is waited for that is told, or asked, of offsets; in milliseconds. */
const answerMs = 10_000
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
  /** The topics, as this member reads them. */
  readonly topics: TopicClient
  readonly #offsets: ConnectionPool
  readonly #apis: Apis
  #mustJoin = true
  #joining: Promise<void> | undefined

  private constructor(
    options: GroupClientOptions,
    made: { library: KafkaLibrary; member: Consumer; newest: NewestApi; news: GroupNews },
  ) {
    const { library, member, newest, news } = made
    this.#options = options
    this.#news = news
    this.#member = member
    this.#apis = {
      commit: newest('OffsetCommit', [library.offsetCommitV9.api, library.offsetCommitV8.api]),
      committed: newest('OffsetFetch', [library.offsetFetchV9.api, library.offsetFetchV8.api]),
      leave: newest('LeaveGroup', [library.leaveGroupV5.api, library.leaveGroupV4.api]),
    }
    this.topics = new TopicClient(options, { library, client: member, newest })
    const connecting = { ...connectionOf(options), requestTimeout: answerMs }
    this.#offsets = new library.ConnectionPool(clientIdOf(options), connecting)
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
      const newest = newestOf(await member.listApis())
      client = new GroupClient(options, { library, member, newest, news })
      await client.topics.refresh()
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
    if (this.#joining === undefined && this.#mustJoin) {
      // What asks for it to join anew while it joins is not forgotten.
      this.#mustJoin = false
      this.#joining = this.topics
        .asked(() => this.#member.joinGroup({}))
        .then(
          () => undefined,
          (error: unknown) => {
            this.#mustJoin = true
            throw error
          },
        )
        .finally(() => {
          this.#joining = undefined
          this.#news.changed()
        })
    }
    await this.#joining
  }

  /** A topic that is not there is left out of the group, so that it keeps no other back. */
  leaveOut(topic: string): void {
    this.#member.topics.untrack(topic)
  }

  /** A topic is there again, or has other partitions: the group shares them out. */
  takeIn(topic: string): void {
    if (!this.#member.topics.has(topic)) this.#member.topics.track(topic)
    this.#mustJoin = true
  }

  /** What the group has committed of partitions. */
  async committed(partitions: readonly PartitionName[]): Promise<Committed> {
    const { groupId } = this.#options
    const topics = byTopic(partitions).map(([name, own]) => ({
      name,
      partitionIndexes: own.map(({ partition }) => partition),
    }))
    const { groups } = await this.topics.asked(async () => {
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
    // Before all waiting: under the generation in which these partitions were its own.
    const { generationId, memberId } = this.#member
    if (memberId === null) return false
    const connection = await this.#coordinator()
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
   * Leaves the group, so that others have its partitions at once. The library says so behind a join, which
   * may wait for other members; so it is said on a connection without one too.
   */
  async close(): Promise<void> {
    const { memberId } = this.#member
    // From here on the library joins no more, whatever the group answers.
    this.#member.leaveGroup(true, () => undefined)
    if (memberId !== null) await atMost(closeMs, this.#leave(memberId))
    await this.topics.close()
    await atMost(closeMs, this.#offsets.close())
  }

  async #leave(memberId: string): Promise<void> {
    const { groupId, instanceId = null } = this.#options
    const connection = await this.#coordinator()
    await this.#apis.leave.async(connection, groupId, [{ memberId, groupInstanceId: instanceId }])
  }

  async #coordinator(): ReturnType<ConnectionPool['get']> {
    const node = await this.topics.asked(() => this.#member.findGroupCoordinator())
    return this.topics.connection(this.#offsets, node)
  }
}

function memberOf(library: KafkaLibrary, options: GroupClientOptions): Consumer {
  const { brokers, groupId, instanceId, topics, sessionMs } = options
  const consumer = new library.Consumer({
    ...connectionOf(options),
    clientId: clientIdOf(options),
    bootstrapBrokers: [...brokers],
    groupId,
    ...(instanceId !== undefined && { groupInstanceId: instanceId }),
    autocommit: false,
    protocols: [{ name: 'cooperative-sticky', version: 3 }],
    sessionTimeout: sessionMs,
    rebalanceTimeout: sessionMs,
    // A join is answered once all members have come, or their time is over.
    requestTimeout: sessionMs + 10_000,
    heartbeatInterval: Math.max(100, Math.min(3_000, Math.floor(sessionMs / 4))),
    heartbeatStallTimeout: 2 * sessionMs,
    retries: 3,
    retryDelay: 250,
  })
  const member = asksOthers(library, consumer)
  // Heard before the group is joined: an error that nobody listens to ends the process.
  member.on('error', () => undefined)
  for (const topic of topics) member.topics.track(topic)
  return member
}
