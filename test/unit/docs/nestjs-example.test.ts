// The example of NestJS ends as its page says: SIGTERM lets what was taken finish, the exit code is 0, and
// the next start goes on behind it, with nothing left out or paid twice.
import { spawn } from 'node:child_process'
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './marked-code.ts'
import { UserFolder } from './user-folder.ts'

interface Run {
  readonly code: number | null
  readonly signal: string | null
  /** What was begun and finished, a line each. */
  readonly paying: readonly string[]
  readonly paid: readonly string[]
}

/** Runs the application, and sends it SIGTERM once it has printed `text`. */
function runUntil(folder: UserFolder, text: string): Promise<Run> {
  const child = spawn(process.execPath, ['main.ts'], { cwd: folder.path })
  let out = ''
  let isTold = false
  const take = (chunk: Buffer): void => {
    out += chunk.toString()
    if (!isTold && out.includes(text)) isTold = child.kill('SIGTERM')
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const linesOf = (start: string): string[] => {
    return out
      .split('\n')
      .filter((line) => line.startsWith(start))
      .map((line) => line.replace(/,.*/, ''))
  }
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code, signal, paying: linesOf('paying '), paid: linesOf('paid ') })
    })
  })
}

test('an application of NestJS finishes what is in hand at SIGTERM, ends with 0, and goes on', async () => {
  using folder = new UserFolder()
  const filter = (source: string): boolean => !source.includes('payments.db')
  cpSync(join(root, 'examples', 'nestjs'), folder.path, { recursive: true, filter })
  for (const name of ['@nestjs', 'rxjs', 'reflect-metadata']) {
    const from = join(root, 'node_modules', name)
    symlinkSync(from, join(folder.path, 'node_modules', name), 'junction')
  }
  const first = await runUntil(folder, 'paying 10 to alice')
  expect(first).toMatchObject({ code: 0, signal: null })
  expect(first.paid.length).toBeGreaterThan(0)
  expect(first.paid.length).toBeLessThan(8)
  expect(first.paying.length).toBe(first.paid.length)
  const second = await runUntil(folder, 'paid 80 to alice')
  expect(second).toMatchObject({ code: 0, signal: null })
  const all = [10, 20, 30, 40, 50, 60, 70, 80].map((amount) => `paid ${amount} to alice`)
  expect([...first.paid, ...second.paid]).toEqual(all)
})
