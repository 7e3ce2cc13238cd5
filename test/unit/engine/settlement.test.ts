// Settling: an event is forgotten by its source only once its end is durable, and what is refused stays
// bounded.
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { increasing } from '../../../src/core/numbering.ts'
import { consumer, event, events, path } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

const fill = (stream: string, from: number, to: number): unknown => ({
  domain: 'account',
  stream,
  fill: { from, to, reason: 'burned' },
})

describe('a store that is not durable (I4)', () => {
  it('held events and fills stay unsettled until their stream has got there', async () => {
    for (const kind of ['log', 'queue'] as const) {
      const world = new WorkerWorld(kind)
      const worker = world.worker({}, { store: world.store({ durable: false }) })
      await world.source.push([...events('a', 3), fill('a', 4, 6), event('b', 1), ...events('a', 7)])
      world.start(worker)
      await world.timers.advance(1_000)
      expect(world.settledNumbers).toEqual([1])
      await world.source.push(events('a', 2))
      await world.timers.advance(1_000)
      expect(world.settledNumbers).toEqual([1])
      await world.source.push(events('a', 1))
      await world.timers.advance(1_000)
      expect(world.source.unsettled).toBe(0)
      expect(world.calls.filter((call) => call.startsWith('a'))).toEqual(['a:1', 'a:2', 'a:3', 'a:7'])
      await worker.stop()
    }
  })

  it('a conflict with a held event is no end of the held one', async () => {
    const world = new WorkerWorld()
    const worker = world.worker({}, { store: world.store({ durable: false }) })
    await world.source.push([event('a', 2), event('a', 2, { id: 'rival' })])
    world.start(worker)
    await world.timers.advance(1_000)
    expect(world.settled.map(({ place }) => place)).toEqual([2])
    await worker.stop()
  })

  it('a copy of a held event of a log is settled with it', async () => {
    const world = new WorkerWorld()
    const worker = world.worker({}, { store: world.store({ durable: false }), batch: 1 })
    await world.source.push([...events('a', 2, 2)])
    world.start(worker)
    await world.timers.advance(1_000)
    expect(world.settled).toEqual([])
    await world.source.push(events('a', 1))
    await world.timers.advance(1_000)
    expect(world.source.unsettled).toBe(0)
    await worker.stop()
  })

  it('a batch that is processed again after a failure settles no held event early', async () => {
    const world = new WorkerWorld()
    const plan = ({ method, nth }: { method: string; nth: number }) =>
      method === 'unit.commit' && nth === 2 ? { fail: 'after' as const } : undefined
    const worker = world.worker({}, { store: world.store({ durable: false, plan }) })
    await world.source.push([event('b', 1)])
    world.start(worker)
    await world.timers.advance(1_000)
    await world.source.push(events('a', 2))
    await world.timers.advance(5_000)
    expect(world.told('store-failed')).toHaveLength(1)
    expect(world.settledNumbers).toEqual([1])
    await world.source.push(events('a', 1))
    await world.timers.advance(1_000)
    expect(world.source.unsettled).toBe(0)
    await worker.stop()
  })

  it('an entry of an inbox stays unsettled until it is decided, also behind its stream', async () => {
    const world = new WorkerWorld()
    const left = { commits: Infinity }
    const plan = ({ method }: { method: string }) =>
      method === 'unit.commit' && left.commits-- <= 0 ? { fail: 'before' as const } : undefined
    const store = world.store({ durable: false, plan })
    const worker = world.worker({ heldMax: 1 }, { store, refusePatience: '1s' })
    await world.source.push([...events('a', 1, 3), event('a', 5)])
    world.start(worker)
    await world.timers.advance(5_000)
    expect(await world.memory.reader.inbox(consumer, { limit: 9 })).toHaveLength(1)
    expect(world.settledNumbers).toEqual([1])
    // The epoch is opened; what decides the inbox against it fails.
    left.commits = 1
    await world.source.push([event('a', 1, { epoch: 1, id: 'anew' })])
    await world.timers.advance(5_000)
    expect((await world.memory.reader.stream(consumer, path('a')))?.state.epoch).toBe(1)
    expect(world.settledNumbers).not.toContain(5)
    left.commits = Infinity
    await world.timers.advance(30_000)
    expect(world.settledNumbers).toContain(5)
    await worker.stop()
  })

  it('another event of a queue with the number of one in an inbox ends as a conflict', async () => {
    const world = new WorkerWorld('queue')
    const store = world.store({ durable: false })
    const worker = world.worker({ heldMax: 1 }, { store, refusePatience: '2s' })
    await world.source.push(events('a', 3, 5))
    world.start(worker)
    await world.timers.advance(5_000)
    expect((await world.stream('a'))?.inbox).toMatchObject({ arrivals: 1 })
    await world.source.push([event('a', 5, { id: 'rival' })])
    await world.timers.advance(1_000)
    await world.source.push(events('a', 1, 2, 4))
    await world.timers.advance(10_000)
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5'])
    expect(await world.deadLetters()).toMatchObject([{ reason: 'conflict', id: 'rival' }])
    expect(world.source.unsettled).toBe(0)
    await worker.stop()
  })
})

describe('refused events', () => {
  it('of a log stay here while it is read on, and come in as soon as there is room (I6)', async () => {
    const world = new WorkerWorld()
    const worker = world.worker({ heldMax: 2 }, { batch: 2 })
    await world.source.push([...events('a', 3, 4, 5, 6), ...events('b', 1, 2), ...events('a', 2, 1)])
    world.start(worker)
    await world.timers.advance(2_000)
    expect(world.calls.filter((call) => call.startsWith('a'))).toEqual([
      'a:1',
      'a:2',
      'a:3',
      'a:4',
      'a:5',
      'a:6',
    ])
    expect(world.source.unsettled).toBe(0)
    expect(await world.deadLetters()).toEqual([])
    await worker.stop()
  })

  it('that waited too long go to the inbox, are settled, and are decided by themselves', async () => {
    for (const kind of ['log', 'queue'] as const) {
      const world = new WorkerWorld(kind)
      const worker = world.worker({ heldMax: 2 }, { refusePatience: '10s' })
      await world.source.push(events('a', 3, 4, 5, 6))
      world.start(worker)
      await world.timers.advance(9_000)
      expect((await world.stream('a'))?.inbox).toBeUndefined()
      await world.timers.advance(5_000)
      expect((await world.stream('a'))?.inbox).toMatchObject({ arrivals: 2 })
      expect(world.source.unsettled).toBe(0)
      await world.source.push(events('a', 2, 1))
      await world.timers.advance(2_000)
      expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5', 'a:6'])
      expect(await world.deadLetters()).toEqual([])
      await worker.stop()
    }
  })

  it('beyond the look-ahead go to the inbox at once, however fast the source is (I7)', async () => {
    for (const kind of ['log', 'queue'] as const) {
      const world = new WorkerWorld(kind)
      const worker = world.worker({ heldMax: 2 }, { lookAheadMax: 10, batch: 5, refusePatience: '1h' })
      const numbers = Array.from({ length: 100 }, (_, index) => index + 3)
      await world.source.push(events('a', ...numbers))
      world.start(worker)
      await world.timers.advance(3_000)
      expect((await world.stream('a'))?.inbox?.arrivals).toBeGreaterThanOrEqual(100 - 2 - 10 - 5)
      await world.source.push(events('a', 2, 1))
      await world.timers.advance(10_000)
      expect(world.calls).toEqual([1, 2, ...numbers].map((sequence) => `a:${sequence}`))
      expect(world.source.unsettled).toBe(0)
      await worker.stop()
    }
  })

  it('that have no room anywhere are told of, and read on once their stream goes on (I7)', async () => {
    const world = new WorkerWorld('log')
    const worker = world.worker({ heldMax: 2, handedOverMax: 5 }, { lookAheadMax: 10, batch: 5 })
    const numbers = Array.from({ length: 60 }, (_, index) => index + 3)
    await world.source.push(events('a', ...numbers))
    world.start(worker)
    await world.timers.advance(60_000)
    expect(world.told('records-full')).toMatchObject([{ error: { code: 'records-full' } }])
    await world.processor().process(events('a', 1, 2))
    await world.timers.advance(10_000)
    expect(world.calls).toEqual([1, 2, ...numbers].map((sequence) => `a:${sequence}`))
    expect(world.source.unsettled).toBe(0)
    expect(world.told('records-full')).toHaveLength(2)
    await worker.stop()
  })

  it('of increasing numbers keep their order when their stream goes on (I1)', async () => {
    const world = new WorkerWorld()
    let isBroken = true
    const handle = (called: InturnEvent): void => {
      if (isBroken) throw new Error('broken')
      world.note(called)
    }
    const worker = world.worker(
      { handle, numbering: increasing(), heldMax: 2, failure: { attempts: 100, backoff: 1, backoffMax: 1 } },
      { batch: 3 },
    )
    const numbers = Array.from({ length: 40 }, (_, index) => index + 1)
    await world.source.push(events('a', ...numbers.slice(0, 30)))
    world.start(worker)
    await world.timers.advance(5_000)
    isBroken = false
    await world.source.push(events('a', ...numbers.slice(30)))
    await world.timers.advance(10_000)
    expect(world.calls).toEqual(numbers.map((sequence) => `a:${sequence}`))
    expect(await world.deadLetters()).toEqual([])
    await worker.stop()
  })

  it('no gap is given up while they wait, as they may lie in it (I8)', async () => {
    const world = new WorkerWorld()
    const worker = world.worker(
      { heldMax: 2, gap: { patience: '5s', then: 'skip' } },
      { refusePatience: '8s' },
    )
    await world.source.push(events('a', 8, 9, 5, 6, 7))
    world.start(worker)
    await world.timers.advance(7_000)
    expect(world.calls).toEqual([])
    await world.timers.advance(5_000)
    expect(world.calls).toEqual(['a:5', 'a:6', 'a:7', 'a:8', 'a:9'])
    expect(await world.ledger()).toMatchObject([{ kind: 'lost', from: 1, to: 4 }])
    await worker.stop()
  })
})
