// `context.redis` under workers that are killed and commits that are cut: every command had its effect
// exactly once, in order, as the balances and journals in the server tell; and what failed in part is done by
// nobody twice (I1, I2, I5). `npm run soak` runs hundreds of rounds.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { skip } from '../../src/operate/operate-stream.ts'
import { effectKey } from '../../src/stores/redis.ts'
import { commitScript } from '../../src/stores/redis/commit-parts.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { TestClient } from '../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import type { TcpProxy } from '../services/tcp-proxy.ts'
import { startProxy } from '../services/tcp-proxy.ts'
import { RedisWorld } from './redis-world.ts'

const balanced = '0: billing: everything adds up'
const rounds = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 3)
const commitSha = commitScript.sha
const soakMs = 3_600_000
const workers = ['one', 'two', 'three']
const streams = 12
const give = `
  const { redis } = context
  redis.call('HINCRBY', redis.key('balance'), 'sum', sequence)
  if (sequence % 10 === 4) redis.call('INCR', redis.key('count'))
  redis.call('RPUSH', redis.key('journal'), sequence)`
let server: RedisServer
let client: TestClient
let proxy: TcpProxy
let world: RedisWorld
let prefix: string
let random: SeededRandom

beforeAll(async () => {
  server = await startRedis()
  client = await connectedClient(server.url)
  proxy = await startProxy(server.port)
})
beforeEach(() => {
  prefix = ownPrefix()
  random = new SeededRandom(rounds)
  proxy.decide(() => 'pass')
  const url = `redis://127.0.0.1:${proxy.port}`
  world = new RedisWorld({ url, prefix, random, streams, handler: give })
})
afterEach(() => world.end())
afterAll(async () => {
  client.destroy()
  await proxy.stop()
  await server.stop()
})

function keyOf(stream: string, name: string): string {
  return effectKey({ prefix, consumer: 'billing', domain: 'account', stream, name })
}

/** What the commands of a stream came to. */
async function written(stream: string): Promise<{ journal: readonly number[]; sum: number; count: string }> {
  const journal = await client.sendCommand(['LRANGE', keyOf(stream, 'journal'), '0', '-1'])
  const sum = await client.sendCommand(['HGET', keyOf(stream, 'balance'), 'sum'])
  const count = await client.sendCommand(['GET', keyOf(stream, 'count')])
  return {
    journal: Array.isArray(journal) ? journal.map(Number) : [],
    sum: Number(sum),
    count: String(count),
  }
}

function upTo(last: number): readonly number[] {
  return Array.from({ length: last }, (_, index) => index + 1)
}

/** A worker that has just been started cannot be stopped kindly yet. */
async function killAll(): Promise<void> {
  await Promise.all([...workers, 'four'].map((worker) => world.kill(worker)))
}

async function expectEachOnce(): Promise<void> {
  for (let index = 0; index < streams; index++) {
    const { journal, sum, count } = await written(`s${index}`)
    expect(journal, `s${index}`).toEqual(upTo(world.each))
    expect(sum, `s${index}`).toBe((world.each * (world.each + 1)) / 2)
    expect(count, `s${index}`).toBe(String(upTo(world.each).filter((number) => number % 10 === 4).length))
  }
}

test(
  `${rounds} rounds: workers are killed at random, and each command has its effect once, in order`,
  async () => {
    for (const worker of workers) world.start(worker)
    for (let round = 0; round < rounds; round++) {
      world.arrive(workers, 20)
      const goal = Math.floor(world.total - random.next() * streams * 20)
      await world.until(() => world.applied().length >= goal)
      const killed = workers.filter(() => random.chance(0.6))
      await Promise.all(killed.map((worker) => world.kill(worker)))
      for (const worker of killed) world.start(worker)
    }
    await world.untilDone()
    await killAll()
    await expectEachOnce()
    expect(await world.verify()).toContain(balanced)
  },
  soakMs,
)

test(
  `${rounds} rounds: connections are cut in the middle of commits, before and after they happened`,
  async () => {
    let [commits, cuts] = [0, 0]
    for (const worker of workers.slice(0, 2)) world.start(worker)
    proxy.decide((sent) => {
      if (!sent.includes(commitSha) || cuts >= 2 * rounds || ++commits % 4 !== 0) return 'pass'
      return ++cuts % 2 === 0 ? 'cut-before' : 'cut-after'
    })
    for (let round = 0; round < rounds; round++) {
      world.arrive(workers.slice(0, 2), 20)
      const goal = Math.floor(world.total - random.next() * streams * 10)
      await world.until(() => world.applied().length >= goal)
    }
    await world.untilDone()
    expect(cuts).toBeGreaterThan(0)
    await killAll()
    await expectEachOnce()
    expect(await world.verify()).toContain(balanced)
  },
  soakMs,
)

test('a worker that is killed when a command has failed leaves the others to stop there (I2)', async () => {
  const spoilt = upTo(streams).map((number) => `s${number - 1}`)
  for (const stream of spoilt) await client.sendCommand(['SET', keyOf(stream, 'count'), 'no number'])
  const killing: Promise<void>[] = []
  // What fails in part: the worker is killed, or only its connection, before it can say so.
  proxy.decide((sent) => {
    if (!sent.includes(commitSha) || !sent.includes(':count')) return 'pass'
    const worker = workers[killing.length]
    if (worker !== undefined) killing.push(world.kill(worker))
    return 'cut-after'
  })
  world.arrive([...workers, 'four'], 12)
  for (const worker of workers) {
    world.start(worker)
    const killed = killing.length
    await world.until(() => killing.length > killed)
    await killing[killed]
  }
  world.start('four')
  await world.store.open()
  const standing = async (): Promise<number> => {
    const stored = await world.store.reader.streams('billing', { limit: 99 })
    return stored.filter(({ state }) => state.halt?.cause === 'effect-partial').length
  }
  await world.until(async () => (await standing()) === streams)
  for (const stream of spoilt) expect(await written(stream)).toMatchObject({ journal: [1, 2, 3], sum: 10 })
  expect(
    world.effects().filter(({ sequence, worker }) => sequence <= 4 && worker === 'four').length,
  ).toBeLessThan(4 * streams)
  for (const stream of spoilt) {
    const target = { store: world.store, consumer: 'billing', domains: new Map() }
    await skip(target, { stream: `account/${stream}`, by: 'ann', reason: 'done by hand' })
  }
  await world.until(async () => {
    const stored = await world.store.reader.streams('billing', { limit: 99 })
    return stored.filter(({ state }) => state.position === 12).length === streams
  })
  await killAll()
  for (const stream of spoilt) {
    expect(await written(stream)).toMatchObject({ journal: [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12], sum: 78 })
  }
  expect(await world.verify()).toContain(balanced)
})
