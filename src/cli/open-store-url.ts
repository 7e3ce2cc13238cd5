// Opens the store that a URL names, and imports only the adaptor that it needs: `sqlite:billing.db`, or just
// the path of a database file; `postgres://host/database`, with `?schema=`, and `redis://host:6379`, with
// `?prefix=`, where the store has one of its own.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { InturnError } from '../core/errors.ts'
import type { Store } from '../ports/store.ts'

/** What a store URL may look like, for people. */
export const storeUrlForms: string =
  'sqlite:<file>, the path of a .db file, postgres://<host>/<database> or redis://<host>'

const sqliteExtension = /\.(?:db|sqlite|sqlite3)$/i

/**
 * Opens a store for reading; nothing is created.
 *
 * @throws InturnError `usage` for a URL that names no kind of store, `input-unreadable` for a missing file
 */
export async function openStoreUrl(url: string): Promise<Store> {
  if (/^rediss?:/.test(url)) return openRedisUrl(url)
  if (isPostgresUrl(url)) {
    const { target, options } = postgresTargetOf(url, '--store')
    const { postgresStore } = await import('../stores/postgres.ts')
    return postgresStore(target, options)
  }
  const file = sqliteFileOf(url)
  if (file === undefined) {
    throw new InturnError('usage', `--store takes ${storeUrlForms}, not ${url}`)
  }
  if (!existsSync(file)) throw new InturnError('input-unreadable', `the database ${file} does not exist`)
  const { sqliteStore } = await import('../stores/sqlite.ts')
  return sqliteStore(file)
}

async function openRedisUrl(url: string): Promise<Store> {
  const { target, options } = redisTargetOf(url, '--store')
  const { redisStore } = await import('../stores/redis.ts')
  return redisStore(target, options)
}

/** The server that a URL names, and the prefix where it has one. @throws InturnError `usage` */
export function redisTargetOf(
  url: string,
  flag: '--store' | '--log',
): { readonly target: string; readonly options: { readonly prefix?: string } } {
  if (!URL.canParse(url)) throw new InturnError('usage', `${flag} takes redis://<host>:<port>`)
  const target = new URL(url)
  const other = [...target.searchParams.keys()].find((name) => name !== 'prefix')
  if (other !== undefined) throw new InturnError('usage', `${flag} redis:// takes ?prefix=, not ?${other}=`)
  const prefix = target.searchParams.get('prefix')
  target.search = ''
  return { target: target.href, options: prefix === null ? {} : { prefix } }
}

/** Whether a URL names a database on Postgres. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(?:ql)?:/.test(url)
}

/** The database that a URL names, and the schema where it has one; what else is in it is the driver's. */
export function postgresTargetOf(
  url: string,
  flag: '--store' | '--log',
): { readonly target: string; readonly options: { readonly schema?: string } } {
  if (!URL.canParse(url)) throw new InturnError('usage', `${flag} takes postgres://<host>:<port>/<database>`)
  const target = new URL(url)
  const schema = target.searchParams.get('schema')
  target.searchParams.delete('schema')
  return { target: target.href, options: schema === null ? {} : { schema } }
}

/** The database file that a URL or a path names; `undefined` where it names something else. */
export function sqliteFileOf(url: string): string | undefined {
  if (url.startsWith('file:')) return fileURLToPath(url)
  const [, path] = /^sqlite:(?:\/\/)?(.+)$/.exec(url) ?? []
  if (path !== undefined) return path
  if (/^[a-z][a-z0-9+.-]+:/i.test(url)) return undefined
  return sqliteExtension.test(url) || existsSync(url) ? url : undefined
}
