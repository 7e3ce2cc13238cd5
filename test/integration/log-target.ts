// Opens what the producers of a test share by a text that a child process can be given: the path of a SQLite
// file, or the URL of a Redis server.
import { redisTargetOf } from '../../src/cli/open-store-url.ts'
import type { EventLog } from '../../src/ports/event-log.ts'
import type { SequenceStore } from '../../src/ports/sequence-store.ts'
import type { Store } from '../../src/ports/store.ts'
import { redisEventLog, redisSequences, redisStore } from '../../src/stores/redis.ts'
import { sqliteEventLog, sqliteSequences, sqliteStore } from '../../src/stores/sqlite.ts'

const quiet = { onWarning: (): void => undefined }

/** The event log at a path or URL. */
export function logAt(target: string): EventLog {
  if (!target.startsWith('redis:')) return sqliteEventLog(target)
  const { target: url, options } = redisTargetOf(target, '--log')
  return redisEventLog(url, { ...options, ...quiet })
}

/** The sequence store at a path or URL. */
export function sequencesAt(target: string): SequenceStore {
  if (!target.startsWith('redis:')) return sqliteSequences(target)
  const { target: url, options } = redisTargetOf(target, '--log')
  return redisSequences(url, { ...options, ...quiet })
}

/** The store at a path or URL. */
export function storeAt(target: string): Store {
  if (!target.startsWith('redis:')) return sqliteStore(target)
  const { target: url, options } = redisTargetOf(target, '--store')
  return redisStore(url, { ...options, ...quiet })
}
