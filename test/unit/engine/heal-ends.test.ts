// Healing and the clocks: what is given up is given up after the last attempt and after patience, whatever
// happens to workers meanwhile. I3, I7 and I8.
import { expect, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { restartHealing } from '../../../src/core/heal.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import type { Store } from '../../../src/ports/store.ts'
import { consumer, event, events, path, sweepAll, verdictsOf } from './engine-world.ts'
import { HealWorld } from './heal-world.ts'

const skip = (patience: string): Record<string, unknown> => ({ patience, then: 'skip' })

test('no gap is given up before its last attempt has ended, whatever patience says (I8)', async () => {
  const world = new HealWorld()
  const processor = world.processor(
    world.healed({ attempts: 3, after: '5s', backoff: '10s' }, { patience: '2s', then: 'skip' }),
  )
  await processor.process(events('a', 2))
  await world.pass(processor, 19)
  expect(world.asked).toHaveLength(2)
  expect(world.calls).toEqual([])
  await world.pass(processor, 6)
  expect(world.asked).toHaveLength(3)
  expect(world.calls).toEqual(['a:2'])
})

test('a gap is not given up before patience ends, however early its attempts are used up (I8)', async () => {
  const world = new HealWorld()
  const processor = world.processor(world.healed({ attempts: 2, after: 0, backoff: 0 }, skip('30s')))
  await processor.process(events('a', 2))
  await world.pass(processor, 29)
  expect(world.asked).toHaveLength(2)
  expect(world.calls).toEqual([])
  await world.pass(processor, 3)
  expect(world.calls).toEqual(['a:2'])
})

test('a gap that waits is asked for no more after its last attempt, until it is restarted', async () => {
  const world = new HealWorld()
  const processor = world.processor(world.healed({ attempts: 2, after: 0, backoff: 0 }))
  await processor.process(events('a', 2))
  await world.pass(processor, 20)
  expect(world.asked).toHaveLength(2)
  const store = world.store()
  await store.open()
  expect(await store.due(consumer, 10)).toEqual([])
  const restart = async (restarted: Store): Promise<void> => {
    const request = { consumer, worker: 'ops', streams: [path('a')], mode: 'claim', claimMs: 1_000 } as const
    await restarted.work(request, async (unit) => {
      const state = unit.streams.get(path('a'))?.state
      if (state === undefined) throw new Error('there is no stream')
      const empty = {
        hold: [],
        release: [],
        decided: [],
        deliveries: 0,
        deadLetters: [],
        redriven: [],
        ledger: [],
      }
      const change = { stream: path('a'), state: restartHealing(state), due: { at: 0 }, ...empty }
      await unit.commit({ streams: [change] })
    })
  }
  await restart(store)
  world.has('a', 1)
  await world.pass(processor, 1)
  expect(world.calls).toEqual(['a:1', 'a:2'])
})

test('what was searched in vain is kept with the gap, and says why it was given up (I3, I7)', async () => {
  const world = new HealWorld()
  world.answer = ({ onSearched }) => {
    onSearched?.(`clicks[0]@0 to ${world.asked.length}`)
    return []
  }
  const processor = world.processor(world.healed({ attempts: 2, after: 0, backoff: 0 }, skip('10s')))
  await processor.process(events('a', 2))
  await world.pass(processor, 5)
  expect((await world.stream('a'))?.state.held[0]?.clock.heal?.searched).toBe('clicks[0]@0 to 2')
  await world.pass(processor, 10)
  expect(await world.ledger()).toMatchObject([
    { kind: 'lost', from: 1, to: 1, reason: 'gap-skipped; searched: clicks[0]@0 to 2' },
  ])
})

test('of what was searched little is kept, also where the gap halts its stream (I7)', async () => {
  const world = new HealWorld()
  world.answer = ({ onSearched }) => {
    onSearched?.('x'.repeat(100_000))
    return []
  }
  const gap = { patience: '2s', then: 'halt' } as const
  const processor = world.processor(world.healed({ attempts: 1, after: 0 }, gap))
  await processor.process(events('a', 2))
  await world.pass(processor, 5)
  const reason = `the gap outlasted its patience; searched: ${'x'.repeat(500)}...`
  expect(await world.ledger()).toMatchObject([{ kind: 'halted', reason }])
})

test('what comes after its gap was given up is late and turns the account, once', async () => {
  const world = new HealWorld()
  const processor = world.processor(world.healed({ attempts: 1, after: 0 }, skip('2s')))
  await processor.process(events('a', 2))
  await world.pass(processor, 5)
  expect(world.calls).toEqual(['a:2'])
  expect((await world.stream('a'))?.state.counts).toMatchObject({ lost: 1, late: 0, delivered: 1 })
  expect(verdictsOf(await processor.process(events('a', 1)))).toEqual(['late'])
  expect(verdictsOf(await processor.process(events('a', 1)))).toEqual(['duplicate'])
  expect((await world.stream('a'))?.state.counts).toMatchObject({ lost: 0, late: 1, delivered: 1 })
  expect((await world.deadLetters()).map(({ reason }) => reason)).toEqual(['late'])
})

test('an outage of an hour loses nothing: healing comes first, patience does not count it (I8)', async () => {
  const world = new HealWorld()
  const fields = world.healed({ after: '2s' }, skip('10s'))
  const before = world.processor(fields)
  await before.process(events('a', 3))
  await world.pass(before, 1)
  await before.close()
  world.has('a', 1, 2)
  await world.timers.advance(3_600_000)
  const later = world.processor(fields)
  await world.pass(later, 3)
  expect(world.calls).toEqual(['a:1', 'a:2', 'a:3'])
  expect(await world.ledger()).toEqual([])
})

test('workers that are started again every second still heal, and still end patience', async () => {
  const world = new HealWorld()
  const fields = world.healed({ attempts: 4, after: '3s' }, skip('20s'))
  const life = async (messages: readonly unknown[] = []): Promise<void> => {
    const processor = world.processor(fields)
    await processor.process(messages)
    await world.pass(processor, 1)
    await processor.close()
  }
  world.has('healed', 1)
  await life([...events('healed', 2), ...events('lost', 2)])
  for (let lives = 0; lives < 40; lives++) await life()
  expect(world.calls).toEqual(['healed:1', 'healed:2', 'lost:2'])
  expect(world.ranges.filter((range) => range.startsWith('lost'))).toHaveLength(4)
})

test('a worker that dies while it asks has made its attempt; the next comes after its time', async () => {
  const world = new HealWorld()
  const fields = world.healed({ attempts: 2, timeout: '10s', after: 0 }, skip('5s'))
  world.answer = () => new Promise(() => undefined)
  const dying = world.processor(fields)
  await dying.process(events('a', 2))
  void dying.sweep().catch(() => undefined)
  await world.timers.advance(100)
  expect(world.asked).toHaveLength(1)
  // The engine of a process that dies says nothing more.
  await dying.close()
  world.answer = undefined
  const next = world.processor(fields)
  await world.pass(next, 13)
  expect([world.asked.length, world.calls]).toEqual([1, []])
  await world.pass(next, 4)
  expect(world.asked).toHaveLength(2)
  await world.pass(next, 2)
  expect(world.calls).toEqual(['a:2'])
})

test('two workers ask once (I5)', async () => {
  const world = new HealWorld()
  const fields = world.healed({ attempts: 3, backoff: '1h', backoffMax: '1h' })
  const [one, two] = [
    world.processor(fields),
    world.processor(fields, { store: world.store(), worker: 'two' }),
  ]
  await one.process(events('a', 2))
  await world.timers.advance(1_000)
  await Promise.all([one.sweep(), two.sweep()])
  await Promise.all([one.sweep(), two.sweep()])
  expect(world.asked).toHaveLength(1)
})

test('while one worker asks for a stream, another does not, and does not count that (I5)', async () => {
  const world = new HealWorld()
  const fields = world.healed({ attempts: 1, timeout: '20s' })
  const [one, two] = [
    world.processor(fields),
    world.processor(fields, { store: world.store(), worker: 'two' }),
  ]
  const answer = Promise.withResolvers<unknown>()
  world.answer = async (request) => {
    await answer.promise
    return world.lookUp(request)
  }
  world.has('a', 1, 2, 4, 5)
  await one.process(events('a', 3))
  await world.timers.advance(1_000)
  const first = one.sweep()
  await world.timers.rest()
  await two.process(events('a', 6))
  await world.pass(two, 5)
  expect(world.ranges).toEqual(['a:1-2'])
  answer.resolve([])
  await first
  await world.pass(two, 30)
  expect(world.ranges).toEqual(['a:1-2', 'a:4-5'])
  expect(world.calls.map((call) => call.slice(2))).toEqual(['1', '2', '3', '4', '5', '6'])
})

/** A request that is never answered, for the gap in front of a:3. */
async function asking(
  world: HealWorld,
): Promise<{ readonly processor: Processor; readonly swept: Promise<number> }> {
  world.answer = () => new Promise(() => undefined)
  const processor = world.processor(world.healed({ attempts: 1 }))
  await processor.process(events('a', 3))
  await world.timers.advance(1_000)
  const swept = processor.sweep()
  await world.timers.advance(10)
  expect(world.asked.map(({ signal }) => signal.aborted)).toEqual([false])
  return { processor, swept }
}

test('a request is not waited for once its gap has closed by itself', async () => {
  const world = new HealWorld()
  const { processor, swept } = await asking(world)
  await processor.process(events('a', 2))
  expect(world.asked[0]?.signal.aborted).toBe(false)
  await processor.process(events('a', 1))
  expect(world.asked[0]?.signal.aborted).toBe(true)
  await swept
  expect(world.told('healed')).toMatchObject([{ came: 0 }])
})

test('that another worker has closed the gap is seen at the next sweep', async () => {
  const world = new HealWorld()
  const { processor, swept } = await asking(world)
  await world.processor(world.healed(), { store: world.store(), worker: 'two' }).process(events('a', 1, 2))
  expect(world.asked[0]?.signal.aborted).toBe(false)
  await Promise.all([swept, processor.sweep()])
  expect(world.asked[0]?.signal.aborted).toBe(true)
})

test('a request ends with its processor', async () => {
  const world = new HealWorld()
  const { processor, swept } = await asking(world)
  await processor.close()
  expect(world.asked[0]?.signal.aborted).toBe(true)
  await swept
  expect((await world.stream('a'))?.state.held[0]?.clock.heal?.attempts).toBe(1)
})

test('an attempt that lasts is renewed, so that its gap is not given up meanwhile (I8)', async () => {
  const world = new HealWorld()
  world.answer = async (request) => {
    await world.timers.sleep(900)
    return request.to === 12 ? [event('a', 12)] : []
  }
  const heal = { attempts: 1, timeout: '1s', chunk: 1, after: 0 } as const
  const fields = world.healed(heal, skip('1s'))
  const two = world.processor(fields, { store: world.store(), worker: 'two' })
  const one = world.processor(fields)
  // Twelve gaps of one number each: twelve requests.
  await one.process(events('a', 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24))
  const swept = one.sweep()
  for (let second = 0; second < 10; second++) {
    await world.timers.advance(1_000)
    two.sweep().catch(() => undefined)
  }
  expect([world.asked.length, world.calls]).toEqual([12, []])
  await world.timers.advance(2_000)
  await swept
  await world.pass(two, 1)
  expect(world.calls).toHaveLength(12)
})

test('with more streams than there is room for all are healed, each with one attempt (I7)', async () => {
  const world = new HealWorld()
  const streams = Array.from({ length: 200 }, (_, index) => `s${index}`)
  const open = { now: 0, most: 0 }
  world.answer = async (request) => {
    open.most = Math.max(open.most, ++open.now)
    await world.timers.sleep(10)
    open.now--
    return world.lookUp(request)
  }
  for (const stream of streams) world.has(stream, 1)
  const processor = world.processor(world.healed({ attempts: 1 }))
  await processor.process(streams.map((stream) => event(stream, 2)))
  for (let rounds = 0; rounds < 60; rounds++) {
    const swept = processor.sweep()
    await world.timers.advance(1_000)
    await swept
  }
  expect(open.most).toBe(8)
  expect(world.asked).toHaveLength(200)
  expect(world.calls).toHaveLength(400)
  await sweepAll(processor)
})

test('gaps that wait for their turn to be healed keep no other stream waiting (I6)', async () => {
  const world = new HealWorld()
  world.answer = () => new Promise(() => undefined)
  let isBroken = true
  const handle = (called: InturnEvent): void => {
    if (called.stream === 'retried' && isBroken) throw new Error('not yet')
    world.note(called)
  }
  const fields = { ...world.healed({ after: 0 }), handle, failure: { backoff: '10s', backoffMax: '10s' } }
  const processor = world.processor(fields)
  for (let index = 0; index < 200; index++) await processor.process(events(`s${index}`, 2))
  await processor.process(events('retried', 1))
  isBroken = false
  const worker = world.worker(fields, { batch: 5 })
  world.start(worker)
  await world.timers.advance(6_000)
  expect(world.calls).toEqual(['retried:1'])
  expect(world.asked).toHaveLength(8)
  await worker.stopNow()
})

test('a paused domain is healed, and none of its gaps is given up', async () => {
  const world = new HealWorld()
  world.has('a', 1)
  const processor = world.processor(world.healed({ attempts: 2 }, skip('2s')))
  await processor.process([...events('a', 2), ...events('b', 2)])
  const store = world.store()
  await store.open()
  await store.record(consumer, { paused: [{ domain: 'account', paused: true }] })
  await world.pass(processor, 90)
  expect(world.ranges).toEqual(['a:1-1', 'b:1-1', 'b:1-1'])
  expect(world.calls).toEqual([])
  expect((await world.stream('a'))?.state.heldCount).toBe(2)
  await store.record(consumer, { paused: [{ domain: 'account', paused: false }] })
  await world.pass(processor, 62)
  expect(world.calls).toEqual(['a:1', 'a:2', 'b:2'])
})
