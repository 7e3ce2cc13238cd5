// The Redis store: every call of the port, carried to the servers. While they cannot be reached calls fail;
// when they can be, so can the store.
import { sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { InboxEntry } from '../../ports/records.ts'
import type { StoreReader } from '../../ports/store-reader.ts'
import type {
  AboutStore,
  Beat,
  BeatOptions,
  Lease,
  LeaseRequest,
  Store,
  UnitOfWork,
  Worked,
  WorkRequest,
} from '../../ports/store.ts'
import type { Timers } from '../../ports/timers.ts'
import type { Connection } from '../../redis/connection.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import { at, listIn, mapIn, maybeNumberIn, numberIn, textIn, textsIn } from '../../redis/reply.ts'
import type { ScriptCall } from '../../redis/script-call.ts'
import { inboxText } from '../../storage/record-text.ts'
import { workWithClaims } from '../../storage/unit-of-work.ts'
import { Acknowledged } from './acknowledged.ts'
import { ClaimUnit } from './claim-unit.ts'
import type { KnownConsumer } from './claims.ts'
import { claimStreams, presenceLua, StreamPlaces } from './claims.ts'
import { streamlessCalls } from './commit-parts.ts'
import { DomainTotals } from './domain-totals.ts'
import { dueStreams } from './due-streams.ts'
import { entryPlace, handOverScript } from './inbox.ts'
import type { Keyspace } from './keyspace.ts'
import { keptText, originalText } from './keyspace.ts'
import type { Layout } from './layout.ts'
import { layoutError, layoutVersion, openLayout, readLayout } from './layout.ts'
import type { StreamlessRecords } from './records.ts'
import type { RedisCommands } from './redis-commands.ts'
import { RedisReader } from './redis-reader.ts'
import type { WaitReplicas } from './replicas.ts'
import { Replicas } from './replicas.ts'
import { warnOfSettings } from './server-settings.ts'

const nowScript = storeScript(lua`
  -- The server's clock. KEYS: the layout.
  return now
`)
const numberArrivalsScript = storeScript(lua`
  -- Numbers for entries of inboxes: they rise over all shards. KEYS: home of the consumer, consumers. ARGV:
  -- consumer, how many. Gives the last.
  redis.call('SADD', KEYS[2], take())
  return redis.call('HINCRBY', key('counts'), 'arrivals', take())
`)
const addConsumerScript = storeScript(lua`
  -- Makes a consumer known. KEYS: home of the consumer, consumers. ARGV: consumer.
  return redis.call('SADD', KEYS[2], take())
`)
const heartbeatScript = storeScript(
  presenceLua,
  lua`
  -- A worker has been reading its source. Time since the consumer's last beat counts if it is at most 5
  -- seconds. Makes consumer and layout known, as work does. KEYS: home of the consumer, consumers, layout.
  -- ARGV: consumer, version, shards, the name of the process and when it was here last, worker, milliseconds
  -- of silence or nothing. Gives: now, the reading clock, the workers that have been silent for longer, over
  -- how many shards the store is spread, whether that was forgotten, and when the process was here last.
  redis.call('SADD', KEYS[2], take())
  local shards, forgotten = lay_out(KEYS[3])
  local last = note_process(take(), tonumber(take()))
  local worker, silent_ms = take(), tonumber(take())
  local clock = key('clock')
  local since = now - tonumber(redis.call('HGET', clock, 'beat') or now)
  local reading = tonumber(redis.call('HGET', clock, 'reading') or 0)
  if since > 0 and since <= 5000 then reading = reading + since end
  redis.call('HSET', clock, 'reading', whole(reading), 'beat', whole(now))
  redis.call('ZADD', key('readers'), whole(now), worker)
  local died = {}
  if silent_ms then
    local silent = redis.call('ZRANGEBYSCORE', key('readers'), '-inf', '(' .. whole(now - silent_ms))
    for _, name in ipairs(silent) do
      if name ~= worker then
        redis.call('ZREM', key('readers'), name)
        died[#died + 1] = name
      end
    end
  end
  return { now, reading, died, shards, forgotten, last }
`,
)
const leaveScript = storeScript(lua`
  -- A worker ends by its own will. KEYS: home of the consumer. ARGV: worker. Gives: now, the reading clock.
  redis.call('ZREM', key('readers'), take())
  return { now, tonumber(redis.call('HGET', key('clock'), 'reading') or 0) }
`)
const leaseScript = storeScript(lua`
  -- Gives, renews or takes back a lease. KEYS: the lease, the last fence of leases. ARGV: holder,
  -- milliseconds, used until or nothing. Gives: fence, now, until; or nothing. Some policies evict keys that
  -- expire: so only those of an hour and more do, which are there to be left behind.
  local holder, ms, used_until = take(), tonumber(take()), take()
  local is_lasting = used_until ~= ''
  local lease = redis.call('HMGET', base, 'holder', 'fence', 'until', 'lasting')
  local ends = tonumber(lease[3] or 0)
  local is_own, is_held = lease[1] == holder, ends > now
  if is_held and not is_own then return {} end
  is_lasting = is_lasting or lease[4] == '1'
  if ms <= 0 then
    if not is_lasting then
      redis.call('DEL', base)
    elseif is_own then
      if used_until ~= '' then redis.call('HSET', base, 'until', used_until) end
      redis.call('HSET', base, 'lasting', '1')
    end
    return {}
  end
  local fence = is_held and tonumber(lease[2]) or redis.call('INCR', KEYS[2])
  local until_ms = now + ms
  if is_held then until_ms = math.max(ends, until_ms) end
  redis.call('HSET', base, 'holder', holder, 'fence', fence, 'until', whole(until_ms), 'lasting',
    is_lasting and '1' or '0')
  if is_lasting then redis.call('PERSIST', base)
  elseif ms >= 3600000 then redis.call('PEXPIREAT', base, whole(until_ms)) end
  return { fence, whole(now), whole(until_ms) }
`)
const readCheckpointScript = storeScript(lua`
  -- A source's note, in a list; an empty one where there is none. KEYS: home of the consumer. ARGV: source.
  local note = redis.call('HGET', key('checkpoints'), take())
  return note and { note } or {}
`)
const saveCheckpointScript = storeScript(lua`
  -- Keeps a source's note. KEYS: home of the consumer, consumers. ARGV: consumer, source, note.
  redis.call('SADD', KEYS[2], take())
  redis.call('HSET', key('checkpoints'), take(), take())
  return 1
`)

const goneBackEveryMs = 60_000

/** What a store is made of. */
export interface RedisStoreParts {
  readonly connection: Connection
  readonly layout: Layout
  readonly timers: Timers
  readonly onWarning: (message: string) => void
  /** Absent: what a server acknowledges counts. */
  readonly waitReplicas?: WaitReplicas
}

/** A store on Redis; made by `redisStore`. */
export class RedisStore implements Store<undefined, RedisCommands> {
  readonly about: AboutStore
  readonly reader: StoreReader
  readonly #parts: RedisStoreParts
  readonly #connection: Connection
  readonly #replicas: Replicas | undefined
  readonly #known = new Map<string, KnownConsumer>()
  #keyspace: Keyspace | undefined
  #toldGoneBackMs = -goneBackEveryMs

  constructor(parts: RedisStoreParts) {
    const { connection, waitReplicas } = parts
    if (waitReplicas !== undefined) this.#replicas = new Replicas(connection, waitReplicas)
    this.about = { name: connection.name, durable: true, effects: 'fenced' }
    this.#parts = parts
    this.#connection = connection
    this.reader = new RedisReader({ connection, keyspace: () => this.#keysForReading() })
  }

  async open(): Promise<void> {
    const { connection, layout, onWarning } = this.#parts
    await connection.open()
    if (this.#keyspace !== undefined) return
    this.#keyspace = await openLayout(connection, layout)
    const { consumers, shards } = this.#keyspace
    const bases = Array.from({ length: shards }, (_, shard) => this.#keys().base('', shard))
    await warnOfSettings(connection, { keys: [consumers, ...bases], onWarning })
  }

  async close(): Promise<void> {
    this.#connection.close()
  }

  async now(): Promise<number> {
    return numberIn(await this.#connection.readOne({ script: nowScript, keys: [this.#keys().layout] }))
  }

  async work<Result>(
    request: WorkRequest,
    body: (unit: UnitOfWork<undefined, RedisCommands>) => Promise<Result>,
  ): Promise<Worked<Result>> {
    return this.#guard((connection) => this.#work(connection, request, body))
  }

  async #work<Result>(
    connection: Connection,
    request: WorkRequest,
    body: (unit: UnitOfWork<undefined, RedisCommands>) => Promise<Result>,
  ): Promise<Worked<Result>> {
    const known = this.#knownOf(request.consumer)
    const parts = { connection, counting: this.#connection, keyspace: this.#keys(), known, request }
    const unit = new ClaimUnit(parts, await claimStreams(parts))
    return workWithClaims(unit, { timers: this.#parts.timers, claimMs: request.claimMs }, body)
  }

  async handOver(consumer: string, entries: readonly InboxEntry[]): Promise<readonly StreamPath[]> {
    return this.#guard((connection) => this.#handOver(connection, consumer, entries))
  }

  async #handOver(
    connection: Connection,
    consumer: string,
    entries: readonly InboxEntry[],
  ): Promise<readonly StreamPath[]> {
    const kept = entries.map((entry) => {
      return { stream: entry.stream, place: entryPlace(entry), text: inboxText(entry) }
    })
    const keyspace = this.#keys()
    const number = this.#consumerCall(numberArrivalsScript, consumer, [entries.length])
    const [last] = await connection.write([number])
    const first = numberIn(last) - entries.length + 1
    const numbered = kept.map((entry, index) => ({ ...entry, id: sortableText(first + index) }))
    const shards = [...Map.groupBy(numbered, ({ stream }) => keyspace.shardOf(stream))]
    const replies = await connection.write(
      shards.map(([shard, inShard]) => ({
        script: handOverScript,
        keys: [keyspace.base(consumer, shard)],
        args: inShard.flatMap(({ stream, id, place, text }) => [stream, id, place, text]),
      })),
    )
    const free = new Set<StreamPath>()
    for (const [index, [shard, inShard]] of shards.entries()) {
      this.#knownOf(consumer).totals.note(shard, mapIn(at(replies[index], 0)))
      const isFree = listIn(at(replies[index], 1))
      for (const [place, { stream }] of inShard.entries()) if (isFree[place] === 1) free.add(stream)
    }
    return [...new Set(entries.map(({ stream }) => stream))].filter((stream) => free.has(stream))
  }

  async record(consumer: string, records: StreamlessRecords): Promise<void> {
    const keyspace = this.#keys()
    const calls = streamlessCalls(records, { keyspace, consumer })
    const known = this.#consumerCall(addConsumerScript, consumer)
    await this.#guard(async (connection) => connection.write([known, ...calls]))
  }

  async due(consumer: string, limit: number, domains?: readonly string[]): Promise<readonly StreamPath[]> {
    const scope = { connection: this.#connection, keyspace: this.#keys(), consumer }
    return dueStreams(scope, { limit, domains })
  }

  async heartbeat(consumer: string, worker: string, options: BeatOptions = {}): Promise<Beat> {
    const { silentMs, leaves } = options
    const keyspace = this.#keys()
    if (leaves === true) return this.#leave(keyspace.home(consumer), worker)
    const { acknowledged } = this.#knownOf(consumer)
    const told = acknowledged.begunAt
    const reply = await this.#connection.readOne({
      script: heartbeatScript,
      keys: [keyspace.home(consumer), keyspace.consumers, keyspace.layout],
      args: [
        keptText(consumer),
        layoutVersion,
        keyspace.shards,
        acknowledged.process,
        told,
        keptText(worker),
        silentMs ?? '',
      ],
    })
    const anew = layoutError({ connection: this.#connection, keyspace }, numberIn(at(reply, 3)))
    if (anew !== undefined) throw anew
    const isForgotten = numberIn(at(reply, 4)) === 1
    acknowledged.noteBeat({ kept: maybeNumberIn(at(reply, 5)), told, isForgotten })
    return {
      now: numberIn(at(reply, 0)),
      readingMs: numberIn(at(reply, 1)),
      died: textsIn(at(reply, 2)).map(originalText),
    }
  }

  async #leave(home: string, worker: string): Promise<Beat> {
    const reply = await this.#connection.readOne({
      script: leaveScript,
      keys: [home],
      args: [keptText(worker)],
    })
    return { now: numberIn(at(reply, 0)), readingMs: numberIn(at(reply, 1)), died: [] }
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

  async checkpoint(consumer: string, source: string, next?: string): Promise<string | undefined> {
    const kept = keptText(source)
    if (next !== undefined) {
      await this.#connection.write([
        this.#consumerCall(saveCheckpointScript, consumer, [kept, keptText(next)]),
      ])
      return next
    }
    const keys = [this.#keys().home(consumer)] as const
    const reply = await this.#connection.readOne({ script: readCheckpointScript, keys, args: [kept] })
    const [note] = listIn(reply)
    return note === undefined ? undefined : originalText(textIn(note))
  }

  /** Runs what is settled upon; with replicas to wait for, it has ended when they have it. */
  #guard<Result>(run: (connection: Connection) => Promise<Result>): Promise<Result> {
    return this.#replicas === undefined ? run(this.#connection) : this.#replicas.guard(run)
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

  /** Every shard notices it, and one word is enough. */
  #tellGoneBack(): void {
    const now = this.#parts.timers.elapsedMs()
    if (now - this.#toldGoneBackMs < goneBackEveryMs) return
    this.#toldGoneBackMs = now
    this.#parts.onWarning(
      `${this.about.name}: the server has gone back behind what it acknowledged, and positions may have ` +
        'gone back with it: numbers that were settled since are missing now, as gaps (docs/stores/redis.md)',
    )
  }

  #knownOf(consumer: string): KnownConsumer {
    const there = this.#known.get(consumer)
    if (there !== undefined) return there
    const made = {
      totals: new DomainTotals(this.#keys().shards),
      places: new StreamPlaces(),
      acknowledged: new Acknowledged(() => this.#tellGoneBack()),
    }
    this.#known.set(consumer, made)
    return made
  }
}
