// A worker is killed at any moment, alone and beside another one: what it wrote and where its streams stand
// are always the same moment (I2), and every number was advanced once (I5).
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SqliteFolder } from './sqlite-folder.ts'

const child = fileURLToPath(new URL('./sqlite-child.ts', import.meta.url))

let folder: SqliteFolder
beforeEach(async () => {
  folder = new SqliteFolder()
  await (await folder.store()).close()
  const user = folder.user()
  user.exec('CREATE TABLE effect (stream TEXT, sequence INTEGER, PRIMARY KEY (stream, sequence))')
  user.close()
})
afterEach(() => folder.remove())

async function startWorker(name: string): Promise<ChildProcess> {
  const worker = spawn(process.execPath, ['--no-warnings', child, folder.path, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(worker.stdout, 'data')
  return worker
}

async function kill(worker: ChildProcess): Promise<void> {
  const ended = once(worker, 'exit')
  worker.kill('SIGKILL')
  await ended
}

/** Waits until so many rows more have been written. */
async function untilWritten(rows: number): Promise<void> {
  const user = folder.user()
  const count = user.prepare('SELECT count(*) AS n FROM effect')
  const from = Number(count.get()?.['n'])
  while (Number(count.get()?.['n']) < from + rows) await new Promise((resolve) => setImmediate(resolve))
  user.close()
}

/** Compares what handlers wrote with where the streams stand. */
async function expectSameMoment(): Promise<number> {
  const store = await folder.store()
  const user = folder.user()
  const written = user
    .prepare(
      'SELECT stream, count(*) AS n, max(sequence) AS last FROM effect GROUP BY stream ORDER BY stream',
    )
    .all()
  const stored = await store.reader.streams('billing', { limit: 100 })
  const expected = stored.map(({ stream, state, deliveries }) => {
    expect(deliveries).toBe(state.position)
    return { stream, n: state.position, last: state.position }
  })
  expect(written).toEqual(expected)
  user.close()
  await store.close()
  return stored.length
}

test('after a kill at any moment rows and positions are the same moment (I2)', async () => {
  for (let round = 0; round < 5; round++) {
    const worker = await startWorker('one')
    await untilWritten(1 + round * 700)
    await kill(worker)
    expect(await expectSameMoment()).toBeGreaterThanOrEqual(5)
  }
})

test('of two workers on one file one is killed and the other goes on, nothing twice (I5, I6)', async () => {
  const [first, second] = await Promise.all([startWorker('one'), startWorker('two')])
  await untilWritten(2000)
  await kill(first)
  await untilWritten(500)
  await kill(second)
  expect(await expectSameMoment()).toBe(40)
})
