// Processes number one stream and are killed: no number is used twice, none is used and filled, and nothing
// is left over but what a killed process had used and could not tell (I3).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { sequencer } from '../../src/producer/sequencer.ts'
import { sqliteSequences } from '../../src/stores/sqlite.ts'
import { testFolder } from './run-inturn.ts'

const program = fileURLToPath(new URL('./sequencer-child.ts', import.meta.url))

/** Lets a producer run until it has used so many numbers, and kills it. */
async function numbersUsed(file: string, count: number): Promise<number[]> {
  const child = spawn(process.execPath, ['--no-warnings', program, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => void (text += chunk.toString()))
  const ended = once(child, 'close')
  while (text.split('\n').length <= count && child.exitCode === null) await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await ended
  return text.split('\n').slice(0, -1).map(Number)
}

test('numbers of killed processes are used once or filled, never both', async () => {
  const folder = testFolder()
  const file = `${folder.path}/numbers.db`
  const store = sqliteSequences(file)
  await store.open()
  const used: number[] = []
  for (const count of [3, 17]) {
    const both = await Promise.all([numbersUsed(file, count), numbersUsed(file, count + 5)])
    used.push(...both.flat())
  }
  expect(new Set(used).size).toBe(used.length)
  const last = await store.last({ domain: 'account', stream: 'ann' })
  const filled: number[] = []
  const numbers = sequencer({ store, domain: 'account' })
  const kills = 4
  while (used.length + filled.length < last - kills) {
    await numbers.publishFills(async ({ fill }) => {
      for (let number = fill.from; number <= fill.to; number++) filled.push(number)
    })
  }
  expect(new Set([...used, ...filled]).size).toBe(used.length + filled.length)
  expect(Math.max(...used, ...filled)).toBeLessThanOrEqual(last)
  expect((await numbers.next('ann')).from).toBe(last + 1)
  await store.close()
  folder.remove()
})
