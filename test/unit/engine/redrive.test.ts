// Dead letters that operators have tried again: once for each time somebody asks, outside the order, whatever
// their stream waits for, and never twice with an effect (I2, I3).
import { describe, expect, it } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { InturnEvent } from '../../../src/core/event.ts'
import { unordered } from '../../../src/core/numbering.ts'
import type { HandlerContext } from '../../../src/engine/domain-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import type { DeadLetter } from '../../../src/ports/records.ts'
import { faultAt } from '../../../src/testing/faults.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import type { DomainShape } from './engine-world.ts'
import { consumer, EngineWorld, event, events, Gate, path, sweepAll } from './engine-world.ts'

const onceOnly = { attempts: 1, then: 'dead-letter' } as const

/** A world whose handler throws for the numbers in `fails`, and notes its contexts. */
function redriveWorld(fields: DomainShape = {}, fails = new Set([2])) {
  const world = new EngineWorld()
  const contexts: HandlerContext[] = []
  const handle = async (called: InturnEvent, context: HandlerContext): Promise<void> => {
    contexts.push(context)
    world.note(called)
    await Promise.resolve()
    if (fails.has(Number(called.sequence))) throw new Error(`no ${String(called.sequence)}`)
  }
  return { world, fails, contexts, processor: world.processor({ handle, failure: onceOnly, ...fields }) }
}

/** Hands dead letters to their handlers once more, as an operator does. */
async function retry(world: EngineWorld, letters: readonly DeadLetter[], by = 'ada'): Promise<void> {
  const store = world.store()
  await store.open()
  for (const { key, stream = path('a'), payload } of letters) {
    const redrive = { key, by, reason: 'the bank is back' }
    await store.handOver(consumer, [{ stream, arrival: payload as InturnEvent, redrive }])
  }
}

async function failedOnce(world: EngineWorld, processor: Processor): Promise<readonly DeadLetter[]> {
  await processor.process(events('a', 1, 2, 3))
  return world.deadLetters()
}

async function expectBalance(world: EngineWorld): Promise<void> {
  const view = { reader: world.memory.reader, consumer }
  expect((await verifyConsumer(view, new Map())).imbalances).toEqual([])
}

describe('a dead letter that is tried again', () => {
  it('has the key of its first attempt; a conflict has one of its own', async () => {
    const { world, fails, contexts, processor } = redriveWorld()
    await processor.process([
      ...events('a', 1, 2),
      event('a', 1, { id: 'rival' }),
      event('a', 1, { id: undefined }),
    ])
    fails.clear()
    const letters = await world.deadLetters()
    expect(letters.map(({ reason }) => reason)).toEqual(['conflict', 'conflict', 'failed'])
    await retry(world, letters)
    await sweepAll(processor)
    const keys = contexts.slice(2).map(({ idempotencyKey }) => idempotencyKey)
    expect(keys[2]).toBe(contexts[1]?.idempotencyKey)
    expect(keys[0]).toBe(`${contexts[0]?.idempotencyKey}/rival`)
    expect(keys[1]).toMatch(/^.*\/1\/~[0-9a-f]{16}$/)
  })

  it('succeeds: it is gone, the ledger says who and why, and position and accounts stay', async () => {
    const { world, fails, contexts, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    const before = await world.stream('a')
    fails.clear()
    await retry(world, letters)
    expect(await processor.sweep()).toBe(1)
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:2'])
    expect(await world.deadLetters()).toEqual([])
    expect(await world.handedOver()).toBe(0)
    const after = await world.stream('a')
    expect([after?.state, after?.deliveries]).toEqual([before?.state, before?.deliveries])
    expect((await world.ledger()).slice(1)).toMatchObject([
      {
        kind: 'redriven',
        stream: path('a'),
        from: 2,
        to: 2,
        by: 'ada',
        reason: 'the bank is back',
        before: { key: letters[0]?.key, reason: 'failed', attempts: 1 },
      },
    ])
    expect(world.told('redriven')).toEqual([{ kind: 'redriven', stream: path('a'), sequence: 2 }])
    const [first, again] = contexts.filter(({ idempotencyKey }) => idempotencyKey.endsWith('/2'))
    expect([first?.isRedrive, again?.isRedrive, again?.attempt]).toEqual([false, true, 2])
    expect(again?.idempotencyKey).toBe(first?.idempotencyKey)
    await expectBalance(world)
    expect(await processor.sweep()).toBe(0)
  })

  it('is one of many: a sweep tries all, and no other stream waits for them', async () => {
    const all = Array.from({ length: 120 }, (_, index) => index + 1)
    const { world, fails, processor } = redriveWorld({}, new Set(all))
    await processor.process([...events('a', ...all), ...events('b', 1)])
    fails.clear()
    world.calls.length = 0
    await retry(world, await world.deadLetters())
    await processor.sweep()
    expect(await world.deadLetters()).toEqual([])
    expect(world.calls.filter((call) => call.startsWith('a:'))).toEqual(all.map((number) => `a:${number}`))
    expect(world.calls.indexOf('b:1')).toBeLessThan(all.length)
    await expectBalance(world)
  })

  it('waits for no halt and no gap of its stream, and moves neither', async () => {
    const { world, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    await retry(world, letters)
    await sweepAll(processor)
    expect(world.calls).toHaveLength(4)
    expect(await world.deadLetters()).toMatchObject([
      { key: letters[0]?.key, reason: 'failed', attempts: 2, detail: 'Error: no 2', at: letters[0]?.at },
    ])
    expect((await world.ledger()).at(-1)).toMatchObject({
      kind: 'redrive-failed',
      by: 'ada',
      reason: 'the bank is back (it failed again: Error: no 2)',
    })
    await retry(world, await world.deadLetters())
    await sweepAll(processor)
    expect(await world.deadLetters()).toMatchObject([{ attempts: 3 }])
    await expectBalance(world)
  })

  it('that is asked for twice has one effect, and the second ends silently (I2)', async () => {
    const { world, fails, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    fails.clear()
    await retry(world, letters, 'ada')
    await retry(world, letters, 'bob')
    await sweepAll(processor)
    expect(world.calls.filter((call) => call === 'a:2')).toHaveLength(2)
    expect((await world.ledger()).filter(({ kind }) => kind === 'redriven')).toMatchObject([{ by: 'ada' }])
    expect(await world.handedOver()).toBe(0)
  })

  it('waits for no halt, no failing event and no gap of its stream, and moves none of them', async () => {
    const { world, fails, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    const halting = world.processor({
      handle: () => Promise.reject(new Error('no')),
      failure: { attempts: 1, then: 'halt' },
    })
    await halting.process(events('a', 4, 5, 9))
    const before = await world.stream('a')
    expect(before?.state.halt).toBeDefined()
    fails.clear()
    await retry(world, letters)
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:2'])
    expect((await world.stream('a'))?.state).toEqual(before?.state)
    expect(await world.deadLetters()).toEqual([])
  })

  it('waits as long as its domain is paused', async () => {
    const { world, fails, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    fails.clear()
    await world.memory.record(consumer, { paused: [{ domain: 'account', paused: true }] })
    await retry(world, letters)
    expect(await processor.sweep()).toBe(0)
    await processor.process(events('a', 4))
    await world.timers.advance(70_000)
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3'])
    expect(await world.handedOver()).toBe(1)
    await world.memory.record(consumer, { paused: [{ domain: 'account', paused: false }] })
    await sweepAll(processor)
    expect(await world.deadLetters()).toEqual([])
  })

  it('is not decided as an arrival, and what was handed over beside it is', async () => {
    const { world, fails, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    fails.clear()
    await retry(world, letters)
    const arrival = { ...event('a', 4), epoch: 0 } as unknown as InturnEvent
    await world.memory.handOver(consumer, [{ stream: path('a'), arrival }])
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:2'])
    expect((await world.stream('a'))?.state).toMatchObject({
      position: 4,
      counts: { delivered: 3, removed: 1 },
    })
    await expectBalance(world)
  })

  it('waits for the sweep: a batch of its stream decides, and does not spin', async () => {
    const { world, fails, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    fails.clear()
    await retry(world, letters)
    await processor.process(events('a', 4))
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4'])
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:2'])
  })

  it('of a filtered event ends without its handler', async () => {
    const { world, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    await retry(world, letters)
    await sweepAll(world.processor({ filter: () => false, failure: onceOnly }))
    expect(world.calls).toHaveLength(3)
    expect(await world.deadLetters()).toEqual([])
  })

  it('reaches handleBatch with the one event', async () => {
    const { world, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    await retry(world, letters)
    const batches: unknown[] = []
    const handleBatch = (given: readonly InturnEvent[], context: { readonly isRedrive: boolean }): void => {
      batches.push([given.map(({ sequence }) => sequence), context.isRedrive])
    }
    await sweepAll(world.processor({ handle: undefined, handleBatch }))
    expect(batches).toEqual([[[2], true]])
  })
})

describe('a domain without tracking', () => {
  it('has its dead letters tried again as well, and no stream is made of them', async () => {
    const numbering = unordered({ idWindow: { ids: 100, ms: 60_000 } })
    const failure = { attempts: 1 }
    const { world, fails, processor } = redriveWorld({ numbering, failure })
    await processor.process(events('a', 1, 2))
    const letters = await world.deadLetters()
    expect(letters).toMatchObject([{ reason: 'failed', stream: path('a') }])
    fails.clear()
    await retry(world, letters)
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:2'])
    expect(await world.deadLetters()).toEqual([])
    expect(await world.stream('a')).toBeUndefined()
    expect(await processor.process(events('a', 2))).toMatchObject([{ verdict: 'duplicate' }])
  })
})

describe('what goes wrong in between', () => {
  it('a handler that takes its worker down is called once a time that somebody asks', async () => {
    const { world, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    await retry(world, letters)
    const gate = new Gate()
    const dying = world.processor(
      { handle: () => gate.wait(), failure: onceOnly },
      { claim: '10s', worker: 'dies' },
    )
    dying.sweep().catch(() => undefined)
    await gate.reached
    await dying.close()
    await world.timers.advance(60_000)
    await sweepAll(processor)
    expect(world.calls).toHaveLength(3)
    expect(await world.deadLetters()).toMatchObject([
      { attempts: 2, detail: 'tried again, and not ended yet; before: Error: no 2' },
    ])
    expect(await world.handedOver()).toBe(0)
  })

  it('a handler that takes too long has failed', async () => {
    const { world, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    await retry(world, letters)
    const slow = world.processor({ handle: () => new Promise(() => undefined), timeout: '5s' })
    const sweeping = slow.sweep()
    await world.timers.advance(5_000)
    await sweeping
    expect((await world.deadLetters())[0]?.detail).toContain('took longer than 5000 ms')
  })

  it('a worker whose claim was lost ends nothing, and what another did meanwhile stays (I5)', async () => {
    const { world, fails, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    fails.clear()
    await retry(world, letters)
    const gate = new Gate()
    const store = world.store({ timers: new VirtualTimers() })
    const slow = world.processor(
      { handle: () => gate.wait(), failure: onceOnly, timeout: '10m' },
      { store, claim: '1s' },
    )
    const sweeping = slow.sweep()
    await gate.reached
    await world.timers.advance(2_000)
    await retry(world, letters, 'bob')
    await sweepAll(processor)
    expect(await world.deadLetters()).toEqual([])
    gate.open()
    await sweeping
    expect((await world.ledger()).filter(({ kind }) => kind === 'redriven')).toMatchObject([{ by: 'bob' }])
    expect(world.told('claim-lost')).toHaveLength(1)
  })

  const faults = [2, 3].flatMap((nth) => (['before', 'after'] as const).map((fail) => ({ nth, fail })))

  it.each(faults)('a store that fails $fail commit $nth of a sweep loses nothing', async ({ nth, fail }) => {
    const { world, fails, processor } = redriveWorld()
    const letters = await failedOnce(world, processor)
    fails.clear()
    await retry(world, letters)
    const store = world.store({ plan: faultAt('unit.commit', nth, { fail }) })
    const failing = world.processor({ failure: onceOnly }, { store })
    await expect(failing.sweep()).rejects.toBeInstanceOf(InturnError)
    await sweepAll(processor)
    await retry(world, await world.deadLetters())
    await sweepAll(processor)
    expect(await world.deadLetters()).toEqual([])
    expect(await world.handedOver()).toBe(0)
    expect((await world.ledger()).filter(({ kind }) => kind === 'redriven')).toHaveLength(1)
    await expectBalance(world)
  })
})
