// Maps a message's envelope to the fields of an event. The default reads inturn's own names, CloudEvents 1.0
// with its `sequence` and `partitionkey` extensions, and the plain schema (`event_id`, `sequence_number`,
// ...).
import { carriedData, isUnset } from './carried-data.ts'
import { readSequence } from './read-sequence.ts'
import { errorMessage, fieldOf } from './thrown.ts'

/** What intake needs of a message, still unread: it checks every field. */
export interface EventFields {
  readonly domain?: unknown
  readonly stream?: unknown
  readonly sequence?: unknown
  readonly epoch?: unknown
  /** Absent: the message names no predecessor; `null`: it starts its stream. */
  readonly previous?: unknown
  readonly id?: unknown
  readonly type?: unknown
  readonly time?: unknown
  readonly data?: unknown
  /** W3C Trace Context of the producer. What cannot be read is left out. */
  readonly traceparent?: unknown
  readonly tracestate?: unknown
  readonly fill?: unknown
  /** Set when the message contradicts itself; it is `invalid` then. */
  readonly problem?: string
  /** Why its stream cannot be told, unless its domain names the field, or has no streams. */
  readonly streamProblem?: string
  /**
   * Why the data cannot be read. The event takes its number all the same, and fails in its turn. A getter of
   * `data`, `id`, `type` or `time` that throws says the same.
   */
  readonly dataProblem?: string
}

/** Maps a decoded message to the fields of an event. */
export type EventFrom = (message: Readonly<Record<string, unknown>>) => EventFields

/**
 * The default mapping. Of several names for one field the first that is there counts. In a CloudEvent null is
 * unset, as its specification has it; only `previous` and `data` may be null.
 */
export const eventFrom: EventFrom = (given) => {
  const message = isCloudEvent(given) ? withoutUnset(given) : given
  const { data } = message
  const fields: { -readonly [Field in keyof EventFields]: EventFields[Field] } = {
    domain: message['domain'],
    stream: message['stream'] ?? first(message, streamNames),
    sequence: message['sequence'] ?? first(message, sequenceNames),
    epoch: message['epoch'],
    id: message['id'] ?? message['event_id'],
    type: message['type'] ?? message['event_type'],
    time: message['time'] ?? message['timestamp'],
    data,
  }
  const { data_base64: all, data_base64_at: places, previous, fill } = message
  if (data === undefined || all !== undefined || places !== undefined) Object.assign(fields, dataOf(message))
  if ('previous' in message) fields.previous = previous
  if (fill !== undefined) fields.fill = fill
  const mayBeTraced = message['traceparent'] ?? message['attributes'] ?? message['headers']
  if (mayBeTraced !== undefined) Object.assign(fields, traceOf(message))
  const { sequence_number: number, aggregate_version: version, user_id: user } = message
  const isTorn = number !== undefined && isOtherNumber(number, version)
  if (isTorn) fields.problem = tornNumbers
  const streamProblem = isTorn || user === undefined ? undefined : rivalOfUser(message)
  if (streamProblem !== undefined) fields.streamProblem = streamProblem
  return fields
}

/** What is said of a message whose two numbers differ, unless its domain names the one that counts. */
export const tornNumbers = 'sequence_number and aggregate_version differ'

/** From which of the names that are looked for the default mapping reads a message's stream and number. */
export function defaultNames(message: Readonly<Record<string, unknown>>): {
  readonly stream: string | undefined
  readonly sequence: string | undefined
} {
  const isThere = (name: string): boolean => message[name] !== undefined && message[name] !== null
  return { stream: streamNames.find(isThere), sequence: sequenceNames.find(isThere) }
}

const entityId = /^(?<entity>[a-z]\w*?)(?:_id|Id|_no|_number)$/
/** Ids that say nothing of what is numbered. */
const otherIds =
  /^(?:sequence|event|message|correlation|causation|trace|span|request|session|tenant|source|.*user)$/

/**
 * Why a stream by `user_id` would be a guess: the message has the id of something else too, and its number is
 * not that of the plain schema, or its domain or type says that it is about that.
 */
function rivalOfUser(message: Readonly<Record<string, unknown>>): string | undefined {
  if (defaultNames(message).stream !== 'user_id') return undefined
  const isPlain = message['sequence'] === undefined
  const about = [message['domain'], message['type'] ?? message['event_type']].map((name) =>
    typeof name === 'string' ? name.toLowerCase() : '',
  )
  const rival = Object.keys(message).find((name) => {
    const entity = entityId.exec(name)?.groups?.['entity']?.toLowerCase()
    if (entity === undefined || otherIds.test(entity)) return false
    const isOther = !isUnset(message[name]) && message[name] !== message['user_id']
    return isOther && (!isPlain || about.some((text) => text.split(/[^a-z]+|s\b/).includes(entity)))
  })
  if (rival === undefined) return undefined
  const advice = `name the field in its domain, fields: { stream: '${rival}' }`
  return `its number may count by user_id or by ${rival}: ${advice}`
}

/** The producer's trace: of a CloudEvent, among the attributes of an event log, or among headers. */
function traceOf(
  message: Readonly<Record<string, unknown>>,
): Pick<EventFields, 'traceparent' | 'tracestate'> {
  const { attributes, headers } = message
  const holder = [message, attributes, headers].find((place) => fieldOf(place, 'traceparent') !== undefined)
  if (holder === undefined) return {}
  return { traceparent: fieldOf(holder, 'traceparent'), tracestate: fieldOf(holder, 'tracestate') }
}

/** The data, or why it cannot be read. A message without any is data itself. */
function dataOf(message: Readonly<Record<string, unknown>>): Pick<EventFields, 'data' | 'dataProblem'> {
  const { data, data_base64: all, data_base64_at: places } = message
  const isCarried = 'data' in message || !isUnset(all)
  if (!isCarried) return { data: 'payload' in message ? message['payload'] : message }
  try {
    return { data: carriedData({ data, data_base64: isUnset(data) ? all : null, data_base64_at: places }) }
  } catch (error) {
    return { dataProblem: errorMessage(error) }
  }
}

const mayBeNull = new Set(['data', 'previous'])

/** Whether a field of a message is unset, as null is in a CloudEvent. */
export function isNullUnset(message: Readonly<Record<string, unknown>>, field: string): boolean {
  return isCloudEvent(message) && !mayBeNull.has(field)
}

function isCloudEvent(message: Readonly<Record<string, unknown>>): boolean {
  return typeof message['specversion'] === 'string'
}

function withoutUnset(message: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const isLeftOut = (name: string): boolean => message[name] === null && !mayBeNull.has(name)
  const names = Object.keys(message)
  if (!names.some(isLeftOut)) return message
  return Object.fromEntries(names.filter((name) => !isLeftOut(name)).map((name) => [name, message[name]]))
}

/** Whether two fields, of which the other may be missing, bear two numbers, written as numbers or digits. */
function isOtherNumber(one: unknown, other: unknown): boolean {
  if (other === undefined || one === other) return false
  const [first, second] = [one, other].map((value) => readSequence(value, { big: true, signed: true }))
  return first !== second || typeof first === 'string'
}

/** Where the default mapping looks for a stream, in this order. */
export const streamNames: readonly string[] = ['stream', 'partitionkey', 'aggregate_id', 'user_id', 'subject']
const sequenceNames = ['sequence', 'sequence_number', 'aggregate_version']

function first(message: Readonly<Record<string, unknown>>, names: readonly string[]): unknown {
  for (const name of names) {
    const value = message[name]
    if (value !== undefined) return value
  }
  return undefined
}
