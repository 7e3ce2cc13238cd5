// The message of a record: its value, and of what stands beside it (key, headers, offset) whatever the value
// does not name itself. Nothing of a record is lost: what cannot be read is given on as it came, with the
// reason. Upholds I3.
import { isUtf8 } from 'node:buffer'
import { eventFrom } from '../../core/event-from.ts'
import { parseExactly } from '../../core/exact-number.ts'
import { isRecord } from '../../core/parse-message.ts'
import { errorText } from '../../core/thrown.ts'
import type { Delivery } from '../../ports/source.ts'
import type { FetchedRecord } from './fetched-record.ts'
import type { GivenRecord, Partition, PartitionName } from './partition.ts'
import { kindOfContent } from './sink-record.ts'

/** A record as it lies in its topic. */
export interface KafkaRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** In milliseconds since 1970. */
  readonly timestamp: number
  readonly key: Uint8Array | null
  /** `null`: a tombstone. */
  readonly value: Uint8Array | null
  /** In their order; a name may be there twice. */
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
}

/** A delivery of a topic. */
export interface RecordDelivery extends Delivery {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** How records become messages. */
export interface RecordMapping {
  /** What a value says, where it is no JSON. */
  readonly decode?: ((record: KafkaRecord) => unknown) | undefined
  /** The stream is the partition, or the key within it; the number is the offset; all else is data. */
  readonly byOffset?: 'partition' | 'key' | undefined
  /** The domain of every record, or that of each topic. */
  readonly domain?: string | Readonly<Record<string, string>> | undefined
}

/** Fields that a header may name, where the value does not. */
const fieldNames = ['domain', 'stream', 'sequence', 'epoch', 'previous', 'id', 'type', 'time'] as const
const cloudPrefix = 'ce_'
/** A value that has one of these says what its data is; else it is data itself. */
const dataNames = ['data', 'payload', 'data_base64', 'fill', 'specversion']

/** A delivery, and what settles it. */
export interface HeldDelivery extends RecordDelivery {
  readonly heldBy: Partition
  readonly ticket: number
}

/** A delivery while it is made. */
type Mutable<Fields> = { -readonly [Field in keyof Fields]: Fields[Field] }

/** A record as a delivery; where there is a `decode`, as soon as that has answered. Never fails. */
export function deliveryOf(
  heldBy: Partition,
  { record, ticket, lostFrom }: GivenRecord,
  mapping: RecordMapping,
): HeldDelivery | Promise<HeldDelivery> {
  const { topic, partition, log, name } = heldBy
  const { offset, length: bytes } = record
  // All of one shape, of what most have.
  const delivery: Mutable<HeldDelivery> = {
    topic,
    partition,
    offset,
    origin: `${name}@${offset}`,
    bytes,
    logPlace: { log, at: offset },
    heldBy,
    ticket,
    message: undefined,
  }
  const domain = typeof mapping.domain === 'string' ? mapping.domain : mapping.domain?.[topic]
  if (domain !== undefined) delivery.domain = domain
  if (lostFrom !== undefined) return Object.assign(delivery, lost(heldBy, lostFrom, offset))
  if (mapping.decode !== undefined) {
    return decoded(heldBy, record, mapping).then((said) => Object.assign(delivery, said))
  }
  try {
    const headers = headersOf(record)
    delivery.message = messageOf(valueOf(record, headers), { name, record, headers }, mapping.byOffset)
  } catch (thrown) {
    delivery.message = ownBytes(record.value)
    delivery.problem = `the value is no JSON: ${errorText(thrown)}`
  }
  return delivery
}

type Said = Pick<RecordDelivery, 'message' | 'problem'>

async function decoded(
  { topic, partition, name }: Partition,
  record: FetchedRecord,
  mapping: RecordMapping,
): Promise<Said> {
  const { offset, timestamp } = record
  const [key, value] = [ownBytes(record.key), ownBytes(record.value)]
  try {
    const list = headerList(record)
    const said = await mapping.decode?.({ topic, partition, offset, timestamp, key, value, headers: list })
    return { message: messageOf(said, { name, record, headers: headersOf(record) }, mapping.byOffset) }
  } catch (thrown) {
    return { message: value, problem: `decode failed: ${errorText(thrown)}` }
  }
}

/** Records that the log has no longer. */
function lost(of: PartitionName, from: number, to: number): Said {
  const [what, read] =
    from === to ? [`offset ${to} was`, 'it was'] : [`offsets ${from} to ${to} were`, 'they were']
  const message = { lost: { topic: of.topic, partition: of.partition, from, to } }
  return { message, problem: `the ${what} removed from the log before ${read} read` }
}

/** What stands beside a value: `name` is that of its partition. */
interface Beside {
  readonly name: string
  readonly record: FetchedRecord
  readonly headers: Headers
}

function messageOf(
  value: unknown,
  { name, record, headers }: Beside,
  by: RecordMapping['byOffset'],
): unknown {
  const key = keyOf(record)
  if (by === undefined) return withFields(value, headers, key)
  const stream = by === 'key' && key !== undefined ? `${name}/${key}` : name
  return numbered(value, headers, { stream, sequence: record.offset, time: record.timestamp })
}

/** JSON; the data of a CloudEvent in binary mode is what its type says. */
function valueOf(record: FetchedRecord, { isCloudEvent, contentType }: Headers): unknown {
  if (!record.hasValue) return null
  const kind = isCloudEvent ? kindOfContent(contentType) : 'json'
  const text = kind === 'bytes' ? undefined : record.valueText
  if (kind === 'json' && text === undefined) throw new TypeError('its bytes are no UTF-8')
  if (text === undefined) return ownBytes(record.value)
  return kind === 'json' ? parseExactly(text).value : text
}

/** Bytes of their own: those of a record are a piece of all that was fetched, and would keep that. */
function ownBytes<Bytes extends Buffer | null>(bytes: Bytes): Bytes | Buffer {
  return bytes === null ? bytes : Buffer.from(bytes)
}

/** A value whose own fields say nothing of its number: it is data. */
function numbered(
  value: unknown,
  headers: Headers,
  { time, ...place }: { readonly stream: string; readonly sequence: number; readonly time: number },
): Readonly<Record<string, unknown>> {
  const { domain, id, type } = { ...(isRecord(value) ? eventFrom(value) : {}), ...headers.fields }
  const made =
    Number.isFinite(time) && time >= 0 && time <= 8.64e15 ? new Date(time).toISOString() : undefined
  return { ...defined({ domain, id, type, time: made }), ...place, ...headers.all, data: value }
}

/** A value that says itself what it is, and of the rest what stands beside it. */
function withFields(value: unknown, headers: Headers, key: string | undefined): unknown {
  const own = isRecord(value) && !headers.isCloudEvent ? value : {}
  const message = headers === noHeaders ? own : withHeaders(own, headers)
  const hasStream = key === undefined || eventFrom(message).stream !== undefined
  if (message === value && hasStream) return value
  return {
    ...message,
    ...(!hasStream && { stream: key }),
    ...(!dataNames.some((name) => name in own) && { data: value }),
  }
}

/** What a value says itself goes before what its headers say. */
function withHeaders(
  own: Readonly<Record<string, unknown>>,
  { fields, all }: Headers,
): Readonly<Record<string, unknown>> {
  const named: Readonly<Record<string, unknown>> = { ...eventFrom(own) }
  const beside = Object.entries(fields).filter(([name]) => named[name] === undefined)
  return { ...own, ...Object.fromEntries(beside), ...all }
}

/** What the headers of a record say. */
interface Headers {
  /** Fields of an event, those of CloudEvents in binary mode among them. */
  readonly fields: Readonly<Record<string, unknown>>
  /** All of them under one name, to be found by a mapping; absent where there are none. */
  readonly all?: { readonly headers: Readonly<Record<string, unknown>> }
  /** They are those of a CloudEvent in binary mode: the value is its data, and nothing else. */
  readonly isCloudEvent: boolean
  /** The type of its data then. */
  readonly contentType?: unknown
}

const noHeaders: Headers = { fields: {}, isCloudEvent: false }

function headersOf(record: FetchedRecord): Headers {
  if (!record.hasHeaders) return noHeaders
  const all = new Map<string, unknown>()
  const repeated = new Map<string, unknown[]>()
  for (const [bytes, value] of record.headers) {
    const name = bytes?.toString() ?? ''
    const values = repeated.get(name) ?? []
    values.push(textOrBytes(value))
    repeated.set(name, values)
    all.set(name, values.length === 1 ? values[0] : values)
  }
  const isCloudEvent = typeof all.get(`${cloudPrefix}specversion`) === 'string'
  const byName = { headers: Object.fromEntries(all) }
  if (!isCloudEvent) {
    const named = fieldNames.flatMap((name) => (all.has(name) ? [[name, all.get(name)] as const] : []))
    return { fields: Object.fromEntries(named), all: byName, isCloudEvent }
  }
  const contentType = all.get('content-type')
  const attributes = [...all].flatMap(([name, value]) =>
    name.startsWith(cloudPrefix) ? [[name.slice(cloudPrefix.length), value] as const] : [],
  )
  const fields = {
    ...Object.fromEntries(attributes),
    ...(contentType !== undefined && { datacontenttype: contentType }),
  }
  return { fields, all: byName, isCloudEvent, contentType }
}

function headerList({ headers }: FetchedRecord): KafkaRecord['headers'] {
  return headers.map(([name, value]) => [name?.toString() ?? '', value])
}

/** A key as text; bytes that are none as hexadecimal digits, so that no two keys become one. */
function keyOf(record: FetchedRecord): string | undefined {
  if (!record.hasKey) return undefined
  return record.keyText ?? `0x${record.key?.toString('hex')}`
}

function textOrBytes(value: Buffer | null): unknown {
  return value !== null && isUtf8(value) ? value.toString() : ownBytes(value)
}

function defined(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
