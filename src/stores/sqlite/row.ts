// Columns of a row: read with their types, where one that is not what the schema says means a file that
// something else has written to; and texts so that they can be kept in one. JavaScript's texts may have
// halves of a surrogate pair, which UTF-8 has not; kept as they are, two different ids would become the
// same. Upholds I3.
import type { SQLOutputValue } from 'node:sqlite'
import { InturnError } from '../../core/errors.ts'

/** A row as the driver gives it. */
export type Row = Record<string, SQLOutputValue>

/** A number that must be there. */
export function numberAt(row: Row, column: string): number {
  const value = row[column]
  return typeof value === 'number' ? value : corrupt(column, 'number')
}

/** A number, or `undefined` for null. */
export function maybeNumberAt(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : numberAt(row, column)
}

/** A text that must be there. */
export function textAt(row: Row, column: string): string {
  const value = row[column]
  return typeof value === 'string' ? value : corrupt(column, 'text')
}

/** Bytes that must be there. */
export function bytesAt(row: Row, column: string): Uint8Array {
  const value = row[column]
  return value instanceof Uint8Array ? value : corrupt(column, 'bytes')
}

function corrupt(column: string, type: string): never {
  throw new InturnError('store-corrupt', `a row of the store has no ${type} in its column ${column}`)
}

const escaped = '\u0001'

/** A text that SQLite keeps without loss; different for different texts. */
export function storedText(text: string): string {
  return text.isWellFormed() && !text.startsWith(escaped) ? text : escaped + JSON.stringify(text)
}

/** The text that {@link storedText} was made of. */
export function originalText(stored: string): string {
  return stored.startsWith(escaped) ? String(JSON.parse(stored.slice(1))) : stored
}
