// `inturn run` from Kafka into SQLite as a process that is killed again and again. I1, I2: streams that are
// spread over partitions, shuffled and doubled have every effect once and in order; topics without any number
// have theirs by offset; and in the end the group is behind nothing.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { TestTopic } from '../services/kafka-topic.ts'
import { freshTopic, groupOffsets, kcat, valuesOf } from '../services/kafka-topic.ts'
import { kafkaBrokers } from '../services/shared-kafka.ts'
import type { Running, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

let brokers: string[]
let folder: TestFolder
const running = new Set<Running>()
beforeAll(async () => {
  brokers = await kafkaBrokers()
})
beforeEach(() => {
  folder = testFolder()
  const database = new DatabaseSync(join(folder.path, 'clicks.db'))
  database.exec('CREATE TABLE click (entry INTEGER PRIMARY KEY, stream TEXT, sequence INTEGER, data TEXT)')
  database.close()
})
afterEach(async () => {
  for (const worker of running) await kill(worker)
  folder.remove()
})

function writeConfig({ topic, group, brokers }: TestTopic, numbering: string, options = ''): void {
  folder.write(
    'inturn.config.ts',
    `
    import { contiguous, increasing } from ${sourceUrl('core/numbering.ts')}
    import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
    import { kafkaSource } from ${sourceUrl('transports/kafka.ts')}
    export default {
      consumer: 'clicks',
      store: sqliteStore('clicks.db'),
      source: kafkaSource({
        brokers: ${JSON.stringify(brokers)}, topics: ['${topic}'], groupId: '${group}',
        sessionMs: 1_000, commitEveryMs: 50, ${options}
      }),
      batch: 50,
      domains: {
        click: {
          numbering: ${numbering},
          effects: 'transaction',
          handle: ({ stream, sequence, data }, { transaction }) => {
            transaction.run(
              'INSERT INTO click (stream, sequence, data) VALUES (?, ?, ?)',
              stream, Number(sequence), JSON.stringify(data),
            )
          },
        },
      },
    }`,
  )
}

interface Click {
  readonly stream: string
  readonly sequence: number
  readonly data: unknown
}

function clicks(): readonly Click[] {
  const database = new DatabaseSync(join(folder.path, 'clicks.db'), { readOnly: true, timeout: 5_000 })
  const rows = database.prepare('SELECT stream, sequence, data FROM click ORDER BY entry').all()
  database.close()
  return rows.map(({ stream, sequence, data }) => ({
    stream: String(stream),
    sequence: Number(sequence),
    data: JSON.parse(String(data)) as unknown,
  }))
}

function start(): Running {
  const worker = startInturn(folder.path, 'run')
  running.add(worker)
  return worker
}

async function kill(worker: Running): Promise<void> {
  worker.child.kill('SIGKILL')
  await worker.ended
  running.delete(worker)
}

/** Resolves once something was booked that was not before, or all is. A worker that ends is an error. */
async function progress(most: number): Promise<void> {
  const before = clicks().length
  const hasNews = (): boolean => before === most || clicks().length > before
  while (!hasNews()) {
    const early = [...running].find(({ child }) => child.exitCode !== null)
    if (early !== undefined) throw new Error(`a worker ended: ${(await early.ended).stderr}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Starts a worker and kills it once it has done something new, again and again; then lets one finish. */
async function killAndFinish(kills: number, most: number): Promise<void> {
  for (let round = 0; round < kills; round++) {
    const worker = start()
    await progress(most)
    await kill(worker)
  }
  const ran = await inturn(folder.path, 'run', '--until', 'caught-up')
  expect({ ...ran, stdout: '' }).toMatchObject({ code: 0 })
}

test('a worker that is killed again and again books what all partitions have once and in order', async () => {
  const topic = await freshTopic(brokers, { partitions: 3 })
  const random = new SeededRandom(11)
  const sent = Array.from({ length: 2_000 }, (_, index) => ({
    text: JSON.stringify({ stream: `u${index % 20}`, sequence: Math.floor(index / 20) + 1, data: index }),
    at: index + random.whole(0, 40),
  }))
  const copies = sent.filter(() => random.chance(0.2)).map(({ text, at }) => ({ text, at: at + 100 }))
  const all = [...sent, ...copies].sort((one, other) => one.at - other.at).map(({ text }) => text)
  for (const partition of [0, 1, 2]) {
    await topic.add(
      all.filter((_, index) => (index * 7) % 3 === partition),
      { partition },
    )
  }
  writeConfig(topic, 'contiguous()')
  await killAndFinish(3, sent.length)
  const booked = Map.groupBy(clicks(), ({ stream }) => stream)
  expect(booked.size).toBe(20)
  for (const [, own] of booked) {
    expect(own.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
  }
  for (const { committed, end } of await groupOffsets(topic)) expect(committed).toBe(end)
})

test('plain topics need no numbers: the stream is the partition, and the number is the offset', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  for (const partition of [0, 1]) {
    const values = Array.from({ length: 500 }, (_, index) =>
      JSON.stringify({ page: index, stream: 'of its own' }),
    )
    await topic.add(values, { partition, args: ['-k', 'user-1'] })
  }
  writeConfig(topic, 'increasing()', "byOffset: 'partition'")
  await killAndFinish(1, 1_000)
  const booked = Map.groupBy(clicks(), ({ stream }) => stream)
  expect([...booked.keys()].sort()).toEqual([`${topic.topic}[0]`, `${topic.topic}[1]`])
  for (const [, own] of booked) {
    expect(own).toEqual(
      own.map((click, index) => ({ ...click, sequence: index, data: { page: index, stream: 'of its own' } })),
    )
    expect(own).toHaveLength(500)
  }
})

test('status and explain say how far the group is behind and who reads what', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  const event = (sequence: number): string => JSON.stringify({ stream: 'u1', sequence, data: null })
  await topic.add([event(1), event(3)])
  writeConfig(topic, 'contiguous()')
  const worker = start()
  await progress(1)
  await expect.poll(() => worker.stderr(), { timeout: 60_000 }).toContain(`reads ${topic.topic}[0], `)
  const status = async (): Promise<unknown> => {
    const { stdout } = await inturn(folder.path, 'status', '--json')
    const { consumers } = JSON.parse(stdout) as {
      consumers: { source?: { behind: number; parts: object[] } }[]
    }
    return consumers[0]?.source
  }
  const reader = expect.stringMatching(/^inturn-.+ at \//) as unknown
  const parts = [0, 1].map((partition) => ({ name: `${topic.topic}[${partition}]`, behind: 0, reader }))
  await expect.poll(status, { timeout: 60_000 }).toMatchObject({ behind: 0, parts })
  await kill(worker)
  await topic.add([event(2), event(4)], { partition: 1 })
  const explained = await inturn(folder.path, 'explain', 'click/u1')
  expect(explained.stdout).toContain('the source is 2 behind; what is missing may be among that')
  const read = await inturn(folder.path, 'run', '--until', 'caught-up')
  expect(read.code).toBe(0)
  const { stdout } = await inturn(folder.path, 'status')
  expect(stdout).toMatch(new RegExp(`${topic.topic.slice(0, 8)}.*\\[1\\] +0 +nobody`))
})

test('a source whose brokers are away keeps nobody from seeing the rest', async () => {
  const topic = await freshTopic(brokers)
  await topic.add([JSON.stringify({ stream: 'u1', sequence: 1, data: null })])
  writeConfig(topic, 'contiguous()')
  expect((await inturn(folder.path, 'run', '--until', 'caught-up')).code).toBe(0)
  writeConfig({ ...topic, brokers: ['127.0.0.1:1'] }, 'contiguous()')
  const { code, stdout } = await inturn(folder.path, 'status')
  expect(code).toBe(0)
  expect(stdout).toContain('how far the source is behind cannot be told: kafka')
})

test('dead letters are exported to a topic to the byte, with what is known in headers', async () => {
  const [topic, dead] = [await freshTopic(brokers), await freshTopic(brokers)]
  const event = (sequence: number): string =>
    JSON.stringify({ stream: 'u1', sequence, id: 'e', data: { n: 1 } })
  await topic.add(['{"no json', '\u00fe', event(1)])
  writeConfig(topic, 'contiguous({ start: 2 })')
  await inturn(folder.path, 'run', '--until', 'caught-up')
  const exported = await inturn(folder.path, 'dead', 'export', '--to', `kafka://${brokers[0]}/${dead.topic}`)
  expect(exported).toMatchObject({ code: 0, stdout: `3 sent to kafka ${dead.topic}\n` })
  expect(await valuesOf(dead)).toEqual(expect.arrayContaining(['{"no json', '\u00fe']))
  const read = ['-C', '-t', dead.topic, '-o', 'beginning', '-e', '-q', '-f', '%h\n']
  const headers = await kcat(brokers, read)
  expect(headers).toMatch(new RegExp(`reason=invalid,.*origin=${topic.topic}\\[0\\]@0`))
  expect(headers).toMatch(/reason=late,.*stream=u1,sequence=1,id=e/)
  expect((await inturn(folder.path, 'dead', '--json')).stdout.trim().split('\n')).toHaveLength(3)
  const missing = await inturn(folder.path, 'dead', 'export', '--to', `kafka://${brokers[0]}/not-there`)
  expect(missing).toMatchObject({ code: 1, stdout: '' })
})
