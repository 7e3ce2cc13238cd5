// Topics for tests, and records in them as `kcat` writes and reads them: a client of another making, which
// knows nothing of inturn.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Admin, Producer, stringSerializers } from '@platformatic/kafka'

/** A topic of a test's own. */
export interface TestTopic {
  readonly brokers: string[]
  readonly topic: string
  /** A group that nobody else has. */
  readonly group: string
  /** Adds records with these values to a partition, in their order. */
  readonly add: (values: readonly string[], options?: AddOptions) => Promise<void>
}

/** How records are written. */
interface AddOptions {
  readonly partition?: number
  /** More arguments of `kcat`: a codec, headers, keys. */
  readonly args?: readonly string[]
}

/** Does something as an administrator of brokers. */
export async function asAdmin<Result>(
  brokers: readonly string[],
  act: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = new Admin({ clientId: 'inturn-tests', bootstrapBrokers: [...brokers] })
  try {
    return await act(admin)
  } finally {
    await admin.close()
  }
}

/** What a topic is made with. */
interface TopicSettings {
  readonly partitions?: number
  /** How many brokers keep each record. Default 1. */
  readonly replicas?: number
  readonly settings?: Readonly<Record<string, string>>
}

/** Makes a topic; resolves once its partitions are led, which they are not at once. */
export async function makeTopic(
  brokers: readonly string[],
  topic: string,
  { partitions = 1, replicas = 1, settings = {} }: TopicSettings = {},
): Promise<void> {
  const configs = Object.entries(settings).map(([name, value]) => ({ name, value }))
  await asAdmin(brokers, async (admin) => {
    await admin.createTopics({ topics: [topic], partitions, replicas, configs })
    await untilLed(admin, topic, partitions)
  })
}

async function untilLed(admin: Admin, topic: string, partitions: number): Promise<void> {
  const asked = Array.from({ length: partitions }, (_, partitionIndex) => ({
    partitionIndex,
    timestamp: -1n,
  }))
  const isLed = (): Promise<boolean> =>
    admin.listOffsets({ topics: [{ name: topic, partitions: asked }] }).then(
      () => true,
      () => false,
    )
  while (!(await isLed())) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Adds partitions to a topic, up to so many; resolves once they are led. */
export async function growTopic({ brokers, topic }: TestTopic, partitions: number): Promise<void> {
  await asAdmin(brokers, async (admin) => {
    await admin.createPartitions({ topics: [{ name: topic, count: partitions }] })
    await untilLed(admin, topic, partitions)
  })
}

/** Removes what lies in front of an offset of a topic's first partition, as retention does. */
export async function forgetBefore({ brokers, topic }: TestTopic, offset: number): Promise<void> {
  const partitions = [{ partition: 0, offset: BigInt(offset) }]
  await asAdmin(brokers, (admin) => admin.deleteRecords({ topics: [{ name: topic, partitions }] }))
}

/** Makes a topic of a name that nobody else has. */
export async function freshTopic(brokers: string[], made: TopicSettings = {}): Promise<TestTopic> {
  const topic = `t-${randomUUID()}`
  await makeTopic(brokers, topic, made)
  return {
    brokers,
    topic,
    group: `g-${randomUUID()}`,
    add: async (values, { partition = 0, args = [] } = {}) => {
      if (values.length === 0) return
      const to = ['-P', '-t', topic, '-p', String(partition), '-D', '\u001e']
      await kcat(brokers, [...to, ...args], values.join('\u001e'))
    },
  }
}

/** Runs `kcat` against brokers; resolves with what it prints. */
export async function kcat(
  brokers: readonly string[],
  args: readonly string[],
  input: string = '',
): Promise<string> {
  const child = spawn('kcat', ['-b', brokers.join(','), ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`kcat ${args.join(' ')}: ${Buffer.concat(errors).toString()}`)
  return Buffer.concat(output).toString()
}

/** The values of a topic as `kcat` reads them, partition by partition. */
export async function valuesOf({ brokers, topic }: Pick<TestTopic, 'brokers' | 'topic'>): Promise<string[]> {
  const text = await kcat(brokers, ['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-D', '\u001e'])
  return text.split('\u001e').slice(0, -1)
}

/** A transaction that ends as it is told; several of one name are of one producer. */
export interface TestTransaction {
  readonly values: readonly string[]
  readonly end: 'commit' | 'abort'
  readonly producer: string
  readonly partition?: number
}

/** Writes transactions, one after another, each record in a batch of its own. */
export async function addTransactions(
  { brokers, topic }: TestTopic,
  transactions: readonly TestTransaction[],
): Promise<void> {
  const producers = new Map<string, Producer<string, string, string, string>>()
  try {
    for (const { values, end, producer: name, partition = 0 } of transactions) {
      const producer = producers.get(name) ?? transactional(brokers, `${topic}-${name}`)
      producers.set(name, producer)
      const transaction = await producer.beginTransaction()
      for (const value of values) await transaction.send({ messages: [{ topic, partition, value }] })
      await (end === 'commit' ? transaction.commit() : transaction.abort())
    }
  } finally {
    for (const producer of producers.values()) await producer.close()
  }
}

function transactional(brokers: readonly string[], id: string): Producer<string, string, string, string> {
  return new Producer({
    clientId: 'inturn-tests',
    bootstrapBrokers: [...brokers],
    serializers: stringSerializers,
    idempotent: true,
    transactionalId: id,
    producerId: -1n,
    producerEpoch: -1,
    retryDelay: 20,
    retries: 50,
  })
}

/** What a group has committed of a partition, and where the log ends. */
export interface GroupOffset {
  readonly committed: number
  readonly metadata: string
  readonly end: number
}

/** What a group has committed of each partition, in their order. */
export async function groupOffsets({ brokers, topic, group }: TestTopic): Promise<GroupOffset[]> {
  return asAdmin(brokers, async (admin) => {
    const [found] = await admin.listConsumerGroupOffsets({ groups: [group] })
    const own = found?.topics.find(({ name }) => name === topic)?.partitions ?? []
    const partitions = own.map(({ partitionIndex }) => ({ partitionIndex, timestamp: -1n }))
    const [ends] =
      partitions.length === 0 ? [] : await admin.listOffsets({ topics: [{ name: topic, partitions }] })
    const endOf = new Map(ends?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]))
    return own
      .toSorted((one, other) => one.partitionIndex - other.partitionIndex)
      .map(({ partitionIndex, committedOffset, metadata }) => ({
        committed: Number(committedOffset),
        metadata: metadata ?? '',
        end: Number(endOf.get(partitionIndex) ?? -1n),
      }))
  })
}
