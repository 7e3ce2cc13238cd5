// Which streams have work that nothing will arrive for. Upholds I8: each due time is measured by its own
// clock, and both are the servers'.
import type { StreamPath } from '../../core/stream-path.ts'
import type { Connection } from '../../redis/connection.ts'
import type { LuaScript } from '../../redis/lua-script.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import { at, groupsIn, mapIn, numberIn, textIn } from '../../redis/reply.ts'
import type { ScriptCall } from '../../redis/script-call.ts'
import { encodedDomain } from './domain-totals.ts'
import type { Keyspace } from './keyspace.ts'

const dueScript = storeScript(lua`
  -- Streams of this shard with work that nothing will arrive for and that nobody has claimed. KEYS: a shard.
  -- ARGV: the time from which all shards count, reading clock, limit, number of domains that are asked for
  -- (-1: all) and their names, number of paused domains and their names. Gives: path, and for how long it has
  -- been overdue, of each, the longest first.
  local reference, reading, limit = tonumber(take()), tonumber(take()), tonumber(take())
  local overdue, paths = {}, {}

  local function take_names(number)
    local names = {}
    for _ = 1, number do names[take()] = true end
    return names
  end

  local domains = tonumber(take())
  local asked = take_names(domains)
  local paused = take_names(take())

  local function is_asked(path)
    return domains < 0 or asked[domain_of(path)] ~= nil
  end

  local function find(path, ms)
    if overdue[path] == nil then paths[#paths + 1] = path end
    overdue[path] = math.max(overdue[path] or 0, ms)
  end

  -- Walks an index from its beginning until it has found enough.
  local page_size = math.max(limit, 100)
  local function walk(page, ms_of)
    local found, from = 0, 0
    repeat
      local entries = page(from)
      for at = 1, #entries, 2 do
        local path = entries[at]
        local ms = is_asked(path) and ms_of(path, tonumber(entries[at + 1]))
        if ms and found < limit and not is_claimed(path) then
          find(path, ms)
          found = found + 1
        end
      end
      from = from + page_size
    until found >= limit or #entries == 0
  end

  local function up_to(name, clock, counts_from)
    local function page(from)
      local last = whole(clock)
      return redis.call('ZRANGEBYSCORE', key(name), '-inf', last, 'WITHSCORES', 'LIMIT', from, page_size)
    end
    walk(page, function(_, score) return math.max(counts_from - score, 0) end)
  end

  walk(function(from)
    return redis.call('ZRANGE', key('handed'), from, from + page_size - 1, 'WITHSCORES')
  end, function(path)
    return not paused[domain_of(path)] and reference
  end)
  up_to('due', now, reference)
  up_to('reading', reading, reading)

  -- Claims that expired. A unit that has none left, because others took them over, is forgotten.
  local expired = redis.call('ZRANGEBYSCORE', key('units'), '-inf', whole(now), 'WITHSCORES')
  if #expired > 0 then
    local since, has = {}, {}
    for at = 1, #expired, 2 do since[expired[at]] = math.max(reference - expired[at + 1], 0) end
    local claims = redis.call('HGETALL', key('claims'))
    for at = 1, #claims, 2 do
      local fence = claims[at + 1]
      if since[fence] then
        has[fence] = true
        if is_asked(claims[at]) then find(claims[at], since[fence]) end
      end
    end
    for fence in pairs(since) do
      if not has[fence] then
        redis.call('ZREM', key('units'), fence)
        redis.call('HDEL', key('claims'), fence)
      end
    end
  end

  table.sort(paths, function(a, b) return overdue[a] > overdue[b] end)
  local reply = {}
  for at = 1, math.min(limit, #paths) do
    reply[#reply + 1] = paths[at]
    reply[#reply + 1] = whole(overdue[paths[at]])
  end
  return reply
`)
export const readConsumerScript: LuaScript = storeScript(lua`
  -- A consumer's clocks and paused domains, changing nothing. KEYS: home of the consumer. Gives: now, reading
  -- clock, last beat or nothing, domains with whether each is paused.
  return {
    now,
    tonumber(redis.call('HGET', key('clock'), 'reading') or 0),
    redis.call('HGET', key('clock'), 'beat') or '',
    redis.call('HGETALL', key('paused')),
  }
`)

/** Where to look. */
export interface DueScope {
  readonly connection: Connection
  readonly keyspace: Keyspace
  readonly consumer: string
}

interface DueTerms {
  /** One time for all shards, or streams that became due in one moment would change places. */
  readonly now: number
  /** The consumer's reading clock. */
  readonly reading: number
  readonly limit: number
  /** The domains that are asked for, and those that are paused. */
  readonly rest: readonly string[]
}

interface DueStream {
  readonly path: StreamPath
  readonly overdueMs: number
}

/** What is asked. */
export interface DueQuestion {
  readonly limit: number
  /** `undefined`: all. */
  readonly domains: readonly string[] | undefined
}

/** Streams that are due and that nobody has claimed, the longest overdue first. */
export async function dueStreams(scope: DueScope, { limit, domains }: DueQuestion): Promise<StreamPath[]> {
  const { connection, keyspace, consumer } = scope
  const known = await connection.readOne({ script: readConsumerScript, keys: [keyspace.home(consumer)] })
  if (limit <= 0) return []
  const paused = [...mapIn(at(known, 3))].flatMap(([domain, isPaused]) => (isPaused === '1' ? [domain] : []))
  const names = domains === undefined ? ['-1'] : [String(domains.length), ...domains.map(encodedDomain)]
  const terms = {
    now: numberIn(at(known, 0)),
    reading: numberIn(at(known, 1)),
    rest: [...names, String(paused.length), ...paused],
  }
  const all = Array.from({ length: keyspace.shards }, (_, shard) => shard)
  const fewEach = Math.min(limit, Math.ceil(limit / keyspace.shards) * 4)
  const found = await askShards(scope, all, { ...terms, limit: fewEach })
  const least = sorted([...found.values()].flat())[limit - 1]?.overdueMs ?? -1
  // A shard that has more than it was asked for, all of it overdue long enough to count, is asked again.
  const again = all.filter((shard) => {
    const list = found.get(shard) ?? []
    return list.length >= fewEach && fewEach < limit && (list.at(-1)?.overdueMs ?? 0) >= least
  })
  const more = await askShards(scope, again, { ...terms, limit })
  for (const [shard, list] of more) found.set(shard, list)
  return sorted([...found.values()].flat())
    .slice(0, limit)
    .map(({ path }) => path)
}

async function askShards(
  { connection, keyspace, consumer }: DueScope,
  shards: readonly number[],
  { now, reading, rest, limit }: DueTerms,
): Promise<Map<number, DueStream[]>> {
  const calls = shards.map((shard): ScriptCall => ({
    script: dueScript,
    keys: [keyspace.base(consumer, shard)],
    args: [now, reading, limit, ...rest],
  }))
  const replies = await connection.read(calls)
  return new Map(
    shards.map((shard, index) => {
      const list = groupsIn(replies[index], 2).map(([path, overdue]) => {
        return { path: textIn(path), overdueMs: numberIn(overdue) }
      })
      return [shard, list]
    }),
  )
}

function sorted(found: readonly DueStream[]): DueStream[] {
  return found.toSorted((a, b) => b.overdueMs - a.overdueMs || (a.path < b.path ? -1 : 1))
}
