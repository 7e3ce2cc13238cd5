// The Redis store: every call of the port, carried to the servers. While they cannot be reached calls fail;
// when they can be, so can the store.
import { sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { handedOverText } from '../../ports/record-text.ts'
import type { HandedOver } from '../../ports/records.ts'
import { keepRenewed } from '../../ports/renewal.ts'
import type { StoreReader } from '../../ports/store-reader.ts'
import type { Beat, Lease, LeaseRequest, Store, UnitOfWork, Worked, WorkRequest } from '../../ports/store.ts'
import type { Timers } from '../../ports/timers.ts'
import { ClaimUnit } from './claim-unit.ts'
import type { KnownConsumer } from './claims.ts'
import { claimStreams } from './claims.ts'
import { streamlessCalls } from './commit-parts.ts'
import type { Connection, ScriptCall } from './connection.ts'
import { DomainTotals } from './domain-totals.ts'
import { dueStreams } from './due-streams.ts'
import type { Keyspace } from './keyspace.ts'
import { keptText, originalText } from './keyspace.ts'
import type { Layout } from './layout.ts'
import { openLayout, readLayout } from './layout.ts'
import { luaScript } from './lua-script.ts'
import type { StreamlessRecords } from './records.ts'
import { RedisReader } from './redis-reader.ts'
import { at, listIn, mapIn, numberIn, textIn, textsIn } from './reply.ts'
import { warnOfSettings } from './server-settings.ts'
import { StreamPlaces } from './stream-places.ts'

const nowScript = luaScript('now')
const numberArrivalsScript = luaScript('number-arrivals')
const handOverScript = luaScript('hand-over')
const addConsumerScript = luaScript('add-consumer')
const heartbeatScript = luaScript('heartbeat')
const leaveScript = luaScript('leave')
const leaseScript = luaScript('lease')
const readCheckpointScript = luaScript('read-checkpoint')
const saveCheckpointScript = luaScript('save-checkpoint')

/** What a store is made of. */
export interface RedisStoreParts {
  readonly connection: Connection
  readonly layout: Layout
  readonly timers: Timers
  readonly onWarning: (message: string) => void
}

/** A store on Redis; made by `redisStore`. */
export class RedisStore implements Store<undefined> {
  readonly name: string
  readonly durable = true
  readonly effects = 'fenced'
  readonly reader: StoreReader
  readonly #parts: RedisStoreParts
  readonly #connection: Connection
  readonly #known = new Map<string, KnownConsumer>()
  #keyspace: Keyspace | undefined

  constructor(parts: RedisStoreParts) {
    const { connection } = parts
    this.name = connection.name
    this.#parts = parts
    this.#connection = connection
    this.reader = new RedisReader({ connection, keyspace: () => this.#keysForReading() })
  }

  async open(): Promise<void> {
    const { connection, layout, onWarning } = this.#parts
    await connection.open()
    if (this.#keyspace !== undefined) return
    this.#keyspace = await openLayout(connection, layout)
    await warnOfSettings(connection, onWarning)
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  async now(): Promise<number> {
    return numberIn(await this.#connection.readOne({ script: nowScript, keys: [this.#keys().layout] }))
  }

  async work<Result>(
    request: WorkRequest,
    body: (unit: UnitOfWork<undefined>) => Promise<Result>,
  ): Promise<Worked<Result>> {
    const known = this.#knownOf(request.consumer)
    const parts = { connection: this.#connection, keyspace: this.#keys(), known, request }
    const unit = new ClaimUnit(parts, await claimStreams(parts))
    const stop = keepRenewed({
      timers: this.#parts.timers,
      claimMs: request.claimMs,
      renew: async () => unit.renew(),
      lost: () => unit.abort(),
    })
    const end = async (): Promise<readonly StreamPath[]> => {
      stop()
      // A release that failed changes no outcome: the claims expire, and then their streams are due.
      return unit.end().catch(() => [])
    }
    let value: Result
    try {
      value = await body(unit)
    } catch (error) {
      await end()
      throw error
    }
    return { value, again: await end() }
  }

  async handOver(consumer: string, events: readonly HandedOver[]): Promise<readonly StreamPath[]> {
    const kept = events.map((event) => ({ stream: event.stream, text: handedOverText(event) }))
    const keyspace = this.#keys()
    const number = this.#consumerCall(numberArrivalsScript, consumer, [events.length])
    const [last] = await this.#connection.write([number])
    const first = numberIn(last) - events.length + 1
    const numbered = kept.map((event, index) => ({ ...event, id: sortableText(first + index) }))
    const shards = [...Map.groupBy(numbered, ({ stream }) => keyspace.shardOf(stream))]
    const replies = await this.#connection.write(
      shards.map(([shard, inShard]) => ({
        script: handOverScript,
        keys: [keyspace.base(consumer, shard)],
        args: inShard.flatMap(({ stream, id, text }) => [stream, id, text]),
      })),
    )
    const free = new Set<StreamPath>()
    for (const [index, [shard, inShard]] of shards.entries()) {
      this.#knownOf(consumer).totals.note(shard, mapIn(at(replies[index], 0)))
      const isFree = listIn(at(replies[index], 1))
      for (const [place, { stream }] of inShard.entries()) if (isFree[place] === 1) free.add(stream)
    }
    return [...new Set(events.map(({ stream }) => stream))].filter((stream) => free.has(stream))
  }

  async record(consumer: string, records: StreamlessRecords): Promise<void> {
    const keyspace = this.#keys()
    const calls = streamlessCalls(records, { keyspace, consumer })
    await this.#connection.write([this.#consumerCall(addConsumerScript, consumer), ...calls])
  }

  async due(consumer: string, limit: number, domains?: readonly string[]): Promise<readonly StreamPath[]> {
    const scope = { connection: this.#connection, keyspace: this.#keys(), consumer }
    return dueStreams(scope, { limit, domains })
  }

  async heartbeat(consumer: string, worker: string, silentMs?: number): Promise<Beat> {
    const args = [keptText(worker), silentMs ?? '']
    const reply = await this.#connection.readOne(this.#consumerCall(heartbeatScript, consumer, args))
    return {
      now: numberIn(at(reply, 0)),
      readingMs: numberIn(at(reply, 1)),
      died: textsIn(at(reply, 2)).map(originalText),
    }
  }

  async leave(consumer: string, worker: string): Promise<void> {
    const keys = [this.#keys().home(consumer)] as const
    await this.#connection.readOne({ script: leaveScript, keys, args: [keptText(worker)] })
  }

  async lease(name: string, request: LeaseRequest): Promise<Lease | undefined> {
    const { holder, ms, usedUntil } = request
    const keyspace = this.#keys()
    const [reply] = await this.#connection.write([
      {
        script: leaseScript,
        keys: [keyspace.lease(name), keyspace.leaseFence],
        args: [keptText(holder), ms, usedUntil ?? ''],
      },
    ])
    const [fence, now, until] = listIn(reply)
    if (fence === undefined) return undefined
    return { fence: numberIn(fence), now: numberIn(now), until: numberIn(until) }
  }

  async checkpoint(consumer: string, source: string): Promise<string | undefined> {
    const keys = [this.#keys().home(consumer)] as const
    const reply = await this.#connection.readOne({
      script: readCheckpointScript,
      keys,
      args: [keptText(source)],
    })
    const [note] = listIn(reply)
    return note === undefined ? undefined : originalText(textIn(note))
  }

  async saveCheckpoint(consumer: string, source: string, value: string): Promise<void> {
    const args = [keptText(source), keptText(value)]
    await this.#connection.write([this.#consumerCall(saveCheckpointScript, consumer, args)])
  }

  #consumerCall(
    script: ScriptCall['script'],
    consumer: string,
    args: readonly (string | number)[] = [],
  ): ScriptCall {
    const keyspace = this.#keys()
    return {
      script,
      keys: [keyspace.home(consumer), keyspace.consumers],
      args: [keptText(consumer), ...args],
    }
  }

  #keys(): Keyspace {
    return this.#keyspace ?? this.#connection.refuse()
  }

  /** Tools read a store without opening it, so that they create nothing. */
  async #keysForReading(): Promise<Keyspace> {
    if (this.#keyspace !== undefined) return this.#keyspace
    await this.#connection.openForReading()
    return readLayout(this.#connection, this.#parts.layout)
  }

  #knownOf(consumer: string): KnownConsumer {
    const there = this.#known.get(consumer)
    if (there !== undefined) return there
    const made = { totals: new DomainTotals(this.#keys().shards), places: new StreamPlaces() }
    this.#known.set(consumer, made)
    return made
  }
}
