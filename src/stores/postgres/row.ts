// Reading columns of a row with their types. Type parsers of pg can be changed by anybody in the process, so
// a number may come as a text, a number or a bigint.
import { InturnError, invariant } from '../../core/errors.ts'
import { isRecord } from '../../core/parse-message.ts'
import type { PostgresRow } from './postgres-client.ts'

/** A number that must be there. */
export function numberAt(row: PostgresRow | undefined, column: string): number {
  const value = row?.[column]
  const isNumber = ['string', 'number', 'bigint'].includes(typeof value)
  return isNumber && Number.isSafeInteger(Number(value)) ? Number(value) : corrupt(column, 'number')
}

/** A number, or `undefined` for null. */
export function maybeNumberAt(row: PostgresRow, column: string): number | undefined {
  return row[column] === null ? undefined : numberAt(row, column)
}

/** A text that must be there. */
export function textAt(row: PostgresRow, column: string): string {
  const value = row[column]
  return typeof value === 'string' ? value : corrupt(column, 'text')
}

/** Any number that must be there. */
export function realAt(row: PostgresRow | undefined, column: string): number {
  const value = row?.[column]
  const isNumber = ['string', 'number'].includes(typeof value) && Number.isFinite(Number(value))
  return isNumber ? Number(value) : corrupt(column, 'number')
}

/** Any number, or `undefined` for null. */
export function maybeRealAt(row: PostgresRow, column: string): number | undefined {
  return row[column] === null ? undefined : realAt(row, column)
}

/** Bytes that must be there. */
export function bytesAt(row: PostgresRow, column: string): Uint8Array {
  const value = row[column]
  if (value instanceof Uint8Array) return value
  return typeof value === 'string' && value.startsWith('\\x')
    ? Buffer.from(value.slice(2), 'hex')
    : corrupt(column, 'bytes')
}

/** A boolean, as far as it is there. */
export function flagAt(row: PostgresRow, column: string): boolean {
  return row[column] === true || row[column] === 't'
}

/** A list as Postgres writes arrays. */
export function arrayText(values: readonly unknown[]): string {
  const text = values.every(isWrittenAlike) ? textByJson(values) : undefined
  return text ?? `{${values.map(elementText).join(',')}}`
}

/**
 * A list letter by letter as `pg` writes it, which goes element by element: a column of text keeps what it
 * gets. `undefined` where that is not known.
 */
export function listAsPg(values: readonly unknown[]): string | undefined {
  if (values.every((value) => typeof value === 'string')) return textByJson(values)
  return values.every((value) => typeof value === 'number') ? `{"${values.join('","')}"}` : undefined
}

/** What JSON escapes by a letter or a number; all else it writes in texts as Postgres does in lists. */
const onlyInJson = /\p{Cc}|\p{Surrogate}/u

/** The list, unless a text in it is written otherwise in JSON: text by text takes ten times as long. */
function textByJson(values: readonly unknown[]): string | undefined {
  const isAlike = values.every((value) => typeof value !== 'string' || !onlyInJson.test(value))
  return isAlike ? `{${JSON.stringify(values).slice(1, -1)}}` : undefined
}

/** So many characters go in one statement: a text of JavaScript has at most 512 million, escaped. */
const charactersMax = 64_000_000

/** Columns, in parts of which each can be sent: nearly always one. */
export function partsOf(
  columns: readonly (readonly unknown[])[],
): readonly (readonly (readonly unknown[])[])[] {
  const ends: number[] = []
  const count = columns[0]?.length ?? 0
  for (let at = 0, characters = 0; at < count; at++) {
    const own = columns.reduce((sum, column) => sum + lengthOf(column[at]), 0)
    characters += own
    if (at === 0 || characters <= charactersMax) continue
    ends.push(at)
    characters = own
  }
  if (ends.length === 0) return [columns]
  return [...ends, count].map((end, nth) => columns.map((column) => column.slice(ends[nth - 1] ?? 0, end)))
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' ? value.length : 0
}

function isWrittenAlike(value: unknown): boolean {
  return typeof value === 'string' || value === null || Number.isFinite(value)
}

function elementText(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'string') return `"${value.replaceAll(/["\\]/g, '\\$&')}"`
  const isPlain = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
  invariant(isPlain, 'a list for Postgres has a value that is neither text nor number')
  return String(value)
}

/** Rows that the server has written as one text; none for null. */
export function rowsAt(row: PostgresRow, column: string): readonly PostgresRow[] {
  if (row[column] === null) return []
  const rows: unknown = JSON.parse(textAt(row, column))
  return Array.isArray(rows) ? rows.filter(isRecord) : corrupt(column, 'rows')
}

const escaped = '\u0001'

/**
 * A text as Postgres can keep it, which takes no NUL and no half of a surrogate pair; different for different
 * texts.
 */
export function storedText(text: string): string {
  const isPlain = text.isWellFormed() && !text.includes('\u0000') && !text.startsWith(escaped)
  return isPlain ? text : escaped + JSON.stringify(text)
}

/** The text that {@link storedText} was made of. */
export function originalText(stored: string): string {
  return stored.startsWith(escaped) ? String(JSON.parse(stored.slice(1))) : stored
}

function corrupt(column: string, type: string): never {
  throw new InturnError('store-corrupt', `a row of the store has no ${type} in its column ${column}`)
}
