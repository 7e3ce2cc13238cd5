// A line of NDJSON as an event to append: in inturn's own names, as `inturn read --json` prints it, or a
// CloudEvent. Numbers keep every digit.
import type { LogStream } from '../core/append-errors.ts'
import { carriedData, isUnset } from '../core/carried-data.ts'
import { InturnError } from '../core/errors.ts'
import { parseExactly } from '../core/exact-number.ts'
import type { Attributes, NewEvent } from '../core/logged-event.ts'
import { isRecord, withoutMark } from '../core/parse-message.ts'
import { errorMessage } from '../core/thrown.ts'
import { fromCloudEvent } from '../producer/cloud-event.ts'

/** An event and the stream that it is for. */
export interface EventLine extends LogStream {
  readonly line: number
  readonly event: NewEvent
}

/**
 * Reads a line that is one event.
 *
 * @param stream - where the line belongs if it does not say so itself
 * @throws InturnError `event-invalid` with the line and what is wrong
 */
export function readEventLine(text: string, line: number, stream: LogStream | undefined): EventLine {
  return read(`line ${line}`, () => readEvent(parseExactly(withoutMark(text)).value, line, stream))
}

/** As {@link readEventLine}, for a line that may be a list of events, as a batch of CloudEvents is. */
export function readEventLines(
  text: string,
  line: number,
  stream: LogStream | undefined,
): readonly EventLine[] {
  const value: unknown = read(`line ${line}`, () => parseExactly(withoutMark(text)).value)
  if (!Array.isArray(value) || value.length === 0) {
    return [read(`line ${line}`, () => readEvent(value, line, stream))]
  }
  return value.map((one: unknown, index) =>
    read(`line ${line}, event ${index + 1}`, () => readEvent(one, line, stream)),
  )
}

function read<Result>(where: string, reading: () => Result): Result {
  try {
    return reading()
  } catch (cause) {
    throw new InturnError('event-invalid', `${where}: ${errorMessage(cause)}`, { cause })
  }
}

function readEvent(fields: unknown, line: number, stream: LogStream | undefined): EventLine {
  if (!isRecord(fields)) throw new InturnError('event-invalid', 'it is no JSON object')
  if (isUnset(fields['specversion'])) return { line, ...placeOf(fields, stream), event: eventOf(fields) }
  const named = stream === undefined ? {} : { domain: stream.domain, partitionkey: stream.stream }
  const { event, domain, stream: key } = fromCloudEvent({ ...fields, ...named })
  return { line, event, domain, stream: key }
}

function placeOf(fields: Readonly<Record<string, unknown>>, given: LogStream | undefined): LogStream {
  if (given !== undefined) return given
  return { domain: textOf(fields, 'domain'), stream: textOf(fields, 'stream') }
}

function eventOf(fields: Readonly<Record<string, unknown>>): NewEvent {
  const { time, attributes } = fields
  return {
    id: textOf(fields, 'id'),
    type: textOf(fields, 'type'),
    ...(time !== undefined && { time: textOf(fields, 'time') }),
    ...(attributes !== undefined && { attributes: attributesOf(attributes) }),
    data: carriedData(fields),
  }
}

function textOf(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name]
  if (typeof value === 'string' && value !== '') return value
  throw new InturnError('event-invalid', `the event needs a text as its ${name}`)
}

function attributesOf(value: unknown): Attributes {
  if (isAttributes(value)) return value
  throw new InturnError('event-invalid', 'attributes takes an object with texts, numbers and booleans')
}

function isAttributes(value: unknown): value is Attributes {
  if (!isRecord(value)) return false
  return Object.values(value).every((field) => ['string', 'number', 'boolean'].includes(typeof field))
}
