// Events as CloudEvents 1.0, and back, with the extensions `sequence` and `partitionkey`, and `domain` and
// `epoch` of inturn's own. Source: https://github.com/cloudevents/spec, version 1.0.2 and its extensions.
import type { LogStream } from '../core/append-errors.ts'
import { InturnError } from '../core/errors.ts'
import type { TrackedEvent } from '../core/event.ts'
import type { Attributes, NewEvent } from '../core/logged-event.ts'
import { isRecord } from '../core/parse-message.ts'
import { readEpoch, readSequence } from '../core/read-sequence.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import { streamPath } from '../core/stream-path.ts'
import { errorText } from '../core/thrown.ts'

/** A CloudEvent in its JSON form. */
export interface CloudEventJson {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly time?: string
  readonly datacontenttype?: string
  readonly data?: unknown
  /** Bytes, instead of `data`. */
  readonly data_base64?: string
  /** The stream. */
  readonly partitionkey: string
  /** 20 digits with leading zeros, so that it sorts as text. */
  readonly sequence: string
  readonly domain: string
  /** Absent: 0. */
  readonly epoch?: Epoch
  readonly [attribute: string]: unknown
}

/** What can be made a CloudEvent: an event of a log, or any event that has an id and a type. */
export interface CloudEventSubject extends TrackedEvent {
  readonly id: string
  readonly type: string
  readonly attributes?: Attributes
}

/** What a CloudEvent holds. */
export interface FromCloudEvent extends LogStream {
  /** Ready to be appended to a log. */
  readonly event: NewEvent
  /** The number that the CloudEvent bears, if it bears one. */
  readonly sequence?: Sequence
  readonly epoch: Epoch
}

const sequenceDigits = 20

/**
 * An event as a CloudEvent. Its `source` is `domain/stream`, percent-encoded, unless its attributes name
 * one.
 *
 * @throws InturnError `event-invalid` when its data has no JSON (a bigint has none), or its number is below 0
 */
export function toCloudEvent(event: CloudEventSubject): CloudEventJson {
  const { domain, stream, epoch, sequence, id, type, time, data, attributes = {} } = event
  if (sequence < 0) throw invalid(`${id}: a CloudEvent has no negative sequence, like ${sequence}`)
  return {
    source: streamPath(domain, stream),
    ...attributes,
    ...content(id, data, attributes),
    specversion: '1.0',
    id,
    type,
    ...(time !== undefined && { time }),
    domain,
    partitionkey: stream,
    sequence: String(sequence).padStart(sequenceDigits, '0'),
    ...(epoch !== 0 && { epoch }),
  }
}

/**
 * What a CloudEvent holds: an object as its SDK or its JSON has it.
 *
 * @param options - `domain`, where the CloudEvent names none
 * @throws InturnError `event-invalid` when it is no CloudEvent 1.0, names no domain and no stream
 *   (`partitionkey`, or else `subject`), or has a number that cannot be read
 */
export function fromCloudEvent(message: unknown, options: { readonly domain?: string } = {}): FromCloudEvent {
  if (!isRecord(message) || message['specversion'] !== '1.0') throw invalid('it is no CloudEvent 1.0')
  const id = textOf(message, 'id')
  const type = textOf(message, 'type')
  const domain = message['domain'] === undefined ? options.domain : textOf(message, 'domain')
  if (domain === undefined) throw invalid(`CloudEvent ${id} names no domain; give one as an option`)
  const stream = textOf(message, message['partitionkey'] === undefined ? 'subject' : 'partitionkey')
  const time = message['time'] === undefined ? undefined : textOf(message, 'time')
  const sequence =
    message['sequence'] === undefined ? undefined : readSequence(message['sequence'], { big: true })
  const epoch = readEpoch(message['epoch'])
  if (typeof sequence === 'string' || typeof epoch === 'string') {
    throw invalid(`CloudEvent ${id}: its sequence or epoch cannot be read`)
  }
  const attributes = attributesOf(message, { domain, stream })
  const event = {
    id,
    type,
    ...(time !== undefined && { time }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
    data: dataOf(message),
  }
  return { domain, stream, event, epoch, ...(sequence !== undefined && { sequence }) }
}

function content(id: string, data: unknown, { datacontenttype }: Attributes): Partial<CloudEventJson> {
  const typed = (type: string): object => (datacontenttype === undefined ? { datacontenttype: type } : {})
  if (data === undefined) return {}
  if (data instanceof Uint8Array) {
    return { ...typed('application/octet-stream'), data_base64: Buffer.from(data).toString('base64') }
  }
  try {
    JSON.stringify(data)
  } catch (cause) {
    throw invalid(`${id}: its data has no JSON: ${errorText(cause)}`)
  }
  return { ...typed('application/json'), data }
}

function dataOf(message: Readonly<Record<string, unknown>>): unknown {
  const base64 = message['data_base64']
  return typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : message['data']
}

/** Attributes that an event has as fields of its own. */
const own = new Set(
  ['specversion', 'id', 'type', 'time', 'data', 'data_base64'].concat([
    'domain',
    'partitionkey',
    'sequence',
    'epoch',
  ]),
)

function attributesOf(message: Readonly<Record<string, unknown>>, stream: LogStream): Attributes {
  const isBytes = 'data_base64' in message && message['data_base64'] !== undefined
  const implied: Readonly<Record<string, string>> = {
    source: streamPath(stream.domain, stream.stream),
    datacontenttype: isBytes ? 'application/octet-stream' : 'application/json',
  }
  const attributes: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(message)) {
    if (own.has(name) || implied[name] === value) continue
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    if (isPlain) attributes[name] = value
  }
  return attributes
}

function textOf(message: Readonly<Record<string, unknown>>, name: string): string {
  const value = message[name]
  if (typeof value === 'string' && value !== '') return value
  throw invalid(`a CloudEvent needs a text as its ${name}`)
}

function invalid(message: string): InturnError {
  return new InturnError('event-invalid', message)
}
