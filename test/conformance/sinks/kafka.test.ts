// The Kafka sink keeps the laws of sinks (I9) on a real broker, also when the connection is cut before or
// after the broker has carried a request out; and it puts each key where other producers do.
import { Producer } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Sink, SinkMessage } from '../../../src/ports/sink.ts'
import { sample } from '../../../src/testing/sink-suite/sink-world.ts'
import type { SinkFaults, SinkWorld } from '../../../src/testing/sink-suite/sink-world.ts'
import { kafkaSink } from '../../../src/transports/kafka.ts'
import type { KafkaServer } from '../../services/kafka-server.ts'
import { startKafka } from '../../services/kafka-server.ts'
import { freshTopic, kcat, valuesOf } from '../../services/kafka-topic.ts'
import { kafkaBrokers } from '../../services/shared-kafka.ts'
import type { TcpProxy } from '../../services/tcp-proxy.ts'
import { startProxy } from '../../services/tcp-proxy.ts'
import { keepsTheSinkLaws } from './run-sink-suite.ts'

async function sinkWorld(brokers: string[], partitions: number, faults?: SinkFaults): Promise<SinkWorld> {
  const topic = await freshTopic(brokers, { partitions })
  return {
    sink: () => kafkaSink({ brokers, topic: topic.topic }),
    arrived: () => valuesOf(topic),
    faults: faults ?? 'failing is shown behind a proxy',
    dispose: () => Promise.resolve(),
  }
}

describe('a topic of three partitions', () => {
  keepsTheSinkLaws(async () => sinkWorld(await kafkaBrokers(), 3))
})

/** Sends a list until it is sent: as a relay does, the same list again after a failure. */
async function sendAtLast(sink: Sink, list: readonly SinkMessage[]): Promise<void> {
  const { signal } = new AbortController()
  for (;;) {
    const failure = await sink.send(list, { signal }).catch((error: unknown) => error)
    if (failure === undefined) return
    expect(failure).toMatchObject({ code: 'sink-unavailable', retryable: true })
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe('behind a network that is cut', () => {
  let proxy: TcpProxy
  let server: KafkaServer
  beforeAll(async () => {
    proxy = await startProxy(0)
    server = await startKafka([`advertised.listeners=PLAINTEXT://127.0.0.1:${proxy.port}`])
    proxy.lead(server.port)
  })
  afterAll(async () => {
    await server.stop()
    await proxy.stop()
  })

  /** Whether what was sent is a request to produce: the first number behind its length says so. */
  const isProduce = (sent: Buffer): boolean => sent.length > 6 && sent.readInt16BE(4) === 0

  describe.each(['cut-before', 'cut-after'] as const)('%s', (fate) => {
    keepsTheSinkLaws(() => {
      const failNextSend = (): void => {
        let isNext = true
        proxy.decide((sent) => {
          const isCut = isNext && isProduce(sent)
          if (isCut) isNext = false
          return isCut ? fate : 'pass'
        })
      }
      return sinkWorld([`127.0.0.1:${proxy.port}`], 1, { failNextSend })
    })
  })

  test('a broker that is killed and starts again has every stream whole and in order (I1, I3)', async () => {
    proxy.decide(() => 'pass')
    const { brokers, topic } = await freshTopic([`127.0.0.1:${proxy.port}`], { partitions: 3 })
    const sink = kafkaSink({ brokers, topic })
    await sink.open()
    let restarted: Promise<void> | undefined
    for (let round = 0; round < 40; round++) {
      const streams = ['a', 'b', 'c', 'd', 'e'].flatMap((stream) =>
        [1, 2, 3].map((step) => sample(stream, 3 * round + step)),
      )
      const sending = sendAtLast(sink, streams)
      if (round === 10) {
        process.kill(server.pid, 'SIGKILL')
        restarted = server.restart()
      }
      await sending
    }
    await restarted
    await sink.close()
    const arrived = (await valuesOf({ brokers, topic })).map((text) => JSON.parse(text) as SinkMessage)
    const streams = Map.groupBy(arrived, ({ stream }) => stream)
    expect(streams.size).toBe(5)
    for (const [, own] of streams) {
      const firsts = [...new Set(own.map(({ sequence }) => sequence))]
      expect(firsts).toEqual(Array.from({ length: 120 }, (_, index) => index + 1))
    }
  })
})

test('a topic whose partitions are not known for a moment fails the send; nothing is misplaced', async () => {
  const brokers = await kafkaBrokers()
  const topic = await freshTopic(brokers, { partitions: 3 })
  const sink = kafkaSink({ brokers, topic: topic.topic })
  await sink.open()
  const { signal } = new AbortController()
  const list = ['a', 'b', 'c', 'd'].map((stream) => sample(stream, 1))
  vi.spyOn(Producer.prototype, 'metadata').mockResolvedValueOnce({ topics: new Map() } as never)
  const message = expect.stringContaining(topic.topic) as string
  const failure = { code: 'sink-unavailable', retryable: true, message }
  await expect(sink.send(list, { signal })).rejects.toMatchObject(failure)
  await sink.send(list, { signal })
  await sink.close()
  expect(await valuesOf(topic)).toHaveLength(list.length)
})

test('what a topic takes one by one, and not together, is sent in parts and in order (I1)', async () => {
  const brokers = await kafkaBrokers()
  const topic = await freshTopic(brokers, { settings: { 'max.message.bytes': '4000' } })
  const sink = kafkaSink({ brokers, topic: topic.topic })
  await sink.open()
  const { signal } = new AbortController()
  const list = Array.from({ length: 300 }, (_, index) => sample('a', index + 1))
  await sink.send(list, { signal })
  expect(await valuesOf(topic)).toEqual(list.map(({ json }) => json))
  const large = { ...sample('a', 301), json: JSON.stringify({ pad: 'x'.repeat(5_000) }) }
  const failure = { code: 'sink-unavailable', retryable: false }
  await expect(sink.send([large], { signal })).rejects.toMatchObject(failure)
  await sink.close()
})

test('a key lies in the partition where the producers of Java put it', async () => {
  const brokers = await kafkaBrokers()
  const { topic } = await freshTopic(brokers, { partitions: 7 })
  const streams = Array.from({ length: 60 }, (_, index) => `user-${index * 7}`.padEnd(5 + (index % 9), 'ž'))
  const sink = kafkaSink({ brokers, topic })
  await sink.open()
  const { signal } = new AbortController()
  await sink.send(
    streams.map((stream) => sample(stream, 1)),
    { signal },
  )
  await sink.close()
  const java = ['-P', '-t', topic, '-X', 'topic.partitioner=murmur2', '-K', '\t']
  await kcat(brokers, java, streams.map((stream) => `${stream}\t{}\n`).join(''))
  const read = await kcat(brokers, ['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%k %p\n'])
  const places = Map.groupBy(read.trim().split('\n'), (line) => line.split(' ')[0])
  expect(places.size).toBe(60)
  for (const [, lines] of places) expect(new Set(lines).size).toBe(1)
})
