// Workers from Kafka into each store that they can share, as processes: they come, are killed without warning
// and stand still for longer than their session, while streams lie in all partitions, shuffled and doubled.
// Every event has its effect once and in order, the books balance, and the group is behind nothing (I1, I2,
// I3, I5). On SQLite a process that stands still with its lock stops all others: it has a test of its own.
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { freshTopic } from '../services/kafka-topic.ts'
import { kafkaBrokers } from '../services/shared-kafka.ts'
import { addShuffled, allOnce, KafkaWorld } from './kafka-world.ts'

const [streams, share, rounds, partitions] = [20, 15, 4, 4]
const events = share * rounds

describe.each(['postgres', 'redis'] as const)('on %s', (store) => {
  test('workers that come, die and stand still beyond their session do all once and in order', async () => {
    const topic = await freshTopic(await kafkaBrokers(), { partitions })
    const world = await KafkaWorld.make(store, topic, { worker: 'batch: 50,' })
    const random = new SeededRandom(5)
    world.start()
    for (let round = 0; round < rounds; round++) {
      const done = share * streams * round
      await addShuffled(topic, {
        streams,
        from: share * round + 1,
        to: share * (round + 1),
        partitions,
        random,
      })
      world.start()
      await world.untilDone(done + streams)
      const [oldest] = world.workers
      if (oldest === undefined) continue
      if (round % 2 === 0) await world.kill(oldest)
      else {
        oldest.child.kill('SIGSTOP')
        // All of it, without what stands still: its partitions and its claims are others' by then.
        await world.untilDone(done + share * streams)
        oldest.child.kill('SIGCONT')
      }
    }
    await world.untilDone(events * streams)
    expect(await world.finish()).toEqual(allOnce({ streams, events }))
  })
})
