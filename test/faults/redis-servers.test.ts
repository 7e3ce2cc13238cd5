// What servers do under running workers: they are killed and come back with everything, or with less than
// they had acknowledged; run out of memory; hand over to a replica; lose connections in the middle of a
// commit. The workers say so and go on by themselves, and in the end every event had its effect, in order
// and once per idempotency key, and the books balance (I1, I2, I3, I10). `npm run soak` runs hundreds of
// rounds.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commitScript } from '../../src/stores/redis/commit-parts.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { TestClient } from '../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import type { TcpProxy } from '../services/tcp-proxy.ts'
import { startProxy } from '../services/tcp-proxy.ts'
import type { RedisWorldOptions } from './redis-world.ts'
import { RedisWorld } from './redis-world.ts'

const balanced = '0: billing: everything adds up'
const rounds = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 2)
const commitSha = commitScript.sha
const workers = ['one', 'two']
const soakMs = 600_000 + rounds * 30_000
const streams = 12
let folder: string
let servers: RedisServer[]
let proxy: TcpProxy
let world: RedisWorld
let random: SeededRandom

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inturn-servers-'))
  random = new SeededRandom(rounds)
  servers = []
})

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(world.report())
  await world.end()
  await proxy.stop()
  for (const server of servers) await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Starts a server, to which all connections lead from now on. */
async function startServer(...settings: readonly string[]): Promise<RedisServer> {
  const server = await startRedis(['--dir', folder, ...settings])
  servers.push(server)
  return server
}

/** Starts a server in a folder of its own that copies another one. */
async function startReplica(port: number): Promise<RedisServer> {
  const other = mkdtempSync(join(folder, 'replica-'))
  const replica = await startRedis(['--dir', other, '--replicaof', '127.0.0.1', String(port)])
  servers.push(replica)
  return replica
}

async function begin(server: RedisServer, options: Partial<RedisWorldOptions> = {}): Promise<void> {
  proxy = await startProxy(server.port)
  const url = `redis://127.0.0.1:${proxy.port}`
  world = new RedisWorld({ url, prefix: ownPrefix(), random, streams, ...options })
  for (const worker of workers) world.start(worker)
}

async function killServer(server: RedisServer): Promise<void> {
  process.kill(server.pid ?? 0, 'SIGKILL')
  await server.stop()
}

/** Waits for some of what has arrived. */
async function untilAmid(): Promise<void> {
  const goal = Math.floor(world.total - random.next() * streams * 15)
  await world.until(() => world.applied().length >= goal)
  await world.untilKnown('s0')
  await world.untilReading()
}

async function untilSaid(words: string): Promise<void> {
  await world.until(() => workers.every((worker) => world.told(worker).includes(words)))
}

async function asAdmin<Result>(
  server: RedisServer,
  act: (client: TestClient) => Promise<Result>,
): Promise<Result> {
  const client = await connectedClient(server.url)
  try {
    return await act(client)
  } finally {
    client.destroy()
  }
}

/** Waits for everything, and checks it; says what the workers told. */
async function finish(): Promise<string> {
  await world.untilDone()
  const told = await world.stopAll()
  expect(world.disorder()).toEqual([])
  expect(await world.verify()).toContain(balanced)
  return told
}

/** What `explain` says of the first stream. */
async function explained(code = 0): Promise<string> {
  const ran = await world.command('explain', 'account/s0')
  expect(ran.code, ran.stderr).toBe(code)
  return ran.stdout + ran.stderr
}

test(
  `${rounds} rounds: a server with AOF is killed, and nothing that it acknowledged is lost`,
  async () => {
    let server = await startServer('--appendfsync', 'always')
    await begin(server)
    for (let round = 0; round < rounds; round++) {
      world.arrive(workers, 20)
      await untilAmid()
      await killServer(server)
      await untilSaid('the store failed, next try in')
      expect(await explained(1)).toContain('cannot be reached')
      server = await startServer('--appendfsync', 'always')
      proxy.lead(server.port)
      await untilSaid('store and source work again')
    }
    world.arrive(workers, 3)
    expect(await finish()).not.toContain('gone back')
  },
  soakMs,
)

test('a server without AOF comes back with its snapshot, and what is missing since is a gap', async () => {
  const first = await startServer('--appendonly', 'no')
  await begin(first)
  world.arrive(workers, 20)
  await world.untilDone()
  await asAdmin(first, (client) => client.sendCommand(['SAVE']))
  world.arrive(workers, 20)
  await world.untilDone()
  await killServer(first)
  proxy.lead((await startServer('--appendonly', 'no')).port)
  // Idle workers may meet nothing but the new server.
  await untilSaid('the server has gone back behind what it acknowledged')
  // Either nothing came since, or a worker that was behind has shown the gap, and it was healed.
  expect(await explained()).toMatch(/it stands at (?:20|40)\b/)
  expect(await world.verify()).toContain(balanced)
  world.arrive(workers, 5)
  const told = await finish()
  expect(told).toContain('appendonly is no')
  expect(told).toContain('the server has gone back behind what it acknowledged')
})

test('a server that comes back with nothing is filled anew, as the rules have it', async () => {
  const first = await startServer('--appendonly', 'no')
  await begin(first)
  world.arrive(workers, 20)
  await world.untilDone()
  await killServer(first)
  proxy.lead((await startServer('--appendonly', 'no')).port)
  world.arrive(workers, 5)
  expect(await finish()).toContain('the server has gone back behind what it acknowledged')
})

test('a server out of memory refuses everything whole, and all goes on once there is room', async () => {
  const server = await startServer()
  await begin(server)
  world.arrive(workers, 20)
  await untilAmid()
  await asAdmin(server, (client) => client.sendCommand(['CONFIG', 'SET', 'maxmemory', '1']))
  world.arrive(workers, 20)
  await untilSaid('its memory is full; make room or raise maxmemory')
  const before = world.effects().length
  expect(await explained()).toMatch(/it stands at \d+/)
  expect(world.effects()).toHaveLength(before)
  expect(await world.verify()).toContain(balanced)
  await asAdmin(server, (client) => client.sendCommand(['CONFIG', 'SET', 'maxmemory', '0']))
  await untilSaid('store and source work again')
  await finish()
})

test('a replica that takes over without the last writes is gone on from, and the gaps close', async () => {
  const primary = await startServer()
  await begin(primary)
  const replica = await startReplica(primary.port)
  world.arrive(workers, 20)
  await world.untilDone()
  await asAdmin(replica, async (client) => {
    while (!String(await client.sendCommand(['ROLE'])).includes('connected')) await sleep(20)
    await asAdmin(primary, (writing) => writing.sendCommand(['WAIT', '1', '0']))
    // What the primary acknowledges from now on never reaches the replica.
    await client.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  })
  world.arrive(workers, 20)
  await world.untilDone()
  await killServer(primary)
  expect(await explained(1)).toContain('cannot be reached')
  proxy.lead(replica.port)
  world.arrive(workers, 5)
  expect(await finish()).toContain('the server has gone back behind what it acknowledged')
})

test('a primary that became a replica is left for the new one, though connections live on', async () => {
  const primary = await startServer()
  await begin(primary)
  const replica = await startReplica(primary.port)
  world.arrive(workers, 20)
  await world.untilDone()
  await world.untilSettling()
  await asAdmin(primary, async (client) => {
    const failover = ['FAILOVER', 'TO', '127.0.0.1', String(replica.port)]
    const isBegun = (): Promise<boolean> =>
      client.sendCommand(failover).then(
        () => true,
        () => false,
      )
    while (!(await isBegun())) await sleep(20)
  })
  proxy.lead(replica.port)
  world.arrive(workers, 20)
  expect(await finish()).not.toContain('gone back')
})

test('connections that fall silent, or a server that stands still, hold nobody up for good', async () => {
  const server = await startServer()
  await begin(server, { storeOptions: 'replyMs: 4000' })
  world.arrive(workers, 20)
  await untilAmid()
  proxy.silence()
  world.arrive(workers, 20)
  // Whoever looks has a connection that fell silent, too.
  await world.untilDone().catch(() => world.untilDone())
  process.kill(server.pid ?? 0, 'SIGSTOP')
  try {
    world.arrive(workers, 5)
    expect(await explained(1)).toContain('cannot be reached (no reply within')
  } finally {
    process.kill(server.pid ?? 0, 'SIGCONT')
  }
  await finish()
})

test('what was settled is on a replica that takes over, where replicas are waited for', async () => {
  const primary = await startServer()
  const link = await startProxy(primary.port)
  const replica = await startReplica(link.port)
  await begin(primary, {
    isWhole: true,
    storeOptions: 'waitReplicas: { replicas: 1, timeoutMs: 1000 }',
  })
  world.arrive(workers, 20)
  await world.untilDone()
  await link.stop()
  world.arrive(workers, 20)
  await untilSaid('0 of 1 replicas have confirmed within 1000 ms')
  expect(await explained()).toMatch(/it stands at \d+/)
  await world.kill('one')
  await killServer(primary)
  await asAdmin(replica, (client) => client.sendCommand(['REPLICAOF', 'NO', 'ONE']))
  proxy.lead(replica.port)
  await startReplica(replica.port)
  world.start('one')
  world.arrive(workers, 5)
  await finish()
})

test(
  `${rounds * 3} commits lose their connection, before or after, and have one effect`,
  async () => {
    const server = await startServer()
    await begin(server, { claim: '500ms' })
    const left = { cuts: rounds * 3 }
    proxy.decide((sent) => {
      if (left.cuts === 0 || !sent.includes(commitSha) || random.chance(0.5)) return 'pass'
      left.cuts--
      return random.chance(0.5) ? 'cut-before' : 'cut-after'
    })
    while (left.cuts > 0) {
      world.arrive(workers, 5)
      const before = left.cuts
      await world.until(() => left.cuts < before || world.applied().length === world.total)
    }
    // Of what a lost connection fails at a time, a worker tells the first.
    expect(await finish()).toMatch(/what was to be written may be there or not|cannot be reached/)
  },
  soakMs,
)
