// The workers of a consumer that have not left. Whoever falls silent may have died with a transaction in
// hand, of which nothing is left to tell.
import type { Database } from './database.ts'
import { textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'

const beatSql = sqlFile(new URL('./workers/beat.sql', import.meta.url))
const takeSilentSql = sqlFile(new URL('./workers/take-silent.sql', import.meta.url))
const leaveSql = sqlFile(new URL('./workers/leave.sql', import.meta.url))

/** Keeps that a worker is there; takes out, and returns, those that were silent for too long. */
export function beatOf(
  database: Database,
  consumer: number,
  beat: { readonly worker: string; readonly now: number; readonly silentMs: number | undefined },
): readonly string[] {
  const { worker, now, silentMs } = beat
  database.run(beatSql, consumer, worker, now)
  if (silentMs === undefined) return []
  return database.all(takeSilentSql, consumer, worker, now - silentMs).map((row) => textAt(row, 'name'))
}

/** Forgets a worker that ends by its own will. */
export function leave(database: Database, consumer: number, worker: string): void {
  database.run(leaveSql, consumer, worker)
}
