// Each source's own note of how far it was settled.
import type { Database } from './database.ts'
import { textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'
import { originalText, storedText } from './stored-text.ts'

const readCheckpointSql = sqlFile(new URL('./consumers/read-checkpoint.sql', import.meta.url))
const writeCheckpointSql = sqlFile(new URL('./consumers/write-checkpoint.sql', import.meta.url))

/** The note of a source. */
export function readCheckpoint(database: Database, consumer: string, source: string): string | undefined {
  const row = database.get(readCheckpointSql, consumer, storedText(source))
  return row === undefined ? undefined : originalText(textAt(row, 'value'))
}

/** Keeps the note of a source. */
export function keepCheckpoint(
  database: Database,
  consumer: number,
  { source, value }: { readonly source: string; readonly value: string },
): void {
  database.run(writeCheckpointSql, consumer, storedText(source), storedText(value))
}
