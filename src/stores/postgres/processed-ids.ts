// The ids of events of domains without tracking, remembered for as long and as many as their window says.
import type { ProcessedIds } from '../../ports/store.ts'
import { shortText } from './records.ts'
import { storedText, textAt } from './row.ts'
import type { Statements } from './schema.ts'

// Which ids of a list are remembered.
const findIdsSql = /* sql */ `
  SELECT id FROM inturn.processed_id
  WHERE consumer = $1 AND domain = $2 AND id = ANY ($3)
    AND until > floor(extract(epoch FROM clock_timestamp()) * 1000) + $4::float8
`
// Takes places for processed ids of a domain.
const numberIdsSql = /* sql */ `
  INSERT INTO inturn.id_window AS w (consumer, domain, processed) VALUES ($1, $2, $3)
  ON CONFLICT (consumer, domain) DO UPDATE SET processed = w.processed + EXCLUDED.processed
`
const addIdsSql = /* sql */ `
  INSERT INTO inturn.processed_id (consumer, domain, id, place, until)
  SELECT $1, $2, id, w.processed - cardinality($3::text[]) + nth,
    floor(extract(epoch FROM clock_timestamp()) * 1000) + $4::float8 + $5::float8
  FROM inturn.id_window AS w CROSS JOIN unnest($3::text[]) WITH ORDINALITY AS given (id, nth)
  WHERE w.consumer = $1 AND w.domain = $2
`
const putIdsSql = `${addIdsSql}
  ON CONFLICT (consumer, domain, id) DO UPDATE SET place = EXCLUDED.place, until = EXCLUDED.until
`
// Forgets ids whose time is over, and which are to be remembered anew.
const forgetIdsSql = /* sql */ `
  DELETE FROM inturn.processed_id
  WHERE consumer = $1 AND domain = $2 AND id = ANY ($3)
    AND until <= floor(extract(epoch FROM clock_timestamp()) * 1000) + $4::float8
`
// Forgets the ids before the oldest that is still within its time, and those beyond the number of the window.
const deleteIdsSql = /* sql */ `
  DELETE FROM inturn.processed_id WHERE consumer = $1 AND domain = $2 AND place < (
    SELECT greatest(w.processed - $3::bigint + 1, coalesce((
      SELECT place FROM inturn.processed_id
      WHERE consumer = $1 AND domain = $2
        AND until > floor(extract(epoch FROM clock_timestamp()) * 1000) + $4::float8
      ORDER BY place LIMIT 1
    ), w.processed + 1))
    FROM inturn.id_window AS w WHERE w.consumer = $1 AND w.domain = $2
  )
`

/** Which of some ids of a domain are remembered. */
export async function findIds(
  statements: Statements,
  consumer: number,
  asked: { readonly domain: string; readonly ids: readonly string[]; readonly shiftMs: number },
): Promise<ReadonlySet<string>> {
  const { domain, ids, shiftMs } = asked
  const byStored = new Map(ids.map((id) => [shortText(id), id]))
  const rows = await statements.run(findIdsSql, consumer, storedText(domain), [...byStored.keys()], shiftMs)
  return new Set(rows.flatMap((row) => byStored.get(textAt(row, 'id')) ?? []))
}

/**
 * Remembers ids, and forgets those beyond the window. `isNew`: nobody else may have processed one of them
 * meanwhile, or the transaction fails, and is done again.
 */
export async function keepIds(
  statements: Statements,
  consumer: number,
  {
    domain,
    ids,
    window,
    shiftMs,
    isNew,
  }: ProcessedIds & { readonly shiftMs: number; readonly isNew: boolean },
): Promise<void> {
  const [name, own] = [storedText(domain), [...new Set(ids.map(shortText))]]
  await Promise.all([
    statements.run(numberIdsSql, consumer, name, own.length),
    ...(isNew ? [statements.run(forgetIdsSql, consumer, name, own, shiftMs)] : []),
    statements.run(isNew ? addIdsSql : putIdsSql, consumer, name, own, shiftMs, window.ms),
    statements.run(deleteIdsSql, consumer, name, window.ids, shiftMs),
  ])
}
