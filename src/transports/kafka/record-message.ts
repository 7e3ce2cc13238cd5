// The message of a record: its value, and of what stands beside it (key, headers, offset) whatever the value
// does not name itself. Nothing of a record is lost: what cannot be read is given on as it came, with the
// reason. Upholds I3.
import { isUtf8 } from 'node:buffer'
import { eventFrom } from '../../core/event-from.ts'
import { parseExactly } from '../../core/exact-number.ts'
import { isRecord } from '../../core/parse-message.ts'
import { errorText } from '../../core/thrown.ts'
import type { Delivery } from '../../ports/source.ts'
import type { FetchedRecord } from './committed-records.ts'
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

/** A record as a delivery; where there is a `decode`, as soon as that has answered. Never fails. */
export function deliveryOf(
  { topic, partition, log, name }: Partition,
  { record, lostFrom }: Omit<GivenRecord, 'ticket'>,
  mapping: RecordMapping,
): RecordDelivery | Promise<RecordDelivery> {
  const { offset } = record
  const domain = typeof mapping.domain === 'string' ? mapping.domain : mapping.domain?.[topic]
  const about = {
    topic,
    partition,
    offset,
    ...(domain !== undefined && { domain }),
    origin: `${name}@${offset}`,
    bytes: [record.key, record.value, ...record.headers.flat()].reduce(
      (sum, bytes) => sum + (bytes?.length ?? 0),
      0,
    ),
    logPlace: { log, at: offset },
  }
  if (lostFrom !== undefined) return { ...about, ...lost({ topic, partition }, lostFrom, offset) }
  if (mapping.decode !== undefined) {
    return decoded({ topic, partition, name }, record, mapping).then((said) => ({ ...about, ...said }))
  }
  try {
    const headers = headersOf(record)
    const value = record.value === null ? null : valueOf(record.value, headers)
    return { ...about, message: messageOf(name, value, record, { ...mapping, headers }) }
  } catch (thrown) {
    const problem = `the value is no JSON: ${errorText(thrown)}`
    return { ...about, message: ownBytes(record.value), problem }
  }
}

type Said = Pick<RecordDelivery, 'message' | 'problem'>

async function decoded(
  { topic, partition, name }: Pick<Partition, 'topic' | 'partition' | 'name'>,
  fetched: FetchedRecord,
  mapping: RecordMapping,
): Promise<Said> {
  const record = { ...fetched, key: ownBytes(fetched.key), value: ownBytes(fetched.value) }
  try {
    const value = await mapping.decode?.({ ...record, topic, partition, headers: headerList(record) })
    const headers = headersOf(record)
    return { message: messageOf(name, value, record, { ...mapping, headers }) }
  } catch (thrown) {
    return { message: record.value, problem: `decode failed: ${errorText(thrown)}` }
  }
}

/** Records that the log has no longer. */
function lost(of: PartitionName, from: number, to: number): Said {
  const [what, read] =
    from === to ? [`offset ${to} was`, 'it was'] : [`offsets ${from} to ${to} were`, 'they were']
  const message = { lost: { topic: of.topic, partition: of.partition, from, to } }
  return { message, problem: `the ${what} removed from the log before ${read} read` }
}

function messageOf(
  name: string,
  value: unknown,
  record: FetchedRecord,
  { byOffset, headers }: RecordMapping & { readonly headers: Headers },
): unknown {
  const key = textOf(record.key)
  if (byOffset === undefined) return withFields(value, headers, key)
  const stream = byOffset === 'key' && key !== undefined ? `${name}/${key}` : name
  return numbered(value, headers, { stream, sequence: record.offset, time: record.timestamp })
}

/** JSON; the data of a CloudEvent in binary mode is what its type says. */
function valueOf(bytes: Buffer, { isCloudEvent, contentType }: Headers): unknown {
  const kind = isCloudEvent ? kindOfContent(contentType) : 'json'
  if (kind === 'json') return parseExactly(textOrThrow(bytes)).value
  return kind === 'text' && isUtf8(bytes) ? bytes.toString() : ownBytes(bytes)
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
function withFields(
  value: unknown,
  { fields, all, isCloudEvent }: Headers,
  key: string | undefined,
): unknown {
  const own = isRecord(value) && !isCloudEvent ? value : {}
  const named: Readonly<Record<string, unknown>> = { ...eventFrom(own) }
  const beside = Object.entries(fields).filter(([name]) => named[name] === undefined)
  const message = { ...own, ...Object.fromEntries(beside), ...all }
  const hasStream = key === undefined || eventFrom(message).stream !== undefined
  if (isRecord(value) && own === value && beside.length === 0 && all === undefined && hasStream) return value
  return {
    ...message,
    ...(!hasStream && { stream: key }),
    ...(!dataNames.some((name) => name in own) && { data: value }),
  }
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

function headersOf({ headers }: FetchedRecord): Headers {
  if (headers.length === 0) return noHeaders
  const all = new Map<string, unknown>()
  const repeated = new Map<string, unknown[]>()
  for (const [bytes, value] of headers) {
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
function textOf(key: Buffer | null): string | undefined {
  if (key === null) return undefined
  return isUtf8(key) ? key.toString() : `0x${key.toString('hex')}`
}

function textOrBytes(value: Buffer | null): unknown {
  return value !== null && isUtf8(value) ? value.toString() : ownBytes(value)
}

function textOrThrow(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString()
  throw new TypeError('its bytes are no UTF-8')
}

function defined(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
