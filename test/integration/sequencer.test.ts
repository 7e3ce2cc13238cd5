// Processes number one stream and are killed: no number is used twice, none is used and filled, and nothing
// is left over but what a killed process had used and could not tell (I3).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sequencer } from '../../src/producer/sequencer.ts'
import { ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import { sequencesAt } from './log-target.ts'
import { testFolder } from './run-inturn.ts'
import type { TestFolder } from './run-inturn.ts'

const program = fileURLToPath(new URL('./sequencer-child.ts', import.meta.url))

let server: RedisServer
let folder: TestFolder
beforeAll(async () => {
  server = await startRedis()
  folder = testFolder()
})
afterAll(async () => {
  folder.remove()
  await server.stop()
})

/** Lets a producer run until it has used so many numbers, and kills it. */
async function numbersUsed(target: string, count: number): Promise<number[]> {
  const child = spawn(process.execPath, ['--no-warnings', program, target], {
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

const places = [
  { name: 'in SQLite', target: () => `${folder.path}/numbers.db` },
  { name: 'in Redis', target: () => `${server.url}?prefix=${ownPrefix()}` },
]

test.for(places)('$name numbers of killed processes are used once or filled, never both', async (place) => {
  const target = place.target()
  const store = sequencesAt(target)
  await store.open()
  const used: number[] = []
  for (const count of [3, 17]) {
    const both = await Promise.all([numbersUsed(target, count), numbersUsed(target, count + 5)])
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
})
