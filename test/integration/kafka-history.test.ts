// Where only topics are the history: a new consumer is rebuilt from them, ranges of a stream are handled once
// more, all of them or of a window, and gaps are filled from a topic. What is there no more is said, never
// passed over in silence (I3).
import { readFileSync } from 'node:fs'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TestTopic } from '../services/kafka-topic.ts'
import { forgetBefore, freshTopic, groupOffsets } from '../services/kafka-topic.ts'
import { kafkaBrokers } from '../services/shared-kafka.ts'
import type { Ran, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, testFolder } from './run-inturn.ts'

let brokers: string[]
let folder: TestFolder
beforeAll(async () => {
  brokers = await kafkaBrokers()
})
beforeEach(() => {
  folder = testFolder()
})
afterEach(() => folder.remove())

const event = (stream: string, sequence: number): string => JSON.stringify({ stream, sequence, data: null })

/** A configuration whose handler says what it was called with, by the name of its consumer. */
function writeConfig({ topic, group }: TestTopic, gap = '{}'): void {
  folder.write(
    'inturn.config.ts',
    `
    import { appendFileSync } from 'node:fs'
    import { contiguous } from ${sourceUrl('core/numbering.ts')}
    import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
    import { kafkaHealer, kafkaSource } from ${sourceUrl('transports/kafka.ts')}
    const brokers = ${JSON.stringify(brokers)}
    export default {
      consumer: 'clicks',
      store: sqliteStore('clicks.db'),
      source: kafkaSource({ brokers, topics: ['${topic}'], groupId: '${group}', commitEveryMs: 50 }),
      domains: {
        click: {
          numbering: contiguous(),
          effects: 'external',
          gap: ${gap},
          handle: ({ stream, sequence }, { consumer, replay }) => {
            appendFileSync('calls', \`\${consumer} \${replay ?? 'live'} \${stream}:\${sequence}\\n\`)
          },
        },
      },
    }`,
  )
  folder.write('calls', '')
}

/** Runs a command, and says what handlers were called with. */
async function run(...args: string[]): Promise<Ran & { readonly calls: readonly string[] }> {
  folder.write('calls', '')
  const ran = await inturn(folder.path, ...args)
  const calls = readFileSync(`${folder.path}/calls`, 'utf8').split('\n').slice(0, -1)
  return { ...ran, calls }
}

const caughtUp = ['run', '--until', 'caught-up'] as const
const why = ['--by', 'ada', '--reason', 'a test'] as const

test('a consumer is rebuilt from the topics of its source, and the group stays where it is', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  await topic.add([event('u1', 2), event('u1', 3)])
  await topic.add([event('u1', 1), event('u2', 1)], { partition: 1 })
  writeConfig(topic)
  expect((await run(...caughtUp)).calls).toHaveLength(4)
  const before = await groupOffsets(topic)
  const rebuilt = await run('replay', '--as', 'clicks-2')
  expect(rebuilt).toMatchObject({ code: 0 })
  expect(rebuilt.stdout).toContain('consumer clicks-2 is rebuilt: 4 deliveries in 2 streams')
  expect([...rebuilt.calls].sort()).toEqual(
    ['u1:1', 'u1:2', 'u1:3', 'u2:1'].map((place) => `clicks-2 rebuild ${place}`),
  )
  // It goes on where it was: what comes now is all that it reads.
  await topic.add([event('u2', 2)])
  expect((await run('replay', '--as', 'clicks-2')).calls).toEqual(['clicks-2 rebuild u2:2'])
  expect((await groupOffsets(topic)).map(({ committed }) => committed)).toEqual(
    before.map(({ committed }) => committed),
  )
})

test('a range is handled again, and a stream is moved back, from a topic or a window of it', async () => {
  const topic = await freshTopic(brokers)
  await topic.add([1, 2, 3, 4, 5].map((sequence) => event('u1', sequence)))
  writeConfig(topic)
  await run(...caughtUp)
  const all = await run('replay', 'click/u1', '--from', '2', '--to', '4', ...why)
  expect(all.calls).toEqual([2, 3, 4].map((sequence) => `clicks redeliver u1:${sequence}`))
  const since = [`${topic.topic}[0]@2`, '--until', `${topic.topic}[0]@3`]
  const part = await run('replay', 'click/u1', '--from', '2', '--to', '4', '--since', ...since, ...why)
  expect(part).toMatchObject({ code: 1, calls: ['clicks redeliver u1:3'] })
  expect(part.stdout).toContain('the history does not have 2 of them: 2, 4')
  const back = ['seek', 'click/u1', '--to', '3', '--expect-position', '5', '--since', '1h']
  expect((await run(...back, ...why)).stdout).toContain('handed over: 2 events, all of its history')
  expect((await run(...caughtUp)).calls).toEqual(['clicks live u1:4', 'clicks live u1:5'])
})

test('a gap that a topic can fill is filled, and of any other it is said what was searched', async () => {
  const [topic, archive] = [await freshTopic(brokers), await freshTopic(brokers, { partitions: 2 })]
  await topic.add([event('u1', 1), event('u1', 3), event('u2', 1), event('u2', 3)])
  await archive.add([event('u1', 1), event('u1', 2)], { partition: 1 })
  const healer = `kafkaHealer({ brokers, topics: ['${archive.topic}'], since: '1h', recordsMax: 10 })`
  const gapThen = (then: string): string =>
    `{ patience: 0, heal: { with: ${healer}, after: 0, attempts: 1, timeout: '60s' }, then: '${then}' }`
  writeConfig(topic, gapThen('skip'))
  const { calls, stderr } = await run(...caughtUp)
  const own = (stream: string): readonly string[] => calls.filter((call) => call.includes(`${stream}:`))
  expect(own('u1')).toEqual([1, 2, 3].map((sequence) => `clicks live u1:${sequence}`))
  expect(own('u2')).toEqual([1, 3].map((sequence) => `clicks live u2:${sequence}`))
  const searched = `${archive.topic}[1]@0 to 1`
  expect(stderr).toContain(`number 2 asked for (attempt 1), none came; searched: ${searched}`)
  const ledger = await inturn(folder.path, 'ledger', 'click/u2', '--json')
  expect(ledger.stdout).toContain(`"gap-skipped; searched: ${searched}"`)
  writeConfig(topic, gapThen('wait'))
  await topic.add([event('u3', 1), event('u3', 3)])
  await run(...caughtUp)
  const explained = await inturn(folder.path, 'explain', 'click/u3')
  expect(explained.stdout).toContain(`asked 1 of 1 times; that was all\n  it searched ${searched}\n`)
})

test('what retention has removed is missing, and is said', async () => {
  const topic = await freshTopic(brokers)
  await topic.add([1, 2, 3, 4, 5].map((sequence) => event('u1', sequence)))
  writeConfig(topic)
  await run(...caughtUp)
  await forgetBefore(topic, 3)
  const gone = `what lay in front of ${topic.topic}[0]@3 was removed from the log`
  const again = await run('replay', 'click/u1', '--from', '2', '--to', '5', ...why)
  expect(again).toMatchObject({ code: 1, calls: ['clicks redeliver u1:4', 'clicks redeliver u1:5'] })
  expect(again.stdout).toContain('the history does not have 2 of them: 2 to 3')
  expect(again.stderr).toContain(gone)
  const rebuilt = await run('replay', '--as', 'clicks-2')
  expect(rebuilt.stderr).toContain(gone)
  expect(rebuilt).toMatchObject({ code: 1, calls: [] })
  const from = await run('replay', '--as', 'clicks-3', '--since', `${topic.topic}[0]@1`)
  expect(from.stdout).toContain('dead letters: 1')
  const dead = await inturn(folder.path, 'dead', '--consumer', 'clicks-3', '--json')
  expect(dead.stdout).toContain('the offsets 1 to 2 were removed from the log before they were read')
})
