// A worker on a folder of PGlite is killed at any moment, also while the database is made: whoever opens the
// folder next finds rows and positions of one moment, and goes on (I2, I3). One process has the folder at a
// time, and a killed one leaves it free (I5).
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import { pglitePool, postgresStore } from '../../../src/stores/postgres.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'

const child = fileURLToPath(new URL('./pglite-child.ts', import.meta.url))
const [streams, each] = [30, 40]
const numbers = Array.from({ length: each }, (_, index) => index + 1)
const names = Array.from({ length: streams }, (_, index) => `s${index}`)

let place: string
let folder: string
let started: ChildProcess[]

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'inturn-pglite-'))
  folder = join(place, 'data')
  started = []
  // Each event comes twice, and pairs of numbers the wrong way round.
  const lines = numbers.flatMap((number) =>
    names.map((stream) => {
      const sequence = number % 2 === 1 ? Math.min(number + 1, each) : number - 1
      return JSON.stringify({ domain: 'account', stream, sequence, id: `${stream}-${sequence}`, data: 1 })
    }),
  )
  writeFileSync(join(place, 'events.ndjson'), [...lines, ...lines].join('\n') + '\n')
})
afterEach(async () => {
  await Promise.all(started.map(kill))
  rmSync(place, { recursive: true })
})

function start(path = folder): {
  readonly worker: ChildProcess
  readonly told: { stdout: string; stderr: string }
} {
  const worker = spawn(process.execPath, ['--no-warnings', child, path, join(place, 'events.ndjson')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const told = { stdout: '', stderr: '' }
  worker.stdout.on('data', (chunk: Buffer) => void (told.stdout += chunk.toString()))
  worker.stderr.on('data', (chunk: Buffer) => void (told.stderr += chunk.toString()))
  started.push(worker)
  return { worker, told }
}

async function kill(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return
  const ended = once(worker, 'exit')
  worker.kill('SIGKILL')
  await ended
}

async function until(worker: ChildProcess, holds: () => boolean): Promise<void> {
  while (!holds()) {
    if (worker.exitCode !== null) throw new Error('the worker has ended before its time')
    await sleep(1)
  }
}

/** What the folder has: the rows of each stream in the order in which they were written, and the books. */
async function found(): Promise<{
  readonly rows: ReadonlyMap<string, readonly number[]>
  readonly wrong: unknown
}> {
  const pool = pglitePool(folder)
  try {
    const store = postgresStore({ pool })
    await store.open()
    const { rows } = await pool.query('SELECT stream, sequence FROM effect ORDER BY nth')
    const positions = await store.reader.streams('billing', { limit: streams })
    const { imbalances } = await verifyConsumer({ reader: store.reader, consumer: 'billing' }, new Map())
    const byStream = Map.groupBy(rows, (row) => String(row['stream']))
    const written = new Map(
      [...byStream].map(([stream, own]) => [stream, own.map((row) => Number(row['sequence']))]),
    )
    const apart = positions.filter(({ stream, state }) => {
      const last = written.get(stream.slice('account/'.length))?.at(-1)
      return state.position !== last
    })
    return { rows: written, wrong: [...imbalances, ...apart] }
  } finally {
    await pool.end()
  }
}

test('killed at any moment, and once more, every event has one effect, in order (I1, I2)', async () => {
  const random = new SeededRandom(11)
  const born = start()
  await until(born.worker, () => existsSync(`${folder}.new`))
  await kill(born.worker)
  for (let round = 0; round < 4; round++) {
    const { worker, told } = start()
    const calls = 1 + Math.floor(random.next() * 300)
    await until(worker, () => told.stdout.length >= calls)
    await kill(worker)
    const { rows, wrong } = await found()
    expect(wrong).toEqual([])
    for (const own of rows.values()) expect(own).toEqual(numbers.slice(0, own.length))
  }
  const { worker, told } = start()
  await once(worker, 'exit')
  // Where it takes long enough it misses those that were killed.
  expect(told.stderr.replaceAll(/^inturn: a worker died: .*\n/gm, '')).toBe('')
  expect(worker.exitCode).toBe(0)
  const { rows, wrong } = await found()
  expect(wrong).toEqual([])
  expect(rows).toEqual(new Map(names.map((name) => [name, numbers])))
})

test('a folder has one process, by whatever path it is asked for; a kill leaves it free (I5)', async () => {
  const first = start()
  await until(first.worker, () => first.told.stdout.length > 0)
  first.worker.kill('SIGSTOP')
  const link = join(place, 'link')
  symlinkSync(folder, link)
  for (const path of [folder, link]) {
    const pool = pglitePool(path)
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({
      code: 'store-unavailable',
      retryable: true,
      message:
        `pglite ${path}: another process, or another pool of this one, has the folder: PGlite takes one at ` +
        `a time, so end that one first (its lock is ${folder}.lock)`,
    })
    await pool.end()
  }
  await kill(first.worker)
  expect((await found()).wrong).toEqual([])
})
