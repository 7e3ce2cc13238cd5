// A worker that is lost between a partial effect and the halt leaves word in the store: whoever gets the
// stream next calls no handler whose commands had their effect, and stops where they failed (I1, I2, I5).
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { contiguous, increasing } from '../../../src/core/numbering.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import { explanationLines } from '../../../src/operate/explain-text.ts'
import { explainStream } from '../../../src/operate/explain.ts'
import { readHealth } from '../../../src/operate/health.ts'
import type { PositionRow } from '../../../src/operate/import-positions.ts'
import { importPositions } from '../../../src/operate/import-positions.ts'
import { halt, resume, retry, skip } from '../../../src/operate/operate-stream.ts'
import type { OperatorTarget } from '../../../src/operate/operator-options.ts'
import { seek } from '../../../src/operate/seek.ts'
import type { RedisCommands } from '../../../src/stores/redis.ts'
import { faultAt } from '../../../src/testing/faults.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, storeOver } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import { consumer, EffectsWorld, events, pathOf } from './effects-world.ts'

const byAnn = { by: 'ann', reason: 'looked at it' }
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

function increments(redis: RedisCommands): void {
  redis.call('INCR', redis.key('spoilt'))
}

/** Event 3 of stream `a` fails in part, behind 1 and 2, and nothing of that is accounted for. */
async function lostAtThree(sent = [1, 2, 3]): Promise<void> {
  world.besides.set('a:3', increments)
  await world.spoil('a', 'spoilt')
  const lost = world.processor({}, {}, faultAt('unit.commit', 2, { fail: 'before' }))
  await expect(lost.process(events('a', ...sent))).rejects.toMatchObject({ code: 'store-unavailable' })
  expect(await world.journal('a')).toEqual([1, 2])
  expect((await world.stream('a'))?.state.position).toBe(undefined)
  world.calls.length = 0
}

function configured(): OperatorTarget {
  const rules = { ...defaultStreamLimits, numbering: contiguous() }
  return {
    ...world.target,
    domains: new Map([['account', { rules, failure: { attempts: 5, then: 'halt' } }]]),
  }
}

async function mark(): Promise<unknown> {
  const kept = await world.send('HGET', keyOfMarks(), pathOf('a'))
  return typeof kept === 'string' ? JSON.parse(kept) : undefined
}

/** Waits until no claim lives. */
async function claimsOver(): Promise<void> {
  while ((await world.store.reader.claims(consumer, { limit: 9 })).length > 0);
}

function keyOfMarks(): string {
  return world.keyOf('a', 'x').replace(/:own:.*$/, ':partial')
}

test('the next worker passes over what had its effect, and stops where it failed (I2)', async () => {
  await lostAtThree()
  expect(await mark()).toMatchObject({ at: '0/3', done: ['0/1', '0/2'], ran: 1 })
  const processor = world.processor()
  const results = await processor.process(events('a', 1, 2, 3, 4))
  expect(world.calls).toEqual([])
  expect(results.map(({ verdict }) => verdict)).toEqual(['deliver', 'deliver', 'hold', 'hold'])
  const stored = await world.stream('a')
  expect(stored?.state).toMatchObject({ position: 2, heldCount: 2, halt: { cause: 'effect-partial' } })
  expect(stored?.deliveries).toBe(2)
  expect(await mark()).toBeUndefined()
  expect(await world.journal('a')).toEqual([1, 2])
  expect(await world.balance('a')).toBe(6)
})

test('what the mark tells is met event by event, however they come again (I2)', async () => {
  await lostAtThree()
  const processor = world.processor()
  for (const sequence of [2, 1, 4]) await processor.process(events('a', sequence))
  expect((await world.stream('a'))?.state).toMatchObject({ position: 2, halt: undefined })
  expect(await mark()).toBeDefined()
  await processor.process(events('a', 3))
  expect(world.calls).toEqual([])
  expect((await world.stream('a'))?.state).toMatchObject({ position: 2, halt: { cause: 'effect-partial' } })
  expect(await world.balance('a')).toBe(6)
})

test('a worker that died with its claim is no exception: deliveries in quarantine call nobody', async () => {
  world.besides.set('a:3', increments)
  await world.spoil('a', 'spoilt')
  const dead = storeOver(client, { prefix: world.prefix, timers: new VirtualTimers() })
  await dead.open()
  const died = Promise.withResolvers<undefined>()
  const request = { consumer, worker: 'dead', streams: [pathOf('a')], mode: 'claim', claimMs: 50 } as const
  const committed = Promise.withResolvers<unknown>()
  const dying = dead.work(request, async (unit) => {
    const steps = [1, 2, 3].map((sequence) => {
      const recording = unit.commands?.record(pathOf('a'))
      const { commands } = recording ?? {}
      commands?.call('HINCRBY', commands.key('balance'), 'sum', sequence)
      if (sequence === 3) commands?.call('INCR', commands.key('spoilt'))
      commands?.call('RPUSH', commands.key('journal'), sequence)
      return { events: [{ epoch: 0, sequence }], commands: recording?.end().commands ?? [] }
    })
    const state = { ...(unit.streams.get(pathOf('a'))?.state as object), position: 3, baseline: 1 } as never
    const none = { hold: [], release: [], decided: [], deadLetters: [], redriven: [], ledger: [], due: {} }
    const change = { stream: pathOf('a'), state, ...none, deliveries: 3, effects: steps }
    committed.resolve(await unit.commit({ streams: [change] }))
    await died.promise
  })
  expect(await committed.promise).toMatchObject([{ epoch: 0, sequence: 3, ran: 1, done: ['0/1', '0/2'] }])
  const processor = world.processor()
  await claimsOver()
  await processor.process(events('a', 1, 2, 3, 4))
  expect(world.calls).toEqual([])
  expect((await world.stream('a'))?.state).toMatchObject({ position: 2, halt: { cause: 'effect-partial' } })
  expect(await world.balance('a')).toBe(6)
  died.resolve(undefined)
  await dying
})

test('an event in quarantine that fails in part halts at once', async () => {
  world.besides.set('a:3', increments)
  await world.spoil('a', 'spoilt')
  const timers = new VirtualTimers()
  const dead = storeOver(client, { prefix: world.prefix, timers })
  await dead.open()
  const request = { consumer, worker: 'dead', streams: [pathOf('a')], mode: 'claim', claimMs: 1 } as const
  const died = Promise.withResolvers<undefined>()
  const claimed = Promise.withResolvers<undefined>()
  const dying = dead.work(request, () => {
    claimed.resolve(undefined)
    return died.promise
  })
  await claimed.promise
  await claimsOver()
  await world.processor().process(events('a', 1, 2, 3, 4))
  expect(world.calls).toEqual(['a:1', 'a:2', 'a:3'])
  expect((await world.stream('a'))?.state).toMatchObject({ position: 2, halt: { cause: 'effect-partial' } })
  expect(await mark()).toBeUndefined()
  expect(await world.journal('a')).toEqual([1, 2])
  died.resolve(undefined)
  await dying
})

test('an event that comes behind the effects of later ones halts, and can be skipped (I1)', async () => {
  world.besides.set('a:4', increments)
  await world.spoil('a', 'spoilt')
  const rising = { numbering: increasing() } as const
  await world.processor(rising).process(events('a', 1))
  const lost = world.processor(rising, {}, faultAt('unit.commit', 2, { fail: 'before' }))
  await expect(lost.process(events('a', 3, 4))).rejects.toMatchObject({ code: 'store-unavailable' })
  expect(await world.journal('a')).toEqual([1, 3])
  expect((await world.stream('a'))?.state.position).toBe(1)
  world.calls.length = 0
  const processor = world.processor(rising)
  await processor.process(events('a', 2))
  expect(world.calls).toEqual([])
  const halted = (await world.stream('a'))?.state
  expect(halted).toMatchObject({ position: 1, halt: { cause: 'effect-partial' }, failing: { sequence: 2 } })
  expect(halted?.halt?.reason).toMatch(/2 came when events behind it had had their effect already: skip it/)
  await retry(world.target, { stream: pathOf('a'), ...byAnn })
  await processor.sweep()
  expect(world.calls).toEqual([])
  expect((await world.stream('a'))?.state).toMatchObject({ position: 1, failing: { sequence: 2 } })
  await skip(world.target, { stream: pathOf('a'), ...byAnn })
  await processor.process(events('a', 3, 4))
  expect((await world.stream('a'))?.state).toMatchObject({ position: 3, failing: { sequence: 4 } })
  expect(await mark()).toBeUndefined()
  expect(world.calls).toEqual([])
  expect(await world.journal('a')).toEqual([1, 3])
})

test('an operator may move the stream beyond what failed: then nobody asks about it again', async () => {
  await lostAtThree()
  await world.processor().process(events('a', 1))
  await seek(configured(), { stream: pathOf('a'), to: 3, ...byAnn })
  expect(await mark()).toBeUndefined()
  await world.processor().process(events('a', 4, 5))
  expect(await world.journal('a')).toEqual([1, 2, 4, 5])
})

test('a position that is imported beyond what failed is gone on from', async () => {
  await lostAtThree()
  async function* rows(): AsyncGenerator<PositionRow> {
    yield { stream: pathOf('a'), epoch: 0, position: 3, origin: 'line 1' }
  }
  const refused: unknown[] = []
  await importPositions(configured(), rows(), { ...byAnn, onRefused: (row) => refused.push(row) })
  expect(refused).toEqual([])
  expect(await mark()).toBeDefined()
  await world.processor().process(events('a', 3, 4, 5))
  expect(world.calls).toEqual(['a:4', 'a:5'])
  expect(await world.journal('a')).toEqual([1, 2, 4, 5])
  expect(await mark()).toBeUndefined()
})

test('an operator may halt and resume it: it stops where it failed all the same', async () => {
  await lostAtThree([1, 2, 3])
  const processor = world.processor()
  await processor.process(events('a', 2))
  await halt(world.target, { stream: pathOf('a'), ...byAnn })
  await processor.process(events('a', 1, 3))
  expect((await world.stream('a'))?.state).toMatchObject({ heldCount: 3, halt: { cause: 'operator' } })
  await resume(world.target, { stream: pathOf('a'), ...byAnn })
  await processor.sweep()
  expect(world.calls).toEqual([])
  expect((await world.stream('a'))?.state).toMatchObject({ position: 2, halt: { cause: 'effect-partial' } })
  expect(await world.balance('a')).toBe(6)
})

test('health and explain tell of what is not accounted for yet', async () => {
  await lostAtThree()
  const { items } = await readHealth({ reader: world.store.reader, consumer }, new Map())
  expect(items).toEqual([])
  await world.processor().process(events('a', 2))
  const health = await readHealth({ reader: world.store.reader, consumer }, new Map())
  expect(health.items).toMatchObject([{ kind: 'stuck', stream: pathOf('a') }])
  expect(health.items[0]?.detail).toMatch(/event 3: INCR spoilt failed in the commit .*the next worker/)
  const stored = await world.stream('a')
  if (stored === undefined) throw new Error('the stream is not known')
  const about = await explainStream({ reader: world.store.reader, consumer }, stored, new Map())
  const lines = explanationLines(about, { hasCommand: () => true })
  expect(lines.join(' ')).toMatch(/in event 3, INCR spoilt failed .* done before it: HINCRBY balance/)
})
