// What a member of a group commits it commits as who it was when the partitions were its own (I4, I5).
import { beforeAll, expect, test } from 'vitest'
import { GroupClient } from '../../../../src/transports/kafka/group-client.ts'
import { freshTopic, groupOffsets } from '../../../services/kafka-topic.ts'
import { kafkaBrokers } from '../../../services/shared-kafka.ts'

let brokers: string[]
beforeAll(async () => {
  brokers = await kafkaBrokers()
})

test('a commit that waits for its coordinator while the group rebalances is refused', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  const options = {
    name: 'kafka',
    brokers,
    topics: [topic.topic],
    groupId: topic.group,
    instanceId: undefined,
    sessionMs: 2_000,
  }
  const news = { changed: () => undefined, rebalancing: () => undefined }
  const member = await GroupClient.open(options, news)
  const had = (client: GroupClient): readonly number[] =>
    (client.assignment ?? []).flatMap(({ partitions }) => partitions)
  expect(had(member)).toHaveLength(2)
  const [reached, opened] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
  const { topics } = member
  const connection = topics.connection.bind(topics)
  topics.connection = async (...asked) => {
    reached.resolve(undefined)
    await opened.promise
    return connection(...asked)
  }
  const commits = [0, 1].map((partition) => ({ topic: topic.topic, partition, offset: 7, metadata: '' }))
  const committing = member.commit(commits)
  await reached.promise
  const other = await GroupClient.open(options, news)
  await expect.poll(() => [had(member).length, had(other).length], { timeout: 60_000 }).toEqual([1, 1])
  opened.resolve(undefined)
  expect(await committing).toBe(false)
  expect(await groupOffsets(topic)).toEqual([])
  // As who it is now its own partition may be committed.
  const own = had(member).map((partition) => ({ topic: topic.topic, partition, offset: 7, metadata: '' }))
  expect(await member.commit(own)).toBe(true)
  await member.close()
  await other.close()
})
