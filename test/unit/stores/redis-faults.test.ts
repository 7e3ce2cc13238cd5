// The Redis store when the server or the way to it fails: nothing is guessed, and it finds back (I2, I10).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import { commitScript } from '../../../src/stores/redis/commit-parts.ts'
import { handOverScript } from '../../../src/stores/redis/inbox.ts'
import { layoutVersion } from '../../../src/stores/redis/layout.ts'
import { openUnit } from '../../../src/testing/store-suite/open-unit.ts'
import {
  account,
  commit,
  consumer,
  entry,
  handed,
  holding,
  moved,
  positionOf,
  work,
} from '../../../src/testing/store-suite/samples.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import type { TcpProxy } from '../../services/tcp-proxy.ts'
import { startProxy } from '../../services/tcp-proxy.ts'

const a = account('a')
const commitSha = commitScript.sha
let server: RedisServer
let admin: TestClient
let proxy: TcpProxy
let store: Store
let prefix: string

beforeAll(async () => {
  // A server of its own, also where another one is there for everybody: its settings are changed.
  server = await startRedis(['--appendfsync', 'no'])
  admin = await connectedClient(server.url)
  proxy = await startProxy(server.port)
})

beforeEach(async (context) => {
  prefix = ownPrefix()
  proxy.decide(() => 'pass')
  store = redisStore(`redis://127.0.0.1:${proxy.port}`, {
    prefix,
    onWarning: () => undefined,
    replyMs: 60_000,
  })
  await store.open()
  context.onTestFinished(() => store.close())
})

afterAll(async () => {
  admin.destroy()
  await proxy.stop()
  await server.stop()
})

const unreachable: unknown = expect.stringMatching('store-unavailable|commit-unknown')

function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(
    () => 'no failure',
    (error: unknown) => error,
  )
}

/** Waits until the store's connection is back. */
async function reconnected(): Promise<void> {
  while (!(await store.now().then(Boolean, () => false)))
    await new Promise((resolve) => setTimeout(resolve, 10))
}

test('a server that has forgotten the scripts is sent them again', async () => {
  await commit(store, [moved(a, 1)])
  await work(store, { streams: [a] }, async (unit) => {
    await admin.sendCommand(['SCRIPT', 'FLUSH'])
    expect(await unit.commit({ streams: [moved(a, 2)] })).toEqual(['committed'])
    await admin.sendCommand(['SCRIPT', 'FLUSH'])
  })
  expect(await positionOf(store, a)).toBe(2)
})

for (const [fate, position] of [
  ['cut-before', 1],
  ['cut-after', 2],
] as const) {
  test(`a connection cut during a commit (${fate}) leaves its outcome open (I2)`, async () => {
    await commit(store, [moved(a, 1)])
    const unit = await openUnit(store, { streams: [a], claimMs: 100 })
    proxy.decide((sent) => (sent.includes(commitSha) ? fate : 'pass'))
    const failure = await unit.unit.commit({ streams: [moved(a, 2)] }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'commit-unknown', retryable: true })
    proxy.decide(() => 'pass')
    await unit.end()
    await reconnected()
    expect((await store.reader.stream(consumer, a))?.state.position).toBe(position)
  })
}

test('events that may have been kept when the connection was cut are not called refused (I3)', async () => {
  const sha = handOverScript.sha
  await commit(store, [moved(a, 1)])
  await store.handOver(consumer, [handed(a, 2)])
  proxy.decide((sent) => (sent.includes(sha) ? 'cut-after' : 'pass'))
  expect(await failureOf(() => store.handOver(consumer, [handed(a, 3)]))).toMatchObject({
    code: 'commit-unknown',
  })
  proxy.decide(() => 'pass')
  await reconnected()
  expect((await store.reader.inbox(consumer, { limit: 9 })).length).toBe(2)
})

test('a read that was cut is only unavailable', async () => {
  proxy.decide(() => 'cut-after')
  const failure = await store.reader.consumers().catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'store-unavailable', retryable: true })
})

test('without a server every call fails at once, and a store does not open (I10)', async () => {
  const mortal = await startRedis(['--appendfsync', 'no'])
  const late = redisStore(mortal.url, { onWarning: () => undefined })
  await late.open()
  await mortal.stop()
  expect(await failureOf(() => positionOf(late, a))).toMatchObject({ code: unreachable, retryable: true })
  expect(await failureOf(() => late.record(consumer, { ledger: [entry('x')] }))).toMatchObject({
    code: unreachable,
    retryable: true,
  })
  await late.close()
  const never = redisStore(mortal.url)
  expect(await failureOf(() => never.open())).toMatchObject({ code: unreachable, retryable: true })
  expect(await failureOf(() => never.now())).toMatchObject({ code: 'store-closed' })
  await never.close()
})

test('what was acknowledged is there after the server was killed and started again (I3)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-killed-'))
  // A server that flushes every second may write later than it answers while its disk is busy.
  const settings = ['--dir', folder, '--appendfsync', 'always']
  const first = await startRedis(settings)
  const before = redisStore(first.url, { prefix, onWarning: () => undefined })
  await before.open()
  await commit(before, [holding(a, 5, 6)])
  await before.handOver(consumer, [handed(a, 7)])
  const held = await openUnit(before, { streams: [account('b')] })
  process.kill(first.pid ?? 0, 'SIGKILL')
  await first.stop()
  const second = await startRedis(settings)
  const after = redisStore(second.url, { prefix, onWarning: () => undefined })
  await after.open()
  expect(await positionOf(after, a)).toBe(1)
  const { held: heldCount, handedOver } = await after.reader.summary(consumer)
  expect([heldCount, handedOver]).toEqual([2, 1])
  const { value: busy } = await work(after, { streams: [account('b')] }, async (unit) => unit.busy)
  expect(busy).toEqual([account('b')])
  await held.end()
  for (const store of [before, after]) await store.close()
  await second.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('a server whose memory is full refuses a commit whole, until there is room (I2)', async () => {
  await commit(store, [moved(a, 1)])
  const unit = await openUnit(store, { streams: [a] })
  const change = moved(a, 2, { ledger: [entry('x', { stream: a })] })
  await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', '1'])
  expect(await failureOf(() => unit.unit.commit({ streams: [change] }))).toMatchObject({ code: 'store-full' })
  expect((await store.reader.stream(consumer, a))?.state.position).toBe(1)
  await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', '0'])
  expect(await unit.unit.commit({ streams: [change] })).toEqual(['committed'])
  await unit.end()
  expect((await store.reader.ledger(consumer, { limit: 9 })).length).toBe(1)
})

test('a server that became a replica refuses a commit whole (I2)', async () => {
  await commit(store, [moved(a, 1)])
  const unit = await openUnit(store, { streams: [a] })
  await admin.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
  expect(await failureOf(() => unit.unit.commit({ streams: [moved(a, 2)] }))).toMatchObject({
    code: 'store-read-only',
  })
  // It connects anew, as its address may lead to the new primary by now.
  await reconnected()
  expect((await store.reader.stream(consumer, a))?.state.position).toBe(1)
  await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  expect(await unit.unit.commit({ streams: [moved(a, 2)] })).toEqual(['committed'])
  await unit.end()
})

test('a server that stands still is not waited for without end (I7)', async () => {
  const impatient = redisStore(server.url, { prefix, onWarning: () => undefined, replyMs: 2000 })
  await impatient.open()
  await commit(impatient, [moved(a, 1)])
  const unit = await openUnit(impatient, { streams: [a] })
  process.kill(server.pid ?? 0, 'SIGSTOP')
  try {
    expect(await failureOf(() => unit.unit.commit({ streams: [moved(a, 2)] }))).toMatchObject({
      code: 'commit-unknown',
    })
    expect(await failureOf(() => impatient.reader.consumers())).toMatchObject({ code: 'store-unavailable' })
  } finally {
    process.kill(server.pid ?? 0, 'SIGCONT')
  }
  await unit.end()
  await impatient.close()
})

test('settings under which the server forgets are named, and good ones are not', async () => {
  const warnings = async (...settings: readonly (readonly [string, string])[]): Promise<string[]> => {
    for (const [name, value] of settings) await admin.sendCommand(['CONFIG', 'SET', name, value])
    const told: string[] = []
    const opened = redisStore(server.url, { prefix, onWarning: (message) => told.push(message) })
    await opened.open()
    await opened.open()
    await opened.close()
    return told
  }
  expect(await warnings(['appendfsync', 'everysec'])).toEqual([])
  expect(await warnings(['appendfsync', 'no'])).toEqual([expect.stringContaining('appendfsync is no, so')])
  const told = await warnings(['maxmemory-policy', 'allkeys-lru'], ['appendonly', 'no'])
  await warnings(['maxmemory-policy', 'noeviction'], ['appendonly', 'yes'])
  expect(told).toEqual([
    expect.stringContaining('maxmemory-policy is allkeys-lru'),
    expect.stringContaining('appendonly is no'),
  ])
  // Who may not ask for them is not bothered with them.
  const name = prefix.replaceAll('-', '')
  await admin.sendCommand(['ACL', 'SETUSER', name, 'on', '>secret', '~*', '+@all', '-info', '-config'])
  const quiet: string[] = []
  const url = `redis://${name}:secret@127.0.0.1:${server.port}`
  const opened = redisStore(url, { prefix, onWarning: (message) => quiet.push(message) })
  await opened.open()
  await opened.close()
  expect(quiet).toEqual([])
})

test('a store keeps the number of shards that it was made with', async () => {
  const open = async (shards?: number): Promise<void> => {
    const other = redisStore(server.url, { prefix, onWarning: () => undefined, ...(shards && { shards }) })
    try {
      await other.open()
    } finally {
      await other.close()
    }
  }
  await expect(open()).resolves.toBeUndefined()
  await expect(open(64)).resolves.toBeUndefined()
  expect(await failureOf(() => open(8))).toMatchObject({ code: 'config-invalid' })
})

test.each([
  ['newer', layoutVersion + 1],
  ['older', layoutVersion - 1],
])('a store that a %s inturn made is left alone', async (age, version) => {
  await admin.sendCommand(['HSET', `{${prefix}}:layout`, 'version', String(version)])
  const another = redisStore(server.url, { prefix, onWarning: () => undefined })
  expect(await failureOf(() => another.open())).toMatchObject({ code: `store-schema-${age}` })
  expect(await failureOf(() => another.now())).toMatchObject({ code: 'store-closed' })
  await another.close()
})

test('keys that others have written to are named as damage', async () => {
  await admin.sendCommand(['SET', `{${prefix}}:consumers`, 'x'])
  expect(await failureOf(() => store.reader.consumers())).toMatchObject({ code: 'store-corrupt' })
})
