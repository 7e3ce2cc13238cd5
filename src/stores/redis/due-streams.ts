// Which streams have work that nothing will arrive for. Upholds I8: each due time is measured by its own
// clock, and both are the servers'.
import type { StreamPath } from '../../core/stream-path.ts'
import type { Connection } from './connection.ts'
import { encodedDomain } from './domain-totals.ts'
import type { Keyspace } from './keyspace.ts'
import { luaScript } from './lua-script.ts'
import { at, groupsIn, mapIn, numberIn, textIn } from './reply.ts'
import type { ScriptCall } from './script-call.ts'

const dueScript = luaScript('due')
const readConsumerScript = luaScript('read-consumer')

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
