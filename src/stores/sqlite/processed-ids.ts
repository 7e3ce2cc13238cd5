// The ids of events of domains without tracking, remembered for as long and as many as their window says.
import type { ProcessedIds } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { numberAt, originalText, storedText, textAt } from './row.ts'

// Which ids of a list are remembered.
const findIdsSql = /* sql */ `
  SELECT inturn_processed_id.id
  FROM json_each(?3) AS asked CROSS JOIN inturn_processed_id
  ON consumer = ?1 AND domain = ?2 AND inturn_processed_id.id = asked.value
  WHERE until > ?4
`
// Takes places for processed ids of a domain.
const numberIdsSql = /* sql */ `
  INSERT INTO inturn_domain (consumer, name, processed) VALUES (?1, ?2, ?3)
  ON CONFLICT (consumer, name) DO UPDATE SET processed = processed + excluded.processed
  RETURNING processed
`
const insertIdSql = /* sql */ `
  INSERT INTO inturn_processed_id (consumer, domain, id, place, until) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (consumer, domain, id) DO UPDATE SET place = excluded.place, until = excluded.until
`
// The oldest id of a domain that is still within its time.
const findOldestLiveSql = /* sql */ `
  SELECT place FROM inturn_processed_id
  WHERE consumer = ?1 AND domain = ?2 AND until > ?3 ORDER BY place LIMIT 1
`
const deleteIdsSql = 'DELETE FROM inturn_processed_id WHERE consumer = ?1 AND domain = ?2 AND place < ?3'

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
