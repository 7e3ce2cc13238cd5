// Events without tracking that wait for those with lower ids: what comes in time is handled in order, what
// waits is settled only after it was handled, and nothing waits longer than it may.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { compareIds } from '../../../src/core/id-order.ts'
import { unordered } from '../../../src/core/numbering.ts'
import { OrderedArrivals } from '../../../src/engine/ordered-arrivals.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { EngineWorld } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

const click = (id: number | string, fields: object = {}) => ({
  domain: 'account',
  id: String(id),
  data: {},
  ...fields,
})

interface Arrival {
  readonly id: string
  readonly afterMs: number
}

/** What comes out, each with when it came in and out. */
async function passed(arrivals: readonly Arrival[], limits: { ms: number; events: number }) {
  const timers = new VirtualTimers()
  const queue = new OrderedArrivals<{ readonly id: string; readonly at: number }>({
    timers,
    batchMax: 3,
    orderOf: ({ id }) => ({ domain: 'click', id, within: limits }),
  })
  const out: { readonly id: string; readonly inAt: number; readonly outAt: number }[] = []
  const pass = (read: readonly { readonly id: string; readonly at: number }[]): void => {
    const now = timers.elapsedMs()
    for (const { id, at } of queue.pass(read)) out.push({ id, inAt: at, outAt: now })
  }
  const passUntil = async (until: number): Promise<void> => {
    while (queue.nextInMs <= until - timers.elapsedMs() && queue.isWaiting) {
      await timers.advance(queue.nextInMs)
      pass([])
    }
  }
  for (const { id, afterMs } of arrivals) {
    const at = timers.elapsedMs() + afterMs
    await passUntil(at - 0.5)
    await timers.advance(at - timers.elapsedMs())
    pass([{ id, at }])
  }
  await passUntil(Infinity)
  return out
}

/** How long after the first event with a greater id each one came. */
function latenessOf(arrived: readonly { readonly id: string; readonly inAt: number }[]) {
  const lateness = (id: string, inAt: number): number => {
    const greater = arrived.filter((other) => compareIds(other.id, id) > 0).map((other) => other.inAt)
    return inAt - Math.min(inAt, ...greater)
  }
  return new Map(arrived.map(({ id, inAt }) => [id, lateness(id, inAt)]))
}

const arrivals = fc.uniqueArray(
  fc.record({ id: fc.nat(60).map(String), afterMs: fc.oneof(fc.constant(0), fc.nat(30)) }),
  { selector: ({ id }) => id, maxLength: 30 },
)

describe('events that wait for lower ids', () => {
  it('go on in the order of their ids, all but those that come later than the wait (I3)', async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 60 }), async (some, ms) => {
        const out = await passed(some, { ms, events: 1_000 })
        expect(out.map(({ id }) => id).sort(compareIds)).toEqual(some.map(({ id }) => id).sort(compareIds))
        const lateness = latenessOf(out)
        const inTime = out.map(({ id }) => id).filter((id) => (lateness.get(id) ?? 0) < ms)
        expect(inTime).toEqual([...inTime].sort(compareIds))
      }),
      { numRuns: 300 },
    )
  })

  it('wait no longer than they may, and no more of them than may (I7)', async () => {
    const bounds = fc.record({ ms: fc.integer({ min: 1, max: 60 }), events: fc.integer({ min: 1, max: 5 }) })
    await fc.assert(
      fc.asyncProperty(arrivals, bounds, async (some, limits) => {
        const out = await passed(some, limits)
        expect(out).toHaveLength(some.length)
        for (const { inAt, outAt } of out) expect(outAt - inAt).toBeLessThanOrEqual(limits.ms)
        for (const { outAt } of out) {
          const waiting = out.filter((other) => other.inAt < outAt && other.outAt > outAt)
          expect(waiting.length).toBeLessThanOrEqual(limits.events)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('of a call are handled one after another by id; those without one run side by side', async () => {
    const world = new EngineWorld()
    const calls: string[] = []
    const handle = async ({ id }: InturnEvent): Promise<void> => {
      calls.push(`${id} begins`)
      await Promise.resolve()
      calls.push(`${id} ends`)
    }
    const processor = world.processor({ numbering: unordered({ orderWithin: '200ms' }), handle })
    const results = await processor.process([
      click(10),
      click(9),
      { ...click(''), id: undefined },
      click(100),
    ])
    expect(results.map(({ verdict }) => verdict)).toEqual(Array.from({ length: 4 }, () => 'deliver'))
    expect(calls.filter((call) => !call.startsWith('undefined'))).toEqual(
      ['9', '10', '100'].flatMap((id) => [`${id} begins`, `${id} ends`]),
    )
  })
})

describe('a worker whose events wait for lower ids', () => {
  const numbering = unordered({ orderWithin: '200ms' })

  for (const kind of ['log', 'queue'] as const) {
    it(`of a ${kind} handles in order what it reads apart, and settles it only then (I4)`, async () => {
      const world = new WorkerWorld(kind)
      const calls: string[] = []
      const worker = world.worker({ numbering, handle: ({ id }: InturnEvent) => calls.push(String(id)) })
      world.start(worker)
      await world.source.push([click(20), click(30)])
      await world.timers.advance(150)
      await world.source.push([click(10), click(25)])
      await world.timers.advance(40)
      expect([calls, world.source.unsettled]).toEqual([[], 4])
      await world.until(() => calls.length === 4)
      expect(calls).toEqual(['10', '20', '25', '30'])
      await world.until(() => world.source.unsettled === 0)
      await worker.stop()
      expect(world.crashes).toEqual([])
    })
  }

  it('is caught up only when nothing waits', async () => {
    const world = new WorkerWorld()
    const calls: string[] = []
    await world.source.push([click(3), click(1), click(2)])
    await world.runOut(world.worker({ numbering, handle: ({ id }: InturnEvent) => calls.push(String(id)) }))
    expect(calls).toEqual(['1', '2', '3'])
    expect(world.source.unsettled).toBe(0)
  })

  it('that ends meanwhile leaves what waits with its source, and the next one handles it (I3)', async () => {
    const world = new WorkerWorld()
    const calls: string[] = []
    const fields = { numbering, handle: ({ id }: InturnEvent) => calls.push(String(id)) }
    await world.source.push([click(2), click(1)])
    const first = world.worker(fields)
    world.start(first)
    await world.timers.advance(100)
    await first.stopNow()
    expect([calls, world.source.unsettled]).toEqual([[], 2])
    world.source.redeliver()
    await world.runOut(world.worker(fields))
    expect([calls, world.source.unsettled]).toEqual([['1', '2'], 0])
  })

  it('keeps no event of another domain, and none without an id, waiting', async () => {
    const world = new WorkerWorld()
    const worker = world.worker({ numbering })
    world.start(worker)
    const loose = { domain: 'account', stream: 'now', data: {} }
    await world.source.push([click(1, { stream: 'later' }), loose, 'no event at all'])
    await world.until(() => world.settled.length === 2)
    expect(world.calls).toEqual(['now:undefined'])
    await world.until(() => world.source.unsettled === 0)
    await worker.stop()
  })

  it('removes copies among what waits, and behind it', async () => {
    const world = new WorkerWorld()
    const calls: string[] = []
    const both = unordered({ orderWithin: { ms: 100 }, idWindow: {} })
    await world.source.push([click(2), click(1), click(2)])
    const handle = ({ id }: InturnEvent) => calls.push(String(id))
    await world.runOut(world.worker({ numbering: both, handle }))
    await world.source.push([click(1)])
    await world.runOut(world.worker({ numbering: both, handle }))
    expect(calls).toEqual(['1', '2'])
  })
})

describe('unordered({ orderWithin })', () => {
  it('takes a duration, or a duration and a number of events', () => {
    expect(unordered({ orderWithin: '2s' }).orderWithin).toEqual({ ms: 2_000, events: 10_000 })
    expect(unordered({ orderWithin: { ms: 5, events: 7 } }).orderWithin).toEqual({ ms: 5, events: 7 })
    for (const orderWithin of [0, -1, { ms: 1, events: 0 }, 'soon' as never]) {
      expect(() => unordered({ orderWithin })).toThrow('orderWithin')
    }
  })
})
