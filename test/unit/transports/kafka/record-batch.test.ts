// The records of a batch (I3): what another reader of the same bytes finds, whatever they carry; and bytes
// that are no records are told when the batch is made, so that whatever it has can be given out later.
import { Reader, readRecord } from '@platformatic/kafka'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FetchedRecord, RecordReader } from '../../../../src/transports/kafka/fetched-record.ts'
import { RecordBatch } from '../../../../src/transports/kafka/record-batch.ts'
import { madeBatch } from './made-batch.ts'

const bytes = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map((made) => Buffer.from(made)),
)
const perhaps = fc.option(bytes)
const made = fc.record({
  offset: fc.nat(100_000),
  key: perhaps,
  value: perhaps,
  headers: fc.array(fc.tuple(bytes, perhaps), { maxLength: 3 }),
})
const records = fc
  .uniqueArray(made, { maxLength: 5, selector: ({ offset }) => offset })
  .map((all) => all.sort((one, other) => one.offset - other.offset))

const asText = (from: Buffer | null): string | undefined => {
  try {
    return from === null ? undefined : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(from)
  } catch {
    return undefined
  }
}

test('each record is what the library reads', () => {
  fc.assert(
    fc.property(records, (all) => {
      const batch = madeBatch(0, all)
      const reader = Reader.from(batch.bytes)
      const read = Array.from({ length: batch.size }, (_, index) => batch.recordAt(index))
      expect(read).toHaveLength(all.length)
      for (const [index, record] of read.entries()) {
        const { offsetDelta, key, value, headers, length } = readRecord(reader)
        expect(batch.offsetAt(index)).toBe(offsetDelta)
        expect(batch.bytesAt(index)).toBeGreaterThanOrEqual(100 + length)
        expect([record.offset, record.timestamp, record.key, record.value, record.headers]).toEqual([
          offsetDelta,
          1_005,
          key,
          value,
          headers,
        ])
        expect([record.keyText, record.valueText]).toEqual([asText(key), asText(value)])
        const has = [record.hasKey, record.hasValue, record.hasHeaders]
        expect(has).toEqual([key !== null, value !== null, headers.length > 0])
      }
    }),
  )
})

test('bytes that are no records make no batch; of a batch that is made every record lies within it', () => {
  fc.assert(
    fc.property(records, fc.nat(), fc.nat(255), fc.nat(3), (given, place, byte, more) => {
      const { bytes: good, fields, size } = madeBatch(0, given)
      const changed = Buffer.from(good)
      if (changed.length > 0) changed.writeUInt8(byte, place % changed.length)
      let batch: RecordBatch | undefined
      let told = 'Error: are corrupt: '
      try {
        batch = new RecordBatch(fields, changed, size + more)
      } catch (error) {
        told = String(error)
      }
      expect(told).toMatch(/^Error: are corrupt: /)
      const read = Array.from({ length: batch?.size ?? 0 }, (_, index) => batch?.recordAt(index))
      // Whatever it has is made of it: no part goes beyond the record, and no record beyond the batch.
      const parts = read.map((record) => [record?.key, record?.value, ...(record?.headers.flat() ?? [])])
      const lengths = parts.map((own) => own.reduce((sum, piece) => sum + (piece?.length ?? 0), 0))
      expect(lengths.filter((length, index) => length > (read[index]?.length ?? 0))).toEqual([])
      const all = read.reduce((sum, record) => sum + (record?.length ?? 0), 0)
      expect(all).toBeLessThanOrEqual(changed.length)
    }),
  )
})

test('a record that is cut, or longer than it says, is told', () => {
  const { bytes: good, fields } = madeBatch(0, [{ offset: 0, value: Buffer.from('value') }])
  const longer = Buffer.from(good)
  longer.writeUInt8(good.readUInt8(0) - 2, 0)
  expect(() => new RecordBatch(fields, longer, 1)).toThrow('the length of one of them is another one')
  expect(() => new RecordBatch(fields, good.subarray(0, -1), 1)).toThrow('in the middle of a number')
  // Its value goes beyond its end, as its length does.
  const beyond = Buffer.from([24, 0, 0, 0, 1, 12, 118])
  expect(() => new RecordBatch(fields, beyond, 1)).toThrow('are corrupt')
})

test('a number beyond 32 bits is read to its end', () => {
  const written = Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f])
  const reader = new RecordReader(written)
  expect([reader.number(), reader.number(), reader.at]).toEqual([2 ** 40, -(2 ** 40), 12])
  expect(new FetchedRecord({ offset: 1, timestamp: 2 }, new RecordReader(Buffer.from([1, 1, 0])))).toEqual(
    expect.objectContaining({ offset: 1, timestamp: 2, length: 3, key: null, value: null, headers: [] }),
  )
})
