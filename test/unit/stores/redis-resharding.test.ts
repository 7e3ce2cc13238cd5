// A slot of a cluster is moved while workers run: as long as its keys lie on two nodes, nothing is read or
// written there, and no stream is taken for unknown; then all goes on where it stood (I3, I5, I10).
import { createClient, createCluster } from 'redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import type { RedisCluster } from '../../../src/stores/redis.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import { Keyspace } from '../../../src/stores/redis/keyspace.ts'
import { account, commit, consumer, handed, holding, work } from '../../../src/testing/store-suite/samples.ts'
import { ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisClusterServers } from '../../services/redis-cluster.ts'
import { startRedisCluster } from '../../services/redis-cluster.ts'

const a = account('a')
const prefix = ownPrefix()
const base = new Keyspace(prefix, 64).base(consumer, new Keyspace(prefix, 64).shardOf(a))
let servers: RedisClusterServers
let cluster: RedisCluster & { destroy(): void }
let nodes: readonly Node[]
let store: Store

type Node = Awaited<ReturnType<typeof connectNode>>

async function connectNode(url: string) {
  const client = createClient({ url })
  await client.connect()
  const send = (...args: readonly string[]): Promise<unknown> => client.sendCommand([...args])
  return {
    send,
    port: new URL(url).port,
    id: String(await send('CLUSTER', 'MYID')),
    end: () => client.destroy(),
  }
}

beforeAll(async () => {
  servers = await startRedisCluster()
  nodes = await Promise.all(servers.urls.map(connectNode))
  const made = createCluster({ rootNodes: servers.urls.map((url) => ({ url })) })
  await made.connect()
  cluster = made
  store = redisStore({ client: cluster }, { prefix, onWarning: () => undefined })
  await store.open()
})

afterAll(async () => {
  cluster.destroy()
  for (const node of nodes) node.end()
  await servers.stop()
})

/** The slot of the stream's shard, the node that has it, and the other one. */
async function slotToMove(): Promise<{ readonly slot: string; readonly from: Node; readonly to: Node }> {
  const [first, second] = nodes
  if (first === undefined || second === undefined) throw new Error('there are two nodes')
  const slot = Number(await first.send('CLUSTER', 'KEYSLOT', base))
  return slot < 8192
    ? { slot: `${slot}`, from: first, to: second }
    : { slot: `${slot}`, from: second, to: first }
}

async function keysIn(node: Node, slot: string): Promise<readonly string[]> {
  const keys = await node.send('CLUSTER', 'GETKEYSINSLOT', slot, '1000')
  return Array.isArray(keys) ? keys.map(String) : []
}

test('while a slot is moved its streams are out of reach, and then as they were', async () => {
  await commit(store, [holding(a, 5, 6)])
  await store.handOver(consumer, [handed(a, 7)])
  const before = await store.reader.stream(consumer, a)
  const { slot, from, to } = await slotToMove()
  await to.send('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
  await from.send('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
  const keys = await keysIn(from, slot)
  expect(keys.length).toBeGreaterThan(3)
  for (const key of [undefined, ...keys]) {
    if (key !== undefined) await from.send('MIGRATE', '127.0.0.1', to.port, key, '0', '5000')
    const failures = await Promise.all(
      [
        work(store, { streams: [a] }, async (unit) => unit.streams.get(a)),
        store.handOver(consumer, [handed(a, 8)]),
        store.reader.stream(consumer, a),
      ].map((call) =>
        call.then(
          (value) => ({ value }),
          (error: unknown) => error,
        ),
      ),
    )
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'store-unavailable', retryable: true })
    }
  }
  expect(await keysIn(to, slot)).toHaveLength(keys.length)
  for (const node of [to, from]) await node.send('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
  expect(await store.reader.stream(consumer, a)).toEqual(before)
  expect((await store.reader.inbox(consumer, { limit: 9 })).length).toBe(1)
  const { value } = await work(store, { streams: [a] }, async (unit) => unit.streams.get(a)?.state.position)
  expect(value).toBe(before?.state.position)
})

test('settings under which nodes forget are named with the node', async () => {
  const told: string[] = []
  const [, second] = nodes
  await second?.send('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  const opened = redisStore({ client: cluster }, { prefix, onWarning: (message) => told.push(message) })
  await opened.open()
  await second?.send('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  expect(told).toEqual([
    `redis, node 127.0.0.1:${second?.port}: maxmemory-policy is allkeys-lru, so positions may be evicted; ` +
      'set it to noeviction',
  ])
})
