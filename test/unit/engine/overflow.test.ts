// Full streams: what there is no room for waits outside, overflows in the end, and comes back in order by
// itself.
import { describe, expect, it } from 'vitest'
import type { FillEvent } from '../../../src/core/event.ts'
import { increasing } from '../../../src/core/numbering.ts'
import { makeEngine } from '../../../src/engine/processor-options.ts'
import type { DomainShape } from './engine-world.ts'
import { consumer, domain, EngineWorld, events, path, verdictsOf } from './engine-world.ts'

const range = (low: number, high: number): number[] =>
  Array.from({ length: high - low + 1 }, (_, at) => low + at)
const calls = (low: number, high: number): string[] => range(low, high).map((sequence) => `a:${sequence}`)

async function openEngine(world: EngineWorld, fields: DomainShape, batch?: number) {
  const domains = { account: domain({ handle: world.note, ...fields }) }
  const options = world.options({ domains, ...(batch !== undefined && { batch }) })
  await options.store.open()
  const { engine } = makeEngine(options)
  const messages = (numbers: readonly number[]) => events('a', ...numbers).map((message) => ({ message }))
  return {
    process: async (...numbers: readonly number[]) => engine.process(messages(numbers)),
    overflow: async (...numbers: readonly number[]) => {
      const aside: boolean[] = []
      await engine.overflow(messages(numbers), (index, isAside) => (aside[index] = isAside))
      return aside
    },
    sweep: async (): Promise<void> => {
      for (let round = 0; round < 1_000; round++) if ((await engine.sweep(500)) === 0) return
      throw new Error('the sweep never comes to rest')
    },
  }
}

describe('overflow (I3, I7)', () => {
  it('a full stream refuses what it would have to hold, and takes what is in turn', async () => {
    const { process } = await openEngine(new EngineWorld(), { heldMax: 2 })
    expect(verdictsOf(await process(3, 4, 5, 1))).toEqual(['hold', 'hold', 'refuse', 'deliver'])
  })

  it('overflowed events come back by themselves once there is room', async () => {
    const world = new EngineWorld()
    const { process, overflow, sweep } = await openEngine(world, { heldMax: 2 })
    await process(2, 3)
    expect(await overflow(4, 5, 6, 7)).toEqual([true, true, true, true])
    expect(world.told('dead-letter')).toHaveLength(4)
    await sweep()
    expect((await world.stream('a'))?.state).toMatchObject({ heldCount: 2, overflow: 4 })
    await process(1)
    expect(world.calls).toEqual(calls(1, 7))
    expect(await world.deadLetters()).toEqual([])
    expect((await world.stream('a'))?.state.overflow).toBe(0)
  })

  it('an overflowed event that is the next in turn is taken though the stream is full', async () => {
    const world = new EngineWorld()
    const { process, overflow } = await openEngine(world, { heldMax: 2 })
    await process(3, 4)
    await overflow(2)
    await process(1)
    expect(world.calls).toEqual(calls(1, 4))
  })

  it('a sweep that finds no room has decided nothing, so that it is not made again at once', async () => {
    const world = new EngineWorld()
    const options = world.options({ domains: { account: domain({ heldMax: 2, handle: world.note }) } })
    await options.store.open()
    const { engine } = makeEngine(options)
    await engine.process(events('a', 2, 3).map((message) => ({ message })))
    const messages = events('a', 4).map((message) => ({ message }))
    await engine.overflow(messages, () => undefined)
    expect(await engine.sweep(500)).toBe(0)
  })

  it('copies that overflow together count once', async () => {
    const world = new EngineWorld()
    const { process, overflow, sweep } = await openEngine(world, { heldMax: 2 })
    await process(2, 3)
    await overflow(4, 4)
    expect((await world.stream('a'))?.state.overflow).toBe(1)
    await overflow(4)
    await sweep()
    expect((await world.stream('a'))?.state.overflow).toBe(1)
    await process(1)
    expect((await world.stream('a'))?.state.overflow).toBe(0)
    expect(world.calls).toEqual(calls(1, 4))
  })

  it('an event that was buried for another reason before is kept as overflow all the same', async () => {
    const world = new EngineWorld()
    const first = await openEngine(world, { heldMax: 2, spanMax: 5 })
    expect(verdictsOf(await first.process(2, 3, 9))).toEqual(['hold', 'hold', 'implausible'])
    const { process, overflow } = await openEngine(world, { heldMax: 2 })
    await overflow(9)
    await process(1, 4, 5, 6, 7, 8)
    expect(world.calls).toEqual(calls(1, 9))
  })

  it.each([500, 3])('more of them than a turn takes, at %i a batch, come back in order', async (batch) => {
    const world = new EngineWorld()
    const { process, overflow } = await openEngine(world, { heldMax: 5 }, batch)
    await process(2, 3, 4, 5, 6)
    await overflow(...range(7, 400))
    await process(1)
    expect(world.calls).toEqual(calls(1, 400))
  })

  it('before a gap is given up, overflowed events that lie in it are taken back', async () => {
    const world = new EngineWorld()
    const { process, overflow, sweep } = await openEngine(world, {
      heldMax: 3,
      gap: { patience: '5s', then: 'skip' },
    })
    await process(10, 11, 300)
    await overflow(5, 7, 12, 14, ...range(100, 299), 301)
    await world.read(6_000)
    await sweep()
    expect(world.calls).toEqual([5, 7, 10, 11, 12, 14, ...range(100, 301)].map((sequence) => `a:${sequence}`))
    expect((await world.ledger()).map(({ kind, from, to }) => [kind, from, to])).toEqual([
      ['lost', 1, 4],
      ['lost', 6, 6],
      ['lost', 8, 9],
      ['lost', 13, 13],
      ['lost', 15, 99],
    ])
    expect(await world.deadLetters()).toEqual([])
  })

  it('no gap is given up while events of its stream were fetched and are not decided (I8)', async () => {
    const world = new EngineWorld()
    const domains = { account: domain({ handle: world.note, gap: { patience: '5s', then: 'skip' } }) }
    const options = world.options({ domains })
    await options.store.open()
    const { engine } = makeEngine(options)
    await engine.process(events('a', 3).map((message) => ({ message })))
    await world.read(6_000)
    engine.hasUndecided = (stream) => stream === 'account/a'
    expect(await engine.sweep(500)).toBe(0)
    expect(await world.ledger()).toEqual([])
    engine.hasUndecided = undefined
    expect(await engine.sweep(500)).toBe(1)
    expect(world.calls).toEqual(['a:3'])
  })
})

describe('increasing numbers keep their order through a full stream (I1)', () => {
  const halting = (world: EngineWorld, isBroken: () => boolean) => ({
    numbering: increasing(),
    heldMax: 2,
    failure: { attempts: 100, backoff: 1 },
    handle: (called: { sequence: number }) => {
      if (isBroken()) throw new Error('broken')
      world.calls.push(`a:${called.sequence}`)
    },
  })

  it('overflowed events come before later ones', async () => {
    const world = new EngineWorld()
    let isBroken = true
    const { process, overflow, sweep } = await openEngine(
      world,
      halting(world, () => isBroken),
      10,
    )
    expect(verdictsOf(await process(1, 2, 3))).toEqual(['hold', 'hold', 'refuse'])
    await overflow(...range(3, 60))
    isBroken = false
    await world.timers.advance(1_000)
    expect(verdictsOf(await process(61))).toEqual(['refuse'])
    await sweep()
    expect(verdictsOf(await process(61))).toEqual(['deliver'])
    expect(world.calls).toEqual(calls(1, 61))
  })

  it('later ones wait until all overflowed events have come back, handed over or not', async () => {
    const world = new EngineWorld()
    const { process, overflow, sweep } = await openEngine(
      world,
      halting(world, () => false),
      10,
    )
    await process(1)
    await overflow(...range(2, 60))
    const store = world.store()
    await store.open()
    const [arrival] = events('a', 61)
    await store.handOver(consumer, [{ stream: path('a'), arrival: { ...(arrival as FillEvent), epoch: 0 } }])
    expect(verdictsOf(await process(62))).toEqual(['refuse'])
    await sweep()
    expect(verdictsOf(await process(62))).toEqual(['deliver'])
    expect(world.calls).toEqual(calls(1, 62))
    expect(await world.deadLetters()).toEqual([])
  })

  it('events behind refused ones are refused too', async () => {
    const world = new EngineWorld()
    const options = world.options({ domains: { account: domain(halting(world, () => false)) } })
    await options.store.open()
    const { engine } = makeEngine(options)
    const waiting = new Set(['account/a'])
    const messages = [...events('a', 9), ...events('b', 9)].map((message) => ({ message }))
    const call = engine.submit(messages, { waiting })
    await call.done
    expect(verdictsOf(call.results)).toEqual(['refuse', 'deliver'])
  })
})
