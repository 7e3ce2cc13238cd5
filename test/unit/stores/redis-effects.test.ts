// `context.redis`: what handlers give is carried out inside the commit, once and in order; what fails in part
// stops the stream, and is never tried again by itself (I1, I2).
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import type { ExternalContext } from '../../../src/engine/domain-options.ts'
import type { RedisCommands } from '../../../src/stores/redis.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import { archive, EffectsWorld, events } from './effects-world.ts'

let server: RedisServer
let client: TestClient
let world: EffectsWorld

beforeAll(async () => {
  server = await startRedis()
  client = await connectedClient(server.url)
})
beforeEach(() => {
  world = new EffectsWorld(client)
})
afterEach(() => world.end())
afterAll(async () => {
  client.destroy()
  await server.stop()
})

test('commands run inside the commit, in the order of events and calls, and not before (I2)', async () => {
  const seen: number[] = []
  world.besides.set('a:2', async () => seen.push((await world.journal('a')).length))
  const results = await world.processor().process(events('a', 1, 2, 3))
  expect(results.map(({ verdict }) => verdict)).toEqual(['deliver', 'deliver', 'deliver'])
  expect(seen).toEqual([0])
  expect(await world.journal('a')).toEqual([1, 2, 3])
  expect(await world.balance('a')).toBe(6)
  expect((await world.stream('a'))?.state.position).toBe(3)
})

test('what a failed attempt gave is void (I2)', async () => {
  let fails = true
  world.besides.set('a:2', () => {
    if (fails) throw new Error('not now')
  })
  const processor = world.processor({ failure: { backoff: 0 } })
  await processor.process(events('a', 1, 2, 3))
  expect(await world.journal('a')).toEqual([1])
  expect(await world.balance('a')).toBe(1)
  fails = false
  while ((await processor.sweep()) === 0);
  expect(await world.journal('a')).toEqual([1, 2, 3])
  expect(await world.balance('a')).toBe(6)
})

test('a partial effect halts its stream, names what ran, and is not tried again (I2)', async () => {
  world.besides.set('a:3', (redis) => redis.call('INCR', redis.key('spoilt')))
  await world.spoil('a', 'spoilt')
  const processor = world.processor()
  const results = await processor.process([...events('a', 1, 2, 3, 4), ...events('b', 1)])
  expect(results.map(({ verdict }) => verdict)).toEqual(['deliver', 'deliver', 'hold', 'hold', 'deliver'])
  expect(await world.journal('a')).toEqual([1, 2])
  expect(await world.balance('a')).toBe(6)
  expect(await world.journal('b')).toEqual([1])
  const stored = await world.stream('a')
  expect(stored?.state).toMatchObject({ position: 2, heldCount: 2, halt: { cause: 'effect-partial' } })
  expect(stored?.partial).toBeUndefined()
  expect(stored?.deliveries).toBe(2)
  expect(stored?.state.halt?.reason).toMatch(
    /INCR spoilt failed .*not an integer.*done before it: HINCRBY balance; not done: RPUSH journal/,
  )
  await world.mend('a', 'spoilt')
  await processor.sweep()
  await processor.process(events('a', 5))
  expect(await world.balance('a')).toBe(6)
  expect(world.calls.filter((call) => call === 'a:3')).toHaveLength(1)
})

test('where none of its commands ran, an event has failed like any other (I2)', async () => {
  const handle = world.handle
  const processor = world.processor({
    failure: { backoff: 0, attempts: 3 },
    handle: async (event: InturnEvent, context: ExternalContext<RedisCommands>) => {
      world.besides.get('first')?.(context.redis)
      await handle(event, context)
    },
  })
  await processor.process(events('a', 1))
  await world.spoil('a', 'spoilt')
  world.besides.set('first', (redis) => redis.call('INCR', redis.key('spoilt')))
  const results = await processor.process(events('a', 2, 3))
  expect(String(results[0]?.error)).toMatch(
    /^InturnError: INCR spoilt failed in the commit \(ERR .*; not done: HINCRBY/,
  )
  expect((await world.stream('a'))?.state).toMatchObject({
    position: 1,
    failing: { sequence: 2, attempts: 1 },
  })
  expect(await world.balance('a')).toBe(1)
  await world.mend('a', 'spoilt')
  while ((await world.stream('a'))?.state.position !== 3) await processor.sweep()
  expect(await world.journal('a')).toEqual([1, 2, 3])
  expect(await world.balance('a')).toBe(6)
  expect((await world.stream('a'))?.partial).toBeUndefined()
})

test('an event whose attempts are used up without a command having run becomes a dead letter', async () => {
  await world.spoil('a', 'balance')
  const processor = world.processor({ failure: { backoff: 0, attempts: 2, then: 'dead-letter' } })
  await processor.process(events('a', 1))
  while ((await world.stream('a'))?.state.position !== 1) await processor.sweep()
  const [letter] = await world.store.reader.deadLetters('billing', { limit: 9 })
  expect(letter).toMatchObject({ reason: 'failed', sequence: 1, attempts: 2 })
  expect(letter?.detail).toMatch(/HINCRBY balance failed in the commit \(WRONGTYPE/)
})

test('a handler that has ended, or timed out, gives nothing more (I2)', async () => {
  const late: unknown[] = []
  const end = Promise.withResolvers<undefined>()
  world.besides.set('a:1', (redis) => {
    end.promise.then(() => redis.call('INCR', redis.key('late'))).catch((error: unknown) => late.push(error))
  })
  world.besides.set('b:1', () => end.promise)
  const processor = world.processor({ timeout: 50, failure: { attempts: 1 } })
  await processor.process([...events('a', 1), ...events('b', 1)])
  end.resolve(undefined)
  while (late.length === 0) await new Promise(setImmediate)
  expect(late).toMatchObject([{ code: 'command-invalid' }])
  expect(await world.send('EXISTS', world.keyOf('a', 'late'))).toBe(0)
  expect(await world.balance('a')).toBe(1)
  expect((await world.stream('b'))?.state.halt?.reason).toMatch(/handler-timeout|longer than 50 ms/)
  expect(await world.balance('b')).toBe(0)
})

test('a command that may not run is an ordinary failure of its handler', async () => {
  world.besides.set('a:1', (redis) => redis.call('FLUSHALL', redis.key('x')))
  world.besides.set('b:1', (redis) => redis.call('SET', world.keyOf('a', 'x'), '1'))
  const processor = world.processor({ failure: { attempts: 1, then: 'dead-letter' } })
  const results = await processor.process([...events('a', 1, 2), ...events('b', 1)])
  expect(String(results[0]?.error)).toMatch(/FLUSHALL is none of the commands/)
  expect(String(results[2]?.error)).toMatch(/takes a key that redis.key gave for this event's stream/)
  expect(await world.journal('a')).toEqual([2])
})

test('the commands of handleBatch belong to its first event, which is the one that halts', async () => {
  let spoils = true
  const processor = world.processor({
    handleBatch: (batch: readonly InturnEvent[], { redis }: { readonly redis: RedisCommands }) => {
      const { call, key } = redis
      for (const { sequence } of batch) call('RPUSH', key('journal'), String(sequence))
      if (spoils) call('INCR', key('journal'))
    },
  })
  await processor.process(events('a', 1, 2, 3))
  const { state, deliveries } = (await world.stream('a')) ?? {}
  expect(state).toMatchObject({ position: undefined, heldCount: 3, failing: { sequence: 1 } })
  expect(state?.halt?.reason).toMatch(
    /INCR journal failed .*done before it: RPUSH journal, RPUSH journal, RPUSH/,
  )
  expect(deliveries).toBe(0)
  expect(await world.journal('a')).toEqual([1, 2, 3])
  spoils = false
  await processor.process([...events('a', 4), ...events('b', 1, 2)])
  expect(await world.journal('a')).toEqual([1, 2, 3])
  expect(await world.journal('b')).toEqual([1, 2])
})

test('a turn whose commands are too many for one commit is carried out in several, in order', async () => {
  const text = 'x'.repeat(900_000)
  const handle = async (event: InturnEvent, context: ExternalContext<RedisCommands>): Promise<void> => {
    const { redis } = context
    redis.call('SET', redis.key('text'), text)
    await world.handle(event, context)
  }
  const numbers = Array.from({ length: 12 }, (_, index) => index + 1)
  let commits = 0
  const processor = world.processor({ handle }, {}, ({ method }) => {
    if (method === 'unit.commit') commits++
    return undefined
  })
  await processor.process(events('a', ...numbers))
  // 4 MiB are five of them.
  expect(commits).toBe(3)
  expect(await world.journal('a')).toEqual(numbers)
  expect(await world.balance('a')).toBe(78)
  expect((await world.stream('a'))?.state).toMatchObject({ position: 12, heldCount: 0 })
  expect((await world.stream('a'))?.deliveries).toBe(12)
})

test('full memory refuses the whole commit before anything has run (I10)', async () => {
  const own = await startRedis(['--appendfsync', 'no'])
  const ownClient = await connectedClient(own.url)
  const small = new EffectsWorld(ownClient)
  try {
    const memory = async (bytes: number): Promise<unknown> =>
      ownClient.sendCommand(['CONFIG', 'SET', 'maxmemory', String(bytes)])
    const roomAgain = async (call: () => Promise<unknown>): Promise<void> => {
      while (!(await call().then(Boolean, () => false)));
    }
    const processor = small.processor({}, { history: archive(events('a', 1, 2)) })
    await processor.process(events('a', 1))
    small.besides.set('a:2', () => memory(1))
    await expect(processor.process(events('a', 2))).rejects.toMatchObject({ code: 'store-full' })
    await memory(0)
    expect(await small.journal('a')).toEqual([1])
    expect((await small.stream('a'))?.partial).toBeUndefined()
    small.besides.clear()
    await roomAgain(async () => (await processor.process(events('a', 2)))[0]?.verdict === 'deliver')
    expect(await small.journal('a')).toEqual([1, 2])
    expect(await small.balance('a')).toBe(3)
    small.besides.set('a:2', () => memory(1))
    const range = { stream: 'a', from: 1, to: 2, by: 'ann', reason: 'again' }
    await expect(processor.redeliver(range)).rejects.toMatchObject({ code: 'store-full' })
    await memory(0)
    expect(await small.journal('a')).toEqual([1, 2])
  } finally {
    await small.end()
    ownClient.destroy()
    await own.stop()
  }
})
