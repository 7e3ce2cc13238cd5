// Several worker processes over one Redis are killed without warning, or stand still for longer than their
// claims: every event has its effect, in order and once per idempotency key, and the books balance (I1, I2,
// I3, I5). `npm run soak` runs hundreds of rounds.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import { RedisWorld } from './redis-world.ts'

const balanced = '0: billing: everything adds up'
const rounds = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 3)
let server: RedisServer
let world: RedisWorld

beforeAll(async () => {
  server = await startRedis()
})
afterEach(() => world.end())
afterAll(() => server.stop())

test(`${rounds} rounds: workers are killed at random, and others go on`, async () => {
  const random = new SeededRandom(rounds)
  world = new RedisWorld({ url: server.url, prefix: ownPrefix(), random, streams: 16 })
  const workers = ['one', 'two', 'three']
  for (const worker of workers) world.start(worker)
  for (let round = 0; round < rounds; round++) {
    world.arrive(workers, 25)
    const goal = Math.floor(world.total - random.next() * 16 * 25)
    await world.until(() => world.applied().length >= goal)
    await world.untilKnown('s0')
    const killed = workers.filter(() => random.chance(0.5))
    await Promise.all(killed.map((worker) => world.kill(worker)))
    const { code, stdout, stderr } = await world.command('explain', 'account/s0')
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/it stands at \d+/)
    expect(await world.verify()).toContain(balanced)
    for (const worker of killed) world.start(worker)
  }
  await world.untilDone()
  expect(await world.stopAll()).not.toContain('gone back')
  expect(world.disorder()).toEqual([])
  expect(await world.verify()).toContain(balanced)
}, 3_600_000)

test('a worker that stood still past its claims commits nothing, and its handler is told (I5)', async () => {
  const random = new SeededRandom(5)
  const handler = `
    if (worker === 'late' && stream === 's0' && sequence === 13) {
      context.signal.addEventListener('abort', () => appendFileSync('told', 'x'))
      appendFileSync('stalled', 'x')
      while (!context.signal.aborted) await sleep(5)
    }`
  world = new RedisWorld({ url: server.url, prefix: ownPrefix(), random, streams: 4, claim: '6s', handler })
  world.arrive(['late', 'other'], 10)
  const late = world.start('late')
  await world.untilDone()
  world.arrive(['late', 'other'], 10)
  await world.until(() => world.has('stalled'))
  late.child.kill('SIGSTOP')
  const [claim] = await world.store.reader.claims('billing', { limit: 1 })
  expect(claim?.worker).toContain(`late-${late.child.pid}`)
  expect((await world.command('explain', 'account/s0')).stdout).toMatch(/it stands at 1\d/)
  world.start('other')
  await world.until(() => world.applied().length === world.total)
  expect(world.has('told')).toBe(false)
  late.child.kill('SIGCONT')
  await world.until(() => world.has('told') && late.stderr().includes('account/s0: another'))
  expect(late.stderr()).toContain('account/s0: another worker has taken it over; nothing was changed')
  await world.untilDone()
  expect(await world.stopAll()).not.toContain('gone back')
  expect(world.disorder()).toEqual([])
  expect(await world.verify()).toContain(balanced)
})
