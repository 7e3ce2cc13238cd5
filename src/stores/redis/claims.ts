// Claims streams, renews and releases them: one call for each shard, all in one round trip. Upholds I5.
import type { StreamPath } from '../../core/stream-path.ts'
import { unknownStream } from '../../core/stream-state.ts'
import type { EffectPartial } from '../../ports/commit-commands.ts'
import type { WonStream, WorkRequest } from '../../ports/store.ts'
import type { CallEnd, Connection } from '../../redis/connection.ts'
import type { LuaScript } from '../../redis/lua-script.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import type { ScriptArgument } from '../../redis/packed-arguments.ts'
import { at, bytesIn, groupsIn, listIn, mapIn, maybeNumberIn, numberIn, textIn } from '../../redis/reply.ts'
import type { ScriptCall } from '../../redis/script-call.ts'
import type { BegunUnit } from '../../storage/unit-of-work.ts'
import type { Acknowledged } from './acknowledged.ts'
import type { DomainTotals } from './domain-totals.ts'
import { readPartial } from './effect-partial.ts'
import { inboxIn, inboxLua } from './inbox.ts'
import type { Keyspace } from './keyspace.ts'
import { keptText } from './keyspace.ts'
import { layoutError, layoutVersion } from './layout.ts'
import { readRecord } from './stream-record.ts'

export const presenceLua: string = lua`
  -- Makes the layout known, if the server has forgotten it. ARGV: version, shards. Gives over how many
  -- shards the store is spread, and 1 where the layout was forgotten.
  local function lay_out(layout)
    local version, shards = take(), take()
    local written = redis.call('HGET', layout, 'shards')
    if not written then redis.call('HSET', layout, 'version', version, 'shards', shards) end
    return tonumber(written or shards), written and 0 or 1
  end

  -- Notes that a process is here, unless it was here last before 'told': then it is to be told of that first.
  -- Gives when it was here last. GT, as clocks may be set back.
  local function note_process(process, told)
    local last = redis.call('ZSCORE', key('begun'), process)
    if told <= tonumber(last or 0) then redis.call('ZADD', key('begun'), 'GT', whole(now), process) end
    return last or ''
  end
`
const beginScript = storeScript(
  presenceLua,
  lua`
  -- What a unit of work needs of its consumer as a whole; makes the consumer known, and the layout too, if
  -- the server has forgotten it. KEYS: home of the consumer, consumers, layout. ARGV: consumer, version,
  -- shards, and the name of the process. Gives: now, the reading clock, the domains with whether each is
  -- paused, over how many shards the store is spread, and when the process was here last.
  redis.call('SADD', KEYS[2], take())
  local shards = lay_out(KEYS[3])
  local last = note_process(take(), 0)
  -- Only processes that are gone were not here for a week.
  local week_ms = 604800000
  redis.call('ZREMRANGEBYSCORE', key('begun'), '-inf', whole(now - week_ms))
  return {
    now,
    tonumber(redis.call('HGET', key('clock'), 'reading') or 0),
    redis.call('HGETALL', key('paused')),
    shards,
    last,
  }
`,
)
const claimScript = storeScript(lua`
  -- Claims the streams that are free, and reads them and what is counted of the shard. One entry in 'units'
  -- is the life of all claims of this call, so that renewing them is one write. KEYS: a shard. ARGV: worker,
  -- milliseconds, 1 to be told the counts, and of each stream its path, and where it was seen last: leaf, and
  -- the indexes of its path and of its record there; or empty texts. Gives: now, fence, counts, for each
  -- stream its record or 0 (claimed by another), those that lie elsewhere as index, leaf and index in the
  -- leaf, whose claim had expired, by index, index and text of what commands did that failed in part, and
  -- index and text of what their inboxes have.
  local worker, ms, wants_counts = take(), take(), take() == '1'
  local paths, seen = {}, taken
  for index = 1, (last - seen) / 4 do paths[index] = ARGV[seen + 4 * index - 3] end
  local records, places, expired, claims, partials, inboxes = {}, {}, {}, {}, {}, {}
  local told = redis.call('EXISTS', key('partial')) == 1 and call_many('HMGET', key('partial'), paths) or {}
  local has_inboxes = redis.call('EXISTS', key('inboxes')) == 1
  local waiting = has_inboxes and call_many('HMGET', key('inboxes'), paths) or {}
  local fences = call_many('HMGET', key('claims'), paths)
  local fence = 0
  for index, path in ipairs(paths) do
    if fences[index] and ends_of(fences[index]) > now then
      records[index] = 0
    else
      if fences[index] then expired[#expired + 1] = index end
      if fence == 0 then fence = redis.call('HINCRBY', key('counts'), 'fence', 1) end
      local leaf, before, at = ARGV[seen + 4 * index - 2], ARGV[seen + 4 * index - 1], ARGV[seen + 4 * index]
      local pair = leaf ~= '' and redis.call('LRANGE', leaf_key(leaf), before, at) or {}
      if pair[1] == path then
        records[index] = pair[2]
      else
        local record, found, place = find_record(path)
        records[index] = record or ''
        if record then for _, part in ipairs({ index, found, place }) do places[#places + 1] = part end end
      end
      claims[#claims + 1] = path
      claims[#claims + 1] = fence
      if told[index] then
        partials[#partials + 1] = index
        partials[#partials + 1] = told[index]
      end
      if waiting[index] then
        inboxes[#inboxes + 1] = index
        inboxes[#inboxes + 1] = waiting[index]
      end
    end
  end
  if fence > 0 then
    claims[#claims + 1] = fence
    claims[#claims + 1] = whole(now) .. ' ' .. worker
    call_many('HSET', key('claims'), claims)
    redis.call('ZADD', key('units'), now + ms, fence)
  end
  local counts = wants_counts and redis.call('HGETALL', key('counts')) or {}
  return { now, fence, counts, records, places, expired, partials, inboxes }
`)
export const renewScript: LuaScript = storeScript(lua`
  -- Renews the claims of a unit. KEYS: a shard. ARGV: fence, milliseconds, paths. Gives the indexes of those
  -- that it has lost.
  local fence, ms = take(), take()
  local paths = take_rest()
  local lost = {}
  for index, claim in ipairs(call_many('HMGET', key('claims'), paths)) do
    if claim ~= fence then lost[#lost + 1] = index end
  end
  if #lost < #paths then redis.call('ZADD', key('units'), whole(now + ms), fence) end
  return lost
`)
const releaseScript = storeScript(
  inboxLua,
  lua`
  -- Releases the claims of a unit. KEYS: a shard. ARGV: fence, all its paths in this shard. Gives the indexes
  -- of those that it still had and whose inboxes have entries that were not looked at.
  local fence = take()
  local paths = take_rest()
  local own, again = {}, {}
  local waiting = redis.call('EXISTS', key('handed')) == 1 and call_many('HMGET', key('inboxes'), paths) or {}
  for index, claim in ipairs(call_many('HMGET', key('claims'), paths)) do
    if claim == fence then
      own[#own + 1] = paths[index]
      if has_new(waiting[index]) then again[#again + 1] = index end
    end
  end
  own[#own + 1] = fence
  call_many('HDEL', key('claims'), own)
  redis.call('ZREM', key('units'), fence)
  return again
`,
)
const placesMax = 100_000

/** What claims are made with. */
export interface RedisUnitParts {
  readonly connection: Connection
  /** How counts are read of shards that have none of the streams. */
  readonly counting: Connection
  readonly keyspace: Keyspace
  readonly known: KnownConsumer
  readonly request: WorkRequest
}

/** What the process remembers of a consumer. */
export interface KnownConsumer {
  readonly totals: DomainTotals
  readonly places: StreamPlaces
  readonly acknowledged: Acknowledged
}

/** The streams of one shard that were won. */
export interface ShardClaims {
  readonly fence: number
  readonly paths: readonly StreamPath[]
}

/** Where a stream lies: the number of its leaf, and the index of its record there. */
export interface StreamPlace {
  readonly leaf: string
  readonly at: string
}

/** What is known of the record of a claimed stream, which nobody else changes. */
export interface KnownRecord {
  readonly place: StreamPlace
  readonly flags: number
  readonly deliveries: number
}

/** A stream that was won; `record`: absent where it has none, or nobody knows where it lies. */
interface ClaimedStream extends WonStream {
  record: KnownRecord | undefined
}

/**
 * Where one consumer's streams were seen last, so that the scripts need not search for them. Only a hint: a
 * claim looks whether the stream is there, and searches where it is not.
 */
export class StreamPlaces {
  readonly #places = new Map<StreamPath, StreamPlace>()

  /** Nothing where it is not known. */
  of(path: StreamPath): StreamPlace | undefined {
    return this.#places.get(path)
  }

  note(seen: ReadonlyMap<StreamPath, StreamPlace>): void {
    if (this.#places.size + seen.size > placesMax) this.#places.clear()
    for (const [path, place] of seen) this.#places.set(path, place)
  }
}

/** What a unit of work begins with. */
export interface ClaimedStreams {
  readonly begun: BegunUnit
  readonly streams: ReadonlyMap<StreamPath, ClaimedStream>
  readonly partials: Map<StreamPath, EffectPartial>
  readonly shards: ReadonlyMap<number, ShardClaims>
}

/** Claims the streams of a request that are free, and reads them. */
export async function claimStreams(parts: RedisUnitParts): Promise<ClaimedStreams> {
  const { connection, keyspace, known, request } = parts
  const asked = Map.groupBy(request.streams, (path) => keyspace.shardOf(path))
  const stale = known.totals.takeStale()
  const counting = refreshCounts(
    parts,
    [...stale].filter((shard) => !asked.has(shard)),
  )
  const told = known.acknowledged.begunAt
  const newest = new Map([...asked.keys()].map((shard) => [shard, known.acknowledged.newestFence(shard)]))
  const [beginEnd, ...ends] = await connection.settle([
    beginCall(parts),
    ...[...asked].map(([shard, paths]) => claimCall(parts, { shard, paths, isStale: stale.has(shard) })),
  ])
  await counting
  const failed = [beginEnd, ...ends].find((end) => end !== undefined && 'failure' in end)
  const begun = replyOf(beginEnd)
  const error =
    failed !== undefined && 'failure' in failed
      ? failed.failure.error
      : layoutError(parts, numberIn(at(begun, 3)))
  if (error !== undefined) {
    await giveBack(parts, ends, [...asked])
    throw error
  }
  known.acknowledged.noteBegun(numberIn(at(begun, 0)), { kept: maybeNumberIn(at(begun, 4)), told })
  const claimed = new ClaimReplies(known.places)
  for (const [index, [shard, paths]] of [...asked].entries()) {
    const reply = replyOf(ends[index])
    if (stale.has(shard)) known.totals.note(shard, mapIn(at(reply, 2)))
    claimed.add(shard, paths, reply)
    known.acknowledged.noteFence(shard, {
      given: claimed.shards.get(shard)?.fence,
      newest: newest.get(shard),
    })
  }
  const { streams, partials, shards } = claimed
  return {
    begun: {
      clock: { now: numberIn(at(begun, 0)), readingMs: numberIn(at(begun, 1)) },
      streams,
      busy: request.streams.filter((path) => !streams.has(path)),
      domains: known.totals.statuses(mapIn(at(begun, 2))),
    },
    streams,
    partials,
    shards,
  }
}

/** Reads counts that are too old; those of a server that is away stay as they are. */
async function refreshCounts(parts: RedisUnitParts, shards: readonly number[]): Promise<void> {
  const calls = shards.map((shard) => claimCall(parts, { shard, paths: [], isStale: true }))
  const ends = await parts.counting.settle(calls).catch(() => [])
  for (const [index, shard] of shards.entries()) {
    const end = ends[index]
    if (end !== undefined && 'reply' in end) parts.known.totals.note(shard, mapIn(at(end.reply, 2)))
  }
}

/** Renews claims, and says which of them are lost. */
export async function renewClaims(
  parts: RedisUnitParts,
  shards: ReadonlyMap<number, ShardClaims>,
): Promise<StreamPath[]> {
  const { connection, keyspace, request } = parts
  const claims = [...shards]
  const calls = claims.map(([shard, { fence, paths }]) => ({
    script: renewScript,
    keys: [keyspace.base(request.consumer, shard)] as const,
    args: [fence, request.claimMs, ...paths],
  }))
  const replies = await connection.read(calls)
  return claims.flatMap(([, { paths }], index) => pathsAt(paths, replies[index]))
}

/** Releases claims, and says which of the streams have entries that were not looked at. */
export async function releaseClaims(
  parts: RedisUnitParts,
  shards: ReadonlyMap<number, ShardClaims>,
): Promise<StreamPath[]> {
  const { connection, keyspace, request } = parts
  const claims = [...shards]
  const calls = claims.map(([shard, { fence, paths }]) => ({
    script: releaseScript,
    keys: [keyspace.base(request.consumer, shard)] as const,
    args: [fence, ...paths],
  }))
  const ends = await connection.settle(calls)
  return claims.flatMap(([, { paths }], index) => {
    const end = ends[index]
    if (end === undefined || 'failure' in end) return []
    return pathsAt(paths, end.reply)
  })
}

/** The paths whose indexes a script has named. */
export function pathsAt(paths: readonly StreamPath[], indexes: unknown): StreamPath[] {
  return listIn(indexes).flatMap((index) => paths[numberIn(index) - 1] ?? [])
}

/** What the shards replied, put together. */
class ClaimReplies {
  readonly streams: Map<StreamPath, ClaimedStream> = new Map()
  readonly partials: Map<StreamPath, EffectPartial> = new Map()
  readonly shards: Map<number, ShardClaims> = new Map()
  readonly #places: StreamPlaces

  constructor(places: StreamPlaces) {
    this.#places = places
  }

  add(shard: number, paths: readonly StreamPath[], reply: unknown): void {
    const [, givenFence, , all, places, expired, partials, waiting] = listIn(reply)
    const records = listIn(all)
    this.#places.note(placesIn(paths, places))
    const takenOver = new Set(pathsAt(paths, expired))
    const inboxes = new Map(
      groupsIn(waiting, 2).map(([place, told]) => [numberIn(place) - 1, inboxIn(textIn(told))]),
    )
    const fence = numberIn(givenFence)
    const won: StreamPath[] = []
    for (let index = 0; index < paths.length; index++) {
      const [path, record] = [paths[index], records[index]]
      if (path === undefined || record === 0) continue
      const bytes = bytesIn(record)
      const read = bytes.length === 0 ? undefined : readRecord(bytes)
      const place = this.#places.of(path)
      won.push(path)
      this.streams.set(path, {
        state: read === undefined ? { ...unknownStream } : read.state,
        fence,
        inbox: inboxes.get(index),
        isTakenOver: takenOver.has(path),
        record: read && place && { place, flags: bytes[0] ?? 0, deliveries: read.deliveries },
      })
    }
    if (won.length > 0) this.shards.set(shard, { fence, paths: won })
    for (const [place, told] of groupsIn(partials, 2)) {
      const path = paths[numberIn(place) - 1]
      if (path !== undefined) this.partials.set(path, readPartial(textIn(told)))
    }
  }
}

/** Where a claim has found streams that lie elsewhere than they were known to. */
function placesIn(paths: readonly StreamPath[], reply: unknown): ReadonlyMap<StreamPath, StreamPlace> {
  const places = new Map<StreamPath, StreamPlace>()
  for (const [index, leaf, at] of groupsIn(reply, 3)) {
    const path = paths[numberIn(index) - 1]
    if (path !== undefined) places.set(path, { leaf: textIn(leaf), at: textIn(at) })
  }
  return places
}

/** Claims that were made while others could not be are released, as far as that is possible. */
async function giveBack(
  parts: RedisUnitParts,
  ends: readonly CallEnd[],
  asked: readonly (readonly [number, readonly StreamPath[]])[],
): Promise<void> {
  const made = new ClaimReplies(parts.known.places)
  for (const [index, [shard, paths]] of asked.entries()) {
    const end = ends[index]
    if (end !== undefined && 'reply' in end) made.add(shard, paths, end.reply)
  }
  await releaseClaims(parts, made.shards).catch(() => [])
}

function beginCall({ keyspace, known, request: { consumer } }: RedisUnitParts): ScriptCall {
  return {
    script: beginScript,
    keys: [keyspace.home(consumer), keyspace.consumers, keyspace.layout],
    args: [keptText(consumer), layoutVersion, keyspace.shards, known.acknowledged.process],
  }
}

const nowhere: StreamPlace = { leaf: '', at: '' }

function claimCall(
  { keyspace, known, request }: RedisUnitParts,
  { shard, paths, isStale }: { shard: number; paths: readonly StreamPath[]; isStale: boolean },
): ScriptCall {
  const args: ScriptArgument[] = [keptText(request.worker), request.claimMs, isStale ? 1 : 0]
  for (const path of paths) {
    const { leaf, at } = known.places.of(path) ?? nowhere
    args.push(path, leaf, leaf === '' ? '' : Number(at) - 1, at)
  }
  return { script: claimScript, keys: [keyspace.base(request.consumer, shard)], args }
}

function replyOf(end: CallEnd | undefined): unknown {
  return end !== undefined && 'reply' in end ? end.reply : undefined
}
