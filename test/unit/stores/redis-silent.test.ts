// Connections that are there and silent, for the store, the event log and sequences: every call ends within
// its time, a connection without replies is given up, and all find back by themselves (I2, I7, I10).
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import { redisEventLog, redisSequences, redisStore } from '../../../src/stores/redis.ts'
import { idsOf, to } from '../../../src/testing/event-log-suite/samples.ts'
import { openUnit } from '../../../src/testing/store-suite/open-unit.ts'
import { account, consumer, entry, moved, positionOf } from '../../../src/testing/store-suite/samples.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import type { TcpProxy } from '../../services/tcp-proxy.ts'
import { startProxy } from '../../services/tcp-proxy.ts'

const a = account('a')
const unavailable = { code: 'store-unavailable', retryable: true }
const unknown = { code: 'commit-unknown', retryable: true }
const [domain, stream] = ['account', 'a']
let server: RedisServer
let proxy: TcpProxy
let options: { readonly prefix: string; readonly replyMs: number; onWarning(): void }
let url: string
const closing: (() => Promise<void>)[] = []

beforeEach(async () => {
  // A server of its own, also where another one is there for everybody: it is made to stand still.
  server = await startRedis(['--appendfsync', 'no'])
  proxy = await startProxy(server.port)
  url = `redis://127.0.0.1:${proxy.port}`
  options = { prefix: ownPrefix(), replyMs: 1000, onWarning: () => undefined }
})

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  await proxy.stop()
  await server.stop()
})

/** What is closed when the test has ended. */
function closed<Closed extends { close(): Promise<void> }>(made: Closed): Closed {
  closing.push(() => made.close())
  return made
}

/** Calls until it works, as it may fail again on a machine that is slower than the time for a reply. */
async function insist<Result>(call: () => Promise<Result>): Promise<Result> {
  for (;;) {
    const end = await call().then(
      (result) => ({ result }),
      () => undefined,
    )
    if (end !== undefined) return end.result
    await sleep(10)
  }
}

async function opened(): Promise<Store> {
  const store = closed(redisStore(url, options))
  await insist(() => store.open())
  await insist(() => store.now())
  return store
}

function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(
    () => 'no failure',
    (error: unknown) => error,
  )
}

test('a connection that falls silent is given up, and the next call goes over another one', async () => {
  const store = await opened()
  const unit = await insist(() => openUnit(store, { streams: [a], claimMs: 100 }))
  proxy.silence()
  const commit = unit.unit.commit({ streams: [moved(a, 1)] })
  expect(await failureOf(() => commit)).toMatchObject(unknown)
  await insist(() => store.now())
  proxy.silence()
  expect(await failureOf(() => store.reader.consumers())).toMatchObject(unavailable)
  expect(await insist(() => store.reader.consumers())).toEqual(expect.any(Array))
  await unit.end()
  expect(await insist(() => positionOf(store, a))).toBeUndefined()
})

test('what is under way on a connection that is given up has an open outcome, and ends then', async () => {
  const store = await opened()
  proxy.silence()
  const calls = ['x', 'y', 'z'].map((reason) => store.record(consumer, { ledger: [entry(reason)] }))
  for (const { status, ...end } of await Promise.allSettled(calls)) {
    expect(status).toBe('rejected')
    expect(end).toMatchObject({ reason: unknown })
  }
  await insist(() => store.record(consumer, { ledger: [entry('w')] }))
})

test('event logs and sequences go on over another connection, too', async () => {
  const log = closed(redisEventLog(url, options))
  const sequences = closed(redisSequences(url, options))
  await insist(() => log.append(to('a', ['e1'])))
  await insist(() => sequences.last({ domain, stream }))
  proxy.silence()
  expect(await failureOf(() => log.append(to('a', ['e2'], 1)))).toMatchObject(unknown)
  expect(
    await failureOf(() => sequences.reserve({ domain, stream }, { count: 1, claimMs: 1000 })),
  ).toMatchObject(unknown)
  await insist(() => log.append(to('a', ['e2'], 1)))
  expect(await insist(() => idsOf(log))).toEqual(['e1', 'e2'])
  await insist(() => sequences.last({ domain, stream }))
})

test('with a server that stands still nothing waits without end, from the start', async () => {
  const [store, log] = [closed(redisStore(url, options)), closed(redisEventLog(url, options))]
  const sequences = closed(redisSequences(url, options))
  process.kill(server.pid ?? 0, 'SIGSTOP')
  try {
    const calls = [
      () => store.open(),
      () => store.reader.consumers(),
      () => log.append(to('a', ['e1'])),
      () => log.bounds(),
      () => sequences.reserve({ domain, stream }, { count: 1, claimMs: 1000 }),
    ]
    // Nothing was sent, so nothing is unknown.
    for (const failure of await Promise.all(calls.map(failureOf))) expect(failure).toMatchObject(unavailable)
  } finally {
    process.kill(server.pid ?? 0, 'SIGCONT')
  }
  await insist(() => store.open())
  await insist(() => log.append(to('a', ['e1'])))
})

test('a way back that leads to a silent server is tried anew, until one answers', async () => {
  const store = await opened()
  proxy.decide((sent) => (sent.includes('HELLO') ? 'swallow' : 'cut-before'))
  expect(await failureOf(() => store.record(consumer, { ledger: [entry('x')] }))).toMatchObject(unknown)
  const again = (): Promise<void> => store.record(consumer, { ledger: [entry('x')] })
  for (const _ of [1, 2]) expect(await failureOf(again)).toMatchObject(unavailable)
  proxy.decide(() => 'pass')
  await insist(again)
})

test('a server that became a replica is left, also when the next one is silent at first', async () => {
  const store = await opened()
  const admin = await connectedClient(server.url)
  await admin.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
  const write = (): Promise<void> => store.record(consumer, { ledger: [entry('x')] })
  while ((await failureOf(write).then(codeOf)) !== 'store-read-only') await sleep(10)
  proxy.decide(() => 'swallow')
  expect(await failureOf(write)).toMatchObject(unavailable)
  await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  admin.destroy()
  proxy.decide(() => 'pass')
  await insist(write)
})

test('a store that is closed while it connects leaves no connection behind', async () => {
  proxy.decide(() => 'swallow')
  const store = redisStore(url, { ...options, replyMs: 60_000 })
  const opening = failureOf(() => store.open())
  while (proxy.connections === 0) await sleep(10)
  await store.close()
  expect(await opening).toMatchObject(unavailable)
  while (proxy.connections > 0) await sleep(10)
})

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
