// Workers from Kafka into each store while their topic, group and network are harmed: the group rebalances
// again and again, partitions are added, the network is cut, retention removes what was not read, another
// topic is deleted. Every event that is there has its effect once and in order, what is gone is told, and the
// group is behind nothing (I1, I2, I3, I6).
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { kafkaSource } from '../../src/transports/kafka.ts'
import type { KafkaServer } from '../services/kafka-server.ts'
import { startKafka } from '../services/kafka-server.ts'
import { asAdmin, forgetBefore, freshTopic, growTopic } from '../services/kafka-topic.ts'
import { openSource } from '../services/open-source.ts'
import type { TcpProxy } from '../services/tcp-proxy.ts'
import { startProxy } from '../services/tcp-proxy.ts'
import { addShuffled, allOnce, KafkaWorld } from './kafka-world.ts'

/** In front of the broker, which sends all its clients there. */
let proxy: TcpProxy
let server: KafkaServer
let brokers: string[]
beforeAll(async () => {
  proxy = await startProxy(0)
  brokers = [`127.0.0.1:${proxy.port}`]
  server = await startKafka([`advertised.listeners=PLAINTEXT://${brokers[0]}`])
  proxy.lead(server.port)
})
afterAll(async () => {
  await server.stop()
  await proxy.stop()
})

const [streams, share] = [20, 10]

describe.each(['sqlite', 'postgres', 'redis'] as const)('on %s', (store) => {
  test('a group that rebalances again and again under load does all once and in order', async () => {
    const [partitions, rebalances] = [4, 6]
    const topic = await freshTopic(brokers, { partitions })
    const world = await KafkaWorld.make(store, topic)
    const random = new SeededRandom(7)
    world.start()
    world.start()
    const rebalance = async (): Promise<void> => {
      const own = { brokers, topics: [topic.topic], groupId: topic.group, sessionMs: 1_000 }
      const { source } = await openSource(kafkaSource(own))
      await source.close()
    }
    for (let round = 0; round < rebalances; round++) {
      const numbers = { from: share * round + 1, to: share * (round + 1) }
      await Promise.all([rebalance(), addShuffled(topic, { streams, ...numbers, partitions, random })])
    }
    const events = share * rebalances
    await world.untilDone(streams * events)
    expect(await world.finish()).toEqual(allOnce({ streams, events }))
  })

  test('partitions that are added while workers run are read with the others', async () => {
    const topic = await freshTopic(brokers, { partitions: 2 })
    const world = await KafkaWorld.make(store, topic, { source: 'refreshMs: 100,' })
    const random = new SeededRandom(8)
    world.start()
    world.start()
    await addShuffled(topic, { streams, from: 1, to: share, partitions: 2, random })
    await world.untilDone(streams)
    await growTopic(topic, 5)
    await addShuffled(topic, { streams, from: share + 1, to: 2 * share, partitions: 5, random })
    await world.untilDone(streams * 2 * share)
    expect(await world.finish()).toEqual(allOnce({ streams, events: 2 * share }))
  })

  test('a network that is cut again and again costs no event, no order and no second effect', async () => {
    const [partitions, cuts] = [4, 3]
    const topic = await freshTopic(brokers, { partitions })
    const world = await KafkaWorld.make(store, topic, { worker: 'batch: 20,' })
    const random = new SeededRandom(9)
    world.start()
    world.start()
    const failures = (): number[] =>
      world.workers.map((worker) => worker.stderr().split('the source failed').length)
    for (let round = 0; round < cuts; round++) {
      const numbers = { from: share * round + 1, to: share * (round + 1) }
      await addShuffled(topic, { streams, ...numbers, partitions, random })
      await world.untilDone(streams * share * round + streams)
      const before = failures()
      proxy.decide(() => 'cut-before')
      await world.until(async () => failures().every((count, index) => count > (before[index] ?? 0)))
      proxy.decide(() => 'pass')
    }
    const events = share * cuts
    await world.untilDone(streams * events)
    expect(await world.finish()).toEqual(allOnce({ streams, events }))
  })

  test('what retention removed before it was read is a dead letter, and what is left is done', async () => {
    const topic = await freshTopic(brokers)
    const byOffset = { source: "byOffset: 'partition',", numbering: 'increasing()' }
    const world = await KafkaWorld.make(store, topic, byOffset)
    const add = (count: number): Promise<void> => topic.add(Array.from({ length: count }, () => '{}'))
    await add(10)
    const first = world.start()
    await world.untilDone(10)
    await world.until(async () => (await world.behind()) === 0)
    expect(await world.stop(first)).toBe(0)
    await add(10)
    await forgetBefore(topic, 15)
    world.start()
    await world.untilDone(15)
    const { outOfTurn: _, ...outcome } = await world.finish()
    expect(outcome).toMatchObject({ exits: [0], streams: 1, counts: [15], behind: 0 })
    const noted = [...(await world.place.noted()).values()]
    expect(noted).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 18, 19]])
    const dead = await world.run('dead', '--json')
    expect(dead.stdout).toContain('the offsets 10 to 14 were removed from the log before they were read')
  })

  test('a topic that is deleted under workers keeps nothing of another one back', async () => {
    const [gone, topic] = [await freshTopic(brokers), await freshTopic(brokers, { partitions: 2 })]
    const source = `topics: ['${gone.topic}', '${topic.topic}'], refreshMs: 100,`
    const world = await KafkaWorld.make(store, topic, { source })
    const random = new SeededRandom(10)
    world.start()
    world.start()
    await addShuffled(gone, { streams, from: 1, to: share, partitions: 1, random })
    await world.untilDone(streams * share)
    // A topic that is not there at its start is an error.
    await world.until(async () => world.workers.every((one) => one.stderr().includes('inturn: reads ')))
    await asAdmin(brokers, (admin) => admin.deleteTopics({ topics: [gone.topic] }))
    await addShuffled(topic, { streams, from: share + 1, to: 2 * share, partitions: 2, random })
    await world.untilDone(streams * 2 * share)
    const said = (): string => world.workers.map((one) => one.stderr()).join('')
    await world.until(async () => said().includes('the topic is not there any more'))
    await world.until(async () => (await world.behind()) === 0)
    const noted = [...(await world.place.noted()).values()]
    expect(noted).toEqual(
      Array.from({ length: streams }, () => Array.from({ length: 2 * share }, (_, index) => index + 1)),
    )
    expect((await world.run('verify')).stdout).toContain('everything adds up')
  })
})

test('on sqlite a worker that stands still beyond its session joins again, and does all once', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  const world = await KafkaWorld.make('sqlite', topic, { worker: 'batch: 20,' })
  const random = new SeededRandom(12)
  const worker = world.start()
  await addShuffled(topic, { streams, from: 1, to: share, partitions: 2, random })
  await world.untilDone(streams)
  worker.child.kill('SIGSTOP')
  const hasMembers = (): Promise<boolean> =>
    asAdmin(brokers, async (admin) => {
      const found = await admin.describeGroups({ groups: [topic.group] })
      return (found.get(topic.group)?.members.size ?? 0) > 0
    })
  while (await hasMembers()) await new Promise((resolve) => setTimeout(resolve, 50))
  await addShuffled(topic, { streams, from: share + 1, to: 2 * share, partitions: 2, random })
  worker.child.kill('SIGCONT')
  await world.untilDone(streams * 2 * share)
  expect(await world.finish()).toEqual(allOnce({ streams, events: 2 * share }))
})
