// Dead letters and the ledger.
import { sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { readDeadLetter, recordText } from '../../ports/record-text.ts'
import type { DeadLetter, LedgerEntry } from '../../ports/records.ts'
import type { Commit } from '../../ports/store.ts'
import { pauseDomain } from './consumers.ts'
import type { Database } from './database.ts'
import { textAt } from './row.ts'
import { originalText, storedText } from './stored-text.ts'

// Keeps a dead letter; one that is there stays as it is.
const insertLetterSql = /* sql */ `
  INSERT INTO inturn_dead_letter (consumer, key, reason, path, epoch, sequence, letter)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
  ON CONFLICT (consumer, key) DO NOTHING
`
const deleteLetterSql = 'DELETE FROM inturn_dead_letter WHERE consumer = ?1 AND key = ?2'
const findBuriedSql = /* sql */ `
  SELECT inturn_dead_letter.key
  FROM json_each(?2) AS asked CROSS JOIN inturn_dead_letter
  ON consumer = ?1 AND inturn_dead_letter.key = asked.value
`
// The dead letters of a stream that wait to be admitted again, ascending.
const readOverflowSql = /* sql */ `
  SELECT letter FROM inturn_dead_letter WHERE consumer = ?1 AND path = ?2 AND reason = 'overflow'
  ORDER BY epoch, sequence LIMIT ?3
`
const insertEntrySql = 'INSERT INTO inturn_ledger (consumer, path, entry) VALUES (?1, ?2, ?3)'

/** The part of a commit that belongs to no stream. */
export type StreamlessRecords = Omit<Commit, 'streams' | 'ids'>

/** Keeps what needs no claim. */
export function keepRecords(database: Database, consumer: number, records: StreamlessRecords): void {
  for (const key of records.redriven ?? []) database.run(deleteLetterSql, consumer, storedText(key))
  for (const letter of records.deadLetters ?? []) keepDeadLetter(database, consumer, letter)
  for (const entry of records.ledger ?? []) keepEntry(database, consumer, entry)
  for (const paused of records.paused ?? []) pauseDomain(database, consumer, paused)
}

/** The dead letters `overflow` of a stream, ascending. */
export function readOverflow(
  database: Database,
  consumer: number,
  { stream, limit }: { readonly stream: StreamPath; readonly limit: number },
): DeadLetter[] {
  const rows = database.all(readOverflowSql, consumer, stream, limit)
  return rows.map((row) => readDeadLetter(textAt(row, 'letter')))
}

/** Which dead letters are there, of these keys. */
export function findBuried(database: Database, consumer: number, keys: readonly string[]): Set<string> {
  const rows = database.all(findBuriedSql, consumer, JSON.stringify(keys.map(storedText)))
  return new Set(rows.map((row) => originalText(textAt(row, 'key'))))
}

function keepDeadLetter(database: Database, consumer: number, letter: DeadLetter): void {
  const { key, reason, stream = null, epoch = null, sequence } = letter
  const place = sequence === undefined ? null : sortableText(sequence)
  const text = recordText(letter)
  database.run(insertLetterSql, consumer, storedText(key), reason, stream, epoch, place, text)
}

function keepEntry(database: Database, consumer: number, entry: LedgerEntry): void {
  database.run(insertEntrySql, consumer, entry.stream ?? null, recordText(entry))
}
