// The keys that handlers may write through `context.redis`: each belongs to one consumer and one stream, and
// lies in the stream's slot, so that the script of a commit may use it, and others can read it by its name.
import { InturnError } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { streamPath } from '../../core/stream-path.ts'
import { Keyspace } from './keyspace.ts'

const nameBytesMax = 512

/** Which key. */
export interface EffectKey {
  /** As the store was made. Default `inturn`. */
  readonly prefix?: string
  /** As the store was made. Default 64. */
  readonly shards?: number
  readonly consumer: string
  readonly domain: string
  /** The stream's key. */
  readonly stream: string
  /** The name that the handler gave to `context.redis.key`. */
  readonly name: string
}

/**
 * The key that a handler wrote as `context.redis.key(name)`, for whoever reads it.
 *
 * @throws InturnError `command-invalid` for a name that is empty, longer than 512 bytes, or no Unicode text
 * @example
 * const key = effectKey({ consumer: 'billing', domain: 'account', stream: '42', name: 'balance' })
 * const sum = await client.hGet(key, 'sum')
 */
export function effectKey({
  prefix = 'inturn',
  shards = 64,
  consumer,
  domain,
  stream,
  name,
}: EffectKey): string {
  const path = streamPath(domain, stream)
  return `${effectKeyStart(new Keyspace(prefix, shards), consumer, path)}${checkedName(name)}`
}

/** What the keys of a consumer's stream begin with. Neither part has a colon, so no two streams share one. */
export function effectKeyStart(keyspace: Keyspace, consumer: string, path: StreamPath): string {
  return `${keyspace.base(consumer, keyspace.shardOf(path))}:own:${path}:`
}

/** A name that a key may have. */
export function checkedName(name: unknown): string {
  if (typeof name === 'string' && name !== '' && name.isWellFormed() && bytesOf(name) <= nameBytesMax) {
    return name
  }
  const given = typeof name === 'string' ? `'${name.slice(0, 50)}'` : String(name)
  const message = `redis.key takes a name of 1 to ${nameBytesMax} bytes, not ${given}`
  throw new InturnError('command-invalid', message)
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text)
}
