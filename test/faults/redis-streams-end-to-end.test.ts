// From an event log on SQLite through relays, a Redis stream and worker processes, all of them killed at
// random, while consumers of the group die with entries in hand, copies are added, and the stream is trimmed:
// every event has its effect in order and once per idempotency key, the books balance, and nothing is left
// unsettled (I1, I2, I3, I4). `npm run soak` runs hundreds of rounds.
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { EventLog } from '../../src/ports/event-log.ts'
import { sqliteEventLog } from '../../src/stores/sqlite.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { TestClient } from '../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { Running } from '../integration/run-inturn.ts'
import { sourceUrl, startInturn } from '../integration/run-inturn.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import { RedisWorld } from './redis-world.ts'

type Entries = Readonly<Record<string, readonly (readonly [string, readonly [string, string]])[]>>
interface Group {
  readonly pending: number
  readonly lag: number | null
}

const rounds = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 3)
const streams = 8
const eachRound = 20
const workers = ['one', 'two']
let server: RedisServer
let client: TestClient
let world: RedisWorld
let log: EventLog
let relay: Running
let running: Map<string, Running>
let stream: string
let random: SeededRandom

beforeAll(async () => {
  server = await startRedis()
  client = await connectedClient(server.url)
})
beforeEach(async () => {
  random = new SeededRandom(rounds)
  running = new Map()
  const prefix = ownPrefix()
  stream = `${prefix}-events`
  const where = `url: '${server.url}', stream: '${stream}', group: 'billing'`
  const source = `redisStreamsSource({ ${where}, claimIdleMs: 400, trim: { everyMs: 50 } })`
  world = new RedisWorld({ url: server.url, prefix, random, streams, source, handler: 'await sleep(5)' })
  log = sqliteEventLog(join(world.folder.path, 'bank.db'))
  for (const group of ['billing', 'tap']) await ask('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
  startRelay()
})
afterEach(async () => {
  relay.child.kill('SIGKILL')
  await relay.ended
  await log.close()
  await world.end()
  await ask('DEL', stream)
})
afterAll(async () => {
  client.destroy()
  await server.stop()
})

function ask(...command: readonly string[]): Promise<unknown> {
  return client.sendCommand([...command])
}

function startRelay(): void {
  world.folder.write(
    'inturn.relay.ts',
    `
    import { defineRelay } from ${sourceUrl('producer/relay.ts')}
    import { sqliteEventLog, sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
    import { redisStreamsSink } from ${sourceUrl('transports/redis-streams.ts')}
    export default defineRelay({
      name: 'accounts',
      log: sqliteEventLog('bank.db'),
      store: sqliteStore('bank.db'),
      sink: redisStreamsSink({ url: '${server.url}', stream: '${stream}' }),
      batch: 30,
      lease: '1s',
    })`,
  )
  relay = startInturn(world.folder.path, 'relay')
}

/** Appends events to every stream of the log, in small appends. */
async function append(more: number): Promise<void> {
  world.appended(more)
  for (let done = 0; done < more; done += 5) {
    for (let index = 0; index < streams; index++) {
      const events = Array.from({ length: Math.min(5, more - done) }, () => ({
        id: crypto.randomUUID(),
        type: 'booked',
        data: {},
      }))
      await log.append({ domain: 'account', stream: `s${index}`, events })
    }
  }
}

/** The next entries of a group, which stay pending with this consumer. */
async function take(
  group: string,
  name: string,
  count: number,
): Promise<readonly { readonly id: string; readonly data: string }[]> {
  const from = ['GROUP', group, name, 'COUNT', String(count), 'STREAMS', stream, '>']
  const [entries = []] = Object.values(((await ask('XREADGROUP', ...from)) ?? {}) as Entries)
  return entries.map(([id, [, data]]) => ({ id, data }))
}

/** The messages that another group has read and settled since it was asked last. */
async function tapped(): Promise<readonly string[]> {
  const entries = await take('tap', 'tap', 1_000)
  if (entries.length > 0) await ask('XACK', stream, 'tap', ...entries.map(({ id }) => id))
  return entries.map(({ data }) => data)
}

/** A consumer of the workers' group takes some entries, and is never heard of again; how many. */
async function takeAndDie(): Promise<number> {
  return (await take('billing', `dead-${random.whole(1, 9)}`, random.whole(1, 20))).length
}

/** Adds some of what came lately once more; how many. */
async function addCopies(messages: readonly string[]): Promise<number> {
  const copies = messages.slice(-1_000).filter((_, index) => index === 0 || random.chance(0.1))
  for (const data of copies) await ask('XADD', stream, '*', 'data', data)
  return copies.length
}

async function killSome(): Promise<void> {
  const killed = workers.filter(() => random.chance(0.7))
  await Promise.all(killed.map((worker) => world.kill(worker)))
  if (random.chance(0.7)) {
    relay.child.kill('SIGKILL')
    await relay.ended
    startRelay()
  }
  for (const worker of killed) startWorker(worker)
}

function startWorker(worker: string): void {
  running.set(worker, world.start(worker))
}

/** Whether every worker reads by now: one that has only just begun cannot be asked to stop. */
async function doAllRead(): Promise<boolean> {
  const consumers = (await ask('XINFO', 'CONSUMERS', stream, 'billing')) as readonly {
    readonly name: string
  }[]
  const pids = [...running.values()].map(({ child }) => `-${child.pid}-`)
  return pids.every((pid) => consumers.some(({ name }) => name.includes(pid)))
}

/** Whether no group has anything to read or to settle, and nothing but the last entry is left. */
async function isDrained(): Promise<boolean> {
  await tapped()
  const groups = (await ask('XINFO', 'GROUPS', stream)) as readonly Group[]
  const isLeft = groups.some(({ pending, lag }) => pending > 0 || lag !== 0)
  return !isLeft && Number(await ask('XLEN', stream)) <= 1
}

test(`${rounds} rounds: relays, workers and consumers die between a log and its effects`, async () => {
  const messages: string[] = []
  let [taken, copies] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    await append(eachRound)
    while (taken === 0) taken += await takeAndDie()
    if (round === 0) for (const worker of workers) startWorker(worker)
    const goal = world.total - streams * eachRound * random.next()
    await world.until(async () => {
      messages.push(...(await tapped()))
      if (random.chance(0.3)) taken += await takeAndDie()
      return messages.length > 0 && world.applied().length >= goal
    })
    await killSome()
    copies += await addCopies(messages)
  }
  await world.untilDone()
  await world.until(isDrained)
  await world.until(doAllRead)
  const told = await world.stopAll()
  expect(world.disorder()).toEqual([])
  expect(await world.verify()).toContain('0: billing: everything adds up')
  expect(told).not.toMatch(/gone back|trimmed|the group was gone/)
  expect(copies).toBeGreaterThan(0)
}, 3_600_000)
