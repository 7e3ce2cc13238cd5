// From an event log through relays that are killed and stopped, a file, and a worker: every event has its
// effect once and in order (I1, I2, I3), also where lines of the file were lost and are healed from the log.
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { contiguous } from '../../src/core/numbering.ts'
import type { GapOptions } from '../../src/engine/domain-options.ts'
import { createWorker } from '../../src/engine/worker.ts'
import type { EngineNews } from '../../src/ports/telemetry.ts'
import { logHealer } from '../../src/producer/log-healer.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { fileSource } from '../../src/transports/file.ts'
import { ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import { stopBetweenWrites } from '../stop-process.ts'
import { end, firstCopies, RelayFolder } from './relay/relay-folder.ts'

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const places = [
  { name: 'SQLite', last: 400, url: () => undefined },
  { name: 'Redis', last: 190, url: () => `${server.url}?prefix=${ownPrefix()}` },
]

let folder: RelayFolder
afterEach(() => folder.remove())

/** Runs a worker over the file; what it handled of each stream, in order, and what it made dead letters. */
async function consume(gap: GapOptions = {}): Promise<{ handled: Map<string, number[]>; dead: number }> {
  const handled = new Map<string, number[]>()
  let dead = 0
  const worker = createWorker({
    consumer: 'billing',
    store: memoryStore(),
    source: fileSource(folder.file),
    telemetry: (news: EngineNews) => void (dead += news.kind === 'dead-letter' ? 1 : 0),
    domains: {
      account: {
        numbering: contiguous(),
        gap,
        effects: 'external',
        handle: (event) => {
          const own = handled.get(event.stream) ?? []
          handled.set(event.stream, own)
          own.push(Number(event.sequence))
        },
      },
    },
  })
  await worker.run({ until: 'caught-up' })
  return { handled, dead }
}

function expectInOrder(streams: number, last: number): void {
  const first = firstCopies(folder.lines())
  expect([...first.keys()].sort()).toEqual(
    range(0, streams - 1)
      .map(String)
      .sort(),
  )
  for (const numbers of first.values()) expect(numbers).toEqual(range(1, last))
}

describe.for(places)('with the log in $name', ({ url, last }) => {
  beforeEach(() => {
    folder = new RelayFolder(url())
  })

  test('two relays are killed again and again: every event arrives, and has its effect once', async () => {
    const random = new SeededRandom(11)
    const streams = 8
    let appended = 0
    const start = (): ReturnType<RelayFolder['start']> => folder.start(random.whole(1, 30), 300)
    await folder.append(streams, 10)
    appended += 10
    let relays = [start(), start()]
    for (let round = 0; appended < last; round++) {
      const from = folder.size()
      await folder.append(streams, 30)
      appended += 30
      await folder.untilGrown(from, random.whole(1, 20_000))
      relays = await Promise.all(
        relays.map(async (relay, index) => {
          if (round % 2 !== index && !random.chance(0.3)) return relay
          await end(relay, 'SIGKILL')
          return start()
        }),
      )
    }
    await folder.untilArrived(streams, appended)
    for (const relay of relays) await end(relay, 'SIGTERM')
    expectInOrder(streams, appended)
    const { handled, dead } = await consume()
    for (const numbers of handled.values()) expect(numbers).toEqual(range(1, appended))
    expect({ streams: handled.size, dead }).toEqual({ streams, dead: 0 })
  })

  test('lines that are lost from the file are healed from the log that they came from', async () => {
    const relay = folder.start(50, 300)
    await folder.append(4, 60)
    await folder.untilArrived(4, 60)
    await end(relay, 'SIGTERM')
    const lines = readFileSync(folder.file, 'utf8').split('\n').slice(0, -1)
    const random = new SeededRandom(5)
    const kept = lines.filter((_, index) => index >= lines.length - 4 || !random.chance(0.3))
    expect(kept.length).toBeLessThan(lines.length - 20)
    writeFileSync(folder.file, kept.map((line) => `${line}\n`).join(''))
    const heal = { with: logHealer(folder.log), after: 1 }
    const { handled, dead } = await consume({ heal })
    for (const numbers of handled.values()) expect(numbers).toEqual(range(1, 60))
    expect({ streams: handled.size, dead }).toEqual({ streams: 4, dead: 0 })
  })
})

test('a relay that is stopped beyond its lease and goes on late brings nothing out of order', async () => {
  folder = new RelayFolder()
  const streams = 5
  const first = folder.start(3, 300)
  let appended = 0
  for (let round = 0; round < 4; round++) {
    const from = folder.size()
    await folder.append(streams, 40)
    appended += 40
    await folder.untilGrown(from, 500)
    await stopBetweenWrites(first, folder.places)
    const other = folder.start(20, 300)
    await folder.untilArrived(streams, appended)
    first.kill('SIGCONT')
    await folder.append(streams, 10)
    appended += 10
    await folder.untilArrived(streams, appended)
    await end(other, round % 2 === 0 ? 'SIGKILL' : 'SIGTERM')
  }
  await end(first, 'SIGTERM')
  expect(first.exitCode).toBe(0)
  expectInOrder(streams, appended)
})
