// Three brokers, of which one is lost: whatever was acknowledged is there, nothing is there without what came
// before it, and nobody reads a record twice that was settled (I1, I3, I4). `npm run soak` kills hundreds of
// leaders.
import { alterPartitionReassignmentsV0, ConnectionPool } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SinkMessage } from '../../src/ports/sink.ts'
import type { Source } from '../../src/ports/source.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { sample } from '../../src/testing/sink-suite/sink-world.ts'
import type { RecordDelivery } from '../../src/transports/kafka.ts'
import { kafkaSink, kafkaSource } from '../../src/transports/kafka.ts'
import type { KafkaCluster, KafkaServer } from '../services/kafka-server.ts'
import { startKafkaCluster } from '../services/kafka-server.ts'
import type { TestTopic } from '../services/kafka-topic.ts'
import { asAdmin, freshTopic, valuesOf } from '../services/kafka-topic.ts'
import { openSource } from '../services/open-source.ts'
import { addShuffled, allOnce, KafkaWorld } from './kafka-world.ts'

const repeats = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 1) - 1

let cluster: KafkaCluster
beforeAll(async () => {
  cluster = await startKafkaCluster()
})
afterAll(() => cluster.stop())

const replicated = (partitions: number): Promise<TestTopic> =>
  freshTopic(cluster.brokers, { partitions, replicas: 3 })

/** Who keeps a partition in sync, by their nodes; who leads it stands first. */
async function replicasOf({ topic }: TestTopic, partition: number): Promise<readonly number[]> {
  const { topics } = await asAdmin(cluster.brokers, (admin) => admin.metadata({ topics: [topic] }))
  const { leader = 0, isr = [] } = topics.get(topic)?.partitions[partition] ?? {}
  return [leader, ...isr.filter((node) => node !== leader)]
}

function serverOf(node: number | undefined): KafkaServer {
  const server = cluster.servers[(node ?? 0) - 1]
  if (server === undefined) throw new Error('there is no such broker')
  return server
}

/** Who leads a partition. */
async function leaderOf(topic: TestTopic, partition: number): Promise<KafkaServer> {
  return serverOf((await replicasOf(topic, partition))[0])
}

/** Kills a broker; resolves with what has it back. */
function killAndRestart(server: KafkaServer): () => Promise<void> {
  process.kill(server.pid, 'SIGKILL')
  return () => server.restart()
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

test('a leader that is killed while a sink sends costs no message and no order', { repeats }, async () => {
  const topic = await replicated(3)
  const sink = kafkaSink({ brokers: cluster.brokers, topic: topic.topic })
  await sink.open()
  const { signal } = new AbortController()
  const failures: unknown[] = []
  const sendAtLast = async (list: readonly SinkMessage[]): Promise<void> => {
    for (;;) {
      const failure = await sink.send(list, { signal }).catch((error: unknown) => error)
      if (failure === undefined) return
      expect(failure).toMatchObject({ code: 'sink-unavailable', retryable: true })
      failures.push(failure)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const [streams, rounds, each] = [8, 60, 5]
  const leader = await leaderOf(topic, 0)
  let restart: (() => Promise<void>) | undefined
  for (let round = 0; round < rounds; round++) {
    const list = upTo(streams).flatMap((stream) =>
      upTo(each).map((step) => sample(`s${stream}`, each * round + step)),
    )
    const sending = sendAtLast(list)
    if (round === 20) restart = killAndRestart(leader)
    await sending
  }
  await sink.close()
  expect(await leaderOf(topic, 0)).not.toBe(leader)
  await restart?.()
  const arrived = (await valuesOf(topic)).map((text) => JSON.parse(text) as SinkMessage)
  const byStream = Map.groupBy(arrived, ({ stream }) => stream)
  expect(byStream.size).toBe(streams)
  // Twice is what was in a list whose send failed, and nothing else.
  expect(arrived.length - streams * rounds * each).toBeLessThanOrEqual(failures.length * streams * each)
  // Copies there may be; the first of each number stands behind the first of the one before.
  const firsts = [...byStream].map(([stream, own]) => [stream, [...new Set(own.map((one) => one.sequence))]])
  const whole = [...byStream.keys()].map((stream) => [stream, upTo(rounds * each)])
  expect(firsts).toEqual(whole)
})

test('a message that one broker alone has is not sent', async () => {
  const topic = await freshTopic(cluster.brokers, { replicas: 2 })
  const sink = kafkaSink({ brokers: cluster.brokers, topic: topic.topic })
  await sink.open()
  const send = (): Promise<void> => sink.send([sample('a', 1)], { signal: new AbortController().signal })
  const restart = killAndRestart(serverOf((await replicasOf(topic, 0))[1]))
  await expect.poll(async () => (await replicasOf(topic, 0)).length, { timeout: 300_000 }).toBe(1)
  await expect(send()).rejects.toMatchObject({
    code: 'sink-unavailable',
    retryable: true,
    message: expect.stringContaining('NOT_ENOUGH_REPLICAS') as string,
  })
  await restart()
  await expect.poll(async () => (await replicasOf(topic, 0)).length, { timeout: 300_000 }).toBe(2)
  await send()
  await sink.close()
  expect(await valuesOf(topic)).toHaveLength(1)
})

test('a leader that moves while a source reads costs nothing, and nothing is read twice', async () => {
  const topic = await replicated(3)
  const add = async (from: number): Promise<void> => {
    for (const partition of [0, 1, 2]) {
      await topic.add(
        upTo(50).map((index) => JSON.stringify({ n: from + index })),
        { partition },
      )
    }
  }
  await add(0)
  const source = kafkaSource({ brokers: cluster.brokers, topics: [topic.topic], groupId: topic.group })
  await using member = await openSource(source)
  const taken: RecordDelivery[] = await member.take(150)
  const before = await leaderOf(topic, 1)
  await moveLeader(topic, 1, before)
  await expect.poll(async () => (await leaderOf(topic, 1)) === before, { timeout: 60_000 }).toBe(false)
  await add(50)
  taken.push(...(await member.take(150)))
  for (const partition of [0, 1, 2]) {
    const offsets = taken.filter((one) => one.partition === partition).map(({ offset }) => offset)
    expect(offsets).toEqual(upTo(100).map((number) => number - 1))
  }
})

test('a partition that nobody leads keeps no other one back, and is read once it is led', async () => {
  const settings = { 'min.insync.replicas': '1' }
  const single = await freshTopic(cluster.brokers, { partitions: 3, replicas: 1, settings })
  const topic = await replicated(3)
  const add = async (partitions: readonly number[]): Promise<void> => {
    for (const partition of partitions) await single.add(['{}'], { partition })
    for (const partition of [0, 1, 2]) await topic.add(['{}'], { partition })
  }
  const reading = (groupId: string): Parameters<typeof kafkaSource>[0] => ({
    brokers: cluster.brokers,
    topics: [single.topic, topic.topic],
    groupId,
    onWarning: () => undefined,
  })
  const stillIn = async (source: Source): Promise<readonly string[]> => {
    const parts = (await source.parts?.()) ?? []
    return parts.flatMap(({ name, problem = '' }) => (problem.endsWith('no broker leads it') ? [name] : []))
  }
  await using member = await openSource(kafkaSource(reading(topic.group)))
  await add([0, 1, 2])
  await member.take(6)
  const restart = killAndRestart(await leaderOf(single, 0))
  const still = async (): Promise<readonly string[]> => {
    await member.source.read({ max: 1, waitMs: 50, signal: new AbortController().signal }).catch(() => [])
    return stillIn(member.source)
  }
  await expect.poll(still, { timeout: 60_000 }).toEqual([`${single.topic}[0]`])
  await add([1, 2])
  expect(await member.take(5)).toHaveLength(5)
  expect(await stillIn(kafkaSource(reading(topic.group)))).toEqual([`${single.topic}[0]`])
  // Whoever begins now begins with the others.
  await using other = await openSource(kafkaSource(reading(single.group)))
  expect(await other.take(10)).toHaveLength(10)
  const sink = kafkaSink({ brokers: cluster.brokers, topic: single.topic })
  await sink.open()
  const sending = sink.send(
    upTo(9).map((stream) => sample(`s${stream}`, 1)),
    {
      signal: new AbortController().signal,
    },
  )
  await expect(sending).rejects.toMatchObject({ code: 'sink-unavailable', retryable: true })
  await sink.close()
  const sent = await member.take(1)
  await restart()
  expect([...sent, ...(await member.takeAll())].every(({ partition }) => partition > 0)).toBe(true)
  await single.add(['{}'])
  for (const source of [member, other]) {
    const last = await source.take(1)
    while (last.at(-1)?.origin?.startsWith(`${single.topic}[0]`) !== true)
      last.push(...(await source.take(1)))
    expect(last.at(-1)?.partition).toBe(0)
  }
})

/** Has a partition kept by the two brokers that do not lead it now. */
async function moveLeader({ topic }: TestTopic, partition: number, from: KafkaServer): Promise<void> {
  const nodes = cluster.servers.flatMap((server, index) => (server === from ? [] : [index + 1]))
  const pool = new ConnectionPool('inturn-tests', {})
  const [host = '', port = ''] = from.broker.split(':')
  const connection = await pool.get({ host, port: Number(port) })
  const partitions = [{ partitionIndex: partition, replicas: nodes }]
  const topics = [{ name: topic, partitions }]
  await alterPartitionReassignmentsV0.api.async(connection, 30_000, true, topics)
  await pool.close()
}

describe.each(['sqlite', 'postgres', 'redis'] as const)('with workers on %s', (store) => {
  test('one of three brokers killed, and a leader moved, cost no event and no order', async () => {
    const [partitions, streams, share] = [4, 20, 20]
    const topic = await replicated(partitions)
    const world = await KafkaWorld.make(store, topic, { worker: 'batch: 50,' })
    const random = new SeededRandom(11)
    const add = (from: number): Promise<void> =>
      addShuffled(topic, { streams, from, to: from + share - 1, partitions, random })
    world.start()
    world.start()
    await add(1)
    await world.untilDone(streams)
    const restart = killAndRestart(await leaderOf(topic, 0))
    await add(share + 1)
    await restart()
    await moveLeader(topic, 1, await leaderOf(topic, 1))
    await add(2 * share + 1)
    const events = 3 * share
    await world.untilDone(streams * events)
    expect(await world.finish()).toEqual(allOnce({ streams, events }))
  })
})
