// Reading the store for inspection. Every list costs a constant number of round trips a page.
import type { StreamPath } from '../../core/stream-path.ts'
import type {
  DeadLetter,
  DeadLetterReason,
  DomainStatus,
  HeldEvent,
  LedgerEntry,
  StoredEntry,
} from '../../ports/records.ts'
import type {
  ConsumerSummary,
  RecordCounts,
  LiveClaim,
  Paged,
  RecordQuery,
  StoredStream,
  StoreReader,
  StreamQuery,
} from '../../ports/store-reader.ts'
import type { Connection } from '../../redis/connection.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import { at, mapIn, maybeNumberIn, numberIn, textsIn } from '../../redis/reply.ts'
import { domainStatuses } from './domain-totals.ts'
import { readConsumerScript } from './due-streams.ts'
import type { Keyspace } from './keyspace.ts'
import { originalText } from './keyspace.ts'
import { listInbox, listLedger, listLetters } from './record-lists.ts'
import type { ReaderScope } from './stream-lists.ts'
import { listClaims, listHeld, listStreams, readStreams } from './stream-lists.ts'

const listConsumersScript = storeScript(lua`
  -- The names of all consumers. KEYS: consumers.
  return redis.call('SMEMBERS', base)
`)
const countRecordsScript = storeScript(lua`
  -- The records of a shard. KEYS: a shard. Gives: its dead letters, its ledger entries.
  return { redis.call('ZCARD', key('letters')), redis.call('XLEN', key('ledger')) }
`)
const summarizeScript = storeScript(lua`
  -- A shard as a whole. KEYS: a shard. Gives: its counts, its dead letters, its ledger entries.
  return {
    redis.call('HGETALL', key('counts')),
    redis.call('ZCARD', key('letters')),
    redis.call('XLEN', key('ledger')),
  }
`)

/** What a reader is made of. */
export interface RedisReaderParts {
  readonly connection: Connection
  readonly keyspace: () => Promise<Keyspace>
}

/** A reader of a Redis store. */
export class RedisReader implements StoreReader {
  readonly #parts: RedisReaderParts

  constructor(parts: RedisReaderParts) {
    this.#parts = parts
  }

  async consumers(): Promise<readonly string[]> {
    const { connection, keyspace } = this.#parts
    const keys = [(await keyspace()).consumers] as const
    const names = await connection.readOne({ script: listConsumersScript, keys })
    return textsIn(names).map(originalText).sort()
  }

  async summary(consumer: string): Promise<ConsumerSummary> {
    const { known, replies, counts, domains } = await this.#summarized(consumer)
    const sumOf = (name: string): number => sum(counts, (shard) => Number(shard.get(name) ?? 0))
    const lastBeatAt = maybeNumberIn(at(known, 2))
    return {
      consumer,
      streams: sumOf('streams'),
      held: sum([...domains.values()], ({ held }) => held),
      handedOver: sum([...domains.values()], ({ handedOver }) => handedOver),
      deadLetters: sum(replies, (reply) => numberIn(at(reply, 1))),
      ledger: sum(replies, (reply) => numberIn(at(reply, 2))),
      deliveries: sumOf('deliveries'),
      halted: sumOf('halted'),
      failing: sumOf('failing'),
      clock: { now: numberIn(at(known, 0)), readingMs: numberIn(at(known, 1)) },
      ...(lastBeatAt === undefined ? {} : { lastBeatAt }),
      domains,
    }
  }

  async recordCounts(consumer: string): Promise<RecordCounts> {
    const { connection, keyspace, shards } = await this.#of(consumer)
    const replies = await connection.read(
      [...shards, keyspace.shards].map((shard) => ({
        script: countRecordsScript,
        keys: [keyspace.base(consumer, shard)] as const,
      })),
    )
    return {
      deadLetters: sum(replies, (reply) => numberIn(at(reply, 0))),
      ledger: sum(replies, (reply) => numberIn(at(reply, 1))),
    }
  }

  async domains(consumer: string): Promise<ReadonlyMap<string, DomainStatus>> {
    return (await this.#summarized(consumer)).domains
  }

  async stream(consumer: string, stream: StreamPath): Promise<StoredStream | undefined> {
    const [found] = await readStreams(await this.#of(consumer), [stream])
    return found
  }

  async claims(consumer: string, { limit }: { readonly limit: number }): Promise<readonly LiveClaim[]> {
    return listClaims(await this.#of(consumer), limit)
  }

  async streams(consumer: string, query: StreamQuery): Promise<readonly StoredStream[]> {
    return listStreams(await this.#of(consumer), query)
  }

  async held(consumer: string, query: RecordQuery): Promise<readonly Paged<HeldEvent>[]> {
    return listHeld(await this.#of(consumer), query)
  }

  async inbox(consumer: string, query: RecordQuery): Promise<readonly Paged<StoredEntry>[]> {
    return listInbox(await this.#of(consumer), query)
  }

  async deadLetters(
    consumer: string,
    query: RecordQuery & { readonly reason?: DeadLetterReason; readonly key?: string },
  ): Promise<readonly Paged<DeadLetter>[]> {
    return listLetters(await this.#of(consumer), query)
  }

  async ledger(consumer: string, query: RecordQuery): Promise<readonly Paged<LedgerEntry>[]> {
    return listLedger(await this.#of(consumer), query)
  }

  /** What is known of the consumer, and the counts of each shard and of its domains. */
  async #summarized(consumer: string): Promise<{
    readonly known: unknown
    readonly replies: readonly unknown[]
    readonly counts: readonly ReadonlyMap<string, string>[]
    readonly domains: ReadonlyMap<string, DomainStatus>
  }> {
    const { connection, keyspace, shards } = await this.#of(consumer)
    const [known, ...replies] = await connection.read([
      { script: readConsumerScript, keys: [keyspace.home(consumer)] },
      ...[...shards, keyspace.shards].map((shard) => ({
        script: summarizeScript,
        keys: [keyspace.base(consumer, shard)] as const,
      })),
    ])
    const counts = replies.map((reply) => mapIn(at(reply, 0)))
    return { known, replies, counts, domains: domainStatuses(counts, mapIn(at(known, 3))) }
  }

  async #of(consumer: string): Promise<ReaderScope> {
    const keyspace = await this.#parts.keyspace()
    const shards = Array.from({ length: keyspace.shards }, (_, shard) => shard)
    return { connection: this.#parts.connection, keyspace, consumer, shards }
  }
}

function sum<Item>(items: readonly Item[], size: (item: Item) => number): number {
  return items.reduce((total, item) => total + size(item), 0)
}
