// Inboxes: what there is no room for waits outside, goes to its stream's inbox in the end, and is decided in
// order once there is room.
import { describe, expect, it } from 'vitest'
import type { FillEvent, InturnEvent } from '../../../src/core/event.ts'
import { contiguous, increasing } from '../../../src/core/numbering.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import type { RefusedMessage } from '../../../src/engine/batch.ts'
import { makeEngine } from '../../../src/engine/processor-options.ts'
import { firstEntries } from '../../../src/ports/inbox-pages.ts'
import { rulesFor } from '../core/ruled-history.ts'
import type { DomainShape } from './engine-world.ts'
import { consumer, domain, EngineWorld, event, events, path, verdictsOf } from './engine-world.ts'

const range = (low: number, high: number): number[] =>
  Array.from({ length: high - low + 1 }, (_, at) => low + at)
const calls = (low: number, high: number): string[] => range(low, high).map((sequence) => `a:${sequence}`)

/** Messages that were refused. */
function refused(numbers: readonly number[], modulus = Infinity): readonly RefusedMessage[] {
  return numbers.map((sequence) => ({
    delivery: { message: event('a', sequence % modulus) },
    place: { epoch: 0, sequence },
    isPlaced: true,
  }))
}

function modulusOf({ numbering }: DomainShape): number | undefined {
  return (numbering as { readonly modulus?: number } | undefined)?.modulus
}

async function inboxOf(world: EngineWorld) {
  return (await world.stream('a'))?.inbox
}

async function openEngine(world: EngineWorld, fields: DomainShape, batch?: number) {
  const domains = { account: domain({ handle: world.note, ...fields }) }
  const options = world.options({ domains, ...(batch !== undefined && { batch }) })
  await options.store.open()
  const { engine } = makeEngine(options)
  const messages = (numbers: readonly number[]) => events('a', ...numbers).map((message) => ({ message }))
  return {
    process: async (...numbers: readonly number[]) => engine.process(messages(numbers)),
    keep: async (...numbers: readonly number[]) => {
      const kept: boolean[] = []
      await engine.keep(refused(numbers, modulusOf(fields)), (index, isKept) => (kept[index] = isKept))
      await engine.landed()
      return kept
    },
    sweep: async (): Promise<void> => {
      for (let round = 0; round < 1_000; round++) if ((await engine.sweep(500)) === 0) return
      throw new Error('the sweep never comes to rest')
    },
  }
}

describe('inboxes (I3, I7)', () => {
  it('a full stream refuses what it would have to hold, and takes what is in turn', async () => {
    const { process } = await openEngine(new EngineWorld(), { heldMax: 2 })
    expect(verdictsOf(await process(3, 4, 5, 1))).toEqual(['hold', 'hold', 'refuse', 'deliver'])
  })

  it('what is in an inbox is decided by itself once there is room', async () => {
    const world = new EngineWorld()
    const { process, keep, sweep } = await openEngine(world, { heldMax: 2 })
    await process(2, 3)
    expect(await keep(4, 5, 6, 7)).toEqual([true, true, true, true])
    await sweep()
    expect(await world.stream('a')).toMatchObject({
      state: { heldCount: 2 },
      inbox: { arrivals: 4, hasNew: false },
    })
    await process(1)
    expect(world.calls).toEqual(calls(1, 7))
    expect(await world.deadLetters()).toEqual([])
    expect(await inboxOf(world)).toBeUndefined()
  })

  it('an event in the inbox that is the next in turn is taken though the stream is full', async () => {
    const world = new EngineWorld()
    const { process, keep } = await openEngine(world, { heldMax: 2 })
    await process(3, 4)
    await keep(2)
    await process(1)
    expect(world.calls).toEqual(calls(1, 4))
  })

  it('a sweep that finds no room has decided nothing, so that it is not made again at once', async () => {
    const world = new EngineWorld()
    const options = world.options({ domains: { account: domain({ heldMax: 2, handle: world.note }) } })
    await options.store.open()
    const { engine } = makeEngine(options)
    await engine.process(events('a', 2, 3).map((message) => ({ message })))
    await engine.keep(refused([4]), () => undefined)
    expect(await engine.sweep(500)).toBe(0)
    expect(await options.store.due(consumer, 9)).toEqual([])
  })

  it('copies in an inbox are decided as duplicates', async () => {
    const world = new EngineWorld()
    const { process, keep } = await openEngine(world, { heldMax: 2 })
    await process(2, 3)
    await keep(4, 4)
    await keep(3)
    await process(1)
    expect(world.calls).toEqual(calls(1, 4))
    expect(await inboxOf(world)).toBeUndefined()
    expect((await world.stream('a'))?.state.duplicates?.count).toBe(2)
  })

  it('nothing is kept beyond what all inboxes of a domain may have', async () => {
    const world = new EngineWorld()
    const { process, keep } = await openEngine(world, { heldMax: 2, handedOverMax: 2 })
    await process(2, 3)
    expect(await keep(4, 5)).toEqual([true, true])
    expect(await keep(6)).toEqual([false])
    await process(1)
    expect(await keep(6)).toEqual([true])
  })

  it('an inbox that waits for room in its domain is looked at again, though nothing moves it', async () => {
    const world = new EngineWorld()
    const domainHeldMax = 1
    const { process, keep, sweep } = await openEngine(world, {
      domainHeldMax,
      gap: { patience: '5s', then: 'skip' },
    })
    const other = world.processor()
    await other.process(events('b', 3))
    expect(verdictsOf(await process(3))).toEqual(['refuse'])
    await keep(3)
    await sweep()
    expect(await inboxOf(world)).toMatchObject({ arrivals: 1 })
    await other.process(events('b', 1, 2))
    await world.timers.advance(61_000)
    await sweep()
    expect((await world.stream('a'))?.state.heldCount).toBe(1)
    await world.read(6_000)
    await sweep()
    expect(world.calls).toEqual(['b:1', 'b:2', 'b:3', 'a:3'])
  })

  it('of an inbox with more than a turn reads, the lowest number is always reached', async () => {
    const world = new EngineWorld()
    const { process, keep } = await openEngine(world, { heldMax: 1 }, 5)
    await process(40)
    await keep(...range(2, 39).toReversed())
    await process(1)
    expect(world.calls).toEqual(calls(1, 40))
  })

  it('where a counter wraps, the next number is that of the open epoch, not of a later one', () => {
    const rules = { ...rulesFor({ numbering: contiguous({ modulus: 16 }) }) }
    const state = { ...unknownStream, position: 4 }
    const entry = (epoch: number, sequence: number, arrivalId: string) => ({
      stream: path('a'),
      arrivalId,
      arrival: { domain: 'account', stream: 'a', epoch, sequence, data: undefined },
    })
    const entries = [entry(1, 4, 'a'), entry(1, 5, 'b'), entry(1, 6, 'c'), entry(0, 5, 'd')]
    const first = firstEntries({ rules, state }, entries, 2).map(({ arrivalId }) => arrivalId)
    expect(first).toEqual(['a', 'd'])
  })

  it('where a counter wraps, a first number is reached behind what there is no room for', async () => {
    const world = new EngineWorld()
    const numbering = contiguous({ start: 95, modulus: 100 })
    const { process, keep } = await openEngine(world, { heldMax: 2, numbering }, 3)
    await process(96, 97)
    const late = range(98, 130)
    expect(verdictsOf(await process(...late.map((sequence) => sequence % 100)))).not.toContain('deliver')
    await keep(...late)
    await keep(95)
    expect(world.calls).toEqual(calls(95, 130))
    expect(await world.deadLetters()).toEqual([])
  })

  it('where a counter wraps, so is that of a later epoch, and a fill of the next one', () => {
    const rules = { ...rulesFor({ numbering: contiguous({ start: 14, modulus: 16 }) }) }
    const clock = { now: 0, readingMs: 0 }
    const held = [{ kind: 'events', epoch: 2, after: 14, to: 15, count: 1, clock }] as const
    const state = { ...unknownStream, epoch: 1, position: 17, held }
    const entry = (epoch: number, sequence: number, arrivalId: string, to?: number) => ({
      stream: path('a'),
      arrivalId,
      arrival: {
        domain: 'account',
        stream: 'a',
        epoch,
        ...(to === undefined ? { sequence, data: undefined } : { fill: { from: sequence, to, reason: '' } }),
      },
    })
    const refused = [entry(2, 0, 'a'), entry(2, 1, 'b'), entry(2, 2, 'c')]
    const all = [...refused, entry(2, 14, 'd'), entry(1, 15, 'e', 18)]
    expect(firstEntries({ rules, state }, all, 3).map(({ arrivalId }) => arrivalId)).toEqual(['a', 'd', 'e'])
  })

  it('where a counter wraps, the lowest number is the next one as its stream sees it', async () => {
    const world = new EngineWorld()
    const numbering = contiguous({ start: 'first-seen', modulus: 100 })
    const { process, keep } = await openEngine(world, { heldMax: 3, numbering }, 3)
    await process(90)
    await process(92, 93, 94)
    const late = range(95, 125).toReversed()
    for (const sequence of late) expect(verdictsOf(await process(sequence % 100))).toEqual(['refuse'])
    await keep(...late)
    await process(91)
    expect(world.calls).toEqual(calls(90, 125))
    expect(await world.deadLetters()).toEqual([])
  })

  it.each([500, 3])('more of them than a turn takes, at %i a batch, come back in order', async (batch) => {
    const world = new EngineWorld()
    const { process, keep } = await openEngine(world, { heldMax: 5 }, batch)
    await process(2, 3, 4, 5, 6)
    await keep(...range(7, 400))
    await process(1)
    expect(world.calls).toEqual(calls(1, 400))
  })

  it('before a gap is given up, what lies in it is taken out of the inbox', async () => {
    const world = new EngineWorld()
    const { process, keep, sweep } = await openEngine(world, {
      heldMax: 3,
      gap: { patience: '5s', then: 'skip' },
    })
    await process(10, 11, 300)
    await keep(5, 7, 12, 14, ...range(100, 299), 301)
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

  it('no gap is given up that the turn itself has come to, while events of the inbox lie in it', async () => {
    const world = new EngineWorld()
    const isMended = { now: false }
    const handle = (called: InturnEvent): void => {
      world.note(called)
      if (called.sequence === 2 && !isMended.now) throw new Error('not yet')
    }
    const gap = { patience: '5s', then: 'skip' }
    const failure = { attempts: 9, backoff: '10s' }
    const { process, keep, sweep } = await openEngine(world, { heldMax: 2, gap, failure, handle })
    await process(1, 2, 9)
    await keep(4, 6)
    await world.read(20_000)
    isMended.now = true
    await sweep()
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:2', 'a:4', 'a:6', 'a:9'])
    expect(await world.deadLetters()).toEqual([])
  })

  it('what closes a gap that halts its stream has room, and ends the halt', async () => {
    const world = new EngineWorld()
    const { process, keep, sweep } = await openEngine(world, {
      heldMax: 2,
      gap: { patience: '5s', then: 'halt' },
    })
    await process(4, 5)
    await world.read(6_000)
    await sweep()
    expect((await world.stream('a'))?.state.halt?.cause).toBe('gap')
    expect(verdictsOf(await process(1, 2, 3))).toEqual(['hold', 'refuse', 'refuse'])
    await keep(9, 3, 2)
    expect(verdictsOf(await process(6))).toEqual(['deliver'])
    expect(world.calls).toEqual(calls(1, 6))
    expect((await world.stream('a'))?.state).toMatchObject({ position: 6, heldCount: 1 })
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

  it('what is in the inbox comes before later ones', async () => {
    const world = new EngineWorld()
    let isBroken = true
    const { process, keep, sweep } = await openEngine(
      world,
      halting(world, () => isBroken),
      10,
    )
    expect(verdictsOf(await process(1, 2, 3))).toEqual(['hold', 'hold', 'refuse'])
    await keep(...range(3, 60))
    isBroken = false
    await world.timers.advance(1_000)
    expect(verdictsOf(await process(61))).toEqual(['refuse'])
    await sweep()
    expect(verdictsOf(await process(61))).toEqual(['deliver'])
    expect(world.calls).toEqual(calls(1, 61))
  })

  it('later ones wait until all of the inbox is decided', async () => {
    const world = new EngineWorld()
    const { process, sweep } = await openEngine(
      world,
      halting(world, () => false),
      10,
    )
    await process(1)
    const store = world.store()
    await store.open()
    const arrivals = events('a', ...range(2, 61)).map((arrival) => ({ ...(arrival as FillEvent), epoch: 0 }))
    await store.handOver(
      consumer,
      arrivals.map((arrival) => ({ stream: path('a'), arrival })),
    )
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
    const messages = [...events('a', 9), ...events('b', 9)].map((message) => ({ message }))
    const call = engine.submit(messages, { isWaiting: (stream) => stream === path('a') })
    await call.done
    expect(verdictsOf(call.results)).toEqual(['refuse', 'deliver'])
  })
})
