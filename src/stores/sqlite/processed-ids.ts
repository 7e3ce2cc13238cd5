// The ids of events of domains without tracking, remembered for as long and as many as their window says.
import type { ProcessedIds } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { numberAt, textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'
import { originalText, storedText } from './stored-text.ts'

const findIdsSql = sqlFile(new URL('./processed-ids/find-ids.sql', import.meta.url))
const numberIdsSql = sqlFile(new URL('./processed-ids/number-ids.sql', import.meta.url))
const insertIdSql = sqlFile(new URL('./processed-ids/insert-id.sql', import.meta.url))
const findOldestLiveSql = sqlFile(new URL('./processed-ids/find-oldest-live.sql', import.meta.url))
const deleteIdsSql = sqlFile(new URL('./processed-ids/delete-ids.sql', import.meta.url))

/** Which of some ids of a domain. */
export interface IdsAsked {
  readonly domain: string
  readonly ids: readonly string[]
  readonly now: number
}

/** Which of the ids are remembered. */
export function findIds(database: Database, consumer: number, { domain, ids, now }: IdsAsked): Set<string> {
  const rows = database.all(findIdsSql, consumer, domain, JSON.stringify(ids.map(storedText)), now)
  return new Set(rows.map((row) => originalText(textAt(row, 'id'))))
}

/** Remembers ids, and forgets those beyond the window. */
export function keepIds(
  database: Database,
  consumer: number,
  { domain, ids, window, now }: ProcessedIds & { readonly now: number },
): void {
  const last = numberAt(database.one(numberIdsSql, consumer, domain, ids.length), 'processed')
  const first = last - ids.length + 1
  for (const [index, id] of ids.entries()) {
    database.run(insertIdSql, consumer, domain, storedText(id), first + index, now + window.ms)
  }
  const oldest = database.get(findOldestLiveSql, consumer, domain, now)
  const live = oldest === undefined ? last + 1 : numberAt(oldest, 'place')
  database.run(deleteIdsSql, consumer, domain, Math.max(live, last - window.ids + 1))
}
