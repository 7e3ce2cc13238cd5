// Opens the store that a URL names, and imports only the adaptor that it needs: `sqlite:billing.db`, or just
// the path of a database file.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { InturnError } from '../core/errors.ts'
import type { Store } from '../ports/store.ts'

/** What a store URL may look like, for people. */
const storeUrlForms = 'sqlite:<file> or the path of a .db file'

const sqliteExtension = /\.(?:db|sqlite|sqlite3)$/i

/**
 * Opens a store for reading; nothing is created.
 *
 * @throws InturnError `usage` for a URL that names no kind of store, `input-unreadable` for a missing file
 */
export async function openStoreUrl(url: string): Promise<Store> {
  const file = sqliteFileOf(url)
  if (file === undefined) {
    throw new InturnError('usage', `--store takes ${storeUrlForms}, not ${url}`)
  }
  if (!existsSync(file)) throw new InturnError('input-unreadable', `the database ${file} does not exist`)
  const { sqliteStore } = await import('../stores/sqlite.ts')
  return sqliteStore(file)
}

function sqliteFileOf(url: string): string | undefined {
  if (url.startsWith('file:')) return fileURLToPath(url)
  const [, path] = /^sqlite:(?:\/\/)?(.+)$/.exec(url) ?? []
  if (path !== undefined) return path
  if (/^[a-z][a-z0-9+.-]+:/i.test(url)) return undefined
  return sqliteExtension.test(url) || existsSync(url) ? url : undefined
}
