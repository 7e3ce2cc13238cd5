// A paused domain keeps what comes and does nothing with it: no delivery, no retry, no end of a gap, and no
// spinning sweep. What was begun is brought to its end.
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { increasing, unordered } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { aroundStore } from '../../../src/ports/around-store.ts'
import type { Store } from '../../../src/ports/store.ts'
import { TransactionQueue, transactionalStore } from '../../simulation/transactional-store.ts'
import { SqliteFolder } from '../stores/sqlite-folder.ts'
import {
  consumer,
  domain,
  EngineWorld,
  event,
  events,
  Gate,
  path,
  sweepAll,
  verdictsOf,
} from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

async function pause(store: Store, paused: boolean, name = 'account'): Promise<void> {
  await store.open()
  await store.record(consumer, { paused: [{ domain: name, paused }] })
}

/** What an operator's resume does besides: whatever waits is due. */
async function resume(store: Store, ...streams: readonly string[]): Promise<void> {
  await pause(store, false)
  const paths = streams.map(path)
  await store.work(
    { consumer, worker: 'op', streams: paths, mode: 'claim', claimMs: 30_000 },
    async (unit) => {
      const records = { hold: [], release: [], decided: [], deadLetters: [], redriven: [], ledger: [] }
      const changes = [...unit.streams].map(([stream, { state }]) => {
        return { stream, state, deliveries: 0, due: { at: 0 }, ...records }
      })
      await unit.commit({ streams: changes })
    },
  )
}

function transactional(world: EngineWorld): Store {
  const queue = new TransactionQueue()
  return transactionalStore(world.store(), { queue, onDeath: () => undefined, written: () => undefined })
}

for (const effects of ['external', 'transaction'] as const) {
  describe(`a paused domain, effects: '${effects}'`, () => {
    const made = (world: EngineWorld, fields: object = {}, options: object = {}) =>
      world.processor(
        { effects, ...fields },
        { store: effects === 'external' ? world.store() : transactional(world), ...options },
      )

    it('finds what its inboxes have once it goes on, also what it has looked at before (I3)', async () => {
      const world = new EngineWorld()
      const processor = made(world, { numbering: increasing() }, { batch: 1 })
      const store = world.store()
      await processor.process(events('a', 1))
      await pause(store, true)
      const about = { domain: 'account', stream: 'a', epoch: 0, data: {} }
      const arrivals: readonly InturnEvent[] = [2, 3, 4].map((sequence) => ({ ...about, sequence }))
      await store.handOver(
        consumer,
        arrivals.map((arrival) => ({ stream: path('a'), arrival })),
      )
      expect(verdictsOf(await processor.process(events('a', 5)))).toEqual(['refuse'])
      expect(await world.handedOver()).toBe(2)
      await pause(store, false)
      await sweepAll(processor)
      expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4'])
      expect(await world.handedOver()).toBe(0)
    })

    it('is looked at with the next sweep where it goes on while a turn of it commits (I8)', async () => {
      const world = new EngineWorld()
      const gate = new Gate()
      const store = aroundStore(
        effects === 'external' ? world.store() : transactional(world),
        async ({ method }, run) => {
          if (method === 'unit.commit') await gate.wait()
          return run()
        },
      )
      const processor = made(world, {}, { store })
      await pause(world.store(), true)
      const held = processor.process(events('a', 1))
      await gate.reached
      // Nothing waits by then, so nothing is woken.
      await pause(world.store(), false)
      gate.open()
      expect(verdictsOf(await held)).toEqual(['hold'])
      await processor.sweep()
      expect(world.calls).toEqual(['a:1'])
    })

    it('holds what comes, and delivers it in order once it goes on (I3)', async () => {
      const world = new EngineWorld()
      const processor = made(world)
      await processor.process(events('a', 1))
      await pause(world.store(), true)
      expect(verdictsOf(await processor.process(events('a', 3, 2, 2, 4)))).toEqual([
        'hold',
        'hold',
        'duplicate',
        'hold',
      ])
      await world.timers.advance(30_000)
      await sweepAll(processor)
      expect(world.calls).toEqual(['a:1'])
      await resume(world.store(), 'a')
      await sweepAll(processor)
      expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4'])
    })

    it('refuses what has no room, and takes it back afterwards (I7)', async () => {
      const world = new EngineWorld()
      const processor = made(world, { heldMax: 2 })
      await pause(world.store(), true)
      expect(verdictsOf(await processor.process(events('a', 1, 2, 3, 4)))).toEqual([
        'hold',
        'hold',
        'refuse',
        'refuse',
      ])
    })

    it('makes no retry and gives no gap up, and the sweep does not spin', async () => {
      const world = new EngineWorld()
      let calls = 0
      const handle = (): void => {
        calls++
        if (calls === 1) throw new Error('not yet')
      }
      const gap = { patience: '5s', then: 'skip' }
      const processor = made(world, { handle, gap, failure: { backoff: 10 } })
      await processor.process([...events('a', 1), ...events('b', 1, 9)])
      await pause(world.store(), true)
      await world.read(10_000)
      await sweepAll(processor)
      expect(calls).toBe(2)
      expect(await world.ledger()).toEqual([])
      const store = world.store()
      await store.open()
      expect(await store.due(consumer, 9)).toEqual([])
      await world.timers.advance(61_000)
      expect(await store.due(consumer, 9)).toHaveLength(2)
      await resume(world.store(), 'a', 'b')
      await sweepAll(processor)
      expect((await world.stream('a'))?.state.position).toBe(1)
      expect((await world.stream('b'))?.state).toMatchObject({ position: 9, counts: { lost: 7 } })
    })

    it('is asked where an unknown stream begins, and delivers from there once it goes on', async () => {
      const world = new EngineWorld()
      const asked: string[] = []
      const baseline = (stream: string): number => {
        asked.push(stream)
        return 5
      }
      const processor = made(world, { baseline })
      await pause(world.store(), true)
      await processor.process(events('a', 5))
      expect(asked).toEqual(['a'])
      expect(world.calls).toEqual([])
      await resume(world.store(), 'a')
      await sweepAll(processor)
      expect(world.calls).toEqual(['a:5'])
    })

    it('does not hinder another domain (I6)', async () => {
      const world = new EngineWorld()
      const store = effects === 'external' ? world.store() : transactional(world)
      const own = domain({ effects, handle: world.note })
      const processor = createProcessor({
        ...world.options({ store, domains: { account: own, order: own } }),
        sweep: 'manual',
      })
      await pause(world.store(), true)
      const order = { domain: 'order', stream: 'o', sequence: 1, data: {} }
      expect(verdictsOf(await processor.process([event('a', 1), order]))).toEqual(['hold', 'deliver'])
    })

    it('that goes on by itself is seen within a minute, should nobody say that it does', async () => {
      const world = new EngineWorld()
      const processor = made(world)
      await pause(world.store(), true)
      await processor.process(events('a', 1))
      await pause(world.store(), false)
      await world.timers.advance(61_000)
      await sweepAll(processor)
      expect(world.calls).toEqual(['a:1'])
    })
  })
}

it('what a worker has begun when its domain is paused is brought to its end', async () => {
  const world = new EngineWorld()
  const gate = new Gate()
  const handle = async (called: { stream: string; sequence?: unknown }): Promise<void> => {
    await gate.wait()
    world.note(called as never)
  }
  const processing = world.processor({ handle }).process(events('a', 1, 2))
  await gate.reached
  await pause(world.store(), true)
  gate.open()
  expect(verdictsOf(await processing)).toEqual(['deliver', 'deliver'])
})

it('a paused domain without tracking refuses, gets its events again, and loses none (I3, I4)', async () => {
  for (const kind of ['log', 'queue'] as const) {
    const world = new WorkerWorld(kind)
    const shape = { numbering: unordered() }
    const worker = world.worker(shape, { refusePatience: 2_000 })
    await pause(world.store(), true)
    await world.source.push([{ domain: 'account', stream: 'a', id: 'x', data: {} }])
    world.start(worker)
    await world.timers.advance(20_000)
    expect(world.calls).toEqual([])
    expect(await world.deadLetters()).toEqual([])
    expect(world.settled).toEqual([])
    await pause(world.store(), false)
    await world.until(() => world.settled.length === 1)
    expect(world.calls).toHaveLength(1)
    await worker.stop()
    expect(world.crashes).toEqual([])
  }
})

it('a copy is no duplicate of one that is refused: both come again (I4)', async () => {
  const world = new EngineWorld()
  const processor = world.processor({ numbering: unordered({ idWindow: {} }) })
  const loose = { domain: 'account', stream: 'a', id: 'x', data: {} }
  await pause(world.store(), true)
  expect(verdictsOf(await processor.process([loose, loose]))).toEqual(['refuse', 'refuse'])
  await pause(world.store(), false)
  expect(verdictsOf(await processor.process([loose, loose]))).toEqual(['deliver', 'duplicate'])
})

it('is obeyed on SQLite, by both kinds of effects', async () => {
  const folder = new SqliteFolder()
  try {
    const store = await folder.store()
    const calls: string[] = []
    const handle = ({ domain: name }: { domain: string }): void => void calls.push(name)
    const options = { consumer, store, claim: 2_000 } as const
    const processor = createProcessor({
      ...options,
      sweep: 'manual',
      domains: {
        account: domain({ effects: 'transaction', handle }),
        order: domain({ handle }),
      },
    })
    for (const name of ['account', 'order']) await pause(store, true, name)
    const both = ['account', 'order'].map((name) => ({ domain: name, stream: 's', sequence: 1, data: {} }))
    expect(verdictsOf(await processor.process(both))).toEqual(['hold', 'hold'])
    expect(calls).toEqual([])
    for (const name of ['account', 'order']) await pause(store, false, name)
    await processor.process(both.map((one) => ({ ...one, sequence: 2 })))
    expect(calls.toSorted()).toEqual(['account', 'account', 'order', 'order'])
    await processor.close()
  } finally {
    await folder.remove()
  }
})
