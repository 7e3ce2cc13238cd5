// A signal is heard, whenever it comes.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const source = new URL('../../../src/cli/stop-on-signals.ts', import.meta.url)

/** The signal has come, and nothing has heard it yet, when the worker takes over, or has ended. */
const program = (takesOver: string): string => `
  const { endOnSignals, stopOnSignals } = await import(${JSON.stringify(source.href)})
  const end = (word) => { console.log(word); process.exit() }
  const worker = { stop: async () => end('drained'), stopNow: async () => end('stopped at once') }
  endOnSignals()
  ${takesOver}
  setTimeout(() => end('went on'), 5_000)
`

async function heard(takesOver: string): Promise<string> {
  const args = ['--input-type=module', '-e', program(takesOver)]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args)
  return stdout + stderr
}

test('one that comes while the worker is made is not lost: the worker drains', async () => {
  const takesOver = "process.kill(process.pid, 'SIGTERM'); stopOnSignals(worker, { say: () => {} })"
  expect(await heard(takesOver)).toBe('drained\n')
})

test('one that comes as the worker ends is not lost either: the process ends', async () => {
  const takesOver = `
    const forget = stopOnSignals(worker, { say: () => {} })
    process.kill(process.pid, 'SIGTERM')
    forget()
  `
  expect(await heard(takesOver)).toContain('SIGTERM: nothing is in hand')
})
