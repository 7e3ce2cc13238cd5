// Several workers on one Redis whose sources bring the same events, doubled and in other orders, among them
// one stream that has half of all events, one whose handler is slow, and one that is halted: none of the
// quiet streams starves, no event that was handed over is forgotten, and what a dead worker had in hand is
// taken over (I1, I3, I5, I6). Laws are about what comes before what, as no machine is fast for sure.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import { RedisWorld } from './redis-world.ts'

interface Sent {
  readonly stream: string
  readonly sequence: number
}

const balanced = '0: billing: everything adds up'
const seed = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 7)
const workers = ['one', 'two', 'three']
let server: RedisServer
let world: RedisWorld

beforeAll(async () => {
  server = await startRedis()
})
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(world.report())
  await world.end()
})
afterAll(() => server.stop())

function numbered(stream: string, from: number, to: number): readonly Sent[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({ stream, sequence: from + index }))
}

/** Spreads the events of some streams evenly over each other. */
function mixed(lists: readonly (readonly Sent[])[]): readonly Sent[] {
  const placed = lists.flatMap((list) =>
    list.map((sent, index) => ({ sent, place: (index + 1) / (list.length + 1) })),
  )
  return placed.sort((a, b) => a.place - b.place).map(({ sent }) => sent)
}

/** The same events for each worker, moved by up to 30 places, a fifth of them twice. */
function give(random: SeededRandom, events: readonly Sent[]): void {
  for (const worker of workers) {
    const placed = events.flatMap((sent, index) => {
      const copies = random.chance(0.2) ? [0, 40] : [0]
      return copies.map((later) => ({ sent, place: index + later + random.whole(0, 30) }))
    })
    world.send(
      worker,
      placed.sort((a, b) => a.place - b.place).map(({ sent }) => sent),
    )
  }
}

/** Where in the order of all effects each event was done, by the idempotency key. */
function ranks(): ReadonlyMap<string, number> {
  return new Map(world.applied().map(({ stream, sequence }, index) => [`${stream}#${sequence}`, index]))
}

/** Effects that are not the next of their stream. */
function outOfTurn(): readonly string[] {
  const reached = new Map<string, number>()
  return world.applied().flatMap(({ stream, sequence }) => {
    const last = reached.get(stream) ?? 0
    reached.set(stream, sequence)
    return sequence === last + 1 ? [] : [`${stream}: ${sequence} came after ${last}`]
  })
}

async function expectNothingLeft(): Promise<void> {
  await world.until(async () => (await world.store.reader.inbox('billing', { limit: 1 })).length === 0)
  await world.stopAll()
  expect(outOfTurn()).toEqual([])
  expect(await world.verify()).toContain(balanced)
}

test('beside a hot stream, a slow one and a halted one, none of 200 quiet streams starves', async () => {
  const handler = `
      if (stream === 'bad' && sequence === 3 && !existsSync('mended')) throw new Error('no money')
      if (stream === 'slow') await sleep(100)
      if (stream === 'hot') await sleep(2)`
  const random = new SeededRandom(seed)
  const prefix = ownPrefix()
  const failure = '{ attempts: 2, backoff: 10 }'
  world = new RedisWorld({ url: server.url, prefix, random, streams: 0, isWhole: true, handler, failure })
  const quiet = Array.from({ length: 200 }, (_, index) => `quiet-${index}`)
  const early = mixed([
    ...quiet.map((stream) => numbered(stream, 1, 4)),
    numbered('hot', 1, 500),
    numbered('slow', 1, 25),
    numbered('bad', 1, 20),
  ])
  give(random, [...early, ...numbered('hot', 501, 900)])
  for (const worker of workers) world.start(worker)
  await world.until(() => ranks().has('hot#900'))
  const order = ranks()
  const hotAt = order.get('hot#900') ?? 0
  const starved = quiet.filter((stream) => (order.get(`${stream}#4`) ?? Infinity) > hotAt)
  expect(starved).toEqual([])
  await world.until(() => ranks().has('slow#25'))
  expect([...ranks().keys()].filter((key) => key.startsWith('bad'))).toEqual(['bad#1', 'bad#2', 'bad#3'])
  const explained = await world.command('explain', 'account/bad')
  expect(explained.stdout).toMatch(/halted/i)
  expect(explained.stdout).toContain('no money')
  expect((await world.command('status')).stdout).toMatch(/halted +1\b/)
  world.folder.write('mended', '')
  const mended = await world.command('retry', 'account/bad', '--by', 'ann', '--reason', 'mended')
  expect(mended.code, mended.stderr).toBe(0)
  await world.until(() => ranks().has('bad#20'))
  await expectNothingLeft()
  expect(world.applied()).toHaveLength(200 * 4 + 900 + 25 + 20)
})

test('what is handed over is gone on with by whoever releases the claim, without any sweep', async () => {
  const random = new SeededRandom(seed)
  const options = { streams: 8, isWhole: true, sweepEvery: '1h' }
  world = new RedisWorld({ url: server.url, prefix: ownPrefix(), random, ...options })
  for (const worker of workers) world.start(worker)
  for (let wave = 1; wave <= 10; wave++) {
    world.arrive(workers, 5)
    await world.until(() => world.applied().length === world.total)
  }
  await world.untilDone()
  await expectNothingLeft()
  expect(world.disorder()).toEqual([])
})

test('what a dead worker had in hand is taken over once its claims have run out', async () => {
  const random = new SeededRandom(seed)
  const handler = `
      if (worker === 'one' && sequence === 2) {
        appendFileSync('stuck', 'x')
        while (!context.signal.aborted) await sleep(5)
      }`
  world = new RedisWorld({
    url: server.url,
    prefix: ownPrefix(),
    random,
    streams: 0,
    isWhole: true,
    claim: '2s',
    handler,
  })
  const streams = ['a', 'b', 'c']
  const events = streams.flatMap((stream) => numbered(stream, 1, 5))
  world.start('one')
  world.send('one', events)
  await world.until(() => world.has('stuck'))
  world.start('two')
  world.send('two', events)
  await world.until(async () => (await world.store.reader.inbox('billing', { limit: 1 })).length > 0)
  await world.kill('one')
  await world.until(() => streams.every((stream) => ranks().has(`${stream}#5`)))
  await expectNothingLeft()
  expect(ranks().size).toBe(streams.length * 5)
})
