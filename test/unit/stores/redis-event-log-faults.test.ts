// The event log on Redis when the server or the way to it fails: what was acknowledged is there once, in
// order, and whoever does not know makes the same call again (I1, I2, I3, I10).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { StreamAppend } from '../../../src/core/logged-event.ts'
import type { EventLog } from '../../../src/ports/event-log.ts'
import { redisEventLog, redisSequences } from '../../../src/stores/redis.ts'
import { all, ids, idsOf, numbersOf, sample, to } from '../../../src/testing/event-log-suite/samples.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import type { TcpProxy } from '../../services/tcp-proxy.ts'
import { startProxy } from '../../services/tcp-proxy.ts'

let server: RedisServer
let admin: TestClient
let proxy: TcpProxy
let prefix: string
let logs: EventLog[] = []

beforeAll(async () => {
  // A server of its own, also where another one is there for everybody: its settings are changed.
  server = await startRedis(['--appendfsync', 'no'])
  admin = await connectedClient(server.url)
  proxy = await startProxy(server.port)
})
afterAll(async () => {
  admin.destroy()
  await proxy.stop()
  await server.stop()
})
beforeEach((context) => {
  prefix = ownPrefix()
  proxy.decide(() => 'pass')
  context.onTestFinished(async () => {
    for (const log of logs) await log.close()
    logs = []
  })
})

function proxied(): EventLog {
  return logAt(`redis://127.0.0.1:${proxy.port}`)
}

function logAt(url: string, onWarning: (message: string) => void = () => undefined): EventLog {
  const log = redisEventLog(url, { prefix, replyMs: 60_000, onWarning })
  logs.push(log)
  return log
}

/** The same call again until it is known to have happened; how often its outcome was unknown. */
async function insist(log: EventLog, appends: readonly StreamAppend[]): Promise<number> {
  for (let unknown = 0; ;) {
    try {
      await log.appendAll(appends)
      return unknown
    } catch (error) {
      if (!(error instanceof InturnError) || !error.retryable) throw error
      if (error.code === 'commit-unknown') unknown++
      await sleep(5)
    }
  }
}

for (const fate of ['cut-before', 'cut-after'] as const) {
  test(`a connection cut during an append (${fate}): open, until the call is made again (I2)`, async () => {
    const log = proxied()
    await log.append(to('a', ['e1']))
    proxy.decide((sent) => (sent.includes('e2') ? fate : 'pass'))
    const call = to('a', ['e2', 'e3'], 1)
    await expect(log.append(call)).rejects.toMatchObject({ code: 'commit-unknown', retryable: true })
    proxy.decide(() => 'pass')
    await insist(log, [call])
    const appended = await log.append(call)
    expect(appended).toMatchObject({ duplicate: true, position: 3 })
    expect(await idsOf(log)).toEqual(['e1', 'e2', 'e3'])
  })
}

test('a storm of retries over cut connections appends everything once and in order (I1, I3)', async () => {
  const random = new SeededRandom(5)
  const producers = ['p', 'q', 'r', 's']
  const count = 50
  proxy.decide((sent) => {
    if (!sent.includes('EVAL') || !random.chance(0.15)) return 'pass'
    return random.chance(0.5) ? 'cut-after' : 'cut-before'
  })
  const unknown = await Promise.all(
    producers.map(async (producer) => {
      const log = proxied()
      let sum = 0
      for (let number = 0; number < count; number++) {
        const both = [`${number % 3}`, 'all'].map((stream) => to(stream, [`${producer}${number}-${stream}`]))
        sum += await insist(log, both)
      }
      return sum
    }),
  )
  expect(
    unknown.reduce((sum, one) => sum + one, 0),
    'the storm has happened',
  ).toBeGreaterThan(0)
  const events = await all(logAt(server.url).readAll())
  expect(events.length).toBe(producers.length * count * 2)
  expect(events.map(({ place }) => place)).toEqual(events.map((_, index) => index + 1))
  for (const stream of ['0', '1', '2', 'all']) {
    const own = events.filter((event) => event.stream === stream)
    expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_, index) => index + 1))
  }
  for (const producer of producers) {
    const own = events.filter(({ stream, id }) => stream === 'all' && id.startsWith(producer))
    expect(own.map(({ id }) => id)).toEqual(
      Array.from({ length: count }, (_, number) => `${producer}${number}-all`),
    )
  }
})

test('full memory refuses an append whole; retention makes room even then (I2)', async () => {
  const log = logAt(server.url)
  const data = 'x'.repeat(10_000)
  await log.append({ ...to('a', []), events: ids(300).map((id) => sample(id, data)) })
  const used = /used_memory:(\d+)/.exec(String(await admin.sendCommand(['INFO', 'memory'])))?.[1] ?? ''
  await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', String(Number(used) - 500_000)])
  try {
    const more = { ...to('a', []), events: [sample('n1', data), sample('n2', data)] }
    const full = { code: 'store-full', retryable: true }
    await expect(log.appendAll([to('b', ['b1']), more])).rejects.toMatchObject(full)
    expect(await log.bounds({ domain: 'account', stream: 'b' })).toEqual({ first: 1, last: 0 })
    expect(await log.trim({ before: 251 })).toEqual({ removed: 250, first: 251 })
    expect((await log.appendAll([to('b', ['b1']), more]))[1]).toMatchObject({ position: 302 })
  } finally {
    await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', '0'])
  }
  expect((await numbersOf(log, 'b')).length).toBe(1)
})

test('a server that was killed has what it acknowledged; producers go on by themselves (I3)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-log-killed-'))
  const settings = ['--dir', folder, '--appendfsync', 'always']
  const first = await startRedis(settings)
  const way = await startProxy(first.port)
  const log = logAt(`redis://127.0.0.1:${way.port}`)
  await log.appendAll([to('a', ids(300)), to('b', ids(3))])
  await log.trim({ before: 11 })
  const before = await all(log.readAll({ after: 'kept' }))
  process.kill(first.pid ?? 0, 'SIGKILL')
  await first.stop()
  await expect(log.append(to('a', ['lost']))).rejects.toMatchObject({ retryable: true })
  const second = await startRedis(settings)
  way.lead(second.port)
  await insist(log, [to('a', ['next'])])
  expect((await all(log.readAll({ after: 'kept' }))).slice(0, -1)).toEqual(before)
  expect(await log.append(to('a', ids(300).slice(10)))).toMatchObject({ duplicate: true, position: 301 })
  await log.close()
  await way.stop()
  await second.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('settings under which the server forgets are named by logs and sequence stores', async () => {
  await admin.sendCommand(['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'])
  await admin.sendCommand(['CONFIG', 'SET', 'appendonly', 'no'])
  const told: string[] = []
  const onWarning = (message: string): void => void told.push(message)
  try {
    await logAt(server.url, onWarning).open()
    const sequences = redisSequences(server.url, { prefix, onWarning })
    await sequences.open()
    await sequences.close()
  } finally {
    await admin.sendCommand(['CONFIG', 'SET', 'maxmemory-policy', 'noeviction'])
    await admin.sendCommand(['CONFIG', 'SET', 'appendonly', 'yes'])
  }
  const both: unknown[] = [
    expect.stringContaining('allkeys-lru'),
    expect.stringContaining('appendonly is no'),
  ]
  expect(told).toEqual([...both, ...both])
})
