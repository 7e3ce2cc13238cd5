// What cannot be read of a fetch ends its partition there, and nowhere else (I3, I6): batches in front of a
// corrupt one are read, it is named by its offsets, and what a broker has cut is no fault. What packs well is
// unpacked in parts (I7).
import * as library from '@platformatic/kafka'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readBatches } from '../../../../src/transports/kafka/fetch-request.ts'

const log = fc.array(
  fc.record({
    records: fc.integer({ min: 1, max: 4 }),
    compression: fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd'),
  }),
  { minLength: 1, maxLength: 6 },
)

/** Batches as they lie in a log, one behind the other. */
function batchesOf(made: typeof log extends fc.Arbitrary<infer Log> ? Log : never): readonly Buffer[] {
  let offset = 0n
  return made.map(({ records, compression }) => {
    const messages = Array.from({ length: records }, (_, index) => ({
      topic: 'clicks',
      partition: 0,
      key: null,
      value: Buffer.from(`value ${offset} ${index}`),
      timestamp: 1_000n,
    }))
    const options = { compression } as Parameters<typeof library.createRecordsBatch>[1]
    const batch = library.createRecordsBatch(messages as never, options).buffer
    batch.writeBigInt64BE(offset, 0)
    offset += BigInt(records)
    return batch
  })
}

test('a byte that is another one ends what is read in front of its batch, and says its offsets', () => {
  fc.assert(
    fc.property(log, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (made, pick, place, change) => {
      const batches = batchesOf(made)
      const broken = pick % batches.length
      const batch = Buffer.from(batches[broken] ?? [])
      // In front of that lie its offset and its length, which say where it is, and are no part of it.
      const at = 16 + (place % (batch.length - 16))
      batch.writeUInt8(batch.readUInt8(at) ^ change, at)
      const read = readBatches(library, Buffer.concat(batches.with(broken, batch)))
      expect(read.batches).toHaveLength(broken)
      expect(read.problem).toMatch(new RegExp(`^the records ${Number(batch.readBigInt64BE(0))} to -?\\d+ `))
    }),
  )
})

test('what a broker has cut is whole up to there, and no fault', () => {
  fc.assert(
    fc.property(log, fc.nat(), (made, pick) => {
      const all = Buffer.concat(batchesOf(made))
      const length = pick % (all.length + 1)
      const { batches, problem } = readBatches(library, all.subarray(0, length))
      const ends = batchesOf(made).map((_, index, list) => Buffer.concat(list.slice(0, index + 1)).length)
      expect([batches.length, problem]).toEqual([ends.filter((end) => end <= length).length, undefined])
    }),
  )
})

test('what waits does not keep all that was fetched with it (I7)', () => {
  fc.assert(
    fc.property(log, (made) => {
      const all = Buffer.from(new Uint8Array(Buffer.concat(batchesOf(made))).buffer)
      for (const { bytes } of readBatches(library, all).batches) expect(bytes.buffer).not.toBe(all.buffer)
    }),
  )
})

test('no more is unpacked than there is room for, and the next batch where there is any', () => {
  fc.assert(
    fc.property(log, fc.nat(200), (made, bytes) => {
      const room = { bytes }
      const all = readBatches(library, Buffer.concat(batchesOf(made))).batches
      const sizes = all.map(({ bytes: unpacked }) => unpacked.length)
      const { batches, problem } = readBatches(library, Buffer.concat(batchesOf(made)), room)
      const used = sizes.slice(0, batches.length)
      expect(problem).toBeUndefined()
      expect(room.bytes).toBe(used.reduce((left, size) => left - size, bytes))
      const isFull = used.slice(0, -1).reduce((left, size) => left - size, bytes) > 0 && room.bytes <= 0
      expect(isFull || batches.length === (bytes === 0 ? 0 : all.length)).toBe(true)
    }),
  )
})

test('a length that is none, and an older format, are named', () => {
  const [batch = Buffer.alloc(0)] = batchesOf([{ records: 2, compression: 'none' }])
  const negative = Buffer.from(batch)
  negative.writeInt32BE(-40, 8)
  expect(readBatches(library, negative).problem).toBe(
    'the records 0 to 0 have the format of nothing; inturn reads 2 (Kafka 0.11)',
  )
  const older = Buffer.from(batch)
  older.writeInt8(1, 16)
  expect(readBatches(library, older).problem).toBe(
    'the records 0 to 1 have the format 1; inturn reads 2 (Kafka 0.11)',
  )
})
