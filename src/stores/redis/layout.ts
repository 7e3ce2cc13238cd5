// How a store is laid out: its version, and over how many shards it is spread. Written down by whoever opens
// it first; everybody else must find it as they expect it, or their streams would lie elsewhere.
import { InturnError } from '../../core/errors.ts'
import type { Connection } from './connection.ts'
import { Keyspace, layoutKey } from './keyspace.ts'
import { luaScript } from './lua-script.ts'
import { at, listIn, numberIn } from './reply.ts'

const openScript = luaScript('open-store')
const readScript = luaScript('read-layout')
const version = 1
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
  const [reply] = await connection.write([{ script: openScript, keys, args: [version, shards] }])
  return checkedKeyspace(connection, layout, reply)
}

/** Reads the layout of a store; one that is not there is as it would be made. Writes nothing. */
export async function readLayout(connection: Connection, layout: Layout): Promise<Keyspace> {
  const { prefix, shards = defaultShards } = layout
  const reply = await connection.readOne({ script: readScript, keys: [layoutKey(prefix)] })
  if (listIn(reply).length === 0) return new Keyspace(prefix, shards)
  return checkedKeyspace(connection, layout, reply)
}

function checkedKeyspace({ name }: Connection, { prefix, shards }: Layout, reply: unknown): Keyspace {
  const [writtenVersion, writtenShards] = [numberIn(at(reply, 0)), numberIn(at(reply, 1))]
  if (writtenVersion > version) {
    const message = `${name}: a newer inturn made this store; this one reads version ${version}`
    throw new InturnError('store-schema-newer', message)
  }
  if (shards !== undefined && shards !== writtenShards) {
    const message = `redisStore: shards is ${shards}, but the store was made with ${writtenShards}`
    throw new InturnError('config-invalid', `${message}; leave the option out`)
  }
  return new Keyspace(prefix, writtenShards)
}
