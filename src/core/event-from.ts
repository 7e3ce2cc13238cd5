// Maps a message's envelope to the fields of an event. The default reads inturn's own names, CloudEvents 1.0
// with its `sequence` and `partitionkey` extensions, and the plain schema (`event_id`, `sequence_number`,
// ...).
import { readSequence } from './read-sequence.ts'

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
  readonly fill?: unknown
  /** Set when the message contradicts itself; it is `invalid` then. */
  readonly problem?: string
  /**
   * Why the data cannot be read. The event takes its number all the same, and fails in its turn. A getter of
   * `data`, `id`, `type` or `time` that throws says the same.
   */
  readonly dataProblem?: string
}

/** Maps a decoded message to the fields of an event. */
export type EventFrom = (message: Readonly<Record<string, unknown>>) => EventFields

/** The default mapping. Of several names for one field the first that is there counts. */
export const eventFrom: EventFrom = (message) => {
  const fields: EventFields = {
    domain: message['domain'],
    stream: first(message, streamNames),
    sequence: first(message, sequenceNames),
    epoch: message['epoch'],
    id: message['id'] ?? message['event_id'],
    type: message['type'] ?? message['event_type'],
    time: message['time'] ?? message['timestamp'],
    data: dataOf(message),
    ...('previous' in message && { previous: message['previous'] }),
    ...('fill' in message && { fill: message['fill'] }),
  }
  const [number, version] = [message['sequence_number'], message['aggregate_version']]
  const isTorn = number !== undefined && version !== undefined && !isSameNumber(number, version)
  if (isTorn) return { ...fields, problem: 'sequence_number and aggregate_version differ' }
  return fields.data === noBase64 ? { ...fields, dataProblem: noBase64.problem } : fields
}

const noBase64 = { problem: 'data_base64 is no base64' }

/** The data; where a CloudEvent has bytes, it has them as text. A message without any is data itself. */
function dataOf(message: Readonly<Record<string, unknown>>): unknown {
  if ('data' in message) return message['data']
  const base64 = message['data_base64']
  if (typeof base64 === 'string') return bytesOf(base64) ?? noBase64
  return 'payload' in message ? message['payload'] : message
}

function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0))
  } catch {
    return undefined
  }
}

/** Whether two fields bear one number, written as a number or as digits. */
function isSameNumber(one: unknown, other: unknown): boolean {
  const [first, second] = [one, other].map((value) => readSequence(value, { big: true }))
  return one === other || (first === second && typeof first !== 'string')
}

const streamNames = ['stream', 'partitionkey', 'aggregate_id', 'user_id', 'subject']
const sequenceNames = ['sequence', 'sequence_number', 'aggregate_version']

function first(message: Readonly<Record<string, unknown>>, names: readonly string[]): unknown {
  for (const name of names) {
    const value = message[name]
    if (value !== undefined) return value
  }
  return undefined
}
