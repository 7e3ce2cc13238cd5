// Operators and partial effects: what halted is tried again, taken out, or resumed by a person; dead letters
// and history are handled again with their commands, and never by themselves (I2, I3).
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { increasing, unordered } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { explanationLines } from '../../../src/operate/explain-text.ts'
import { explainStream } from '../../../src/operate/explain.ts'
import { resume, retry, skip } from '../../../src/operate/operate-stream.ts'
import { retryDeadLetters } from '../../../src/operate/retry-dead-letters.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import { archive, consumer, EffectsWorld, events, pathOf } from './effects-world.ts'

const byAnn = { by: 'ann', reason: 'looked at it' }
const a = { stream: pathOf('a'), ...byAnn }
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
afterEach(async () => {
  const { imbalances } = await verifyConsumer({ reader: world.store.reader, consumer }, new Map())
  await world.end()
  if (imbalances.length > 0) throw new Error(`the books do not balance: ${JSON.stringify(imbalances)}`)
})
afterAll(async () => {
  client.destroy()
  await server.stop()
})

/** Event 2 is halted over a command that failed behind another, and 3 is held. */
async function haltedAtTwo() {
  world.besides.set('a:2', (redis) => redis.call('INCR', redis.key('spoilt')))
  await world.spoil('a', 'spoilt')
  const processor = world.processor({ failure: { backoff: 0 } })
  await processor.process(events('a', 1, 2, 3))
  expect((await world.stream('a'))?.state.halt?.cause).toBe('effect-partial')
  expect(await world.balance('a')).toBe(3)
  return processor
}

test('retry: the event is done once more with all its commands', async () => {
  const processor = await haltedAtTwo()
  await world.mend('a', 'spoilt')
  await retry(world.target, a)
  await processor.sweep()
  expect(await world.journal('a')).toEqual([1, 2, 3])
  // What had run before ran once more, as the operator has answered for.
  expect(await world.balance('a')).toBe(8)
  expect((await world.stream('a'))?.state).toMatchObject({ position: 3, halt: undefined, failing: undefined })
})

test('retry that fails in part again halts again', async () => {
  const processor = await haltedAtTwo()
  await retry(world.target, a)
  await processor.sweep()
  expect((await world.stream('a'))?.state).toMatchObject({ position: 1, halt: { cause: 'effect-partial' } })
  expect(await world.balance('a')).toBe(5)
  await processor.sweep()
  expect(await world.balance('a')).toBe(5)
})

test('skip: the event becomes a dead letter, and the stream goes on behind it', async () => {
  const processor = await haltedAtTwo()
  await skip(world.target, { ...a, sequence: 2 })
  await processor.sweep()
  expect(await world.journal('a')).toEqual([1, 3])
  expect(await world.balance('a')).toBe(6)
  const [letter] = await world.store.reader.deadLetters(consumer, { limit: 9 })
  expect(letter).toMatchObject({ reason: 'skipped', sequence: 2, attempts: 1 })
})

test('resume: the event has one more attempt, with all its commands', async () => {
  const processor = await haltedAtTwo()
  await world.mend('a', 'spoilt')
  await resume(world.target, a)
  await processor.sweep()
  expect(await world.journal('a')).toEqual([1, 2, 3])
})

test('explain tells an operator what ran, and what each command would do', async () => {
  await haltedAtTwo()
  const stored = await world.stream('a')
  if (stored === undefined) throw new Error('the stream is not known')
  const about = await explainStream({ reader: world.store.reader, consumer }, stored, new Map())
  const lines = explanationLines(about, { hasCommand: () => true }).join('\n')
  expect(lines).toMatch('an effect was carried out in part; it is never retried by itself.')
  expect(lines).toMatch(/INCR spoilt failed .*; done before it: HINCRBY balance; not done: RPUSH journal/)
  expect(lines).toMatch('does the event once more: you answer for the part that was done already')
})

test('a dead letter that is tried again has its commands run in the commit that forgets it', async () => {
  let fails = true
  world.besides.set('a:2', () => {
    if (fails) throw new Error('not now')
  })
  const processor = world.processor({ failure: { attempts: 1, then: 'dead-letter' } })
  await processor.process(events('a', 1, 2, 3))
  expect(await world.journal('a')).toEqual([1, 3])
  fails = false
  for (const by of ['ann', 'bob']) {
    await retryDeadLetters(world.target, { by, reason: 'the bank is back', only: 'failed' })
  }
  await processor.sweep()
  const ledger = await world.store.reader.ledger(consumer, { stream: pathOf('a'), limit: 99 })
  expect(ledger.flatMap(({ kind, by }) => (kind === 'redrive-asked' ? [by] : []))).toEqual(['ann', 'bob'])
  expect(await world.journal('a')).toEqual([1, 3, 2])
  expect(await world.balance('a')).toBe(6)
  expect(await world.store.reader.deadLetters(consumer, { limit: 9 })).toEqual([])
})

test('a dead letter whose commands fail in part stays, and says what ran (I2)', async () => {
  const processor = await haltedAtTwo()
  await skip(world.target, { ...a, sequence: 2 })
  await processor.sweep()
  expect(await world.balance('a')).toBe(6)
  await retryDeadLetters(world.target, { ...byAnn, only: 'skipped' })
  await processor.sweep()
  await processor.sweep()
  expect(await world.balance('a')).toBe(8)
  expect(world.calls.filter((call) => call === 'a:2')).toHaveLength(2)
  const [letter] = await world.store.reader.deadLetters(consumer, { limit: 9 })
  expect(letter?.detail).toMatch(/^InturnError: INCR spoilt failed .*done before it: HINCRBY balance/)
  const ledger = await world.store.reader.ledger(consumer, { limit: 99 })
  expect(ledger.at(-1)).toMatchObject({ kind: 'redrive-failed', from: 2 })
  expect(ledger.at(-1)?.reason).toMatch(/done before it: HINCRBY balance/)
  expect((await world.stream('a'))?.partial).toBeUndefined()
  expect((await world.stream('a'))?.state).toMatchObject({ position: 3, halt: undefined })
})

test('events that are handled once more have their commands run, up to one that fails', async () => {
  const past = events('a', 1, 2, 3, 4)
  const processor = world.processor({}, { history: archive(past) })
  await processor.process(past)
  const range = { domain: 'account', stream: 'a', from: 1, to: 2, ...byAnn }
  expect(await processor.redeliver(range)).toMatchObject({ handled: 2 })
  expect(await world.journal('a')).toEqual([1, 2, 3, 4, 1, 2])
  expect(await world.balance('a')).toBe(13)
  world.besides.set('a:3', (redis) => redis.call('INCR', redis.key('spoilt')))
  await world.spoil('a', 'spoilt')
  const { handled, failed } = await processor.redeliver({ ...range, to: 4 })
  expect({ handled, sequence: failed?.sequence }).toEqual({ handled: 2, sequence: 3 })
  expect(String(failed?.error)).toMatch(/INCR spoilt failed .*done before it: HINCRBY balance/)
  expect(await world.journal('a')).toEqual([1, 2, 3, 4, 1, 2, 1, 2])
  expect(await world.balance('a')).toBe(19)
  await processor.sweep()
  expect(await world.balance('a')).toBe(19)
  expect((await world.stream('a'))?.state).toMatchObject({ position: 4, halt: undefined })
  expect((await world.stream('a'))?.partial).toBeUndefined()
  const ledger = await world.store.reader.ledger(consumer, { limit: 99 })
  expect(ledger.at(-1)).toMatchObject({ kind: 'redelivered', from: 1, to: 3 })
  expect(ledger.at(-1)?.reason).toMatch(/done before it: HINCRBY balance/)
})

test('other stores, and domains without tracking, have no context.redis', async () => {
  const seen: unknown[] = []
  const handle = (_event: unknown, context: object): void => void seen.push('redis' in context)
  const chat = { numbering: unordered(), effects: 'external', handle } as const
  const account = { numbering: increasing(), effects: 'external', handle } as const
  const memory = createProcessor({ consumer, store: memoryStore(), domains: { account } })
  await memory.process(events('a', 1))
  await memory.close()
  const domains = { chat }
  const other = createProcessor({ consumer, store: world.store, domains })
  await other.process([{ domain: 'chat', stream: 'a', data: {} }])
  expect(seen).toEqual([false, false])
})

test('a stale claim runs nothing (I5)', async () => {
  const end = Promise.withResolvers<undefined>()
  const reached = Promise.withResolvers<undefined>()
  let isFirst = true
  world.besides.set('a:1', async () => {
    if (!isFirst) return
    isFirst = false
    reached.resolve(undefined)
    await end.promise
  })
  const late = world.processor()
  const processing = late.process(events('a', 1))
  await reached.promise
  // The claim is another's from now on.
  const key = world.keyOf('a', 'x').replace(/:own:.*$/, ':claims')
  await world.send('HSET', key, pathOf('a'), '999')
  end.resolve(undefined)
  await processing
  expect(world.calls).toEqual(['a:1', 'a:1'])
  expect(await world.journal('a')).toEqual([1])
  expect(await world.balance('a')).toBe(1)
})
