// The record of a message: its key, its value, and what is said of it in headers. `deliveryOf` of
// `record-message.ts` reads from it exactly the event that was sent. Upholds I3.
import { InturnError } from '../../core/errors.ts'
import { parseExactly } from '../../core/exact-number.ts'
import { isRecord } from '../../core/parse-message.ts'
import type { SinkMessage } from '../../ports/sink.ts'

/**
 * How a CloudEvent lies in a record: `structured`: all of it is the value; `binary`: the value is its data,
 * and the rest stands in headers.
 */
export type CloudEventMode = 'structured' | 'binary'

/** What is written of a record. */
export interface SinkRecord {
  readonly key: Buffer
  readonly value: Buffer
  readonly headers: ReadonlyMap<string, string>
}

/**
 * The record of a message.
 *
 * @throws InturnError `event-invalid` for what is no CloudEvent, in binary mode
 */
export function recordOf(message: SinkMessage, mode: CloudEventMode): SinkRecord {
  const { domain, stream, sequence, id, type, partitionKey, json, contentType, letter } = message
  const key = Buffer.from(partitionKey)
  if (letter !== undefined) {
    return { key, value: Buffer.from(letter.bytes), headers: new Map(Object.entries(letter.headers)) }
  }
  const headers = new Map(Object.entries({ domain, stream, sequence: String(sequence), id, type }))
  if (contentType !== undefined) headers.set('content-type', contentType)
  if (mode === 'structured') return { key, value: Buffer.from(json), headers }
  return { key, ...binary(json, headers) }
}

/** Source: CloudEvents, Kafka Protocol Binding 1.0.2, section 3.2. */
function binary(json: string, headers: Map<string, string>): Pick<SinkRecord, 'value' | 'headers'> {
  const { value: event } = parseExactly(json)
  if (!isRecord(event) || typeof event['specversion'] !== 'string') {
    const message = "cloudEvents: 'binary' takes CloudEvents, and the relay sends another form"
    throw new InturnError('event-invalid', message)
  }
  const { data, data_base64: base64, datacontenttype: type, ...attributes } = event
  for (const [name, attribute] of Object.entries(attributes)) headers.set(`ce_${name}`, String(attribute))
  if (typeof type === 'string') headers.set('content-type', type)
  else headers.delete('content-type')
  if (typeof base64 === 'string') return { value: Buffer.from(base64, 'base64'), headers }
  const isText = typeof data === 'string' && kindOfContent(type) === 'text'
  return { value: Buffer.from(isText ? data : JSON.stringify(data ?? null)), headers }
}

/** What data of a type is, where it stands by itself. */
export function kindOfContent(type: unknown): 'json' | 'text' | 'bytes' {
  if (typeof type !== 'string' || /[/+]json\b/i.test(type)) return 'json'
  return /^text\/|xml\b|yaml\b|javascript\b/i.test(type) ? 'text' : 'bytes'
}
