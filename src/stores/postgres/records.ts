// Dead letters and the ledger, and domains that are paused.
import { encodePart } from '../../core/stream-path.ts'
import { contentDigest } from '../../ports/dead-letter-key.ts'
import type { Commit } from '../../ports/store.ts'
import { recordText } from '../../storage/record-text.ts'
import { partsOf, storedText } from './row.ts'
import type { Statements } from './schema.ts'

const deleteLettersSql = 'DELETE FROM inturn.dead_letter WHERE consumer = $1 AND key = ANY ($2)'
// Keeps dead letters; one that is there stays as it is.
const insertLettersSql = /* sql */ `
  INSERT INTO inturn.dead_letter (consumer, key, reason, path, letter)
  SELECT $1, key, reason, path, letter
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
    WITH ORDINALITY AS given (key, reason, path, letter, nth)
  ORDER BY nth
  ON CONFLICT (consumer, key) DO NOTHING
`
const insertEntriesSql = /* sql */ `
  INSERT INTO inturn.ledger (consumer, path, entry)
  SELECT $1, path, entry FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS given (path, entry, nth)
  ORDER BY nth
`
const pauseSql = /* sql */ `
  INSERT INTO inturn.domain (consumer, part, paused)
  SELECT $1, part, paused FROM unnest($2::text[], $3::boolean[]) AS given (part, paused) ORDER BY part
  ON CONFLICT (consumer, part) DO UPDATE SET paused = EXCLUDED.paused
`

/** The part of a commit that belongs to no stream. */
export type StreamlessRecords = Omit<Commit, 'streams' | 'ids'>

/** Records as columns of the statements that they need, in order. */
export type RecordStatements = readonly (readonly [sql: string, columns: readonly (readonly unknown[])[]])[]

/** Turns records into statements. They are forgotten before others are kept. */
export function recordStatements(records: readonly StreamlessRecords[]): RecordStatements {
  const redriven = records.flatMap((record) => record.redriven ?? [])
  const letters = records.flatMap((record) => record.deadLetters ?? [])
  const ledger = records.flatMap((record) => record.ledger ?? [])
  const paused = new Map(
    records.flatMap((record) => record.paused ?? []).map((one) => [encodePart(one.domain), one.paused]),
  )
  return [
    [deleteLettersSql, [redriven.map(shortText)]] as const,
    [
      insertLettersSql,
      [
        letters.map(({ key }) => shortText(key)),
        letters.map(({ reason }) => reason),
        letters.map(({ stream = null }) => stream),
        letters.map(recordText),
      ],
    ] as const,
    [insertEntriesSql, [ledger.map(({ stream = null }) => stream), ledger.map(recordText)]] as const,
    [pauseSql, [[...paused.keys()], [...paused.values()]]] as const,
  ].filter(([, [first]]) => first !== undefined && first.length > 0)
}

/** Keeps records. */
export async function keepRecords(
  statements: Statements,
  consumer: number,
  records: RecordStatements,
): Promise<void> {
  const sent = records.flatMap(([sql, columns]) => partsOf(columns).map((part) => [sql, part] as const))
  await Promise.all(sent.map(([sql, part]) => statements.run(sql, consumer, ...part)))
}

/** Texts longer than this are known by their digests: an index takes no more than 2,704 bytes. */
const shortMax = 500

/** A text as an index of Postgres takes it: different for different texts. */
export function shortText(text: string): string {
  return text.length <= shortMax ? storedText(text) : `\u0001#${contentDigest(`text:${text}`)}`
}
