// A topic that is compacted while nobody reads it, by the broker's own cleaner: with offsets as numbers
// nothing is taken for lost, every record that is left has its effect, and the lag ends at 0; with numbers of
// the producer what compaction took is a gap, and is told as one (I1, I3).
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KafkaServer } from '../services/kafka-server.ts'
import { startKafka } from '../services/kafka-server.ts'
import type { TestTopic } from '../services/kafka-topic.ts'
import { freshTopic, kcat } from '../services/kafka-topic.ts'
import { KafkaWorld } from './kafka-world.ts'

let server: KafkaServer
beforeAll(async () => {
  server = await startKafka(['log.cleaner.backoff.ms=100'])
})
afterAll(() => server.stop())

/** Segments end with the next record, and the cleaner takes whatever it may. */
const settings = {
  'cleanup.policy': 'compact',
  'segment.ms': '1',
  'min.cleanable.dirty.ratio': '0.001',
  'delete.retention.ms': '0',
}
const keys = ['u0', 'u1', 'u2']

/** The events `from..to` of each key. */
async function add(topic: TestTopic, from: number, to: number): Promise<void> {
  for (let sequence = from; sequence <= to; sequence++) {
    const lines = keys.map((stream) => `${stream}|${JSON.stringify({ stream, sequence, data: null })}`)
    await kcat(topic.brokers, ['-P', '-t', topic.topic, '-p', '0', '-K', '|'], `${lines.join('\n')}\n`)
  }
}

/** The offsets that are left of a topic, as `kcat` reads them. */
async function left({ brokers, topic }: TestTopic): Promise<number[]> {
  const text = await kcat(brokers, ['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%o\n'])
  return text.split('\n').slice(0, -1).map(Number)
}

/** Waits until the cleaner has been so busy that no more than so many records are left. */
async function untilCompacted(topic: TestTopic, most: number): Promise<readonly number[]> {
  for (;;) {
    const offsets = await left(topic)
    if (offsets.length <= most) return offsets
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('with offsets as numbers no hole of compaction is a loss, and the lag ends at 0', async () => {
  const topic = await freshTopic([server.broker], { settings })
  const byOffset = { source: "byOffset: 'partition',", numbering: 'increasing()' }
  const world = await KafkaWorld.make('sqlite', topic, byOffset)
  await add(topic, 1, 5)
  const first = world.start()
  await world.untilDone(1)
  await world.until(async () => (await world.behind()) === 0)
  expect(await world.stop(first)).toBe(0)
  const done = await world.place.done()
  await add(topic, 6, 20)
  // What is left is the newest of each key, and perhaps what the cleaner has yet to look at.
  const offsets = await untilCompacted(topic, 2 * keys.length)
  expect(offsets[0]).toBeGreaterThan(5 * keys.length)
  world.start()
  await world.untilDone(done + offsets.length)
  await world.until(async () => (await world.behind()) === 0)
  const [noted = []] = (await world.place.noted()).values()
  expect(noted.slice(done)).toEqual(offsets)
  const outcome = await world.finish()
  expect(outcome).toMatchObject({ exits: [0], streams: 1, verified: 'everything adds up', behind: 0 })
  expect((await world.run('dead', '--json')).stdout).not.toContain('removed from the log')
})

test('with numbers of the producer what compaction took is a gap, and the lag ends at 0', async () => {
  const topic = await freshTopic([server.broker], { settings })
  const world = await KafkaWorld.make('sqlite', topic)
  await add(topic, 1, 20)
  await untilCompacted(topic, 2 * keys.length)
  world.start()
  await world.until(async () => (await world.place.store.reader.summary('clicks')).held > 0)
  await world.until(async () => (await world.behind()) === 0)
  expect(await world.place.done()).toBe(0)
  const gaps = await world.run('gaps', '--json')
  for (const stream of keys) expect(gaps.stdout).toContain(`account/${stream}`)
  expect((await world.run('explain', 'account/u0')).stdout).toContain('which did not come')
})
