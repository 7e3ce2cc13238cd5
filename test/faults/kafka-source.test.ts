// Kafka sources under harm: members that come and go, a broker that is killed and started again, a network
// that is cut. Whatever happens, every record is delivered, and what stays with a member is not read again
// (I3, I4).
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { ConnectionPool, joinGroupV9 } from '@platformatic/kafka'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KafkaSourceOptions, RecordDelivery } from '../../src/transports/kafka.ts'
import { kafkaSource } from '../../src/transports/kafka.ts'
import type { KafkaServer } from '../services/kafka-server.ts'
import { startKafka } from '../services/kafka-server.ts'
import type { TestTopic } from '../services/kafka-topic.ts'
import { asAdmin, freshTopic, groupOffsets, makeTopic } from '../services/kafka-topic.ts'
import type { OpenSource } from '../services/open-source.ts'
import { openSource } from '../services/open-source.ts'

let server: KafkaServer
let brokers: string[]
beforeAll(async () => {
  server = await startKafka()
  brokers = [server.broker]
})
afterAll(() => server.stop())

type Member = OpenSource<RecordDelivery>

function join({ topic, group }: TestTopic, options: Partial<KafkaSourceOptions> = {}): Promise<Member> {
  const own = { brokers, topics: [topic], groupId: group }
  return openSource(kafkaSource({ ...own, sessionMs: 2_000, commitEveryMs: 50, ...options }))
}

const numbers = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => JSON.stringify({ n: from + index }))
const place = ({ origin }: Pick<RecordDelivery, 'origin'>): string => origin.slice(origin.indexOf('['))

/** Reads both members by turns until so many records have come, of whichever. */
async function takeFrom(members: readonly Member[], count: number): Promise<Map<Member, RecordDelivery[]>> {
  const taken = new Map(members.map((member) => [member, [] as RecordDelivery[]]))
  for (let left = count; left > 0;) {
    for (const [member, own] of taken) {
      const { signal } = new AbortController()
      const read = await member.source.read({ max: 100, waitMs: 20, signal }).catch(() => [])
      own.push(...read)
      left -= read.length
    }
  }
  return taken
}

test('a member that joins gets partitions, and what stays with the other is not read again', async () => {
  const topic = await freshTopic(brokers, { partitions: 4 })
  for (const partition of [0, 1, 2, 3]) await topic.add(numbers(1, 10), { partition })
  await using first = await join(topic, { commitEveryMs: 60_000 })
  const early = await first.take(40)
  // Nothing was committed: what the second one is given comes again, and nothing else.
  await using second = await join(topic, { commitEveryMs: 60_000 })
  const again = (await takeFrom([first, second], 20)).get(second) ?? []
  expect(new Set(again.map(({ partition }) => partition)).size).toBe(2)
  expect(again).toHaveLength(20)
  for (const partition of [0, 1, 2, 3]) await topic.add(numbers(11, 5), { partition })
  const later = await takeFrom([first, second], 20)
  const seen = [...early, ...again, ...[...later.values()].flat()].map(place)
  expect(new Set(seen).size).toBe(60)
  expect(seen).toHaveLength(80)
  const kept = new Set((later.get(first) ?? []).map(({ partition }) => partition))
  expect(kept.size).toBe(2)
})

test('a member that leaves hands over what is settled, and what is not comes to the others', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  for (const partition of [0, 1]) await topic.add(numbers(1, 10), { partition })
  const first = await join(topic)
  const all = await first.take(20)
  await first.source.settle(all.filter(({ offset }) => offset < 6))
  await using second = await join(topic)
  await first.source.close()
  const rest = await second.take(8)
  expect(rest.map(place).sort()).toEqual([6, 7, 8, 9].flatMap((at) => [`[0]@${at}`, `[1]@${at}`]).sort())
  // What the other one settles now tells nobody, and harms nothing.
  await first.source.settle(all.filter(({ offset }) => offset >= 6))
  await second.source.settle(rest)
})

test('a member that was thrown out joins again, and loses nothing that it had or was to have', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  for (const partition of [0, 1]) await topic.add(numbers(1, 10), { partition })
  await using member = await join(topic)
  const early = await member.take(20)
  await asAdmin(brokers, async (admin) => {
    const { members } = (await admin.describeGroups({ groups: [topic.group] })).get(topic.group) ?? {}
    const out = [...(members?.keys() ?? [])].map((memberId) => ({ memberId }))
    await admin.removeMembersFromConsumerGroup({ groupId: topic.group, members: out })
  })
  for (const partition of [0, 1]) await topic.add(numbers(11, 5), { partition })
  const seen = [...early]
  while (new Set(seen.map(place)).size < 30) seen.push(...(await member.take(1)))
  await member.source.settle(seen)
  await expect
    .poll(async () => (await groupOffsets(topic)).map(({ committed }) => committed), { timeout: 60_000 })
    .toEqual([15, 15])
})

test('a member that leaves in the middle of a rebalance has committed what it settled', async () => {
  const topic = await freshTopic(brokers, { partitions: 4 })
  for (const partition of [0, 1, 2, 3]) await topic.add(numbers(1, 5), { partition })
  let leaver = await join(topic, { commitEveryMs: 60_000 })
  await leaver.source.settle(await leaver.take(20))
  for (let round = 1; round <= 4; round++) {
    for (const partition of [0, 1, 2, 3]) await topic.add(numbers(1, 5), { partition })
    const fresh = await leaver.take(20)
    expect(new Set(fresh.map(place)).size).toBe(20)
    const joining = join(topic, { commitEveryMs: 60_000 })
    await leaver.source.settle(fresh)
    await leaver.source.close()
    const offsets = await groupOffsets(topic)
    expect(offsets.map(({ committed }) => committed)).toEqual([1, 1, 1, 1].map(() => 5 + 5 * round))
    leaver = await joining
  }
  await leaver.source.close()
})

/** A member that joins a group and is never heard of again: every rebalance waits a minute for it. */
async function joinSilently({ topic, group }: TestTopic): Promise<() => Promise<void>> {
  const pool = new ConnectionPool('silent', {})
  const [host = '', port = ''] = server.broker.split(':')
  const connection = await pool.get({ host, port: Number(port) })
  const name = Buffer.from(topic)
  const sizes = [
    Buffer.from([0, 1, 0, 0, 0, 1, 0, name.length]),
    Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]),
  ]
  const metadata = Buffer.concat([sizes[0] ?? name, name, sizes[1] ?? name])
  const protocols = [{ name: 'cooperative-sticky', metadata }]
  const ms = 60_000
  await joinGroupV9.api.async(connection, group, ms, ms, '', 'silent', 'consumer', protocols)
  return () => pool.close()
}

test('a member that leaves while the group waits for another one waits for nobody', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  await topic.add(numbers(1, 5))
  const member = await join(topic, { sessionMs: 60_000, refreshMs: 100 })
  await member.source.settle(await member.take(5))
  const forget = await joinSilently(topic)
  // More partitions have it join anew, which waits for the silent one.
  const partitions = [{ name: topic.topic, count: 4 }]
  await asAdmin(brokers, (admin) => admin.createPartitions({ topics: partitions }))
  const stateOf = (): Promise<string | undefined> =>
    asAdmin(brokers, async (admin) => {
      const found = await admin.describeGroups({ groups: [topic.group] })
      return found.get(topic.group)?.state
    })
  const { signal } = new AbortController()
  while ((await stateOf()) !== 'PreparingRebalance') {
    await member.source.read({ max: 10, waitMs: 50, signal }).catch(() => undefined)
  }
  await member.source.close()
  const members = await asAdmin(brokers, async (admin) => {
    const found = await admin.describeGroups({ groups: [topic.group] })
    return [...(found.get(topic.group)?.members.values() ?? [])].map(({ groupInstanceId }) => groupInstanceId)
  })
  expect(members).toEqual(['silent'])
  await forget()
})

test('a source closes all the same where its broker stands still, or is gone', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  await topic.add(numbers(1, 5))
  const [first, second] = [await join(topic), await join({ ...topic, group: `${topic.group}-2` })]
  await first.source.settle(await first.take(5))
  process.kill(server.pid, 'SIGSTOP')
  await expect(first.source.close()).resolves.toBeUndefined()
  process.kill(server.pid, 'SIGCONT')
  process.kill(server.pid, 'SIGKILL')
  await expect(second.source.close()).resolves.toBeUndefined()
  await server.restart()
})

test('a batch that is corrupt stops its own partition in front of it, and is named', async () => {
  const topic = await freshTopic(brokers, { partitions: 2 })
  for (const values of [numbers(1, 2), ['"to be broken"'], numbers(4, 2)]) await topic.add(values)
  const path = joinPath(server.logs, `${topic.topic}-0`, '00000000000000000000.log')
  const segment = openSync(path, 'r+')
  writeSync(segment, 'TO', readFileSync(path).indexOf('to be broken'))
  closeSync(segment)
  const warnings: string[] = []
  await using member = await join(topic, { onWarning: (message) => warnings.push(message) })
  const before = await member.take(2)
  expect(before.map(place)).toEqual(['[0]@0', '[0]@1'])
  for (let round = 0; round < 3; round++) {
    await topic.add(numbers(1, 10), { partition: 1 })
    expect((await member.take(10)).map(({ partition }) => partition)).toEqual(Array(10).fill(1))
  }
  const what = 'is not read on from offset 2: the records 2 to 2 are corrupt'
  expect(warnings).toEqual([expect.stringContaining(`${topic.topic}[0] ${what}`)])
  expect(await member.source.isCaughtUp()).toBe(false)
})

test('a topic that is deleted keeps no other back, and is read on once it is there again', async () => {
  const [gone, stays] = [await freshTopic(brokers), await freshTopic(brokers)]
  await gone.add(numbers(1, 5))
  const warnings: string[] = []
  const onWarning = (message: string): unknown => warnings.push(message)
  const topics = [gone.topic, stays.topic]
  await using member = await join(gone, { topics, onWarning, refreshMs: 100 })
  await member.source.settle(await member.take(5))
  await asAdmin(brokers, (admin) => admin.deleteTopics({ topics: [gone.topic] }))
  let read = 0
  while (warnings.length === 0 || read < 30) {
    await stays.add(numbers(1, 10))
    const some = await member.take(10)
    expect(new Set(some.map(({ topic }) => topic))).toEqual(new Set([stays.topic]))
    read += some.length
  }
  expect(warnings).toEqual([
    expect.stringContaining(`${gone.topic}[0] is not read on from offset 5: the topic is not there any more`),
  ])
  await makeTopic(brokers, gone.topic, { partitions: 2 })
  await gone.add(numbers(1, 3), { partition: 1 })
  expect((await member.take(3)).map(({ topic, origin }) => [topic, place({ origin })])).toEqual(
    [0, 1, 2].map((at) => [gone.topic, `[1]@${at}`]),
  )
})

test('a broker that is killed and started again costs no record and no order', async () => {
  const topic = await freshTopic(brokers, { partitions: 3 })
  for (const partition of [0, 1, 2]) await topic.add(numbers(1, 100), { partition })
  const failures: unknown[] = []
  await using member = await join(topic)
  const { source } = member
  const taken: RecordDelivery[] = []
  const read = async (): Promise<void> => {
    const { signal } = new AbortController()
    const some = await source.read({ max: 40, waitMs: 50, signal }).catch((error: unknown) => {
      failures.push(error)
      return []
    })
    taken.push(...some)
    await source.settle(some)
  }
  while (taken.length < 120) await read()
  process.kill(server.pid, 'SIGKILL')
  const restarted = server.restart()
  while (failures.length < 2) await read()
  await restarted
  for (const partition of [0, 1, 2]) await topic.add(numbers(101, 100), { partition })
  const places = (): Set<string> => new Set(taken.map(place))
  while (places().size < 600) await read()
  expect(failures).toContainEqual(expect.objectContaining({ code: 'source-unavailable', retryable: true }))
  for (const partition of [0, 1, 2]) {
    const offsets = taken.filter((one) => one.partition === partition).map(({ offset }) => offset)
    const firsts = offsets.filter((offset, index) => offsets.indexOf(offset) === index)
    expect(firsts).toEqual(firsts.toSorted((one, other) => one - other))
  }
  // A member that was away too long is given its partitions anew and reads copies: the lag ends at 0 later.
  const isBehind = async (): Promise<boolean> =>
    (await groupOffsets(topic)).some(({ committed, end }) => committed < end)
  while (await isBehind()) await read()
  await source.close()
  for (const { committed, end } of await groupOffsets(topic)) expect([committed, end]).toEqual([200, 200])
})
