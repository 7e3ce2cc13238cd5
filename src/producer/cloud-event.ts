// Events as CloudEvents 1.0, and back, with the extensions `sequence` and `partitionkey`, and `domain` and
// `epoch` of inturn's own. Source: https://github.com/cloudevents/spec, version 1.0.2 and its extensions.
import type { LogStream } from '../core/append-errors.ts'
import { carriedData, isUnset } from '../core/carried-data.ts'
import { InturnError } from '../core/errors.ts'
import type { TrackedEvent } from '../core/event.ts'
import { rawNumber } from '../core/exact-number.ts'
import { attributeProblem, isFieldName } from '../core/logged-event.ts'
import type { Attributes, NewEvent } from '../core/logged-event.ts'
import { isRecord, readText } from '../core/parse-message.ts'
import { epochText, readEpoch, readSequence } from '../core/read-sequence.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import { streamPath } from '../core/stream-path.ts'
import { errorMessage, errorText } from '../core/thrown.ts'

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
 * @throws InturnError `event-invalid` when its data has no JSON (a bigint has none, nor have bytes inside of
 *   it), its number or its epoch is below 0, or an attribute has no name or value of a CloudEvent's
 */
export function toCloudEvent(event: CloudEventSubject): CloudEventJson {
  const { domain, stream, epoch, sequence, id, type, time, data, attributes = {} } = event
  if (sequence < 0) throw invalid(`${id}: a CloudEvent has no negative sequence, like ${sequence}`)
  const problem = readEpoch(epoch)
  if (typeof problem === 'string') throw invalid(`${id}: ${epochText(problem)}`)
  for (const [name, value] of Object.entries(attributes)) checkedAttribute(id, name, value)
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
 * What a CloudEvent holds: an object as its SDK or its JSON has it. An attribute that is null is unset.
 *
 * @param options - `domain`, where the CloudEvent names none
 * @throws InturnError `event-invalid` when it is no CloudEvent 1.0, names no domain and no stream
 *   (`partitionkey`, or else `subject`), has a number that cannot be read, `data_base64` that is no base64,
 *   or an attribute with another name or value than the specification has
 */
export function fromCloudEvent(message: unknown, options: { readonly domain?: string } = {}): FromCloudEvent {
  if (!isRecord(message) || message['specversion'] !== '1.0') throw invalid('it is no CloudEvent 1.0')
  const given = (name: string): unknown => message[name] ?? undefined
  const id = textOf('id', given('id'))
  const type = textOf('type', given('type'))
  const about = `CloudEvent ${id}`
  const domain = given('domain') === undefined ? options.domain : textOf('domain', readText(given('domain')))
  if (domain === undefined) throw invalid(`${about} names no domain; give one as an option`)
  const streamName = given('partitionkey') === undefined ? 'subject' : 'partitionkey'
  const stream = textOf(streamName, readText(given(streamName)))
  const time = given('time') === undefined ? undefined : textOf('time', given('time'))
  const sequence =
    given('sequence') === undefined ? undefined : readSequence(given('sequence'), { big: true, signed: true })
  if (typeof sequence === 'string') throw invalid(`${about}: the sequence is ${sequence}`)
  const epoch = readEpoch(given('epoch'))
  if (typeof epoch === 'string') throw invalid(`${about}: ${epochText(epoch)}`)
  const attributes = attributesOf(message, { about, domain, stream })
  const event = {
    id,
    type,
    ...(time !== undefined && { time }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
    data: dataOf(message, about),
  }
  return { domain, stream, event, epoch, ...(sequence !== undefined && { sequence }) }
}

/**
 * What each CloudEvent of a batch holds (`application/cloudevents-batch+json`), in their order.
 *
 * @throws InturnError `event-invalid` as {@link fromCloudEvent}, with the number of the event in the batch
 */
export function fromCloudEventBatch(
  messages: unknown,
  options: { readonly domain?: string } = {},
): readonly FromCloudEvent[] {
  if (!Array.isArray(messages)) throw invalid('it is no batch of CloudEvents: that is a list')
  return messages.map((message: unknown, index) => {
    try {
      return fromCloudEvent(message, options)
    } catch (cause) {
      throw invalid(`event ${index + 1} of ${messages.length}: ${errorMessage(cause)}`, cause)
    }
  })
}

function content(id: string, data: unknown, { datacontenttype }: Attributes): Partial<CloudEventJson> {
  const typed = (type: string): object => (datacontenttype === undefined ? { datacontenttype: type } : {})
  if (data === undefined) return {}
  if (data instanceof Uint8Array) {
    return { ...typed('application/octet-stream'), data_base64: Buffer.from(data).toString('base64') }
  }
  try {
    strictJson(data)
  } catch (cause) {
    throw invalid(`${id}: its data has no JSON: ${errorText(cause)}`)
  }
  return { ...typed('application/json'), data }
}

/**
 * A value as JSON that loses nothing; `undefined` where it has none, as that of a function.
 *
 * @throws TypeError for bytes, which JSON would make an object that looks like any other, and bigints
 */
export function strictJson(value: unknown): string | undefined {
  return JSON.stringify(value, refuseBytes)
}

function refuseBytes(this: unknown, key: string, value: unknown): unknown {
  if (value instanceof Uint8Array || Reflect.get(Object(this), key) instanceof Uint8Array) {
    throw new TypeError('it has bytes inside of its data')
  }
  return Object.is(value, -0) ? rawNumber('-0') : value
}

/** The SDK gives bytes twice: as they are, and as text. */
function dataOf(message: Readonly<Record<string, unknown>>, about: string): unknown {
  const { data, data_base64: base64 } = message
  const isBytes = ArrayBuffer.isView(data) && !isUnset(base64)
  try {
    return carriedData({ data: isBytes ? null : data, data_base64: base64 })
  } catch (cause) {
    throw invalid(`${about}: ${errorMessage(cause)}`, cause)
  }
}

function attributesOf(
  message: Readonly<Record<string, unknown>>,
  { about, domain, stream }: LogStream & { readonly about: string },
): Attributes {
  const isBytes = !isUnset(message['data_base64'])
  const implied: Readonly<Record<string, string>> = {
    source: streamPath(domain, stream),
    datacontenttype: isBytes ? 'application/octet-stream' : 'application/json',
  }
  const attributes: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(message)) {
    if (isUnset(value) || isFieldName(name) || name === 'data_base64') continue
    if (implied[name] !== value) attributes[name] = checkedAttribute(about, name, value)
  }
  return attributes
}

function checkedAttribute(about: string, name: string, value: unknown): string | number | boolean {
  const problem = attributeProblem(name, value)
  if (problem !== undefined) throw invalid(`${about}: ${problem}`)
  return typeof value === 'number' || typeof value === 'boolean' ? value : String(value)
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw invalid(`a CloudEvent needs a text as its ${name}`)
}

function invalid(message: string, cause?: unknown): InturnError {
  return new InturnError('event-invalid', message, { cause })
}
