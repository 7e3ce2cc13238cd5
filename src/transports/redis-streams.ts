// A Redis stream as a source and as a sink: consumer groups share the entries of a stream, and what one of
// them leaves when it dies another one takes. Upholds I1, I3 and I4.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { checkFunctions, checkMethod, checkNames, checkTexts, givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import { wholeNumber } from '../core/whole-number.ts'
import type { Sink, SinkMessage } from '../ports/sink.ts'
import type { Source } from '../ports/source.ts'
import { warningsTo } from '../ports/warnings.ts'
import { checkedUrl } from '../redis/connection-to.ts'
import { Connection } from '../redis/connection.ts'
import type { IoredisClient } from '../redis/ioredis-client.ts'
import { clientLike, isIoredis } from '../redis/ioredis-client.ts'
import { clientForUrl } from '../redis/official-client.ts'
import type {
  AnyClient,
  DuplicableClient as RedisClient,
  DuplicableCluster as RedisCluster,
  RedisArgument,
  RedisDuplicate,
} from '../redis/redis-client.ts'
import { ConsumerGroup } from './redis-streams/consumer-group.ts'
import { Losses } from './redis-streams/losses.ts'
import { NewEntries } from './redis-streams/new-entries.ts'
import type { EntryDelivery, RedisStreamEntry } from './redis-streams/stream-entry.ts'
import { messageOf } from './redis-streams/stream-entry.ts'
import { StreamsSink } from './redis-streams/streams-sink.ts'
import { StreamsSource } from './redis-streams/streams-source.ts'

export type {
  EntryDelivery,
  IoredisClient,
  RedisArgument,
  RedisClient,
  RedisCluster,
  RedisDuplicate,
  RedisStreamEntry,
}

/** Where Redis is. */
export interface RedisStreamsTarget {
  /** Of one server: `redis://localhost:6379`. Either this or `client`. */
  readonly url?: string
  /**
   * A client that stays yours to close: of the package `redis`, single or cluster, connected already; or of
   * `ioredis`, of which connections of inturn's own are made.
   */
  readonly client?: RedisClient | RedisCluster | IoredisClient
  /** How long to wait for a reply, in milliseconds. Default 10,000. */
  readonly replyMs?: number
}

/** Options of {@link redisStreamsSource}. */
export interface RedisStreamsSourceOptions extends RedisStreamsTarget {
  /** The key of the stream. */
  readonly stream: string
  /** The group; created where it is missing. Every group gets every entry. */
  readonly group: string
  /** Where a group that is created begins. Default `beginning`: with the oldest entry that is there. */
  readonly start?: 'beginning' | 'new'
  /**
   * The name of this consumer in its group. No two that run at a time may have the same. Default a new one
   * each time.
   */
  readonly consumerName?: string
  /** Entries of a consumer that was not heard of for so long are taken over, in ms. Default 60,000. */
  readonly claimIdleMs?: number
  /** Entries that may be unsettled here; at this many no more are read until some are. Default 100,000. */
  readonly unsettledMax?: number
  /** Names the domain of every entry, where the stream has only one. */
  readonly domain?: string
  /** The message of an entry. Default its field `data`, else `event`, as JSON; else its fields. */
  readonly messageFrom?: (entry: RedisStreamEntry) => unknown
  /**
   * Removes entries that every group has settled, every `everyMs` milliseconds, as long as more than `maxLen`
   * (default 0) are there. Default: nothing is removed.
   */
  readonly trim?: { readonly everyMs: number; readonly maxLen?: number }
  /** Told of entries that were removed before they were settled. Default a warning of the process. */
  readonly onWarning?: (message: string) => void
}

/** Options of {@link redisStreamsSink}. */
export interface RedisStreamsSinkOptions extends RedisStreamsTarget {
  /** The key of the stream that everything goes to. Either this or `streamOf`. */
  readonly stream?: string
  /** The key that a message goes to; the same for all messages of one stream of events. */
  readonly streamOf?: (message: SinkMessage) => string
}

const namePrefix = 'inturn-'
const msMax = 2 ** 31 - 1
const targetNames = ['url', 'client', 'replyMs']
const sourceNames = [
  'stream',
  'group',
  'start',
  'consumerName',
  'claimIdleMs',
  'unsettledMax',
  'domain',
].concat(targetNames, 'messageFrom', 'trim', 'onWarning')

/**
 * A Redis stream as a queue source, read by one consumer of a group.
 *
 * @throws InturnError `config-invalid` for an option that is missing or out of its range
 * @example
 * const source = redisStreamsSource({ url: 'redis://localhost:6379', stream: 'accounts', group: 'billing' })
 */
export function redisStreamsSource(options: RedisStreamsSourceOptions): Source<EntryDelivery> {
  const by = 'redisStreamsSource'
  checkNames(options, by, sourceNames)
  checkNames(options.trim ?? {}, `${by}: trim`, ['everyMs', 'maxLen'])
  const { stream, group, start = 'beginning', consumerName, domain, trim } = options
  const { claimIdleMs = 60_000, unsettledMax = 100_000, replyMs = 10_000 } = options
  const { messageFrom = messageOf } = options
  const texts = { stream, group, consumerName: consumerName ?? 'given', domain: domain ?? 'none' }
  checkTexts(by, texts, 'a name')
  const times = { claimIdleMs, replyMs, 'trim.everyMs': trim?.everyMs ?? 1 }
  for (const [name, value] of Object.entries(times)) {
    wholeNumber(value, { name: `${by}: ${name}`, least: 1, most: msMax })
  }
  wholeNumber(unsettledMax, { name: `${by}: unsettledMax`, least: 1 })
  wholeNumber(trim?.maxLen ?? 0, { name: `${by}: trim.maxLen`, least: 0 })
  checkFunctions(by, { messageFrom })
  if (start !== 'beginning' && start !== 'new') {
    throw new InturnError('config-invalid', `${by}: start takes beginning or new, not ${givenText(start)}`)
  }
  const name = `redis stream ${stream}, group ${group}`
  const { client, another } = targetOf(options, by)
  const connection = new Connection(client, { name, code: 'source-unavailable', replyMs })
  const given = `${namePrefix}${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`
  return new StreamsSource({
    name,
    stream,
    domain,
    connection,
    group: new ConsumerGroup(connection, { stream, group, claimIdleMs, consumerName: consumerName ?? given }),
    newEntries: new NewEntries(another, { stream, replyMs }),
    losses: new Losses(name, warningsTo(options.onWarning)),
    start,
    claimIdleMs,
    unsettledMax,
    trim,
    givenNames: consumerName === undefined ? namePrefix : undefined,
    messageFrom,
  })
}

/**
 * A Redis stream, or several, as a sink: each message is an entry with its JSON in the field `data`.
 *
 * @throws InturnError `config-invalid` for an option that is missing or out of its range
 * @example
 * const sink = redisStreamsSink({ url: 'redis://localhost:6379', stream: 'accounts' })
 */
export function redisStreamsSink(options: RedisStreamsSinkOptions): Sink {
  const by = 'redisStreamsSink'
  checkNames(options, by, [...targetNames, 'stream', 'streamOf'])
  const { stream, streamOf, replyMs = 10_000 } = options
  wholeNumber(replyMs, { name: `${by}: replyMs`, least: 1, most: msMax })
  if ((stream === undefined) === (streamOf === undefined)) {
    throw new InturnError('config-invalid', `${by} takes either stream or streamOf`)
  }
  if (stream !== undefined) checkTexts(by, { stream }, 'a name')
  if (streamOf !== undefined) checkFunctions(by, { streamOf })
  const name = stream === undefined ? 'redis streams' : `redis stream ${stream}`
  const connection = new Connection(targetOf(options, by).client, { name, code: 'sink-unavailable', replyMs })
  return new StreamsSink({ name, connection, streamOf: streamOf ?? (() => stream ?? '') })
}

/** A client, and how another one is made of the same server. */
interface Target {
  readonly client: AnyClient
  readonly another: () => RedisDuplicate & AnyClient
}

function targetOf({ url, client }: RedisStreamsTarget, by: string): Target {
  if ((url === undefined) === (client === undefined)) {
    throw new InturnError('config-invalid', `${by} takes a url like redis://host:6379, or a client`)
  }
  if (client === undefined) {
    const checked = checkedUrl(by, url ?? '')
    return { client: clientForUrl(checked), another: () => clientForUrl(checked) }
  }
  if (typeof client === 'object' && client !== null && isIoredis(client)) {
    return { client: clientLike(client, by), another: () => clientLike(client, by) }
  }
  checkMethod(client, { path: `${by}: client`, method: 'sendCommand' })
  checkMethod(client, { path: `${by}: client`, method: 'duplicate' })
  const another = (): RedisDuplicate & AnyClient => {
    const duplicate = client.duplicate()
    duplicate.on('error', () => undefined)
    return duplicate
  }
  return { client, another }
}
