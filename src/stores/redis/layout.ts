// How a store is laid out: its version, and over how many shards it is spread. Written down by whoever opens
// it first; everybody else must find it as they expect it, or their streams would lie elsewhere.
import { InturnError } from '../../core/errors.ts'
import type { Connection } from '../../redis/connection.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import { at, listIn, numberIn } from '../../redis/reply.ts'
import { Keyspace, layoutKey } from './keyspace.ts'

const openScript = storeScript(lua`
  -- Writes down how the store is laid out, if nobody has. KEYS: the layout. ARGV: version, shards. Gives what
  -- is written.
  redis.call('HSETNX', base, 'version', take())
  redis.call('HSETNX', base, 'shards', take())
  return redis.call('HMGET', base, 'version', 'shards')
`)
const readScript = storeScript(lua`
  -- How the store is laid out; nothing where nobody has opened it yet. KEYS: the layout.
  if redis.call('EXISTS', base) == 0 then return {} end
  return redis.call('HMGET', base, 'version', 'shards')
`)
/** The version of the layout. */
export const layoutVersion = 4
const defaultShards = 64

/** Where a store lies. */
export interface Layout {
  /** What all its keys begin with. */
  readonly prefix: string
  /** Absent: as it is, or 64. */
  readonly shards: number | undefined
}

/** Writes the layout of a new store, or checks that of an old one. */
export async function openLayout(connection: Connection, layout: Layout): Promise<Keyspace> {
  const { prefix, shards = defaultShards } = layout
  const keys = [layoutKey(prefix)] as const
  const [reply] = await connection.write([{ script: openScript, keys, args: [layoutVersion, shards] }])
  return checkedKeyspace(connection, layout, reply)
}

/**
 * Reads the layout of a store. Writes nothing.
 *
 * @throws InturnError `store-unavailable` where nobody has opened one yet, `store-schema-newer`,
 * `store-schema-older`
 */
export async function readLayout(connection: Connection, layout: Layout): Promise<Keyspace> {
  const key = layoutKey(layout.prefix)
  const reply = await connection.readOne({ script: readScript, keys: [key] })
  if (listIn(reply).length > 0) return checkedKeyspace(connection, layout, reply)
  const message = `${connection.name} is no inturn store yet: no worker has opened it (it has no key ${key})`
  throw new InturnError('store-unavailable', message, { retryable: true })
}

/** A server that has forgotten everything may have been given another layout by somebody else since. */
export function layoutError(
  { connection, keyspace }: { readonly connection: Connection; readonly keyspace: Keyspace },
  shards: number,
): InturnError | undefined {
  if (shards === keyspace.shards) return undefined
  const message = `the store was made anew with ${shards} shards, and had ${keyspace.shards}`
  return new InturnError('store-corrupt', `${connection.name}: ${message}; start the worker again`)
}

function checkedKeyspace({ name }: Connection, { prefix, shards }: Layout, reply: unknown): Keyspace {
  const [writtenVersion, writtenShards] = [numberIn(at(reply, 0)), numberIn(at(reply, 1))]
  if (writtenVersion !== layoutVersion) {
    const age = writtenVersion > layoutVersion ? 'newer' : 'older'
    const versions = `its layout is ${writtenVersion}, known is ${layoutVersion}`
    const message = `${name} was made by another inturn, which is ${age}: ${versions}`
    throw new InturnError(`store-schema-${age}`, message)
  }
  if (shards !== undefined && shards !== writtenShards) {
    const message = `redisStore: shards is ${shards}, but the store was made with ${writtenShards}`
    throw new InturnError('config-invalid', `${message}; leave the option out`)
  }
  return new Keyspace(prefix, writtenShards)
}
