// Processes append to one log, race each other and are killed: every number is there once, none is missing,
// and what was said to be taken is there (I1, I3, I5).
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { LoggedEvent } from '../../src/core/logged-event.ts'
import { all } from '../../src/testing/event-log-suite/samples.ts'
import { ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import { logAt } from './log-target.ts'
import { inturn, testFolder } from './run-inturn.ts'
import type { TestFolder } from './run-inturn.ts'

const program = fileURLToPath(new URL('./event-log-child.ts', import.meta.url))

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

let folder: TestFolder
let target: string
beforeEach(() => {
  folder = testFolder()
})
afterEach(() => folder.remove())

const places = [
  { name: 'in SQLite', targetOf: () => `${folder.path}/log.db` },
  { name: 'in Redis', targetOf: () => `${server.url}?prefix=${ownPrefix()}` },
]

interface Producer {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  /** The numbers that it said the log has taken. */
  readonly taken: number[]
  conflicts: number
}

function start(worker: string, { first = 1, count = Infinity, mode = 'any' } = {}): Producer {
  const args = ['--no-warnings', program, target, worker, String(first), String(count), mode]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const producer: Producer = {
    child,
    taken: [],
    conflicts: 0,
    ended: new Promise((resolve) => child.once('close', resolve)),
  }
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === 'conflict') producer.conflicts++
      else producer.taken.push(Number(line))
    }
  })
  return producer
}

async function until(condition: () => boolean, producer: Producer): Promise<void> {
  while (!condition() && producer.child.exitCode === null)
    await once(producer.child.stdout ?? producer.child, 'data')
}

async function readLog(): Promise<readonly LoggedEvent[]> {
  const log = logAt(target)
  try {
    return await all(log.readAll())
  } finally {
    await log.close()
  }
}

/** Every stream is dense from 1 in the order of places, and places are dense. */
function expectDense(events: readonly LoggedEvent[]): void {
  expect(events.map(({ place }) => place)).toEqual(events.map((_, index) => index + 1))
  const heads = new Map<string, number>()
  for (const { stream, sequence } of events) {
    const head = heads.get(stream) ?? 0
    expect(sequence).toBe(head + 1)
    heads.set(stream, sequence)
  }
}

test.for(places)(
  '$name producers that expect a position race: every stream stays dense (I1, I5)',
  async ({ targetOf }) => {
    target = targetOf()
    const count = 60
    const workers = ['p', 'q', 'r', 's']
    const producers = workers.map((worker) => start(worker, { count, mode: 'expected' }))
    expect(await Promise.all(producers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0])
    const events = await readLog()
    expectDense(events)
    const expected = workers.flatMap((worker) =>
      Array.from({ length: count }, (_, index) => `${worker}-${index + 1}`),
    )
    expect(events.map(({ id }) => id).sort()).toEqual(expected.sort())
    const conflicts = producers.reduce((sum, producer) => sum + producer.conflicts, 0)
    expect(conflicts, 'the race has happened').toBeGreaterThan(0)
  },
)

test.for(places)(
  '$name killed producers lose nothing, a retry adds nothing, the audit is clean (I3)',
  async ({ targetOf }) => {
    target = targetOf()
    const workers = ['p', 'q']
    const done = new Map<string, number>(workers.map((worker) => [worker, 0]))
    for (let round = 0; round < 4; round++) {
      const producers = workers.map((worker) => {
        // From the last one that is known to be there: it, and one that nobody heard of, is appended again.
        const first = Math.max(1, done.get(worker) ?? 1)
        return { worker, producer: start(worker, { first }) }
      })
      for (const { worker, producer } of producers) {
        await until(() => producer.taken.length >= 5 + round * 13, producer)
        producer.child.kill('SIGKILL')
        await producer.ended
        expect(producer.child.signalCode).toBe('SIGKILL')
        done.set(worker, producer.taken.at(-1) ?? 0)
      }
      const events = await readLog()
      expectDense(events)
      const there = new Set(events.map(({ id }) => id))
      expect(there.size).toBe(events.length)
      for (const [worker, last] of done) {
        for (let number = 1; number <= last; number++) {
          for (const half of ['a', 'b']) expect(there).toContain(`${worker}-${number}${half}`)
        }
      }
      // A batch over two streams is there as a whole: both halves, or none.
      for (const id of there)
        expect(there).toContain(id.replace(/[ab]$/, (half) => (half === 'a' ? 'b' : 'a')))
    }
    const { stdout, code } = await inturn(folder.path, 'read', '--all', '--json', '--log', target)
    expect(code).toBe(0)
    folder.write('export.ndjson', stdout)
    const audit = await inturn(folder.path, 'audit', 'export.ndjson', '--id', 'id', '--start', '1', '--json')
    expect(JSON.parse(audit.stdout)).toMatchObject({ clean: true, streams: 5, missing: 0, duplicates: 0 })
    expect(audit.code).toBe(0)
  },
)
