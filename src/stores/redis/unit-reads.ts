// What a unit of work may read, each in one round trip.
import type { StreamPath } from '../../core/stream-path.ts'
import type { HeldEvent, HeldRange, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { Connection } from '../../redis/connection.ts'
import type { LuaScript } from '../../redis/lua-script.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import { groupsIn, listIn, textsIn } from '../../redis/reply.ts'
import type { UnitReads } from '../../storage/unit-of-work.ts'
import { encodedDomain } from './domain-totals.ts'
import { boundsOf, readHeld } from './held.ts'
import { entryIn, pageArguments, readInboxScript } from './inbox.ts'
import type { Keyspace } from './keyspace.ts'
import { keptText } from './keyspace.ts'

export const readHeldScript: LuaScript = storeScript(lua`
  -- Held events. KEYS: a shard. ARGV: path, lower and upper bound, limit (-1: none) of each range. Gives a
  -- list for each.
  local found = {}
  for place = 1, (last - taken) / 4 do
    found[place] = redis.call('ZRANGEBYLEX', key('held:' .. take()), take(), take(), 'LIMIT', 0, take())
  end
  return found
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
export class RedisUnitReads implements UnitReads {
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

  async inbox(pages: readonly InboxPage[]): Promise<StoredEntry[]> {
    const replies = await this.#connection.read(
      pages.map((page) => ({
        script: readInboxScript,
        keys: [this.#base(page.stream)],
        args: pageArguments(page),
      })),
    )
    return replies.flatMap((reply) => groupsIn(reply, 3).map(entryIn))
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
