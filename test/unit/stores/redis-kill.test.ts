// Workers on one Redis are killed at any moment, and others go on: each stream is handled in order, from its
// last commit on again after a kill, every number at least once, and everything adds up (I1, I2, I3, I5).
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import { ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

const child = fileURLToPath(new URL('./redis-child.ts', import.meta.url))
const numbers = Array.from({ length: 40 }, (_, index) => index + 1)
let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(() => server.stop())

/** Waits until handlers have done so many things more. */
async function untilHandled(lengths: () => Promise<number>, more: number): Promise<void> {
  const from = await lengths()
  while ((await lengths()) < from + more) await new Promise((resolve) => setImmediate(resolve))
}

async function kill(worker: ChildProcess): Promise<void> {
  const ended = once(worker, 'exit')
  worker.kill('SIGKILL')
  await ended
}

test('two of four workers are killed, and every stream is still handled in order and whole', async () => {
  const prefix = ownPrefix()
  const client = createClient({ url: server.url })
  await client.connect()
  client.on('error', () => undefined)
  const listOf = async (stream: number): Promise<number[]> =>
    (await client.lRange(`${prefix}-effects:s${stream}`, 0, -1)).map(Number)
  const lists = (): Promise<number[][]> =>
    Promise.all(Array.from({ length: 12 }, (_, index) => listOf(index)))
  const lengths = async (): Promise<number> => (await lists()).flat().length
  const start = (worker: string): ChildProcess =>
    spawn(process.execPath, ['--no-warnings', child, server.url, prefix, worker], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  const [first, second] = [start('one'), start('two')]
  await untilHandled(lengths, 60)
  await kill(first)
  const third = start('three')
  await untilHandled(lengths, 60)
  await kill(second)
  const fourth = start('four')
  await Promise.all([third, fourth].map((worker) => once(worker, 'exit')))
  expect([third.exitCode, fourth.exitCode]).toEqual([0, 0])
  for (const handled of await lists()) {
    const skips = handled.filter((number, index) => number > (handled[index - 1] ?? 0) + 1)
    expect(skips).toEqual([])
    expect([...new Set(handled)]).toEqual(numbers)
  }
  const store = redisStore(server.url, { prefix, onWarning: () => undefined })
  const { imbalances, unsettled, deliveries } = await verifyConsumer(
    { reader: store.reader, consumer: 'billing' },
    new Map(),
  )
  expect([imbalances, unsettled, deliveries]).toEqual([[], [], 12 * 40])
  await store.close()
  client.destroy()
})
