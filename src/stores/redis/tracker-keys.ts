// The keys of somebody else's tracker with their values, for an import. Only reads. Upholds I3: where keys
// may lie elsewhere, or none are there at all, that is an error and no empty import.
import { isUtf8 } from 'node:buffer'
import { InturnError } from '../../core/errors.ts'
import { errorMessage } from '../../core/thrown.ts'
import { loadPackage } from '../../ports/load-package.ts'

/** A key that was found. */
export interface TrackerKey {
  readonly key: string
  /** The key is no UTF-8: `key` shows it, and is not it. */
  readonly isUnreadable?: true
  /** Absent: it holds something else than text. */
  readonly value?: string
}

/** Which keys. */
export interface TrackerQuestion {
  readonly url: string
  /** What the keys begin with, literally. */
  readonly prefix: string
  /** What they end with, literally. */
  readonly suffix: string
}

const keysAtOnce = 500

/**
 * Keys as they are found, each once; those that go away meanwhile may be missing. All keys that were found
 * are remembered to the end, as the server may find one twice while it moves its keys about.
 *
 * @throws InturnError `input-unreadable` when the server cannot be read, is a node of a cluster or has no
 *   such key
 */
export async function* trackerKeys(question: TrackerQuestion): AsyncGenerator<TrackerKey> {
  const { host, pathname } = new URL(question.url)
  const server = `redis ${host}${pathname.length > 1 ? pathname : ''}`
  let found = 0
  try {
    for await (const key of readKeys(question)) {
      found++
      yield key
    }
  } catch (error) {
    if (error instanceof InturnError) throw error
    const message = errorMessage(error)
    throw new InturnError('input-unreadable', `${server} cannot be read: ${message}`, { cause: error })
  }
  if (found > 0) return
  const pattern = `${question.prefix}*${question.suffix}`
  throw new InturnError(
    'input-unreadable',
    `${server} has no key ${pattern}: name server and keys as they are`,
  )
}

async function* readKeys({ url, prefix, suffix }: TrackerQuestion): AsyncGenerator<TrackerKey> {
  const { createClient, RESP_TYPES } = await loadPackage('redis', () => import('redis'))
  const client = createClient({ url, socket: { reconnectStrategy: false } })
  // What fails says so itself.
  client.on('error', () => undefined)
  const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  const seen = new Set<string>()
  const match = `${literal(prefix)}*${literal(suffix)}`
  let cursor = '0'
  try {
    await client.connect()
    if ((await client.info('cluster')).includes('cluster_enabled:1')) {
      throw new Error('it is a node of a cluster, and the others have keys as well; import from a file')
    }
    do {
      const found = await bytes.scan(cursor, { MATCH: match, COUNT: keysAtOnce })
      cursor = found.cursor.toString()
      const keys = found.keys.filter((key) => !seen.has(key.toString('latin1')))
      for (const key of keys) seen.add(key.toString('latin1'))
      const values = await Promise.all(keys.map((key) => client.get(key).catch(otherType)))
      for (const [index, name] of keys.entries()) {
        const value = values[index]
        if (value === null) continue
        const key = name.toString()
        if (isUtf8(name)) yield value === undefined ? { key } : { key, value }
        else yield { key, isUnreadable: true }
      }
    } while (cursor !== '0')
  } finally {
    if (client.isOpen) client.destroy()
  }
}

/** Text in a pattern that stands for itself. */
function literal(text: string): string {
  return text.replaceAll(/[\\?[\]]/g, String.raw`\$&`)
}

function otherType(error: unknown): undefined {
  if (!errorMessage(error).startsWith('WRONGTYPE')) throw error
}
