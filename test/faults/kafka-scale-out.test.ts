// Scale-out: one topic of 24 partitions, thousands of streams, one worker, then two, then three, of which
// one is killed while another comes. All effects are there once and in order, the books balance, the
// recorded effects are audited clean, and the group is behind nothing (I1, I2, I3, I5). More of it with
// `npm run soak`.
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sample } from '../../src/testing/sink-suite/sink-world.ts'
import { kafkaSink } from '../../src/transports/kafka.ts'
import type { Running, TestFolder } from '../integration/run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from '../integration/run-inturn.ts'
import type { TestTopic } from '../services/kafka-topic.ts'
import { freshTopic, groupOffsets } from '../services/kafka-topic.ts'
import { kafkaBrokers } from '../services/shared-kafka.ts'
import { freshDatabase } from '../services/shared-postgres.ts'

const isSoak = process.env['INTURN_SOAK_ROUNDS'] !== undefined
const [partitions, streams, each, rounds] = [24, isSoak ? 100_000 : 3_000, 2, isSoak ? 10 : 4]
const running = new Set<Running>()
let folder: TestFolder
beforeEach(() => {
  folder = testFolder()
})
afterEach(async () => {
  for (const worker of running) await end(worker, 'SIGKILL')
  folder.remove()
})

function start(): Running {
  const worker = startInturn(folder.path, 'run')
  running.add(worker)
  return worker
}

async function end(worker: Running, signal: NodeJS.Signals): Promise<number | null> {
  running.delete(worker)
  worker.child.kill(signal)
  return (await worker.ended).code
}

function writeConfig(url: string, { topic, group, brokers }: TestTopic): void {
  folder.write(
    'inturn.config.ts',
    `
    import { contiguous } from ${sourceUrl('core/numbering.ts')}
    import { postgresStore } from ${sourceUrl('stores/postgres.ts')}
    import { kafkaSource } from ${sourceUrl('transports/kafka.ts')}
    export default {
      consumer: 'accounts',
      store: postgresStore('${url}'),
      source: kafkaSource({
        brokers: ${JSON.stringify(brokers)}, topics: ['${topic}'], groupId: '${group}', sessionMs: 3_000,
      }),
      claim: '2s',
      domains: {
        account: {
          numbering: contiguous(),
          effects: 'transaction',
          handleBatch: async (events, { transaction }) => {
            const numbers = events.map(({ sequence }) => Number(sequence))
            const columns = [events.map(({ stream }) => stream), numbers]
            await transaction.query(
              'INSERT INTO note (stream, sequence) SELECT * FROM unnest($1::text[], $2::int[])', columns,
            )
          },
        },
      },
    }`,
  )
}

/** Sends the next numbers of every stream. */
async function send({ brokers, topic }: TestTopic, round: number): Promise<void> {
  const sink = kafkaSink({ brokers, topic })
  await sink.open()
  const { signal } = new AbortController()
  for (let first = 0; first < streams; first += 1_000) {
    const list = Array.from({ length: Math.min(1_000, streams - first) }, (_, index) =>
      Array.from({ length: each }, (_step, step) => sample(`u${first + index}`, round * each + step + 1)),
    )
    await sink.send(list.flat(), { signal })
  }
  await sink.close()
}

test('workers that come and are killed do all of thousands of streams once and in order', async () => {
  const database = await freshDatabase()
  const client = new Client({ connectionString: database.url })
  await client.connect()
  await client.query('CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY, stream text, sequence int)')
  const topic = await freshTopic(await kafkaBrokers(), { partitions })
  writeConfig(database.url, topic)
  const untilNoted = async (least: number): Promise<void> => {
    const count = async (): Promise<number> => {
      const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM note')
      return rows[0]?.count ?? 0
    }
    while ((await count()) < least) {
      const early = [...running].find(({ child }) => child.exitCode !== null)
      if (early !== undefined) throw new Error(`a worker ended: ${(await early.ended).stderr}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  const aRound = streams * each
  for (let round = 0; round < rounds; round++) {
    const worker = start()
    await send(topic, round)
    // In the middle of the round, so that much is in hand.
    await untilNoted(round * aRound + aRound / 4)
    const [oldest] = running
    if (running.size === 3 && oldest !== worker && oldest !== undefined) await end(oldest, 'SIGKILL')
  }
  await untilNoted(rounds * aRound)
  const codes = await Promise.all([...running].map((worker) => end(worker, 'SIGTERM')))
  expect(new Set(codes)).toEqual(new Set([0]))
  expect((await inturn(folder.path, 'run', '--until', 'caught-up')).code).toBe(0)
  const { rows } = await client.query<{ stream: string; sequence: number }>('SELECT * FROM note ORDER BY id')
  expect(rows).toHaveLength(rounds * aRound)
  const effects = rows.map(({ stream, sequence }) => `${JSON.stringify({ stream, sequence })}\n`)
  const audited = await inturn(folder.path, 'audit', folder.write('effects.ndjson', effects.join('')))
  expect({ ...audited, stderr: '' }).toMatchObject({ code: 0 })
  expect((await inturn(folder.path, 'verify')).stdout).toContain('everything adds up')
  for (const { committed, end: last } of await groupOffsets(topic)) expect(committed).toBe(last)
  await client.end()
  await database.drop()
})
