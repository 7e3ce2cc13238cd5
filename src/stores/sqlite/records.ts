// Dead letters and the ledger.
import { sortableText } from '../../core/sequence.ts'
import type { DeadLetter, LedgerEntry } from '../../ports/records.ts'
import type { Commit } from '../../ports/store.ts'
import { recordText } from '../../storage/record-text.ts'
import { pauseDomain } from './consumers.ts'
import type { Database } from './database.ts'
import { storedText } from './row.ts'

// Keeps a dead letter; one that is there stays as it is.
const insertLetterSql = /* sql */ `
  INSERT INTO inturn_dead_letter (consumer, key, reason, path, epoch, sequence, letter)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
  ON CONFLICT (consumer, key) DO NOTHING
`
const deleteLetterSql = 'DELETE FROM inturn_dead_letter WHERE consumer = ?1 AND key = ?2'
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

function keepDeadLetter(database: Database, consumer: number, letter: DeadLetter): void {
  const { key, reason, stream = null, epoch = null, sequence } = letter
  const place = sequence === undefined ? null : sortableText(sequence)
  const text = recordText(letter)
  database.run(insertLetterSql, consumer, storedText(key), reason, stream, epoch, place, text)
}

function keepEntry(database: Database, consumer: number, entry: LedgerEntry): void {
  database.run(insertEntrySql, consumer, entry.stream ?? null, recordText(entry))
}
