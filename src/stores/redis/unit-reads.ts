// What a unit of work may read, each in one round trip.
import type { StreamPath } from '../../core/stream-path.ts'
import { readDeadLetter, readHandedOver } from '../../ports/record-text.ts'
import type { DeadLetter, HeldEvent, HeldRange, StoredHandedOver } from '../../ports/records.ts'
import type { Connection } from '../../redis/connection.ts'
import type { LuaScript } from '../../redis/lua-script.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import { groupsIn, listIn, textIn, textsIn } from '../../redis/reply.ts'
import { encodedDomain } from './domain-totals.ts'
import { boundsOf, readHeld } from './held.ts'
import type { Keyspace } from './keyspace.ts'
import { keptText } from './keyspace.ts'
import { letterShard } from './records.ts'

export const readHeldScript: LuaScript = storeScript(lua`
  -- Held events. KEYS: a shard. ARGV: path, lower and upper bound, limit (-1: none) of each range. Gives a
  -- list for each.
  local found = {}
  for place = 1, (last - taken) / 4 do
    found[place] = redis.call('ZRANGEBYLEX', key('held:' .. take()), take(), take(), 'LIMIT', 0, take())
  end
  return found
`)
const readOverflowScript = storeScript(lua`
  -- The dead letters 'overflow' of a stream, in its order. KEYS: a shard. ARGV: path, limit. Gives: place and
  -- text of each.
  local path, limit = take(), take()
  local found = redis.call('ZRANGEBYLEX', key('overflow:' .. path), '-', '+', 'LIMIT', 0, limit)
  local reply = {}
  for _, member in ipairs(found) do
    local place, name = string.match(member, '^([^%z]*)%z(.*)$')
    local kept = redis.call('HGET', key('letter'), name)
    if kept then
      reply[#reply + 1] = place
      reply[#reply + 1] = string.match(kept, '^%d+%z[^%z]*%z[^%z]*%z(.*)$')
    end
  end
  return reply
`)
export const listHandedOverScript: LuaScript = storeScript(lua`
  -- Handed-over events of this shard in the order of arrival. KEYS: a shard. ARGV: from where, limit, path or
  -- nothing. Gives: arrival id, path and text of each.
  local from, limit, path = take(), take(), take()
  local reply = {}
  local function add(id, of, text)
    for _, part in ipairs({ id, of, text }) do reply[#reply + 1] = part end
  end
  if path ~= '' then
    for _, member in ipairs(redis.call('ZRANGEBYLEX', key('over:' .. path), from, '+', 'LIMIT', 0, limit)) do
      local id, text = string.match(member, '^([^%z]*)%z(.*)$')
      add(id, path, text)
    end
    return reply
  end
  for _, member in ipairs(redis.call('ZRANGEBYLEX', key('arrivals'), from, '+', 'LIMIT', 0, limit)) do
    local id, of = string.match(member, '^([^%z]*)%z(.*)$')
    local kept = redis.call('ZRANGEBYLEX', key('over:' .. of), '[' .. id .. '\0', '(' .. id .. '\1')[1]
    if kept then add(id, of, string.match(kept, '^[^%z]*%z(.*)$')) end
  end
  return reply
`)
const knowLettersScript = storeScript(lua`
  -- Which dead letters are there. KEYS: a shard. ARGV: keys. Gives 1 or 0 for each.
  local known = {}
  for index, name in ipairs(take_rest()) do known[index] = redis.call('HEXISTS', key('letter'), name) end
  return known
`)
const knownIdsScript = storeScript(lua`
  -- Which ids of a domain are remembered. KEYS: a shard. ARGV: domain, ids. Gives 1 or 0 for each.
  local name = key('ids:' .. take())
  local known = {}
  for place = 1, last - taken do
    local ends = redis.call('ZSCORE', name, take())
    known[place] = ends and tonumber(ends) > micros and 1 or 0
  end
  return known
`)

/** Reads for a unit of work. */
export class UnitReads {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  readonly #consumer: string

  constructor(connection: Connection, keyspace: Keyspace, consumer: string) {
    this.#connection = connection
    this.#keyspace = keyspace
    this.#consumer = consumer
  }

  async held(ranges: readonly HeldRange[]): Promise<HeldEvent[]> {
    const replies = await this.#connection.read(
      ranges.map((range) => ({
        script: readHeldScript,
        keys: [this.#base(range.stream)],
        args: [range.stream, ...boundsOf(range), -1],
      })),
    )
    return ranges.flatMap(({ stream }, index) => {
      const [members] = listIn(replies[index])
      return textsIn(members).map((member) => readHeld(stream, member).held)
    })
  }

  async handedOver(streams: readonly StreamPath[], limit: number): Promise<StoredHandedOver[]> {
    const replies = await this.#connection.read(
      streams.map((stream) => ({
        script: listHandedOverScript,
        keys: [this.#base(stream)],
        args: ['-', limit, stream],
      })),
    )
    return replies
      .flatMap((reply) => groupsIn(reply, 3).map(handedOverIn))
      .sort((a, b) => (a.arrivalId < b.arrivalId ? -1 : 1))
  }

  async overflow(stream: StreamPath, limit: number): Promise<DeadLetter[]> {
    const bases = [this.#base(stream), this.#keyspace.home(this.#consumer)]
    const replies = await this.#connection.read(
      bases.map((base) => ({ script: readOverflowScript, keys: [base], args: [stream, limit] })),
    )
    return replies
      .flatMap((reply) => groupsIn(reply, 2).map(([place, text]) => [textIn(place), textIn(text)] as const))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([, text]) => readDeadLetter(text))
  }

  async buried(keys: readonly string[]): Promise<Set<string>> {
    const shards = [...Map.groupBy(keys, (key) => letterShard(this.#keyspace, key))]
    const replies = await this.#connection.read(
      shards.map(([shard, inShard]) => ({
        script: knowLettersScript,
        keys: [this.#keyspace.base(this.#consumer, shard)],
        args: inShard.map(keptText),
      })),
    )
    const known = shards.flatMap(([, inShard], index) => {
      const isThere = listIn(replies[index])
      return inShard.filter((_, place) => isThere[place] === 1)
    })
    return new Set(known)
  }

  async knownIds(domain: string, ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set()
    const encoded = encodedDomain(domain)
    const known = listIn(
      await this.#connection.readOne({
        script: knownIdsScript,
        keys: [this.#base(encoded)],
        args: [encoded, ...ids.map(keptText)],
      }),
    )
    return new Set(ids.filter((_, index) => known[index] === 1))
  }

  #base(path: StreamPath): string {
    return this.#keyspace.base(this.#consumer, this.#keyspace.shardOf(path))
  }
}

/** A handed-over event from its id, path and text. */
export function handedOverIn([id, path, text]: readonly unknown[]): StoredHandedOver {
  return { stream: textIn(path), arrivalId: textIn(id), ...readHandedOver(textIn(text)) }
}
