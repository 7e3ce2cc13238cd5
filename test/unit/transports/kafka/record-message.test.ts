// What becomes of a record (I3): its value, and of what stands beside it whatever the value does not name.
import { describe, expect, test } from 'vitest'
import { eventFrom } from '../../../../src/core/event-from.ts'
import { isRecord } from '../../../../src/core/parse-message.ts'
import type { FetchedRecord } from '../../../../src/transports/kafka/fetched-record.ts'
import { Partition } from '../../../../src/transports/kafka/partition.ts'
import type { RecordMapping } from '../../../../src/transports/kafka/record-message.ts'
import { deliveryOf } from '../../../../src/transports/kafka/record-message.ts'
import { madeRecord } from './made-batch.ts'

const partition = new Partition({ topic: 'clicks', partition: 3 }, { topicId: 'uuid', unsettledMax: 1 })

interface Given {
  readonly key?: string | Buffer | null
  readonly value?: unknown
  readonly headers?: readonly (readonly [string, string | Buffer | null])[]
}

function recordOf({ key = null, value, headers = [] }: Given): FetchedRecord {
  const bytes = (from: string | Buffer | null): Buffer | null => (from === null ? null : Buffer.from(from))
  const record = {
    offset: 1042,
    key: bytes(key),
    value: value === undefined ? null : Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)),
    headers: headers.map(([name, text]) => [Buffer.from(name), bytes(text)] as const),
  }
  return madeRecord(record, { attributes: 0b1000, lastTime: Date.UTC(2026, 0, 1) })
}

const deliver = (given: Given, mapping: RecordMapping = {}) =>
  deliveryOf(partition, { record: recordOf(given), ticket: 0 }, mapping)

/** The message, and what the default mapping finds in it. */
async function fieldsOf(given: Given, mapping: RecordMapping = {}) {
  const { message } = await deliver(given, mapping)
  return isRecord(message) ? eventFrom(message) : {}
}

test('a delivery says how large it is, as its message is an object (I7)', async () => {
  // The three lengths of a record that says nothing, and those of a header.
  const none = 3
  const [value, headers] = [{ a: 1 }, [['name', 'text']] as const]
  expect((await deliver({})).bytes).toBe(none)
  expect((await deliver({ key: 'user', value })).bytes).toBe(none + 'user{"a":1}'.length)
  expect((await deliver({ headers })).bytes).toBe(none + 'nametext'.length + 2)
})

test('bytes that stay in a message are its own, and no piece of all that was fetched (I7)', async () => {
  const fetched = Buffer.alloc(1024 * 1024, 0xff)
  const value = fetched.subarray(10, 20)
  const binary = { headers: [['ce_specversion', '1.0'] as const, ['content-type', 'image/png'] as const] }
  const given: [Given, RecordMapping][] = [
    [{ value, ...binary }, {}],
    [{ value }, {}],
    [{ value: {}, headers: [['raw', value]] }, {}],
    [{ value, key: value }, { decode: (record) => ({ data: record }) }],
  ]
  for (const [record, mapping] of given) {
    const { message } = await deliver(record, mapping)
    const kept = valuesIn(message).filter((one) => one instanceof Uint8Array)
    expect(kept.map((bytes) => bytes.buffer === fetched.buffer)).toEqual(kept.map(() => false))
    expect(kept).not.toEqual([])
  }
})

/** All that a message has, however deep. */
function valuesIn(value: unknown): readonly unknown[] {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return [value]
  return Object.values(value).flatMap(valuesIn)
}

test('a delivery says where it lies', async () => {
  const { origin, logPlace, topic, offset, domain } = await deliver(
    { value: {} },
    { domain: { clicks: 'click' } },
  )
  expect(origin).toBe('clicks[3]@1042')
  expect(logPlace).toEqual({ log: 'uuid[3]', at: 1042 })
  expect({ topic, partition: 3, offset, domain }).toEqual({
    topic: 'clicks',
    partition: 3,
    offset: 1042,
    domain: 'click',
  })
})

describe('the key is the stream', () => {
  test('unless the value names one, under whatever name', async () => {
    expect(await fieldsOf({ key: 'k', value: { sequence: 1, a: 2 } })).toMatchObject({
      stream: 'k',
      sequence: 1,
    })
    for (const name of ['stream', 'partitionkey', 'aggregate_id', 'user_id', 'subject']) {
      expect(await fieldsOf({ key: 'k', value: { [name]: 'own' } })).toMatchObject({ stream: 'own' })
    }
  })

  test('a key that is no text is its bytes in hexadecimal digits', async () => {
    expect(await fieldsOf({ key: Buffer.from([0xff, 0x01]), value: {} })).toMatchObject({ stream: '0xff01' })
  })
})

describe('headers', () => {
  test('are fields where the value names none, and are all there under their names', async () => {
    const headers = [
      ['sequence', '7'],
      ['id', 'from-header'],
      ['trace', 'a'],
      ['trace', 'b'],
      ['raw', Buffer.from([0xff])],
      ['none', null],
    ] as const
    const given = { key: 'k', value: { id: 'own', amount: 20 }, headers }
    expect(await fieldsOf(given)).toMatchObject({ stream: 'k', sequence: '7', id: 'own' })
    expect(Reflect.get(Object((await deliver(given)).message), 'headers')).toEqual({
      sequence: '7',
      id: 'from-header',
      trace: ['a', 'b'],
      raw: Buffer.from([0xff]),
      none: null,
    })
  })

  test('of a CloudEvent in binary mode are its attributes, and the value is its data alone', async () => {
    const headers = Object.entries({
      ce_specversion: '1.0',
      ce_id: 'e1',
      ce_type: 'opened',
      ce_source: '/bank',
      ce_sequence: '00000000000000000009',
      ce_partitionkey: 'acc-1',
    })
    expect(await fieldsOf({ key: 'k', value: { id: 'no', stream: 'no' }, headers })).toMatchObject({
      stream: 'acc-1',
      sequence: '00000000000000000009',
      id: 'e1',
      type: 'opened',
      data: { id: 'no', stream: 'no' },
    })
  })
})

describe('data', () => {
  test('is the value as its producer wrote it, where that names no data of its own', async () => {
    const headers = [['sequence', '7']] as const
    for (const value of [{ amount: 20 }, [1, 2], 'text', 5, null]) {
      expect((await fieldsOf({ key: 'k', value, headers })).data).toEqual(value)
    }
    expect((await fieldsOf({ key: 'k', value: { data: { amount: 20 } }, headers })).data).toEqual({
      amount: 20,
    })
  })

  test('is null in a record without a value', async () => {
    expect(await fieldsOf({ key: 'k' })).toMatchObject({ stream: 'k', data: null })
  })

  test('a value that names everything is handed on as it is', async () => {
    const value = { stream: 's', sequence: 1, amount: 20 }
    expect((await deliver({ key: 'k', value })).message).toEqual(value)
  })

  test('keeps numbers that no JavaScript number holds', async () => {
    const value = Buffer.from('{"sequence": 9007199254740993}')
    const { message } = await deliver({ key: 'k', value })
    expect(JSON.stringify(message)).toContain('"sequence":9007199254740993')
  })
})

describe('by offset', () => {
  test('the partition is the stream, or the key within it, whatever the value says', async () => {
    const given = { key: 'k', value: { stream: 'own', sequence: 5, id: 'e1', type: 'click' } }
    const found = {
      sequence: 1042,
      id: 'e1',
      type: 'click',
      data: given.value,
      time: '2026-01-01T00:00:00.000Z',
    }
    expect(await fieldsOf(given, { byOffset: 'partition' })).toMatchObject({ ...found, stream: 'clicks[3]' })
    expect(await fieldsOf(given, { byOffset: 'key' })).toMatchObject({ ...found, stream: 'clicks[3]/k' })
    const keyless = { ...given, key: null }
    expect(await fieldsOf(keyless, { byOffset: 'key' })).toMatchObject({ ...found, stream: 'clicks[3]' })
  })
})

test('what cannot be read comes as it is, with the reason', async () => {
  expect(await deliver({ value: Buffer.from([0xff]) })).toMatchObject({
    message: Buffer.from([0xff]),
    problem: 'the value is no JSON: TypeError: its bytes are no UTF-8',
  })
  const decode = () => {
    throw new RangeError('schema 7 is unknown')
  }
  expect(await deliver({ value: {} }, { decode })).toMatchObject({
    message: Buffer.from('{}'),
    problem: 'decode failed: RangeError: schema 7 is unknown',
  })
})

test('what the log has no longer is told by range, as what cannot be read', async () => {
  const given = { record: recordOf({}), ticket: 0 }
  const told = await deliveryOf(partition, { ...given, lostFrom: 1000 }, { decode: () => 1 })
  expect(told).toMatchObject({
    origin: 'clicks[3]@1042',
    message: { lost: { topic: 'clicks', partition: 3, from: 1000, to: 1042 } },
    problem: 'the offsets 1000 to 1042 were removed from the log before they were read',
  })
  const one = await deliveryOf(partition, { ...given, lostFrom: 1042 }, {})
  expect(one.problem).toBe('the offset 1042 was removed from the log before it was read')
})
