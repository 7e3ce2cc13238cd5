// How events, dead letters and ledger entries become text in a store, and come back: JSON that keeps every
// number, bigints and bytes as they are. Every store uses it, so that what an event looks like does not
// depend on where it was kept.
import { InturnError } from '../core/errors.ts'
import type { FillEvent, InturnEvent, TrackedEvent } from '../core/event.ts'
import { parseExactly, rawNumber } from '../core/exact-number.ts'
import { errorText } from '../core/thrown.ts'
import type { DeadLetter, InboxEntry, LedgerEntry } from '../ports/records.ts'

/**
 * A value as text. Bigints, bytes, exact numbers and -0 come back as they were; everything else as JSON has
 * it.
 *
 * @throws InturnError `event-invalid` when the value has no JSON
 */
export function recordText(value: object): string {
  try {
    return JSON.stringify(value, mark)
  } catch (cause) {
    throw new InturnError(
      'event-invalid',
      `this cannot be kept, because it has no JSON: ${errorText(cause)}`,
      {
        cause,
      },
    )
  }
}

/** A held event from its text. */
export function readEvent(text: string): TrackedEvent {
  const event = readText(text)
  return isTrackedEvent(event) ? event : corrupt('an event', text)
}

/** An inbox entry as text: the arrival by itself, or together with what else is known of it. */
export function inboxText({ arrival, known, logPlace, redrive }: Omit<InboxEntry, 'stream'>): string {
  const isPlain = redrive === undefined && known === undefined && logPlace === undefined
  return recordText(isPlain ? arrival : { arrival, known, logPlace, redrive })
}

/** An inbox entry from its text. */
export function readInbox(text: string): Omit<InboxEntry, 'stream'> {
  const kept = readText(text)
  if (isArrival(kept)) return { arrival: kept }
  return isEntry(kept) ? kept : corrupt('an inbox entry', text)
}

/** A dead letter from its text. */
export function readDeadLetter(text: string): DeadLetter {
  const letter = readText(text)
  return isDeadLetter(letter) ? letter : corrupt('a dead letter', text)
}

/** A ledger entry from its text. */
export function readLedgerEntry(text: string): LedgerEntry {
  const entry = readText(text)
  return isLedgerEntry(entry) ? entry : corrupt('a ledger entry', text)
}

const marks = new Set(['$bigint', '$bytes'])
const maybeMarked = /"\$+(?:bigint|bytes)"/

function mark(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'number') return asNumber(value)
  // Somebody may have given bigints a toJSON.
  const original: unknown = Reflect.get(Object(this), key)
  if (typeof original === 'bigint') return { $bigint: original.toString() }
  if (typeof value !== 'object' || value === null) return value
  if (original instanceof Uint8Array) return { $bytes: Buffer.from(original).toString('base64') }
  return hasMark(value) ? renameMarks(value, (name) => `$${name}`) : value
}

/**
 * A number so that it comes back as one: without an exponent, the digits of a large one are those of an exact
 * number.
 */
function asNumber(value: number): unknown {
  if (Object.is(value, -0)) return rawNumber('-0')
  const isLarge = Math.abs(value) > Number.MAX_SAFE_INTEGER && Math.abs(value) < 1e21
  return isLarge ? rawNumber(`${value}e0`) : value
}

/** A value from the text that {@link recordText} made of it. */
export function readText(text: string): unknown {
  return parseExactly(text, maybeMarked.test(text) ? unmark : undefined).value
}

function unmark(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !hasMark(value)) return value
  if ('$bigint' in value) return BigInt(String(value.$bigint))
  if ('$bytes' in value) return new Uint8Array(Buffer.from(String(value.$bytes), 'base64'))
  return renameMarks(value, (name) => name.slice(1))
}

/** Whether a user's own key looks like one of ours, with any number of dollars. */
function hasMark(value: object): boolean {
  for (const key in value) if (key.startsWith('$') && isMark(key)) return true
  return false
}

function isMark(key: string): boolean {
  return marks.has(key.replace(/^\$+/, '$'))
}

function renameMarks(value: object, rename: (name: string) => string): object {
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [isMark(name) ? rename(name) : name, field]),
  )
}

function corrupt(what: string, text: string): never {
  throw new InturnError('store-corrupt', `the store has ${what} that cannot be read: ${text.slice(0, 200)}`)
}

function isTrackedEvent(value: unknown): value is TrackedEvent {
  return isArrival(value) && 'sequence' in value && ['number', 'bigint'].includes(typeof value.sequence)
}

function isArrival(value: unknown): value is InturnEvent | FillEvent {
  return hasText(value, 'domain') && hasText(value, 'stream') && 'epoch' in value
}

function isEntry(value: unknown): value is Omit<InboxEntry, 'stream'> {
  if (typeof value !== 'object' || value === null || !('arrival' in value)) return false
  return isArrival(value.arrival) && (!('redrive' in value) || hasText(value.redrive, 'key'))
}

function isDeadLetter(value: unknown): value is DeadLetter {
  return hasText(value, 'key') && hasText(value, 'reason') && 'at' in value
}

function isLedgerEntry(value: unknown): value is LedgerEntry {
  return hasText(value, 'kind') && hasText(value, 'by') && 'at' in value
}

function hasText(value: unknown, name: string): value is object {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'string'
}
