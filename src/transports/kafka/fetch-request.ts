// The request that fetches. Its answer is read partition by partition, and within one batch by batch: what
// cannot be read ends its own partition there, and is told by its offsets. The client fails all of a broker's
// answer, and believes every byte; a batch whose checksum is wrong is no batch. Upholds I3 and I6.
import type { API, Reader } from '@platformatic/kafka'
import { errorMessage } from '../../core/thrown.ts'
import type { KafkaLibrary } from './library.ts'
import { RecordBatch } from './record-batch.ts'

/** What a broker answers of one partition. */
export interface FetchedPartition {
  readonly topicId: string
  readonly partition: number
  readonly errorCode: number
  /** Behind the last record that may be read: open transactions end it. Below 0: it was not told. */
  readonly end: bigint
  readonly abortedTransactions: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]
  readonly batches: readonly RecordBatch[]
  /** Why what comes behind the batches cannot be read. */
  readonly problem?: string | undefined
}

/** What a broker answers to a fetch. */
export interface FetchResponse {
  readonly errorCode: number
  readonly partitions: readonly FetchedPartition[]
}

/** The request, and what it resolves with. */
export type FetchApi = API<Parameters<KafkaLibrary['fetchV17']['createRequest']>, FetchResponse>

/** So much of an answer is unpacked: records may be a thousand times as large as what packs them. */
const unpackedBytesMax = 16 * 1024 * 1024

/** How many bytes of records there is still room for. */
interface Room {
  bytes: number
}

/** The versions whose shape is the one that is read here, the newest first. */
const versions = [17, 16, 15, 14, 13]
const fetchKey = 1

/** The request as the brokers know it, by its newest version. */
export function fetchApis(library: KafkaLibrary): readonly FetchApi[] {
  const { createRequest } = library.fetchV17
  return versions.map((version) =>
    library.createAPI(fetchKey, version, createRequest, (_id, _key, _version, reader) =>
      readResponse(library, reader),
    ),
  )
}

/**
 * What there is no room for is left out, and is asked for again.
 * Source: https://kafka.apache.org/protocol.html, Fetch Response, versions 13 to 17.
 */
function readResponse(library: KafkaLibrary, reader: Reader): FetchResponse {
  reader.readInt32()
  const errorCode = reader.readInt16()
  reader.readInt32()
  const room: Room = { bytes: unpackedBytesMax }
  const topics = reader.readArray(
    (ofTopic) => {
      const topicId = ofTopic.readUUID()
      return ofTopic.readArray((one) => readPartition(library, one, { topicId, room }), true, false)
    },
    true,
    true,
  )
  return { errorCode, partitions: topics.flat(2) }
}

/** No partition where there is room for nothing of it. */
function readPartition(
  library: KafkaLibrary,
  reader: Reader,
  { topicId, room }: { readonly topicId: string; readonly room: Room },
): readonly FetchedPartition[] {
  const partition = reader.readInt32()
  const errorCode = reader.readInt16()
  reader.readInt64()
  const end = reader.readInt64()
  reader.readInt64()
  const aborted = reader.readNullableArray((one) => ({
    producerId: one.readInt64(),
    firstOffset: one.readInt64(),
  }))
  reader.readInt32()
  // A length that is one more than it says, as all compact ones: 0 is none at all.
  const length = Math.max(0, reader.readUnsignedVarInt() - 1)
  const bytes = reader.buffer.slice(reader.position, reader.position + length)
  reader.skip(length)
  reader.readTaggedFields()
  if (length > 0 && room.bytes <= 0) return []
  const batches = readBatches(library, bytes, room)
  return [{ topicId, partition, errorCode, end, abortedTransactions: aborted ?? [], ...batches }]
}

/** Where the fields of a batch lie in it (record batch format 2). */
const at = {
  length: 8,
  format: 16,
  checksum: 17,
  attributes: 21,
  lastDelta: 23,
  firstTime: 27,
  lastTime: 35,
  producer: 43,
  count: 57,
  records: 61,
} as const
const lengthEnd = 12
const format = 2
/** The attributes that say what packs the records. */
const packedBy = 0b111

/**
 * The batches that there is room for, up to the first one that cannot be read, and why that is. The last one
 * may be cut.
 */
export function readBatches(
  library: KafkaLibrary,
  bytes: Buffer,
  room: Room = { bytes: unpackedBytesMax },
): Pick<FetchedPartition, 'batches' | 'problem'> {
  const batches: RecordBatch[] = []
  for (let start = 0; room.bytes > 0 && bytes.length - start >= lengthEnd;) {
    const end = start + lengthEnd + bytes.readInt32BE(start + at.length)
    if (end > bytes.length) break
    const batch = bytes.subarray(start, Math.max(end, start + lengthEnd))
    try {
      checkBatch(library, batch)
      const read = readBatch(library, batch)
      room.bytes -= read.bytes.length
      batches.push(read)
    } catch (thrown) {
      return { batches, problem: `${offsetsOf(batch)} ${errorMessage(thrown)}` }
    }
    start = end
  }
  return { batches }
}

function checkBatch(library: KafkaLibrary, batch: Buffer): void {
  const found = batch.length > at.format ? batch.readInt8(at.format) : undefined
  if (found !== format) {
    throw new Error(`have the format ${found ?? 'of nothing'}; inturn reads ${format} (Kafka 0.11)`)
  }
  if (batch.length < at.records) throw new Error('end before their beginning does')
  if (library.crc32c(batch.subarray(at.attributes)) !== batch.readUInt32BE(at.checksum)) {
    throw new Error('are corrupt: their checksum is another one')
  }
}

function readBatch(library: KafkaLibrary, batch: Buffer): RecordBatch {
  const attributes = batch.readInt16BE(at.attributes)
  const fields = {
    firstOffset: batch.readBigInt64BE(0),
    lastOffsetDelta: batch.readInt32BE(at.lastDelta),
    attributes,
    firstTime: Number(batch.readBigInt64BE(at.firstTime)),
    lastTime: Number(batch.readBigInt64BE(at.lastTime)),
    producerId: batch.readBigInt64BE(at.producer),
  }
  const records = batch.subarray(at.records)
  const packer = library.compressionsAlgorithmsByBitmask[attributes & packedBy]
  if (packer === undefined) throw new Error(`are packed by something unknown (${attributes & packedBy})`)
  // Bytes of its own: what waits would keep all that was fetched with it.
  const unpacked = (attributes & packedBy) === 0 ? Buffer.from(records) : packer.decompressSync(records)
  return new RecordBatch(fields, unpacked, batch.readInt32BE(at.count))
}

/** What a batch itself says of its offsets; where it is corrupt that may be wrong too. */
function offsetsOf(batch: Buffer): string {
  const first = batch.readBigInt64BE(0)
  const delta = batch.length >= at.records ? batch.readInt32BE(at.lastDelta) : 0
  return `the records ${first} to ${first + BigInt(delta)}`
}
