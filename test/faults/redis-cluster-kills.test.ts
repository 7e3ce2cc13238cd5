// Two workers on a cluster of three primaries and three replicas while slots are moved between primaries,
// and while one primary is killed and its replica takes over: the workers find the streams again where they
// are by then, and in the end every event had its effect, in order and once per idempotency key (I1, I3, I5,
// I10).
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Keyspace } from '../../src/stores/redis/keyspace.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisClusterNode, RedisClusterServers } from '../services/redis-cluster.ts'
import { moveSlot, ownerIn, startRedisCluster } from '../services/redis-cluster.ts'
import { RedisWorld } from './redis-world.ts'

const balanced = '0: billing: everything adds up'
const rounds = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 2)
const soakMs = 600_000 + rounds * 30_000
const workers = ['one', 'two']
const streams = 12
let servers: RedisClusterServers
let world: RedisWorld
let random: SeededRandom
let prefix: string

beforeEach(async () => {
  random = new SeededRandom(rounds)
  prefix = ownPrefix()
  servers = await startRedisCluster({ primaries: 3, replicas: 1 })
  world = new RedisWorld({ url: '', cluster: servers.urls, prefix, random, streams })
  await world.open()
  for (const worker of workers) world.start(worker)
})

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(world.report())
  await world.end()
  await servers.stop()
})

/** The slots of the streams and of the consumer itself. */
async function slotsInUse(): Promise<readonly number[]> {
  const keyspace = new Keyspace(prefix, 64)
  const bases = [...Array(65).keys()].map((shard) => keyspace.base('billing', shard))
  const [node] = servers.nodes
  const slots = await Promise.all(bases.map(async (base) => node?.send('CLUSTER', 'KEYSLOT', base)))
  return slots.map(Number)
}

async function ownerOf(slot: number): Promise<RedisClusterNode> {
  const [first] = servers.nodes
  const id = first && (await ownerIn(first, slot))
  const owner = servers.nodes.find((node) => node.id === id)
  if (owner === undefined) throw new Error(`nobody has slot ${slot}`)
  return owner
}

async function finish(): Promise<string> {
  await world.untilDone()
  const told = await world.stopAll()
  expect(world.disorder()).toEqual([])
  expect(await world.verify()).toContain(balanced)
  return told
}

test(
  `${rounds * 10} slots are moved while workers run, and nothing is lost or done twice`,
  async () => {
    const primaries = servers.nodes.slice(0, 3)
    const slots = await slotsInUse()
    for (let round = 0; round < rounds; round++) {
      world.arrive(workers, 20)
      const goal = Math.ceil(world.total - random.next() * streams * 20)
      await world.until(() => world.applied().length >= goal)
      await world.untilKnown('s0')
      for (let move = 0; move < 10; move++) {
        const slot = slots[random.whole(0, slots.length - 1)] ?? 0
        const from = await ownerOf(slot)
        const others = primaries.filter((node) => node !== from)
        const to = others[random.whole(0, others.length - 1)] ?? from
        await moveSlot(slot, { from, to, all: servers.nodes })
      }
      const { code, stdout, stderr } = await world.command('explain', 'account/s0')
      expect(code, stderr).toBe(0)
      expect(stdout).toMatch(/it stands at \d+/)
      expect(await world.verify()).toContain(balanced)
    }
    expect(await finish()).not.toContain('gone back')
  },
  soakMs,
)

test(
  'a primary is killed while workers run, and its replica takes over',
  async () => {
    world.arrive(workers, 20)
    // A client of a cluster that is only connecting may wait for the dead node for ever.
    await world.untilSettling()
    const goal = Math.floor(world.total / 2)
    await world.until(() => world.applied().length >= goal)
    await world.untilKnown('s0')
    const [killed] = servers.nodes
    process.kill(killed?.server.pid ?? 0, 'SIGKILL')
    world.arrive(workers, 20)
    const successor = servers.nodes[3]
    await world.until(async () => String(await successor?.send('ROLE')).startsWith('master'))
    world.arrive(workers, 5)
    expect(await finish()).toContain('the store failed')
    const { code, stdout, stderr } = await world.command('status')
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/streams +12\b/)
  },
  soakMs,
)
