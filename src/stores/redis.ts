// A store on Redis, or Valkey: many workers on many machines, each advancing streams of its own. Everything a
// worker does takes one script call for each shard it touches, all in one round trip.
import { InturnError } from '../core/errors.ts'
import type { Store } from '../ports/store.ts'
import { systemTimers } from '../ports/timers.ts'
import { Connection } from './redis/connection.ts'
import { UrlClient } from './redis/own-client.ts'
import type { RedisArgument, RedisClient, RedisCluster } from './redis/redis-client.ts'
import { RedisStore } from './redis/redis-store.ts'

export type { RedisArgument, RedisClient, RedisCluster }

/** How a Redis store uses its server. */
export interface RedisStoreOptions {
  /** What all keys begin with. Default `inturn`. */
  readonly prefix?: string
  /**
   * Over how many shards the streams are spread, each in one slot of a cluster. Fixed when the store is made;
   * later it need not be given. Default 64.
   */
  readonly shards?: number
  /** How long to wait for a reply, in milliseconds. Default 10,000. */
  readonly replyMs?: number
  /** Told once, when the store is opened, of settings under which Redis forgets. Default a warning of
   * the process. */
  readonly onWarning?: (message: string) => void
}

/**
 * A store on the server at a URL, or on a client of the package `redis` (single or cluster) that is connected
 * already and stays the caller's to close.
 *
 * @throws InturnError `config-invalid` when an option cannot be
 * @example
 * const store = redisStore('redis://localhost:6379')
 */
export function redisStore(
  target: string | { readonly client: RedisClient | RedisCluster },
  options: RedisStoreOptions = {},
): Store<undefined> {
  const { prefix = 'inturn', shards, replyMs = 10_000, onWarning = warn } = options
  if (!/^[^{}]+$/.test(prefix)) {
    throw new InturnError('config-invalid', `redisStore: prefix takes a text without braces, not ${prefix}`)
  }
  if (shards !== undefined) checkCount('shards', shards, 16_384)
  checkCount('replyMs', replyMs, 2 ** 31 - 1)
  const own = typeof target === 'string' ? new UrlClient(checkedUrl(target)) : undefined
  const name = typeof target === 'string' ? `redis ${new URL(target).host}` : 'redis'
  const client = typeof target === 'string' ? own : target.client
  if (client === undefined) throw new InturnError('config-invalid', 'redisStore takes a URL or { client }')
  const connection = new Connection(client, own, { name, replyMs, shiftMs: () => 0 })
  return new RedisStore({ connection, layout: { prefix, shards }, timers: systemTimers, onWarning })
}

function checkedUrl(url: string): string {
  if (/^rediss?:\/\//.test(url) && URL.canParse(url)) return url
  throw new InturnError('config-invalid', 'redisStore: takes a URL like redis://host:6379')
}

function checkCount(name: string, value: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return
  throw new InturnError(
    'config-invalid',
    `redisStore: ${name} takes a whole number from 1 to ${max}, not ${value}`,
  )
}

function warn(message: string): void {
  process.emitWarning(message, 'InturnWarning')
}
