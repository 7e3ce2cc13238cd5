// A worker that reads Kafka into each store, beside the limits of the same work: a loop that fetches and
// does nothing, and the same writes by hand in bulk, which knows no copies; and beside what a user would
// take instead: kafkajs' `eachBatch` with the last number of each stream looked up and kept by hand. One
// topic, filled once. Clocks run from the moment when the group is joined to the end of the last records, so
// that joining and leaving count for nobody.
import { Producer } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import type { Source } from '../src/ports/source.ts'
import type { RecordDelivery } from '../src/transports/kafka.ts'
import { kafkaSource } from '../src/transports/kafka.ts'
import { Partition } from '../src/transports/kafka/partition.ts'
import { TopicClient } from '../src/transports/kafka/topic-client.ts'
import { startKafka } from '../test/services/kafka-server.ts'
import { makeTopic } from '../test/services/kafka-topic.ts'
import { startPostgres } from '../test/services/postgres-server.ts'
import { startRedis } from '../test/services/redis-server.ts'
import type { Click, Place } from './kafka/places.ts'
import { postgresPlace, redisPlace, sqlitePlace } from './kafka/places.ts'
import type { Contender, MeasuredWork } from './measure.ts'
import { measure, report } from './measure.ts'

const [partitions, batch, topic] = [12, 500, 'clicks']
const events = 120_000
const [kafka, postgres, redis] = await Promise.all([startKafka(), startPostgres(), startRedis()])
const brokers = [kafka.broker]
let groups = 0

/** Streams stay in their partitions, as keys do. */
async function fill(streams: number): Promise<void> {
  await makeTopic(brokers, `${topic}-${streams}`, { partitions })
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: brokers })
  for (let from = 0; from < events; from += 1_000) {
    const messages = Array.from({ length: 1_000 }, (_, index) => {
      const at = from + index
      const [user, sequence] = [at % streams, Math.floor(at / streams) + 1]
      const click = {
        stream: `user-${user}`,
        sequence,
        id: `click-${at}`,
        type: 'click',
        data: { amount: at },
      }
      const value = Buffer.from(JSON.stringify(click))
      return { topic: `${topic}-${streams}`, partition: user % partitions, value }
    })
    await producer.send({ messages })
  }
  await producer.close()
}

/** Fetches all records, and has something done with the values of each answer. */
async function fetchAll(
  streams: number,
  clock: Clock,
  take: (values: readonly Buffer[]) => Promise<void>,
): Promise<void> {
  const client = await TopicClient.open({ name: 'bench', brokers, topics: [`${topic}-${streams}`] })
  const all = Array.from({ length: partitions }, (_, partition) => {
    const name = { topic: `${topic}-${streams}`, partition }
    const made = new Partition(name, { topicId: client.topicId(name.topic) ?? '', unsettledMax: events })
    made.begin(0)
    return made
  })
  clock.begin()
  for (let left = events; left > 0;) {
    const { partitions: answers } = await client.fetch(1, all)
    const values: Buffer[] = []
    for (const answer of answers) {
      const partition = all[answer.partition]
      partition?.accept(partition.next ?? 0, answer)
      for (const { record } of partition?.take(events) ?? [])
        if (record.value !== null) values.push(record.value)
    }
    left -= values.length
    await take(values)
  }
  clock.end()
  await client.close()
}

/** Begins once there is something to read from, and ends with the last records. */
class Clock {
  #beganMs: number | undefined
  #endedMs = 0

  begin(): void {
    this.#beganMs ??= performance.now()
  }

  end(): void {
    this.#endedMs = performance.now()
  }

  get ms(): number {
    return this.#endedMs - (this.#beganMs ?? 0)
  }
}

async function timed(run: (clock: Clock) => Promise<unknown>): Promise<MeasuredWork> {
  const clock = new Clock()
  await run(clock)
  return { events, ms: clock.ms }
}

async function inPlace(
  make: () => Promise<Place>,
  run: (place: Place, clock: Clock) => Promise<unknown>,
): Promise<MeasuredWork> {
  const place = await make()
  try {
    const done = await timed((clock) => run(place, clock))
    const rows = (await place.rows()) ?? events
    if (rows !== events) throw new Error(`${rows} rows for ${events} events`)
    return done
  } finally {
    await place.close()
  }
}

async function byHand(streams: number, { byHand: hand }: Place, clock: Clock): Promise<void> {
  await fetchAll(streams, clock, async (values) => {
    const clicks = values.map((value) => clickIn(value))
    for (let from = 0; from < clicks.length; from += batch) await hand.write(clicks.slice(from, from + batch))
  })
}

async function withKafkajs(streams: number, { byHand: hand }: Place, clock: Clock): Promise<void> {
  const client = new Kafka({ clientId: 'bench', brokers, logLevel: logLevel.NOTHING })
  const consumer = client.consumer({ groupId: `bench-${++groups}`, maxWaitTimeInMs: 300 })
  consumer.on(consumer.events.GROUP_JOIN, () => clock.begin())
  await consumer.connect()
  await consumer.subscribe({ topic: `${topic}-${streams}`, fromBeginning: true })
  const ended = Promise.withResolvers<true>()
  let left = events
  await consumer.run({
    eachBatch: async ({ batch: { messages } }) => {
      const clicks = messages.flatMap(({ value }) => (value === null ? [] : [clickIn(value)]))
      for (let from = 0; from < clicks.length; from += batch) {
        const own = clicks.slice(from, from + batch)
        const last = await hand.lastOf([...new Set(own.map(({ stream }) => stream))])
        await hand.write(own.filter(({ stream, sequence }) => sequence > (last.get(stream) ?? 0)))
      }
      left -= clicks.length
      if (left === 0) ended.resolve(true)
    },
  })
  await ended.promise
  clock.end()
  await consumer.disconnect()
}

async function withInturn(streams: number, place: Place, clock: Clock): Promise<void> {
  await place.worker(clockedSource(streams, clock)).run({ until: 'caught-up' })
}

/** A source of a group of its own, with a clock from its join to the settlement of the last records. */
function clockedSource(streams: number, clock: Clock): Source<RecordDelivery> {
  const source = kafkaSource({ brokers, topics: [`${topic}-${streams}`], groupId: `bench-${++groups}` })
  return {
    name: source.name,
    kind: source.kind,
    open: async (checkpoint) => {
      await source.open(checkpoint)
      clock.begin()
    },
    read: (request) => source.read(request),
    settle: async (deliveries) => {
      await source.settle(deliveries)
      clock.end()
    },
    release: (deliveries, delayMs) => source.release(deliveries, delayMs),
    isCaughtUp: () => source.isCaughtUp(),
    close: () => source.close(),
  }
}

/** The source by itself: as a worker calls it, with nothing done. */
async function sourceAlone(streams: number, clock: Clock): Promise<void> {
  const source = clockedSource(streams, clock)
  await source.open({ load: () => Promise.resolve(undefined), save: () => Promise.resolve() })
  const { signal } = new AbortController()
  for (let left = events; left > 0;) {
    const read = await source.read({ max: batch, waitMs: 250, signal })
    await source.settle(read)
    left -= read.length
  }
  await source.close()
}

function clickIn(value: Buffer): Click {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the records are the bench's own
  return JSON.parse(value.toString()) as Click
}

const places: Readonly<Record<string, () => Promise<Place>>> = {
  SQLite: sqlitePlace,
  Postgres: () => postgresPlace(postgres.url),
  Redis: () => redisPlace(redis.url),
}

try {
  for (const streams of [100, 10_000]) {
    await fill(streams)
    const reading: readonly Contender[] = [
      {
        name: 'fetch, do nothing',
        run: () => timed((clock) => fetchAll(streams, clock, () => Promise.resolve())),
      },
      { name: 'kafkaSource, do nothing', run: () => timed((clock) => sourceAlone(streams, clock)) },
    ]
    report(`Kafka, ${streams} streams, reading alone`, await measure(reading, 2))
    for (const [name, make] of Object.entries(places)) {
      const all: readonly Contender[] = [
        {
          name: 'by hand, in bulk',
          run: () => inPlace(make, (place, clock) => byHand(streams, place, clock)),
        },
        {
          name: 'kafkajs, last number by hand',
          run: () => inPlace(make, (place, clock) => withKafkajs(streams, place, clock)),
        },
        { name: 'inturn', run: () => inPlace(make, (place, clock) => withInturn(streams, place, clock)) },
      ]
      report(`Kafka to ${name}, ${streams} streams, batch ${batch}`, await measure(all, 2))
    }
  }
} finally {
  await Promise.all([kafka.stop(), postgres.stop(), redis.stop()])
}
