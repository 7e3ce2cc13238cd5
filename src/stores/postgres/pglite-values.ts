// Values on their way to PGlite and from it, as the package pg has them: a handler gets the same of a server
// and of a folder. Parameters go as text, of which Postgres makes what a statement wants.
import type { PGliteOptions } from '@electric-sql/pglite'

const [bool, bytea, int8, date, timestamp] = [16, 17, 20, 1082, 1114] as const

const asText = (text: string): string => text

/** What makes PGlite's values those of `pg`. */
export const valuesAsPg: Required<Pick<PGliteOptions, 'parsers' | 'serializers'>> = {
  parsers: {
    [int8]: asText,
    [bytea]: (text) => Buffer.from(text.slice(2), 'hex'),
    // Without a time zone it is the time of the process, in both directions.
    [date]: (text) => localTime(`${text}T00:00:00`),
    [timestamp]: (text) => localTime(text.replace(' ', 'T')),
  },
  serializers: { [bool]: asText, [bytea]: asText },
}

/** A parameter as text. */
export function parameterText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (ArrayBuffer.isView(value)) return bytesText(value)
  if (value instanceof Date) return timeText(value)
  if (Array.isArray(value)) return listText(value)
  if (typeof value === 'string') return value
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(value)
}

function listText(values: readonly unknown[]): string {
  return `{${values.map(elementText).join(',')}}`
}

function elementText(value: unknown): string {
  if (Array.isArray(value)) return listText(value)
  const text = parameterText(value)
  return text === null ? 'NULL' : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

function bytesText({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return `\\x${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}`
}

/** The local time with its zone, which a column without a zone drops. */
function timeText(time: Date): string {
  const offset = -time.getTimezoneOffset()
  const local = new Date(time.getTime() + offset * 60_000).toISOString().slice(0, -1)
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60]
  return `${local}${offset < 0 ? '-' : '+'}${twoDigits(hours)}:${twoDigits(minutes)}`
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}

function localTime(text: string): Date | number {
  if (text.startsWith('infinity')) return Infinity
  return text.startsWith('-infinity') ? -Infinity : new Date(text)
}
