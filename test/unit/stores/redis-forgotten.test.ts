// A server that has forgotten everything while nothing arrives: a heartbeat finds it out as work would, says
// it, and lays the store out as it was (I10).
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import type { RedisCommands, RedisStoreOptions } from '../../../src/stores/redis.ts'
import { account, commit, consumer, moved } from '../../../src/testing/store-suite/samples.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

const goneBack = expect.stringContaining('the server has gone back behind what it acknowledged') as string

let server: RedisServer
let admin: TestClient
let prefix: string

beforeAll(async () => {
  // A server of its own: all of it is flushed.
  server = await startRedis(['--appendfsync', 'always'])
  admin = await connectedClient(server.url)
})

beforeEach(() => {
  prefix = ownPrefix()
})

afterAll(async () => {
  admin.destroy()
  await server.stop()
})

/** A store that keeps its warnings, and is closed with the test. */
async function opened(
  context: { onTestFinished: (end: () => Promise<void>) => void },
  options: RedisStoreOptions = {},
): Promise<{ readonly store: Store<undefined, RedisCommands>; readonly warnings: readonly string[] }> {
  const warnings: string[] = []
  const store = redisStore(server.url, { prefix, onWarning: (text) => warnings.push(text), ...options })
  await store.open()
  context.onTestFinished(() => store.close())
  return { store, warnings }
}

async function layoutShards(): Promise<unknown> {
  return admin.sendCommand(['HGET', `{${prefix}}:layout`, 'shards'])
}

test('idle workers lay the store out as it was, and every one that had worked warns', async (context) => {
  const one = await opened(context, { shards: 7 })
  const two = await opened(context)
  const reader = redisStore(server.url, { prefix })
  context.onTestFinished(() => reader.close())
  await commit(one.store, [moved(account('a'), 1)])
  await commit(two.store, [moved(account('b'), 1)])
  await one.store.heartbeat(consumer, 'one')
  await two.store.heartbeat(consumer, 'two')
  expect([...one.warnings, ...two.warnings]).toEqual([])

  await admin.sendCommand(['FLUSHALL'])
  await expect(reader.reader.consumers()).rejects.toMatchObject({ code: 'store-unavailable' })
  await one.store.heartbeat(consumer, 'one')
  await two.store.heartbeat(consumer, 'two')
  expect(one.warnings).toEqual([goneBack])
  expect(two.warnings).toEqual([goneBack])
  expect(await layoutShards()).toBe('7')
  expect(await reader.reader.consumers()).toEqual([consumer])

  // Said once, and work that follows goes on.
  await one.store.heartbeat(consumer, 'one')
  await commit(one.store, [moved(account('a'), 1)])
  await one.store.heartbeat(consumer, 'one')
  expect(one.warnings).toHaveLength(1)
})

test('a worker that has had no work yet warns too, if it is the first to notice', async (context) => {
  const { store, warnings } = await opened(context)
  await store.heartbeat(consumer, 'one')
  await admin.sendCommand(['FLUSHALL'])
  await store.heartbeat(consumer, 'one')
  await store.heartbeat(consumer, 'one')
  expect(warnings).toEqual([goneBack])
})

test('a server that lost nothing but heartbeats has not gone back', async (context) => {
  const { store, warnings } = await opened(context)
  await commit(store, [moved(account('a'), 1)])
  const begun = `{${prefix}}:consumer:${consumer}:begun`
  const [process = ''] = (await admin.sendCommand(['ZRANGE', begun, '0', '-1'])) as string[]
  const scoreOf = async (): Promise<number> => Number(await admin.sendCommand(['ZSCORE', begun, process]))
  const score = await scoreOf()
  await store.heartbeat(consumer, 'one')
  await admin.sendCommand(['ZADD', begun, String(score), process])
  await store.heartbeat(consumer, 'one')
  expect(warnings).toEqual([])
  // What work had acknowledged is missed, though, and stays missed until the worker was told.
  await admin.sendCommand(['ZADD', begun, String(score - 1), process])
  await store.heartbeat(consumer, 'one')
  expect(warnings).toEqual([goneBack])
  expect(await scoreOf()).toBe(score - 1)
})

test('a store that somebody made anew with other shards is not gone on with', async (context) => {
  const { store } = await opened(context, { shards: 7 })
  await admin.sendCommand(['FLUSHALL'])
  await opened(context, { shards: 8 })
  await expect(store.heartbeat(consumer, 'one')).rejects.toMatchObject({
    code: 'store-corrupt',
    message: expect.stringContaining('made anew with 8 shards, and had 7') as string,
  })
})
