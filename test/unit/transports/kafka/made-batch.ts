// Batches for tests, of records in the bytes that producers write.
import { createRecord } from '@platformatic/kafka'
import type { FetchedRecord } from '../../../../src/transports/kafka/fetched-record.ts'
import type { BatchFields } from '../../../../src/transports/kafka/record-batch.ts'
import { RecordBatch } from '../../../../src/transports/kafka/record-batch.ts'

/** What a record says. */
export interface MadeRecord {
  readonly offset: number
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly headers?: readonly (readonly [name: Buffer, value: Buffer | null])[]
}

/** A batch that begins at an offset: its time is 1,000, and its records come 5 ms later. */
export function madeBatch(
  first: number,
  records: readonly MadeRecord[],
  own: Partial<BatchFields> = {},
): RecordBatch {
  const fields = { lastOffsetDelta: 0, attributes: 0, firstTime: 1_000, lastTime: 2_000, producerId: -1n }
  const bytes = Buffer.concat(records.map((record) => bytesOf(record, first)))
  return new RecordBatch({ firstOffset: BigInt(first), ...fields, ...own }, bytes, records.length)
}

/** A record by itself. */
export function madeRecord(record: MadeRecord, own: Partial<BatchFields> = {}): FetchedRecord {
  return madeBatch(record.offset, [record], own).recordAt(0)
}

function bytesOf({ offset, key = null, value = null, headers = [] }: MadeRecord, first: number): Buffer {
  const message = { topic: '', key, value, headers: new Map(headers), timestamp: 1_005n }
  return createRecord(message as Parameters<typeof createRecord>[0], offset - first, 1_000n).buffer
}
