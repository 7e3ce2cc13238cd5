// The Kafka source keeps the laws of sources (I9) on a real broker: with one partition, and with several, in
// a group and as history; and its healer keeps those of healers.
import { beforeAll, describe } from 'vitest'
import type { Source } from '../../../src/ports/source.ts'
import type { SourceFeature, SourceWorld } from '../../../src/testing/source-suite/source-world.ts'
import { kafkaHealer, kafkaHistory, kafkaSource } from '../../../src/transports/kafka.ts'
import { freshTopic } from '../../services/kafka-topic.ts'
import { kafkaBrokers } from '../../services/shared-kafka.ts'
import { keepsTheHealerLaws } from '../healer-laws.ts'
import { keepsTheSourceLaws } from '../source-laws.ts'

let brokers: string[]
beforeAll(async () => {
  brokers = await kafkaBrokers()
})

async function kafkaWorld(
  partitions: number,
  features: SourceFeature[],
  sourceOf: (topic: string, group: string) => Source = (topic, groupId) =>
    kafkaSource({ brokers, topics: [topic], groupId }),
): Promise<SourceWorld> {
  const { topic, group, add } = await freshTopic(brokers, { partitions })
  let produced = 0
  return {
    features: new Set(features),
    produce: async (messages) => {
      for (let partition = 0; partition < partitions; partition++) {
        const own = messages.filter((_, index) => (produced + index) % partitions === partition)
        await add(
          own.map((message) => JSON.stringify(message)),
          { partition },
        )
      }
      produced += messages.length
    },
    source: () => sourceOf(topic, group),
    dispose: () => Promise.resolve(),
  }
}

describe('a topic of one partition', () => {
  keepsTheSourceLaws(() => kafkaWorld(1, ['live', 'ordered']))
})

describe('a topic of three partitions', () => {
  keepsTheSourceLaws(() => kafkaWorld(3, ['live']))
})

describe('topics as history', () => {
  keepsTheSourceLaws(() => kafkaWorld(2, ['live'], (topic) => kafkaHistory({ brokers, topics: [topic] })))
})

describe('topics as a healer', () => {
  keepsTheHealerLaws(async () => {
    const { topic, add } = await freshTopic(brokers, { partitions: 2 })
    let kept = 0
    return {
      healer: kafkaHealer({ brokers, topics: [topic] }),
      keep: async (events) => {
        for (const partition of [0, 1]) {
          const own = events.filter((_, index) => (kept + index) % 2 === partition)
          await add(
            own.map((event) => JSON.stringify(event)),
            { partition },
          )
        }
        kept += events.length
      },
      dispose: () => Promise.resolve(),
    }
  })
})
