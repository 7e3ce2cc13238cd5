// What is settled is on a replica too, where the store was told to wait for one: a unit of work does not end
// well before, whether it wrote or only read, and nothing is begun on a server that owes it (I4, I10).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCluster } from 'redis'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import type { RedisStoreOptions } from '../../../src/stores/redis.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import { Keyspace } from '../../../src/stores/redis/keyspace.ts'
import { openUnit } from '../../../src/testing/store-suite/open-unit.ts'
import {
  account,
  commit,
  consumer,
  entry,
  handed,
  moved,
  work,
} from '../../../src/testing/store-suite/samples.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import { startRedisCluster } from '../../services/redis-cluster.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import type { TcpProxy } from '../../services/tcp-proxy.ts'
import { startProxy } from '../../services/tcp-proxy.ts'

const a = account('a')
const waitReplicas = { replicas: 1, timeoutMs: 1000 }
const folders: string[] = []
let primary: RedisServer
let replica: RedisServer
let store: Store
let prefix: string

beforeAll(async () => {
  primary = await startIn()
  replica = await startIn('--replicaof', '127.0.0.1', String(primary.port))
})

beforeEach(async (context) => {
  prefix = ownPrefix()
  store = await opened(primary.url)
  context.onTestFinished(() => store.close())
})

afterAll(async () => {
  for (const server of [primary, replica]) await server.stop()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A server of its own, in a folder of its own. */
async function startIn(...settings: readonly string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-replicas-'))
  folders.push(folder)
  return startRedis(['--dir', folder, ...settings])
}

async function opened(url: string, options: RedisStoreOptions = {}): Promise<Store> {
  const made = redisStore(url, { prefix, waitReplicas, onWarning: () => undefined, ...options })
  await made.open()
  return made
}

function standStill({ pid = 0 }: RedisServer): void {
  process.kill(pid, 'SIGSTOP')
}

function goOn({ pid = 0 }: RedisServer): void {
  process.kill(pid, 'SIGCONT')
}

/** Does something again until the replicas are there, as a worker does. */
async function eventually<Result>(act: () => Promise<Result>): Promise<Result> {
  for (;;) {
    const done = await act().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    if ('value' in done) return done.value
    if (!String(done.error).includes('replicas have confirmed')) throw done.error
  }
}

function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(
    () => 'no failure',
    (error: unknown) => error,
  )
}

const toldMissing: unknown = expect.stringContaining('0 of 1 replicas have confirmed within 1000 ms')
const owes = { code: 'store-unavailable', retryable: true, message: toldMissing }
const unsafe = { ...owes, code: 'commit-unknown' }
const toldReplaced: unknown = expect.stringContaining('the server was restarted or replaced meanwhile')

test('a commit that no replica has ends as unknown, and nothing is begun until one has it', async () => {
  await eventually(() => commit(store, [moved(a, 1)]))
  standStill(replica)
  try {
    expect(await failureOf(() => commit(store, [moved(a, 2)]))).toMatchObject(unsafe)
    let calls = 0
    const begin = (): Promise<unknown> => work(store, { streams: [a] }, async () => calls++)
    expect(await failureOf(begin)).toMatchObject(owes)
    expect(calls).toBe(0)
  } finally {
    goOn(replica)
  }
  const { value } = await eventually(() =>
    work(store, { streams: [a] }, async ({ streams }) => streams.get(a)),
  )
  expect(value?.state.position).toBe(2)
})

test('what is handed over or recorded is on a replica before it counts as kept', async () => {
  await eventually(() => commit(store, [moved(a, 1)]))
  await eventually(() => store.record(consumer, { ledger: [entry('x')] }))
  standStill(replica)
  try {
    expect(await failureOf(() => store.handOver(consumer, [handed(a, 2)]))).toMatchObject(unsafe)
    const other = await opened(primary.url, { replyMs: 60_000 })
    expect(await failureOf(() => other.handOver(consumer, [handed(a, 3)]))).toMatchObject(owes)
    expect(await failureOf(() => other.record(consumer, { ledger: [entry('x')] }))).toMatchObject(owes)
    await other.close()
  } finally {
    goOn(replica)
  }
  expect(await store.reader.inbox(consumer, { limit: 9 })).toHaveLength(1)
})

test('who only reads what another has committed does not end well before a replica has it', async () => {
  await eventually(() => commit(store, [moved(a, 1)]))
  const unit = await eventually(() => openUnit(store, { streams: [account('b')] }))
  standStill(replica)
  try {
    expect(await failureOf(() => unit.end())).toMatchObject(unsafe)
  } finally {
    goOn(replica)
  }
})

test('a commit on a server that was replaced is unknown, also if the new one has replicas', async () => {
  const first = await startIn()
  const second = await startIn('--replicaof', '127.0.0.1', String(first.port))
  const third = await startIn('--replicaof', '127.0.0.1', String(second.port))
  const proxy: TcpProxy = await startProxy(first.port)
  const moving = await opened(`redis://127.0.0.1:${proxy.port}`)
  const client = await connectedClient(second.url)
  try {
    await eventually(() => commit(moving, [moved(a, 1)]))
    const unit = await openUnit(moving, { streams: [a] })
    // What the first server acknowledges from now on never reaches the second.
    await client.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    await unit.unit.commit({ streams: [moved(a, 2)] })
    await first.stop()
    while (!String(await client.sendCommand(['INFO', 'replication'])).includes('state=online'))
      await sleep(10)
    proxy.lead(second.port)
    while (!(await moving.now().then(Boolean, () => false))) await sleep(10)
    expect(await failureOf(() => unit.end())).toMatchObject({
      code: 'commit-unknown',
      message: toldReplaced,
    })
    const { value } = await eventually(() =>
      work(moving, { streams: [a] }, async ({ streams }) => streams.get(a)),
    )
    expect(value?.state.position).toBe(1)
    await eventually(() => commit(moving, [moved(a, 2), moved(account('b'), 1)]))
  } finally {
    client.destroy()
    await moving.close()
    await proxy.stop()
    for (const server of [third, second]) await server.stop()
  }
})

test('in a cluster only the streams of a primary without its replica wait', async () => {
  const servers = await startRedisCluster({ primaries: 2, replicas: 1 })
  const [left, right, , rightReplica] = servers.nodes
  if (left === undefined || right === undefined || rightReplica === undefined) throw new Error('four nodes')
  const cluster = createCluster({ rootNodes: servers.urls.map((url) => ({ url })) })
  await cluster.connect()
  const clustered = redisStore({ client: cluster }, { prefix, waitReplicas, onWarning: () => undefined })
  await clustered.open()
  // Of a consumer whose own keys lie on the left, a stream on each side.
  const keyspace = new Keyspace(prefix, 64)
  const slotOf = async (key: string): Promise<number> => Number(await left.send('CLUSTER', 'KEYSLOT', key))
  const isLeft = async (key: string): Promise<boolean> => (await slotOf(key)) < 8192
  const sides = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const path = account(`s${index}`)
      return { path, isLeft: await isLeft(keyspace.base(consumer, keyspace.shardOf(path))) }
    }),
  )
  const isHomeLeft = await isLeft(keyspace.home(consumer))
  const near = sides.find((side) => side.isLeft === isHomeLeft)?.path ?? a
  const far = sides.find((side) => side.isLeft !== isHomeLeft)?.path ?? a
  const still = (isHomeLeft ? rightReplica : servers.nodes[2])?.server
  if (still === undefined) throw new Error('four nodes')
  try {
    await eventually(() => commit(clustered, [moved(near, 1), moved(far, 1)]))
    standStill(still)
    await eventually(() => commit(clustered, [moved(near, 2)]))
    expect(await failureOf(() => commit(clustered, [moved(near, 3), moved(far, 2)]))).toMatchObject(unsafe)
    await eventually(() => commit(clustered, [moved(near, 4)]))
    goOn(still)
    await eventually(() => commit(clustered, [moved(near, 5), moved(far, 3)]))
  } finally {
    goOn(still)
    cluster.destroy()
    await servers.stop()
  }
})

test('the numbers of the option are looked at', () => {
  const make = (replicas: number, timeoutMs: number) => () =>
    redisStore('redis://localhost', { waitReplicas: { replicas, timeoutMs }, replyMs: 500 })
  expect(make(0, 100)).toThrow('redisStore: waitReplicas.replicas takes a whole number from 1 to 1000, not 0')
  expect(make(1, 500)).toThrow(
    'redisStore: waitReplicas.timeoutMs takes a whole number from 1 to 499, not 500',
  )
  expect(make(1, 499)).not.toThrow()
})
