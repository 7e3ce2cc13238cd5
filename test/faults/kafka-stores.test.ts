// Workers from Kafka into each store that they can share, as processes: they come, are killed without warning
// and stand still for longer than their session, while streams lie in all partitions, shuffled and doubled.
// Every event has its effect once and in order, the books balance, and the group is behind nothing (I1, I2,
// I3, I5). SQLite has a test of its own: a process that stands still with its lock stops all others there.
import { Client as PostgresClient } from 'pg'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { Running, TestFolder } from '../integration/run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from '../integration/run-inturn.ts'
import type { TestTopic } from '../services/kafka-topic.ts'
import { freshTopic, groupOffsets } from '../services/kafka-topic.ts'
import { startRedis } from '../services/redis-server.ts'
import { kafkaBrokers } from '../services/shared-kafka.ts'
import { freshDatabase } from '../services/shared-postgres.ts'

/** A store, and what handlers have done there. */
interface Place extends AsyncDisposable {
  /** The store of a configuration, as code, and how its handler notes the number of an event. */
  readonly store: string
  readonly domain: string
  /** The numbers that were noted, by stream. */
  noted(): Promise<ReadonlyMap<string, readonly number[]>>
}

async function postgres(): Promise<Place> {
  const database = await freshDatabase()
  const client = new PostgresClient({ connectionString: database.url })
  await client.connect()
  await client.query('CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY, stream text, sequence int)')
  return {
    store: `(await import(${sourceUrl('stores/postgres.ts')})).postgresStore('${database.url}')`,
    domain: `
      effects: 'transaction',
      handle: async ({ stream, sequence }, { transaction }) => {
        await transaction.query('INSERT INTO note (stream, sequence) VALUES ($1, $2)', [stream, sequence])
      },`,
    noted: async () => {
      const { rows } = await client.query<{ stream: string; sequence: number }>(
        'SELECT stream, sequence FROM note ORDER BY id',
      )
      const streams = Map.groupBy(rows, ({ stream }) => stream)
      return new Map([...streams].map(([stream, own]) => [stream, own.map(({ sequence }) => sequence)]))
    },
    [Symbol.asyncDispose]: async () => {
      await client.end()
      await database.drop()
    },
  }
}

async function redis(): Promise<Place> {
  const server = await startRedis()
  const client = createClient({ url: server.url })
  await client.connect()
  return {
    store: `(await import(${sourceUrl('stores/redis.ts')})).redisStore('${server.url}')`,
    domain: `
      effects: 'external',
      handle: ({ sequence }, { redis }) => {
        redis.call('RPUSH', redis.key('note'), String(sequence))
      },`,
    noted: async () => {
      const keys = await client.keys('*:own:*note')
      const lists = keys.map(async (key) => [key, (await client.lRange(key, 0, -1)).map(Number)] as const)
      return new Map(await Promise.all(lists))
    },
    [Symbol.asyncDispose]: async () => {
      await client.close()
      await server.stop()
    },
  }
}

const [streams, events, rounds, partitions] = [20, 60, 4, 4]
const running = new Set<Running>()
let folder: TestFolder
beforeEach(() => {
  folder = testFolder()
})
afterEach(async () => {
  for (const worker of running) await kill(worker)
  folder.remove()
})

function start(): Running {
  const worker = startInturn(folder.path, 'run')
  running.add(worker)
  return worker
}

async function kill(worker: Running): Promise<void> {
  running.delete(worker)
  worker.child.kill('SIGKILL')
  await worker.ended
}

function writeConfig(place: Place, { topic, group, brokers }: TestTopic): void {
  folder.write(
    'inturn.config.ts',
    `
    import { contiguous } from ${sourceUrl('core/numbering.ts')}
    import { kafkaSource } from ${sourceUrl('transports/kafka.ts')}
    export default {
      consumer: 'clicks',
      store: ${place.store},
      source: kafkaSource({
        brokers: ${JSON.stringify(brokers)}, topics: ['${topic}'], groupId: '${group}',
        sessionMs: 1_000, commitEveryMs: 50,
      }),
      batch: 50,
      claim: '1s',
      sweepEvery: '50ms',
      domains: { click: { numbering: contiguous(), gap: { patience: '1h' }, ${place.domain} } },
    }`,
  )
}

/** Adds the events of one round, shuffled, a fifth of them twice, over all partitions. */
async function addRound(topic: TestTopic, round: number, random: SeededRandom): Promise<void> {
  const share = events / rounds
  const all = Array.from({ length: streams * share }, (_, index) => {
    const sequence = round * share + Math.floor(index / streams) + 1
    return JSON.stringify({ stream: `u${index % streams}`, sequence, data: null })
  })
  const sent = [...all, ...all.filter(() => random.chance(0.2))]
    .map((text) => ({ text, at: random.next() }))
    .sort((one, other) => one.at - other.at)
  for (let partition = 0; partition < partitions; partition++) {
    const own = sent.filter((_, index) => index % partitions === partition).map(({ text }) => text)
    await topic.add(own, { partition })
  }
}

/** Waits until so many events were noted. A worker that ends by itself is an error. */
async function untilNoted(place: Place, least: number): Promise<void> {
  const count = async (): Promise<number> => [...(await place.noted()).values()].flat().length
  while ((await count()) < least) {
    const early = [...running].find(({ child }) => child.exitCode !== null)
    if (early !== undefined) throw new Error(`a worker ended: ${(await early.ended).stderr}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe.each(Object.entries({ postgres, redis }))('on %s', (_, makePlace) => {
  test('workers that come, die and stand still beyond their session do all once and in order', async () => {
    await using place = await makePlace()
    const topic = await freshTopic(await kafkaBrokers(), { partitions })
    const random = new SeededRandom(5)
    writeConfig(place, topic)
    start()
    for (let round = 0; round < rounds; round++) {
      await addRound(topic, round, random)
      const done = (events / rounds) * streams * round
      start()
      await untilNoted(place, done + streams)
      const [oldest] = running
      if (oldest === undefined) continue
      if (round % 2 === 0) await kill(oldest)
      else {
        oldest.child.kill('SIGSTOP')
        // All of it, without what stands still: its partitions and its claims are others' by then.
        await untilNoted(place, (events / rounds) * streams * (round + 1))
        oldest.child.kill('SIGCONT')
      }
    }
    await untilNoted(place, events * streams)
    for (const { child, ended } of running) {
      child.kill('SIGTERM')
      expect((await ended).code).toBe(0)
    }
    running.clear()
    const ran = await inturn(folder.path, 'run', '--until', 'caught-up')
    expect(ran.code, ran.stderr).toBe(0)
    const noted = await place.noted()
    expect(noted.size).toBe(streams)
    const inOrder = Array.from({ length: events }, (_event, index) => index + 1)
    for (const [, own] of noted) expect(own).toEqual(inOrder)
    const verified = await inturn(folder.path, 'verify')
    expect(verified.stdout).toContain('everything adds up')
    for (const { committed, end } of await groupOffsets(topic)) expect(committed).toBe(end)
  })
})
