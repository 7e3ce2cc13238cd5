// What a Kafka source makes of a real topic: of records that were aborted, compressed, keyed, emptied or
// removed (I3), and of what its group has committed and what it has not (I4).
import { beforeAll, expect, test } from 'vitest'
import type { KafkaSourceOptions, RecordDelivery } from '../../../../src/transports/kafka.ts'
import { kafkaSource } from '../../../../src/transports/kafka.ts'
import { TopicClient } from '../../../../src/transports/kafka/topic-client.ts'
import type { TestTopic, TestTransaction } from '../../../services/kafka-topic.ts'
import {
  addTransactions,
  asAdmin,
  forgetBefore,
  freshTopic,
  groupOffsets,
  growTopic,
  kcat,
} from '../../../services/kafka-topic.ts'
import type { OpenSource } from '../../../services/open-source.ts'
import { openSource } from '../../../services/open-source.ts'
import { kafkaBrokers } from '../../../services/shared-kafka.ts'

let brokers: string[]
beforeAll(async () => {
  brokers = await kafkaBrokers()
})

type Options = Partial<Omit<KafkaSourceOptions, 'brokers'>>

function open({ topic, group }: TestTopic, options: Options = {}): Promise<OpenSource<RecordDelivery>> {
  return openSource(kafkaSource({ brokers, topics: [topic], groupId: group, ...options }))
}

const json = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => JSON.stringify({ n: index + 1 }))
const n = ({ message }: RecordDelivery): unknown => Reflect.get(Object(message), 'n')

test('aborted records are never delivered, and kcat says the same', async () => {
  const topic = await freshTopic(brokers)
  const transaction = (index: number): TestTransaction => ({
    values: [1, 2].map((part) => JSON.stringify({ n: index * 10 + part })),
    end: index % 3 === 0 ? 'commit' : 'abort',
    producer: index % 2 === 0 ? 'even' : 'odd',
  })
  await addTransactions(
    topic,
    Array.from({ length: 12 }, (_, index) => transaction(index)),
  )
  const committed = [
    '-C',
    '-t',
    topic.topic,
    '-o',
    'beginning',
    '-e',
    '-q',
    '-X',
    'isolation.level=read_committed',
  ]
  const referee = (await kcat(brokers, committed)).trim().split('\n')
  expect(referee).toHaveLength(8)
  await using opened = await open(topic)
  const deliveries = await opened.takeAll()
  expect(deliveries.map(({ message }) => JSON.stringify(message))).toEqual(referee)
})

test('once all is settled a group has no lag, also where a log ends with what nobody reads', async () => {
  const topic = await freshTopic(brokers)
  await addTransactions(topic, [
    { values: json(2), end: 'commit', producer: 'one' },
    { values: json(2), end: 'abort', producer: 'one' },
  ])
  {
    await using opened = await open(topic)
    await opened.source.settle(await opened.takeAll())
  }
  const [offset] = await groupOffsets(topic)
  expect(offset?.committed).toBe(offset?.end)
  expect(offset?.metadata).toBe('')
})

test.for(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('records compressed with %s are read', async (codec) => {
  const topic = await freshTopic(brokers)
  await topic.add(json(500), { args: ['-z', codec] })
  await using opened = await open(topic)
  expect((await opened.takeAll()).map(n)).toEqual(json(500).map((_, index) => index + 1))
})

test('a record without a value is an event without data, of the stream that its key names', async () => {
  const topic = await freshTopic(brokers)
  const header = ['-H', 'sequence=7', '-H', 'trace=abc']
  await kcat(brokers, ['-P', '-t', topic.topic, '-p', '0', '-Z', '-K', '\t', ...header], 'user-1\t\n')
  await using opened = await open(topic)
  const [delivery] = await opened.take(1)
  expect(delivery).toMatchObject({
    origin: `${topic.topic}[0]@0`,
    message: { stream: 'user-1', sequence: '7', data: null, headers: { sequence: '7', trace: 'abc' } },
  })
})

test('a value that is no JSON comes as it is, with the reason and its place', async () => {
  const topic = await freshTopic(brokers)
  await topic.add(['{"n": 1}', 'not json', '{"n": 3}'])
  await using opened = await open(topic)
  const [first, broken, third] = await opened.takeAll()
  expect([first?.problem, third?.problem]).toEqual([undefined, undefined])
  expect(broken?.problem).toMatch(/^the value is no JSON: SyntaxError/)
  expect(Buffer.from(broken?.message as Uint8Array).toString()).toBe('not json')
  expect(broken?.origin).toBe(`${topic.topic}[0]@1`)
})

test('whoever ends waits for no decode, and what it answers in the end comes first', async () => {
  const topic = await freshTopic(brokers)
  await topic.add(json(2))
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const ended = new AbortController()
  const decode = ({ offset }: { readonly offset: number }): unknown => {
    ended.abort()
    return offset === 0 ? promise : { n: 'decoded' }
  }
  await using opened = await open(topic, { decode })
  expect(await opened.source.read({ max: 1, waitMs: 60_000, signal: ended.signal })).toEqual([])
  resolve({ n: 'late' })
  expect((await opened.take(2)).map(n)).toEqual(['late', 'decoded'])
})

test('decode makes the value, and may wait; what it refuses comes as it is, with the reason', async () => {
  const topic = await freshTopic(brokers)
  await topic.add(['1,20', 'x'], { args: ['-k', 'user-1'] })
  await using opened = await open(topic, {
    decode: async ({ value }) => {
      const [sequence, amount] = Buffer.from(value ?? [])
        .toString()
        .split(',')
        .map(Number)
      if (amount === undefined) throw new RangeError('one number is missing')
      return { sequence, amount }
    },
  })
  const [good, bad] = await opened.takeAll()
  expect(good?.message).toEqual({
    sequence: 1,
    amount: 20,
    stream: 'user-1',
    data: { sequence: 1, amount: 20 },
  })
  expect(bad?.problem).toBe('decode failed: RangeError: one number is missing')
})

test('what is settled behind a hole is committed beside the hole, and does not come again', async () => {
  const topic = await freshTopic(brokers)
  await topic.add(json(10))
  {
    await using opened = await open(topic)
    const all = await opened.takeAll()
    await opened.source.settle(all.filter((delivery) => ![3, 7].includes(Number(n(delivery)))))
  }
  expect(await groupOffsets(topic)).toEqual([{ committed: 2, metadata: 'inturn 2 1+2,2+2', end: 10 }])
  {
    await using opened = await open(topic)
    const again = await opened.takeAll()
    expect(again.map(n)).toEqual([3, 7])
    await opened.source.settle(again.slice(1))
  }
  expect(await groupOffsets(topic)).toEqual([{ committed: 2, metadata: 'inturn 2 1+6', end: 10 }])
})

test('a partition without a commit gets one before anything of it is settled', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  await topic.add(json(3), { partition: 1 })
  await using opened = await open(topic, { start: 'new' })
  expect(await groupOffsets(topic)).toMatchObject([{ committed: 0 }, { committed: 3 }])
  await topic.add(json(1), { partition: 1 })
  expect(await opened.take(1)).toMatchObject([{ offset: 3 }])
})

test('a partition that is added while a member runs is read from its beginning', async () => {
  const topic = await freshTopic(brokers)
  await using opened = await open(topic, { start: 'new', sessionMs: 1_000, refreshMs: 100 })
  await growTopic(topic, 2)
  await topic.add(json(2), { partition: 1 })
  expect((await opened.take(2)).map(({ origin }) => origin)).toEqual(
    [0, 1].map((at) => `${topic.topic}[1]@${at}`),
  )
})

test('the offsets of a partition that was added a moment ago can be asked for', async () => {
  const topic = await freshTopic(brokers)
  const client = await TopicClient.open({ name: 'kafka', brokers, topics: [topic.topic] })
  await growTopic(topic, 2)
  expect(await client.offsets([{ topic: topic.topic, partition: 1 }], 'beginning')).toEqual([0])
  const unknown = client.offsets([{ topic: topic.topic, partition: 2 }], 'beginning')
  await expect(unknown).rejects.toMatchObject({ code: 'source-unavailable', retryable: true })
  await client.close()
})

test('records that retention removed before they were read are told by their range', async () => {
  const topic = await freshTopic(brokers)
  await topic.add(json(5))
  {
    await using opened = await open(topic)
    await opened.source.settle(await opened.take(2))
  }
  await forgetBefore(topic, 4)
  const warnings: string[] = []
  await using opened = await open(topic, { onWarning: (message) => warnings.push(message) })
  const [lost, ...kept] = await opened.takeAll()
  expect(lost).toMatchObject({
    origin: `${topic.topic}[0]@3`,
    problem: 'the offsets 2 to 3 were removed from the log before they were read',
  })
  expect(kept.map(n)).toEqual([5])
  expect(warnings.join()).toContain(
    `the offsets 2 to 3 of ${topic.topic}[0] were removed before they were read`,
  )
})

test('a topic that is made anew under its name is read from its beginning', async () => {
  const topic = await freshTopic(brokers)
  await topic.add(json(5))
  const warnings: string[] = []
  await using opened = await open(topic, { onWarning: (message) => warnings.push(message) })
  const before = await opened.takeAll()
  await opened.source.settle(before)
  await asAdmin(brokers, async (admin) => {
    await admin.deleteTopics({ topics: [topic.topic] })
    for (let isMade = false; !isMade;) {
      isMade = await admin.createTopics({ topics: [topic.topic], partitions: 1, replicas: 1 }).then(
        () => true,
        () => false,
      )
    }
  })
  await topic.add(json(2))
  const after: RecordDelivery[] = []
  while (after.length < 2) after.push(...(await opened.take(1).catch(() => [])))
  expect(after.map(({ offset }) => offset)).toEqual([0, 1])
  expect(after[0]?.logPlace?.log).not.toBe(before[0]?.logPlace?.log)
  expect(warnings.join()).toContain('was deleted and made anew')
})

test('a partition of which too much is unsettled is left out, and the others go on', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  await topic.add(json(30))
  await using opened = await open(topic, { unsettledMax: 10 })
  const stuck = await opened.take(30)
  await topic.add(json(5))
  await topic.add(json(3), { partition: 1 })
  expect((await opened.take(3)).map(({ partition }) => partition)).toEqual([1, 1, 1])
  await opened.source.settle(stuck)
  expect((await opened.take(5)).map(({ offset }) => offset)).toEqual([30, 31, 32, 33, 34])
})

const read500 = { max: 500, waitMs: 1_000, signal: new AbortController().signal }

test('records that pack a thousandfold are unpacked in parts, and all of them come', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  const pad = ' '.repeat(800_000)
  const large = Array.from({ length: 40 }, (_, index) => JSON.stringify({ n: index, pad }))
  for (const partition of [0, 1]) await topic.add(large, { partition, args: ['-z', 'gzip'] })
  await using opened = await open(topic)
  const first = await opened.source.read(read500)
  expect(first.length).toBeLessThan(40)
  expect([...first, ...(await opened.takeAll())]).toHaveLength(80)
})

test('partitions that always have more keep no other one waiting', async () => {
  const topic = await freshTopic(brokers, { partitions: 8 })
  // A broker answers with 1 MiB a partition, and 4 MiB in all.
  const records = Array.from({ length: 40 }, () => JSON.stringify({ pad: 'x'.repeat(100_000) }))
  for (let partition = 0; partition < 8; partition++) await topic.add(records, { partition })
  await using opened = await open(topic)
  const counts = new Map<number, number>()
  while (Math.max(0, ...counts.values()) < 40) {
    for (const { partition } of await opened.source.read(read500)) {
      counts.set(partition, (counts.get(partition) ?? 0) + 1)
    }
  }
  expect(counts.size).toBe(8)
})

test('a topic that is missing, and brokers that are not there, are said so', async () => {
  const topic = await freshTopic(brokers)
  const missing = openSource(kafkaSource({ brokers, topics: ['nowhere'], groupId: topic.group }))
  await expect(missing).rejects.toMatchObject({ code: 'source-unavailable', retryable: false })
  await expect(missing).rejects.toThrow('Unknown topic nowhere')
  const unreachable = kafkaSource({ brokers: ['127.0.0.1:1'], topics: ['a'], groupId: 'b' })
  await expect(openSource(unreachable)).rejects.toMatchObject({ code: 'source-unavailable', retryable: true })
})
