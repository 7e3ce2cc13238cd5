// A SQLite file with streams put into it by hand, for the commands that read a store.
import { join } from 'node:path'
import { sqliteStore } from '../../../src/stores/sqlite.ts'
import type { StreamGiven } from '../operate/stored-stream.ts'
import { putStream } from '../operate/stored-stream.ts'

/** Makes `billing.db` in a folder. */
export async function storedDatabase(folder: string, ...streams: readonly StreamGiven[]): Promise<string> {
  const file = join(folder, 'billing.db')
  const store = sqliteStore(file)
  await store.open()
  for (const stream of streams) await putStream(store, stream)
  await store.close()
  return file
}
