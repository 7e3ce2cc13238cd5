// Brokers that are gone, or take connections and say nothing: what others lead is read on, the group keeps
// its place, and an operator hears of each broker once (I6, I10).
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { increasing } from '../../src/core/numbering.ts'
import { createWorker } from '../../src/engine/worker.ts'
import type { EngineNews } from '../../src/ports/telemetry.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sample } from '../../src/testing/sink-suite/sink-world.ts'
import { kafkaSink, kafkaSource } from '../../src/transports/kafka.ts'
import type { KafkaCluster, KafkaServer } from '../services/kafka-server.ts'
import { startKafkaCluster } from '../services/kafka-server.ts'
import type { TestTopic } from '../services/kafka-topic.ts'
import { asAdmin, freshTopic, groupOffsets } from '../services/kafka-topic.ts'
import { openSource } from '../services/open-source.ts'

let cluster: KafkaCluster
beforeAll(async () => {
  cluster = await startKafkaCluster()
})
afterAll(() => cluster.stop())

const long = { timeout: 300_000, interval: 100 }

function serverOf(node: number | undefined): KafkaServer {
  const server = cluster.servers[(node ?? 0) - 1]
  if (server === undefined) throw new Error('there is no such broker')
  return server
}

/** The brokers without one: whoever looks on asks none that is silent. */
const others = (server: KafkaServer): string[] =>
  cluster.servers.filter((one) => one !== server).map(({ broker }) => broker)

/** The nodes that lead the partitions of a topic. */
async function leadersOf({ topic }: TestTopic, brokers = cluster.brokers): Promise<number[]> {
  const { topics } = await asAdmin(brokers, (admin) => admin.metadata({ topics: [topic] }))
  return topics.get(topic)?.partitions.map(({ leader }) => leader) ?? []
}

async function coordinatorOf({ group }: TestTopic): Promise<KafkaServer> {
  const found = await asAdmin(cluster.brokers, (admin) =>
    admin.findCoordinator({ keyType: 0, keys: [group] }),
  )
  return serverOf(found[0]?.nodeId)
}

/** A broker takes connections and says nothing, until what is given back is called, or the test ends. */
function silence(server: KafkaServer): () => void {
  const { pid } = server
  process.kill(pid, 'SIGSTOP')
  const wake = (): void => void process.kill(pid, 'SIGCONT')
  onTestFinished(wake)
  return wake
}

/** A broker is killed; it is back when the test ends, or what is given back has ended. */
function kill(server: KafkaServer): () => Promise<void> {
  process.kill(server.pid, 'SIGKILL')
  let back: Promise<void> | undefined
  const restart = (): Promise<void> => (back ??= server.restart())
  onTestFinished(restart)
  return restart
}

async function addEach(topic: TestTopic): Promise<void> {
  for (const partition of [0, 1, 2]) await topic.add(['{}'], { partition })
}

/** A worker, what it has told, and what was warned of. */
function startWorker(topic: TestTopic): {
  readonly news: EngineNews[]
  readonly warnings: string[]
  readonly handled: string[]
} {
  const [news, warnings, handled]: [EngineNews[], string[], string[]] = [[], [], []]
  const worker = createWorker({
    consumer: 'clicks',
    store: memoryStore(),
    source: kafkaSource({
      brokers: cluster.brokers,
      topics: [topic.topic],
      groupId: topic.group,
      byOffset: 'partition',
      sessionMs: 6_000,
      onWarning: (message) => void warnings.push(message),
    }),
    telemetry: (told) => void news.push(told),
    log: false,
    domains: {
      click: {
        numbering: increasing(),
        effects: 'external',
        handle: ({ stream }) => void handled.push(stream),
      },
    },
  })
  const running = worker.run()
  running.catch(() => undefined)
  onTestFinished(async () => {
    await worker.stopNow()
    await running
  })
  return { news, warnings, handled }
}

const failuresIn = (news: readonly EngineNews[]): readonly EngineNews[] =>
  news.filter(({ kind }) => kind === 'source-failed' || kind === 'recovered')

test('one of three brokers killed is told once, and back once; what others lead is read on', async () => {
  const topic = await freshTopic(cluster.brokers, { partitions: 3, replicas: 3 })
  const { news, warnings, handled } = startWorker(topic)
  await addEach(topic)
  await expect.poll(() => handled.length, long).toBe(3)
  const [node] = await leadersOf(topic)
  const server = serverOf(node)
  const name = `the broker ${node} (${server.broker})`
  const told = (): readonly string[] => warnings.filter((message) => message.includes(name))
  const restart = kill(server)
  await expect.poll(() => told().length, long).toBe(1)
  expect(told()[0]).toContain(`${name} cannot be asked; `)
  // Led by others within the session of the broker.
  await expect.poll(() => told().length, long).toBe(2)
  expect(told()[1]).toContain(`${name} leads nothing here any more`)
  const parts = news.flatMap((one) => (one.kind === 'source-parts' ? one.parts : []))
  expect(parts.map(({ problem }) => problem)).toContainEqual(
    expect.stringContaining(`${name} cannot be asked: `),
  )
  await addEach(topic)
  await expect.poll(() => handled.length, long).toBe(6)
  await restart()
  await addEach(topic)
  await expect.poll(() => handled.length, long).toBe(9)
  expect(told()).toHaveLength(2)
  expect(failuresIn(news)).toEqual([])
})

test('with all brokers gone the source has failed, ever more seldom, until they are back', async () => {
  const topic = await freshTopic(cluster.brokers, { partitions: 3, replicas: 3 })
  const { news, handled } = startWorker(topic)
  await addEach(topic)
  await expect.poll(() => handled.length, long).toBe(3)
  const restarts = cluster.servers.map((server) => kill(server))
  await expect.poll(() => failuresIn(news).length, long).toBe(5)
  const waits = failuresIn(news).map((one) => (one.kind === 'source-failed' ? one.retryInMs : 0))
  expect(waits.at(-1)).toBeGreaterThan(700)
  expect(waits).toEqual(waits.toSorted((one, other) => one - other))
  await Promise.all(restarts.map((restart) => restart()))
  await expect.poll(() => news.some(({ kind }) => kind === 'recovered'), long).toBe(true)
  await addEach(topic)
  await expect.poll(() => handled.length, long).toBe(6)
})

test('a broker that says nothing keeps none of the others back, and comes back', async () => {
  const topic = await freshTopic(cluster.brokers, { partitions: 3, replicas: 3 })
  // The first one that everybody asks about the cluster.
  const server = serverOf(1)
  await using member = await openSource(
    kafkaSource({
      brokers: cluster.brokers,
      topics: [topic.topic],
      groupId: topic.group,
      onWarning: () => undefined,
    }),
  )
  await addEach(topic)
  await member.take(3)
  const wake = silence(server)
  await expect.poll(async () => (await leadersOf(topic, others(server))).includes(1), long).toBe(false)
  await addEach(topic)
  const taken = await member.take(3)
  expect(new Set(taken.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2]))
  wake()
  await addEach(topic)
  expect(await member.take(3)).toHaveLength(3)
})

test.each([
  ['killed', (server: KafkaServer): void => void kill(server)],
  ['silent', (server: KafkaServer): void => void silence(server)],
] as const)('a group whose coordinator is %s goes on with another one', async (_, harm) => {
  const topic = await freshTopic(cluster.brokers, { partitions: 3, replicas: 3 })
  const source = kafkaSource({
    brokers: cluster.brokers,
    topics: [topic.topic],
    groupId: topic.group,
    commitEveryMs: 50,
    sessionMs: 6_000,
    refreshMs: 200,
    onWarning: () => undefined,
  })
  await using member = await openSource(source)
  await addEach(topic)
  await source.settle(await member.take(3))
  const server = await coordinatorOf(topic)
  harm(server)
  const left = { ...topic, brokers: others(server) }
  await expect
    .poll(() => leadersOf(topic, left.brokers), long)
    .not.toContain(cluster.servers.indexOf(server) + 1)
  await addEach(left)
  const signal = new AbortController().signal
  const committed = async (): Promise<readonly number[]> => {
    await source.settle(await source.read({ max: 10, waitMs: 50, signal }).catch(() => []))
    return (await groupOffsets(left)).map((one) => one.committed)
  }
  await expect.poll(committed, long).toEqual([2, 2, 2])
})

test('a sink goes on where the first broker says nothing', async () => {
  const topic = await freshTopic(cluster.brokers, { partitions: 3, replicas: 3 })
  const sink = kafkaSink({ brokers: cluster.brokers, topic: topic.topic, replyMs: 6_000 })
  await sink.open()
  const { signal } = new AbortController()
  const list = Array.from({ length: 9 }, (_, index) => sample(`s${index}`, 1))
  await sink.send(list, { signal })
  const server = serverOf(1)
  silence(server)
  const sent = (): Promise<boolean> =>
    sink.send(list, { signal }).then(
      () => true,
      () => false,
    )
  await expect.poll(sent, long).toBe(true)
  await sink.close()
})
