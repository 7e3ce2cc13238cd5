// Dead letters and the ledger.
import { sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { readDeadLetter, recordText } from '../../ports/record-text.ts'
import type { DeadLetter, LedgerEntry } from '../../ports/records.ts'
import type { Commit } from '../../ports/store.ts'
import { pauseDomain } from './consumers.ts'
import type { Database } from './database.ts'
import { textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'
import { originalText, storedText } from './stored-text.ts'

const insertLetterSql = sqlFile(new URL('./records/insert-dead-letter.sql', import.meta.url))
const deleteLetterSql = sqlFile(new URL('./records/delete-dead-letter.sql', import.meta.url))
const findBuriedSql = sqlFile(new URL('./records/find-buried.sql', import.meta.url))
const readOverflowSql = sqlFile(new URL('./records/read-overflow.sql', import.meta.url))
const insertEntrySql = sqlFile(new URL('./records/insert-ledger-entry.sql', import.meta.url))

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
