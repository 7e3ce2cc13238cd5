// Reading columns of a row with their types. A column that is not what the schema says means a file that
// something else has written to.
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
