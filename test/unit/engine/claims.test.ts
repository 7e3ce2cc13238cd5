// Several workers over one store: one advances a stream, the others hand over, nothing is lost between them.
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import type { HandlerContext } from '../../../src/engine/domain-options.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { plainStore } from '../../../src/ports/around-store.ts'
import type { Fault } from '../../../src/testing/faults.ts'
import { faultAt } from '../../../src/testing/faults.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
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

/** A world whose first call of a handler waits at a gate. */
function gatedWorld() {
  const world = new EngineWorld()
  const gate = new Gate()
  let isFirst = true
  const handle = async (called: InturnEvent): Promise<void> => {
    if (isFirst) {
      isFirst = false
      await gate.wait()
    }
    world.note(called)
  }
  return { world, gate, handle }
}

describe('events of a stream that a call of the same worker has', () => {
  it('wait for it, however many calls there are, and are decided in their order', async () => {
    const { world, gate, handle } = gatedWorld()
    const processor = world.processor({ handle })
    const first = processor.process(events('a', 1))
    await gate.reached
    const others = [events('a', 2, 3), events('a', 4), events('b', 1)].map((own) => processor.process(own))
    expect(verdictsOf((await others[2]) ?? [])).toEqual(['deliver'])
    expect(await world.handedOver()).toBe(0)
    gate.open()
    expect(verdictsOf([...(await first), ...(await Promise.all(others)).flat()])).toEqual(
      Array.from({ length: 5 }, () => 'deliver'),
    )
    expect(world.calls).toEqual(['b:1', 'a:1', 'a:2', 'a:3', 'a:4'])
  })
})

describe('events of a stream that another worker has', () => {
  it('are handed over, and the worker that has the stream decides them when it is done', async () => {
    const { world, gate, handle } = gatedWorld()
    const processor = world.processor({ handle })
    const first = processor.process(events('a', 1))
    await gate.reached
    const other = world.processor({ handle })
    const second = await other.process([...events('a', 2, 3), ...events('b', 1)])
    expect(second).toMatchObject([
      { verdict: 'handed-over', stream: 'account/a', epoch: 0, sequence: 2 },
      { verdict: 'handed-over', sequence: 3 },
      { verdict: 'deliver' },
    ])
    gate.open()
    expect(verdictsOf(await first)).toEqual(['deliver'])
    expect(world.calls).toEqual(['b:1', 'a:1', 'a:2', 'a:3'])
    expect(await world.handedOver()).toBe(0)
  })

  it('are decided at once where the claim was released before they were kept', async () => {
    const { world, gate, handle } = gatedWorld()
    const one = world.processor({ handle })
    const late = { method: 'handOver' as const, nth: 1 }
    const plan = (call: { method: string; nth: number }) =>
      call.method === late.method && call.nth === late.nth ? { delayMs: 1_000 } : undefined
    const other = world.processor({ handle }, { store: world.store({ plan }) })
    const first = one.process(events('a', 1))
    await gate.reached
    const second = other.process(events('a', 2))
    await world.timers.rest()
    gate.open()
    await first
    expect(world.calls).toEqual(['a:1'])
    await world.timers.advance(1_000)
    expect(verdictsOf(await second)).toEqual(['handed-over'])
    expect(world.calls).toEqual(['a:1', 'a:2'])
  })

  it('are taken over by the sweep when the worker that had the stream is dead', async () => {
    const { world, gate, handle } = gatedWorld()
    const dead = world.processor({ handle }, { claim: '5s', store: world.store() })
    void dead.process(events('a', 1)).catch(() => undefined)
    await gate.reached
    const processor = world.processor({ handle: world.note })
    await processor.process(events('a', 2))
    expect(await processor.sweep()).toBe(0)
    await dead.close()
    await world.timers.advance(6_000)
    await processor.process(events('a', 1))
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1', 'a:2'])
  })

  it('are refused beyond their limit (I7)', async () => {
    const { world, gate, handle } = gatedWorld()
    const processor = world.processor({ handle, handedOverMax: 2 })
    const first = processor.process(events('a', 1))
    await gate.reached
    const other = world.processor({ handle, handedOverMax: 2 })
    await other.process(events('a', 2, 3))
    expect(await other.process(events('a', 4))).toMatchObject([
      { verdict: 'refuse', reason: 'handed-over-full' },
    ])
    gate.open()
    await first
    expect(verdictsOf(await processor.process(events('a', 4)))).toEqual(['deliver'])
  })

  it('keep to their limit, however many calls hand over at the same time (I7)', async () => {
    const world = new EngineWorld()
    const holder = world.store()
    const slow = world.store()
    const store = plainStore(slow)
    store.handOver = async (...given) => {
      await new Promise((resolve) => setImmediate(resolve))
      return slow.handOver(...given)
    }
    await holder.open()
    const streams = [path('a'), path('b')]
    const held = { consumer, worker: 'holder', streams, mode: 'claim', claimMs: 60_000 } as const
    await holder.work(held, async () => {
      const other = world.processor({ handle: world.note, handedOverMax: 2 }, { store, batch: 2 })
      const results = await Promise.all([other.process(events('a', 1, 2)), other.process(events('b', 1, 2))])
      expect(results.flatMap(verdictsOf).sort()).toEqual(['handed-over', 'handed-over', 'refuse', 'refuse'])
    })
  })

  it('are refused where the store is not durable', async () => {
    const { world, gate, handle } = gatedWorld()
    const processor = world.processor({ handle }, { store: world.store({ durable: false }) })
    const first = processor.process(events('a', 1))
    await gate.reached
    const other = world.processor({ handle }, { store: world.store({ durable: false }) })
    expect(await other.process(events('a', 2))).toMatchObject([
      { verdict: 'refuse', reason: 'busy', sequence: 2 },
    ])
    gate.open()
    await first
  })

  it('stay in the inbox when their stream is full, and are decided once it has room (I3)', async () => {
    const { world, gate, handle } = gatedWorld()
    const processor = world.processor({ handle, heldMax: 2 })
    const first = processor.process(events('a', 1))
    await gate.reached
    const other = world.processor({ handle, heldMax: 2 })
    expect(verdictsOf(await other.process(events('a', 3, 4, 5, 6)))).toEqual(Array(4).fill('handed-over'))
    gate.open()
    await first
    await sweepAll(processor)
    expect(await world.handedOver()).toBe(2)
    await processor.process(events('a', 2))
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5', 'a:6'])
    expect(await world.handedOver()).toBe(0)
    expect(await world.deadLetters()).toEqual([])
  })

  it('are decided before a gap is given up (I8)', async () => {
    const world = new EngineWorld()
    const gap = { patience: '5s', then: 'skip' } as const
    const processor = world.processor({ gap }, { batch: 2 })
    await processor.process(events('a', 9))
    const store = world.store()
    await store.open()
    await world.read(6_000)
    const arrivals = [8, 7, 6, 5, 4, 3, 2].map((sequence) => ({ ...event('a', sequence), epoch: 0 }))
    const handedOver = arrivals.map((arrival) => ({ stream: path('a'), arrival: arrival as never }))
    await store.handOver(consumer, handedOver)
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:2', 'a:3', 'a:4', 'a:5', 'a:6', 'a:7', 'a:8', 'a:9'])
    expect(await world.ledger()).toMatchObject([{ kind: 'lost', from: 1, to: 1 }])
  })
})

describe('a claim that is lost (I5)', () => {
  it('commits nothing, fires the signal, and its events are done by whoever has the stream', async () => {
    const world = new EngineWorld()
    const gate = new Gate()
    const aborted: number[] = []
    const handle = async (_called: InturnEvent, { signal, fence }: HandlerContext): Promise<void> => {
      signal.addEventListener('abort', () => aborted.push(fence))
      await gate.wait()
    }
    // A process that hangs: its own time stands still while its claims expire.
    const timers = new VirtualTimers()
    const hanging = world.processor({ handle }, { store: world.store({ timers }), timers, claim: '6s' })
    const first = hanging.process(events('a', 1))
    await gate.reached
    await world.timers.advance(6_000)
    expect(verdictsOf(await world.processor().process(events('a', 1, 2)))).toEqual(['deliver', 'deliver'])
    await timers.advance(2_000)
    expect(aborted).toEqual([1])
    gate.open()
    expect(verdictsOf(await first)).toEqual(['duplicate'])
    expect(world.told('claim-lost')).toMatchObject([{ stream: 'account/a' }])
    expect(world.told('failed')).toEqual([])
    expect(await world.stream('a')).toMatchObject({ deliveries: 2, state: { position: 2 } })
  })
})

describe('a store that fails (I10)', () => {
  const failing = ['work', 'unit.commit', 'unit.held', 'record', 'now'] as const
  for (const method of failing) {
    for (const fail of ['before', 'after'] as const) {
      it(`${fail} ${method}: the same call made again loses nothing, in order`, async () => {
        const world = new EngineWorld()
        const store = world.store({
          plan: faultAt(method, method === 'work' || method === 'unit.commit' ? 2 : 1, { fail }),
        })
        const processor = world.processor({}, { store })
        const batches = [events('a', 3, 1), [event('b', 'x'), ...events('a', 2, 4)], events('a', 5)]
        const failures: unknown[] = []
        const note = (error: unknown): undefined => {
          failures.push(error)
          return undefined
        }
        for (const batch of batches) while ((await processor.process(batch).catch(note)) === undefined);
        // A claim that cannot be given back has no say in what is durable.
        const isMet = method !== 'work' || fail === 'before'
        expect(failures).toMatchObject(isMet ? [{ retryable: true }] : [])
        expect(world.calls.filter((call, at) => world.calls.indexOf(call) === at)).toEqual([
          'a:1',
          'a:2',
          'a:3',
          'a:4',
          'a:5',
        ])
        expect((await world.stream('a'))?.state.position).toBe(5)
      })
    }
  }

  it('calls no handler behind numbers that are given up before that is durable (I1)', async () => {
    const world = new EngineWorld()
    const gap = { patience: '5s', then: 'skip' } as const
    const isLost = { commit: false }
    const handle = (called: InturnEvent): void => {
      world.note(called)
      isLost.commit ||= called.sequence === 2
    }
    const plan = ({ method }: { readonly method: string }): Fault | undefined =>
      method === 'unit.commit' && isLost.commit ? { fail: 'before' } : undefined
    const failing = world.processor({ gap, handle }, { store: world.store({ plan }) })
    await failing.process(events('a', 4, 2))
    await world.read(6_000)
    await expect(failing.sweep()).rejects.toMatchObject({ code: 'store-unavailable' })
    const processor = world.processor({ gap })
    expect(verdictsOf(await processor.process(events('a', 1, 3)))).toEqual(['late', 'hold'])
    expect(world.calls).toEqual(['a:2', 'a:2', 'a:3', 'a:4'])
    expect(await world.ledger()).toMatchObject([
      { kind: 'lost', from: 1, to: 1 },
      { kind: 'late', from: 1 },
    ])
  })

  it('makes durable what other streams have done when one part of a batch cannot go on', async () => {
    const world = new EngineWorld()
    const plan = faultAt('unit.held', 1, { fail: 'before' })
    await world.processor({ handle: () => undefined }).process(events('z', 2))
    const handle = async (called: InturnEvent): Promise<void> => {
      await Promise.resolve()
      if (called.stream === 'z') throw new Error('no')
      world.note(called)
    }
    const processor = world.processor({ handle }, { store: world.store({ plan }) })
    await expect(processor.process([...events('a', 1), ...events('z', 1)])).rejects.toMatchObject({
      code: 'store-unavailable',
    })
    await processor.process([...events('a', 1), ...events('z', 1)])
    expect(world.calls.filter((call) => call === 'a:1').length).toBeLessThanOrEqual(2)
  })
})

describe('domains that are no longer configured', () => {
  it('keep no due stream of others waiting, and never spin the sweep', async () => {
    const world = new EngineWorld()
    const fails = (): void => {
      throw new Error('not yet')
    }
    const retries = { failure: { backoff: 1 } }
    const gone = Array.from({ length: 50 }, (_, index) => event(`gone-${index}`, 1))
    await world.processor({ handle: fails, ...retries }).process(gone)
    const other = (handle: (called: InturnEvent) => void) =>
      createProcessor({
        ...world.options({ domains: { other: domain({ handle, ...retries }) }, batch: 3 }),
        sweep: 'manual',
      })
    await world.timers.advance(60_000)
    await other(fails).process([{ stream: 'mine', sequence: 1 }])
    await world.timers.advance(60_000)
    const processor = other(world.note)
    expect(await processor.sweep()).toBe(1)
    expect(world.calls).toEqual(['mine:1'])
    expect(await processor.sweep()).toBe(0)
  })
})
