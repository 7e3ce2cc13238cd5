// Opens the store, or the event log, that a URL names, and imports only the adaptor that it needs:
// `sqlite:billing.db`, or just the path of a database file; `postgres://host/database`, with `?schema=`, and
// `redis://host:6379`, with `?prefix=`, where there is one of its own.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { InturnError } from '../core/errors.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { Store } from '../ports/store.ts'

/** What the URL of a store or of a log may look like, for people. */
export const storeUrlForms: string =
  'sqlite:<file>, the path of a .db file, postgres://<host>/<database> or redis://<host>'

const sqliteExtension = /\.(?:db|sqlite|sqlite3)$/i

type UrlFlag = '--store' | '--log'

/** Where a URL leads. */
type Place =
  | { readonly kind: 'redis'; readonly target: string; readonly options: { readonly prefix?: string } }
  | { readonly kind: 'postgres'; readonly target: string; readonly options: { readonly schema?: string } }
  | { readonly kind: 'sqlite'; readonly file: string }

/**
 * Opens a store for reading; nothing is created.
 *
 * @throws InturnError `usage` for a URL that names no kind of store, `input-unreadable` for a missing file
 */
export async function openStoreUrl(url: string): Promise<Store> {
  const place = placeOf(url, '--store')
  if (place.kind === 'redis') {
    return (await import('../stores/redis.ts')).redisStore(place.target, place.options)
  }
  if (place.kind === 'postgres') {
    return (await import('../stores/postgres.ts')).postgresStore(place.target, place.options)
  }
  checkExists(place.file)
  return (await import('../stores/sqlite.ts')).sqliteStore(place.file)
}

/**
 * Opens an event log.
 *
 * @param mustExist - a log in a file that does not exist is an error, and not made
 * @throws InturnError as {@link openStoreUrl}
 */
export async function openLogUrl(url: string, mustExist: boolean): Promise<EventLog> {
  const place = placeOf(url, '--log')
  if (place.kind === 'redis') {
    return (await import('../stores/redis.ts')).redisEventLog(place.target, place.options)
  }
  if (place.kind === 'postgres') {
    return (await import('../stores/postgres.ts')).postgresEventLog(place.target, place.options)
  }
  if (mustExist) checkExists(place.file)
  return (await import('../stores/sqlite.ts')).sqliteEventLog(place.file)
}

function placeOf(url: string, flag: UrlFlag): Place {
  if (/^rediss?:/.test(url)) return { kind: 'redis', ...redisTargetOf(url, flag) }
  if (/^postgres(?:ql)?:/.test(url)) return { kind: 'postgres', ...postgresTargetOf(url, flag) }
  const file = sqliteFileOf(url)
  if (file !== undefined) return { kind: 'sqlite', file }
  throw new InturnError('usage', `${flag} takes ${storeUrlForms}, not ${url}`)
}

/** The server that a URL names, and the prefix where it has one. @throws InturnError `usage` */
export function redisTargetOf(
  url: string,
  flag: UrlFlag,
): { readonly target: string; readonly options: { readonly prefix?: string } } {
  if (!URL.canParse(url)) throw new InturnError('usage', `${flag} takes redis://<host>:<port>`)
  const target = new URL(url)
  const other = [...target.searchParams.keys()].find((name) => name !== 'prefix')
  if (other !== undefined) throw new InturnError('usage', `${flag} redis:// takes ?prefix=, not ?${other}=`)
  const prefix = target.searchParams.get('prefix')
  target.search = ''
  return { target: target.href, options: prefix === null ? {} : { prefix } }
}

/** The database that a URL names, and the schema where it has one; what else is in it is the driver's. */
function postgresTargetOf(
  url: string,
  flag: UrlFlag,
): { readonly target: string; readonly options: { readonly schema?: string } } {
  if (!URL.canParse(url)) throw new InturnError('usage', `${flag} takes postgres://<host>:<port>/<database>`)
  const target = new URL(url)
  const schema = target.searchParams.get('schema')
  target.searchParams.delete('schema')
  return { target: target.href, options: schema === null ? {} : { schema } }
}

/** The database file that a URL or a path names; `undefined` where it names something else. */
function sqliteFileOf(url: string): string | undefined {
  if (url.startsWith('file:')) return fileURLToPath(url)
  const [, path] = /^sqlite:(?:\/\/)?(.+)$/.exec(url) ?? []
  if (path !== undefined) return path
  if (/^[a-z][a-z0-9+.-]+:/i.test(url)) return undefined
  return sqliteExtension.test(url) || existsSync(url) ? url : undefined
}

function checkExists(file: string): void {
  if (!existsSync(file)) throw new InturnError('input-unreadable', `the database ${file} does not exist`)
}
