// Streams and held events in the order of their paths, page by page.
import type { StreamPath } from '../../core/stream-path.ts'
import type { HeldEvent } from '../../ports/records.ts'
import type { LiveClaim, Paged, RecordQuery, StoredStream, StreamQuery } from '../../ports/store-reader.ts'
import type { Connection } from '../../redis/connection.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import { at, bytesIn, groupsIn, maybeNumberIn, numberIn, textIn, textsIn } from '../../redis/reply.ts'
import { encodedDomain } from './domain-totals.ts'
import { readPartial } from './effect-partial.ts'
import { behindPlace, readHeld } from './held.ts'
import { inboxIn } from './inbox.ts'
import type { Keyspace } from './keyspace.ts'
import { originalText } from './keyspace.ts'
import type { ShardPage } from './merged-pages.ts'
import { mergedPage } from './merged-pages.ts'
import { readRecord } from './stream-record.ts'
import { readHeldScript } from './unit-reads.ts'

/** Where a reader looks: one consumer's data. */
export interface ReaderScope {
  readonly connection: Connection
  readonly keyspace: Keyspace
  readonly consumer: string
  /** The shards of streams. */
  readonly shards: readonly number[]
}

const listClaimsScript = storeScript(lua`
  -- The claims of this shard that live. KEYS: a shard. Gives: path, fence, since when and by which worker of
  -- each.
  local claims = redis.call('HGETALL', key('claims'))
  local reply = {}
  for at = 1, #claims, 2 do
    local path, fence = claims[at], claims[at + 1]
    if string.find(path, '/', 1, true) and ends_of(fence) > now then
      for _, part in ipairs({ path, fence, worker_of(fence) }) do
        reply[#reply + 1] = part
      end
    end
  end
  return reply
`)
const listPathsScript = storeScript(lua`
  -- Streams of this shard from a path on: whole leaves, of which the reader drops what lies before the path.
  -- KEYS: a shard. ARGV: path, how many at least. Gives: 1 if these are the last, and the paths.
  local path, least = take(), tonumber(take())
  local first = redis.call('ZREVRANGEBYLEX', key('leaves'), '[' .. path .. '\0\255', '-', 'LIMIT', 0, 1)[1]
  local paths = {}
  local leaf, found = first, nil
  while leaf do
    local elements = redis.call('LRANGE', key('leaf:' .. string.match(leaf, '%z(%d+)$')), 0, -1)
    for at = 1, #elements, 2 do paths[#paths + 1] = elements[at] end
    found = found and found + #elements / 2 or 0
    leaf = redis.call('ZRANGEBYLEX', key('leaves'), '(' .. leaf, '+', 'LIMIT', 0, 1)[1]
    if found >= least then break end
  end
  return { leaf and 0 or 1, paths }
`)
const listIndexScript = storeScript(lua`
  -- Paths in an index of this shard that is ordered by path. KEYS: a shard. ARGV: index, lower bound, limit.
  return redis.call('ZRANGEBYLEX', key(take()), take(), '+', 'LIMIT', 0, take())
`)
const readStreamsScript = storeScript(lua`
  -- Streams as they are kept. KEYS: a shard. ARGV: paths. Gives for each: record, due time, due reading time,
  -- fence of its claim, since when which worker has it if it is alive, what commands did that failed in part,
  -- and what its inbox has; what is not there is empty.
  local reply = {}
  for _ = 1, last - taken do
    local path = take()
    local fence, ends = claim_of(path)
    local parts = {
      find_record(path) or '',
      redis.call('ZSCORE', key('due'), path) or '',
      redis.call('ZSCORE', key('reading'), path) or '',
      fence or '',
      fence and ends > now and worker_of(fence) or '',
      redis.call('HGET', key('partial'), path) or '',
      redis.call('HGET', key('inboxes'), path) or '',
    }
    for _, part in ipairs(parts) do reply[#reply + 1] = part end
  end
  return reply
`)
const countHeldScript = storeScript(lua`
  -- How many held events some streams have from a place on. KEYS: a shard. ARGV: path and lower bound of
  -- each.
  local counts = {}
  for place = 1, (last - taken) / 2 do
    counts[place] = redis.call('ZLEXCOUNT', key('held:' .. take()), take(), '+')
  end
  return counts
`)

/** Which paths: from `first` (itself, unless `isBehind`) to before `end`. */
interface PathRange {
  readonly first: string
  readonly isBehind: boolean
  readonly end: string
}

/** Streams, ascending by path. */
export async function listStreams(scope: ReaderScope, query: StreamQuery): Promise<StoredStream[]> {
  const { domain, after, limit, onlyWaiting = false } = query
  const range = rangeOf(domain === undefined ? {} : { domain })
  const isBehind = after !== undefined && after >= range.first
  const from = isBehind ? { ...range, first: after, isBehind } : range
  return readStreams(scope, await listPaths(scope, onlyWaiting ? 'waiting' : undefined, { ...from, limit }))
}

/** The streams of some paths that are known, in their order. */
export async function readStreams(
  { connection, keyspace, consumer }: ReaderScope,
  paths: readonly StreamPath[],
): Promise<StoredStream[]> {
  const shards = [...Map.groupBy(paths, (path) => keyspace.shardOf(path))]
  const replies = await connection.read(
    shards.map(([shard, inShard]) => ({
      script: readStreamsScript,
      keys: [keyspace.base(consumer, shard)],
      args: inShard,
    })),
  )
  const found = new Map<StreamPath, StoredStream>()
  for (const [index, [, inShard]] of shards.entries()) {
    for (const [place, parts] of groupsIn(replies[index], 7).entries()) {
      const stream = inShard[place] ?? ''
      const stored = storedStream(stream, parts)
      if (stored !== undefined) found.set(stream, stored)
    }
  }
  return paths.flatMap((path) => found.get(path) ?? [])
}

/** Claims that live now, the longest held first. */
export async function listClaims(scope: ReaderScope, limit: number): Promise<LiveClaim[]> {
  const { connection, keyspace, consumer, shards } = scope
  const replies = await connection.read(
    shards.map((shard) => ({ script: listClaimsScript, keys: [keyspace.base(consumer, shard)] })),
  )
  return replies
    .flatMap((reply) => groupsIn(reply, 3))
    .map(([path, fence, kept]) => {
      const claim = textIn(kept)
      const since = Number.parseInt(claim, 10)
      return { stream: textIn(path), worker: workerOf(claim), fence: numberIn(fence), since }
    })
    .sort((a, b) => a.since - b.since || (a.stream < b.stream ? -1 : 1))
    .slice(0, limit)
}

/** Held events, ascending by stream, epoch and sequence. */
export async function listHeld(scope: ReaderScope, query: RecordQuery): Promise<Paged<HeldEvent>[]> {
  const { limit, after = '', stream: only } = query
  const { connection, keyspace, consumer } = scope
  const [path = '', ...place] = after.split(' ')
  const range = rangeOf(query)
  const first = path > range.first ? path : range.first
  // One stream lies in one shard: no index of any has to be asked.
  const paths =
    only === undefined ? await listPaths(scope, 'holding', { ...range, first, limit: limit + 1 }) : [only]
  const boundOf = (stream: StreamPath): string => (stream === path ? behindPlace(place.join(' ')) : '-')
  const keysOf = (stream: StreamPath): [string] => [keyspace.base(consumer, keyspace.shardOf(stream))]
  const counts = await connection.read(
    paths.map((stream) => ({
      script: countHeldScript,
      keys: keysOf(stream),
      args: [stream, boundOf(stream)],
    })),
  )
  let missing = limit
  const reads = paths.flatMap((stream, index) => {
    const count = Math.min(missing, numberIn(at(counts[index], 0)))
    missing -= count
    return count === 0 ? [] : [{ stream, count }]
  })
  const replies = await connection.read(
    reads.map(({ stream, count }) => ({
      script: readHeldScript,
      keys: keysOf(stream),
      args: [stream, boundOf(stream), '+', count],
    })),
  )
  return reads.flatMap(({ stream }, index) =>
    textsIn(at(replies[index], 0)).map((member) => {
      const { held, place: heldPlace } = readHeld(stream, member)
      return { ...held, cursor: `${stream} ${heldPlace}` }
    }),
  )
}

/** Paths of an index, or of all streams. */
async function listPaths(
  scope: ReaderScope,
  index: 'waiting' | 'holding' | undefined,
  range: PathRange & { readonly limit: number },
): Promise<StreamPath[]> {
  const { connection, keyspace, consumer, shards } = scope
  const page = await mergedPage<undefined>({
    shards,
    limit: range.limit,
    read: async (asked, count) => {
      const replies = await connection.read(
        asked.map(({ shard, behind = range.first }) => ({
          script: index === undefined ? listPathsScript : listIndexScript,
          keys: [keyspace.base(consumer, shard)],
          args: index === undefined ? [behind, count] : [index, `[${behind}`, count + 1],
        })),
      )
      return asked.map(({ behind }, place): ShardPage<undefined> => {
        const reply = replies[place]
        const paths = textsIn(index === undefined ? at(reply, 1) : reply)
        const isLast = index === undefined ? at(reply, 0) === 1 : paths.length <= count
        return pageOf(paths, {
          range: behind === undefined ? range : { ...range, first: behind, isBehind: true },
          isLast,
        })
      })
    },
  })
  return page.map(({ order }) => order)
}

function pageOf(
  paths: readonly StreamPath[],
  { range, isLast }: { readonly range: PathRange; readonly isLast: boolean },
): ShardPage<undefined> {
  const { first, isBehind, end } = range
  const behind = paths.filter((path) => (isBehind ? path > first : path >= first)).sort()
  const entries = behind.filter((path) => path < end).map((order) => ({ order, value: undefined }))
  return { entries, isLast: isLast || entries.length < behind.length }
}

function rangeOf({ stream, domain }: { readonly stream?: StreamPath; readonly domain?: string }): PathRange {
  if (stream !== undefined) return { first: stream, isBehind: false, end: `${stream}\u0001` }
  if (domain === undefined) return { first: '', isBehind: false, end: '\u007f' }
  const encoded = encodedDomain(domain)
  return { first: `${encoded}/`, isBehind: false, end: `${encoded}0` }
}

/** The worker of a claim, which is kept behind the time since when it has it. */
function workerOf(kept: string): string {
  return originalText(kept.slice(kept.indexOf(' ') + 1))
}

function storedStream(stream: StreamPath, parts: readonly unknown[]): StoredStream | undefined {
  const [bytes, dueAt, dueReading, claimFence, worker, partial, waiting] = parts
  const record = bytesIn(bytes)
  if (record.length === 0) return undefined
  const { fence, ...rest } = readRecord(record)
  const [at, readingMs] = [maybeNumberIn(dueAt), maybeNumberIn(dueReading)]
  const [claimedBy, told, inbox] = [textIn(worker), textIn(partial), inboxIn(textIn(waiting))]
  return {
    stream,
    ...rest,
    fence: Math.max(fence, maybeNumberIn(claimFence) ?? 0),
    due: { ...(at === undefined ? {} : { at }), ...(readingMs === undefined ? {} : { readingMs }) },
    ...(claimedBy === '' ? {} : { claimedBy: workerOf(claimedBy) }),
    ...(told === '' ? {} : { partial: readPartial(told) }),
    ...(inbox !== undefined && {
      inbox: { arrivals: inbox.arrivals, redrives: inbox.redrives, hasNew: inbox.hasNew },
    }),
  }
}
