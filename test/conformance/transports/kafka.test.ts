// The Kafka source keeps the laws of sources (I9) on a real broker: with one partition, and with several.
import { beforeAll, describe } from 'vitest'
import type { SourceFeature, SourceWorld } from '../../../src/testing/source-suite/source-world.ts'
import { kafkaSource } from '../../../src/transports/kafka.ts'
import { freshTopic } from '../../services/kafka-topic.ts'
import { kafkaBrokers } from '../../services/shared-kafka.ts'
import { keepsTheSourceLaws } from '../source-laws.ts'

let brokers: string[]
beforeAll(async () => {
  brokers = await kafkaBrokers()
})

async function kafkaWorld(partitions: number, features: SourceFeature[]): Promise<SourceWorld> {
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
    source: () => kafkaSource({ brokers, topics: [topic], groupId: group }),
    dispose: () => Promise.resolve(),
  }
}

describe('a topic of one partition', () => {
  keepsTheSourceLaws(() => kafkaWorld(1, ['live', 'ordered']))
})

describe('a topic of three partitions', () => {
  keepsTheSourceLaws(() => kafkaWorld(3, ['live']))
})
