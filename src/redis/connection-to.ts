// The connection that a factory makes of what its user gave it: a URL, or a client of the user's own.
import { givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import { wholeNumber } from '../core/whole-number.ts'
import { Connection } from './connection.ts'
import type { IoredisClient } from './ioredis-client.ts'
import { clientLike, isIoredis } from './ioredis-client.ts'
import { clientForUrl } from './official-client.ts'
import type { RedisClient, RedisCluster } from './redis-client.ts'

/**
 * A URL, or a client that stays the caller's to close: of the package `redis`, single or cluster, connected
 * already; or of `ioredis`, of which connections of inturn's own are made.
 */
export type RedisTarget = string | { readonly client: RedisClient | RedisCluster | IoredisClient }

/** What all factories take. */
export interface ConnectionSettings {
  /** What all keys begin with. */
  readonly prefix: string
  /** How long to wait for a reply, in milliseconds. */
  readonly replyMs: number
}

/** The prefix of keys where none is given. */
export const defaultPrefix = 'inturn'

/** How long to wait for a reply where nothing is said, in milliseconds. */
export const defaultReplyMs = 10_000

/** A connection for the factory of this name. @throws InturnError `config-invalid` */
export function connectionTo(
  factory: string,
  target: RedisTarget,
  { prefix, replyMs }: ConnectionSettings,
): Connection {
  if (typeof prefix !== 'string' || !/^[^{}]+$/.test(prefix)) {
    const message = `${factory}: prefix takes a text without braces, not ${givenText(prefix)}`
    throw new InturnError('config-invalid', message)
  }
  wholeNumber(replyMs, { name: `${factory}: replyMs`, least: 1, most: 2 ** 31 - 1 })
  if (typeof target === 'string') {
    const own = clientForUrl(checkedUrl(factory, target))
    return new Connection(own, { name: nameOf(new URL(target)), code: 'store-unavailable', replyMs })
  }
  checkClient(factory, target)
  const client = isIoredis(target.client) ? clientLike(target.client, factory) : target.client
  return new Connection(client, { name: 'redis', code: 'store-unavailable', replyMs })
}

/** JavaScript may give anything. */
function checkClient(factory: string, target: unknown): void {
  const client: unknown =
    typeof target === 'object' && target !== null ? Reflect.get(target, 'client') : undefined
  if (
    typeof client === 'object' &&
    client !== null &&
    typeof Reflect.get(client, 'sendCommand') === 'function'
  )
    return
  const form = 'a URL like redis://host:6379, or { client } with a client of the package redis or ioredis'
  throw new InturnError('config-invalid', `${factory} takes ${form}`)
}

/** The URL of a server. @throws InturnError `config-invalid` */
export function checkedUrl(factory: string, url: string): string {
  if (/^rediss?:\/\//.test(url) && URL.canParse(url)) {
    const { hostname, pathname, search } = new URL(url)
    if (hostname !== '' && search === '' && /^(?:\/\d*)?$/.test(pathname)) return url
  }
  const form = 'redis://host:6379, redis://user:password@host:6379 or redis://host:6379/<database>'
  throw new InturnError('config-invalid', `${factory}: takes a URL like ${form}`)
}

/** The server and the number of its database, without a password. */
function nameOf({ host, pathname }: URL): string {
  return `redis ${host}${/^\/?0*$/.test(pathname) ? '' : pathname}`
}
