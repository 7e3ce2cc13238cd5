// Real processes on one SQLite store: many at once, and two that are stopped in turn past their leases (I5).
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { stopBetweenWrites } from '../../../stop-process.ts'
import { SqliteFolder } from '../../stores/sqlite-folder.ts'

const child = fileURLToPath(new URL('./worker-child.ts', import.meta.url))

let folder: SqliteFolder
let children: ChildProcess[] = []
beforeEach(async () => {
  folder = new SqliteFolder()
  await (await folder.store()).close()
})
afterEach(async () => {
  for (const one of children) one.kill('SIGKILL')
  children = []
  await folder.remove()
})

/** A process, and what it has printed. */
class IdProcess {
  readonly ids: string[] = []
  readonly failures: string[] = []
  readonly process: ChildProcess
  readonly ended: Promise<unknown>

  constructor(...args: readonly string[]) {
    this.process = spawn(process.execPath, ['--no-warnings', child, folder.path, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(this.process)
    this.ended = once(this.process, 'close')
    const { stdout } = this.process
    if (stdout === null) throw new Error('the process has no output')
    createInterface(stdout).on('line', (line) => {
      if (line.startsWith('!')) this.failures.push(line.slice(1))
      else if (line !== 'ready') this.ids.push(line)
    })
  }
}

/** Waits for a condition. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Stops a process until another one has ids. */
async function stopUntilOtherHasIds(holder: IdProcess, other: IdProcess): Promise<void> {
  const before = other.ids.length
  await stopBetweenWrites(holder.process, folder.path)
  await until(() => other.ids.length > before)
  holder.process.kill('SIGCONT')
}

function expectNoneTwice(ids: readonly string[]): void {
  expect(new Set(ids).size).toBe(ids.length)
}

test('many processes on one store give no id twice', async () => {
  const processes = Array.from({ length: 6 }, () => new IdProcess('16', '3000', '5000'))
  await Promise.all(processes.map(({ ended }) => ended))
  const ids = processes.flatMap((one) => one.ids)
  expect(ids).toHaveLength(6 * 5000)
  expectNoneTwice(ids)
})

test('two processes share one worker id by being stopped in turn, and give no id twice', async () => {
  const [one, two] = [new IdProcess('1', '150', '100000'), new IdProcess('1', '150', '100000')]
  await until(() => one.ids.length + two.ids.length > 0)
  let [holder, other] = one.ids.length > 0 ? [one, two] : [two, one]
  for (let round = 0; round < 4; round++) {
    const failures = holder.failures.length
    await stopUntilOtherHasIds(holder, other)
    const stopped = holder
    await until(() => stopped.failures.length > failures)
    ;[holder, other] = [other, holder]
  }
  expectNoneTwice([...one.ids, ...two.ids])
  expect(new Set([...one.failures, ...two.failures])).toEqual(new Set(['lease-expired']))
  expect(Math.min(one.ids.length, two.ids.length)).toBeGreaterThan(0)
})
