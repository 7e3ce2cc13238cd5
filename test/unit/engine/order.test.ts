// The engine delivers each stream's events once and in order, whatever order, batches and copies they come
// in.
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import { EngineWorld, event, events, sweepAll, verdictsOf } from './engine-world.ts'

describe('order (I1)', () => {
  it('events of a stream are handled in the order of their numbers', async () => {
    const world = new EngineWorld()
    const results = await world.processor().process(events('a', 3, 1, 4, 2))
    expect(verdictsOf(results)).toEqual(['hold', 'deliver', 'hold', 'deliver'])
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4'])
    expect(results[3]?.released.map(({ sequence }) => sequence)).toEqual([3, 4])
  })

  it('copies within a batch and over batches are handled once', async () => {
    const world = new EngineWorld()
    const processor = world.processor()
    expect(verdictsOf(await processor.process(events('a', 1, 1, 2, 1)))).toEqual([
      'deliver',
      'duplicate',
      'deliver',
      'duplicate',
    ])
    expect(verdictsOf(await processor.process(events('a', 2, 3)))).toEqual(['duplicate', 'deliver'])
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3'])
  })

  it('a batch that is larger than the limit is worked off in parts, in order', async () => {
    const world = new EngineWorld()
    const numbers = Array.from({ length: 1_000 }, (_, index) => 1_000 - index)
    const results = await world.processor({ heldMax: 2_000 }, { batch: 7 }).process(events('a', ...numbers))
    expect(results).toHaveLength(1_000)
    expect(world.calls).toEqual(numbers.toReversed().map((sequence) => `a:${sequence}`))
  })

  it('a wrapped counter is unwrapped, and its number on the wire stays with the event', async () => {
    const world = new EngineWorld()
    const seen: unknown[] = []
    const processor = world.processor({
      numbering: contiguous({ modulus: 8 }),
      handle: ({ sequence, wireSequence }: InturnEvent) => seen.push([sequence, wireSequence]),
    })
    await processor.process(events('a', 1, 2, 3, 4, 5, 6, 0, 7))
    await processor.process(events('a', 1))
    expect(seen.slice(5)).toEqual([
      [6, 6],
      [7, 7],
      [8, 0],
      [9, 1],
    ])
  })

  it('a stream is known by its exact name, whatever characters it has', async () => {
    const world = new EngineWorld()
    const names = [
      'a/b',
      'a%2Fb',
      'a',
      '__proto__',
      'constructor',
      'ä',
      'a\u0308',
      '😀',
      ' ',
      '.',
      '..',
      '\u0000',
    ]
    const processor = world.processor()
    const results = await processor.process(names.map((name) => event(name, 1)))
    expect(new Set(results.map(({ stream }) => stream)).size).toBe(names.length)
    expect(world.calls).toEqual(names.map((name) => `${name}:1`))
    expect(verdictsOf(await processor.process(names.map((name) => event(name, 1))))).toEqual(
      names.map(() => 'duplicate'),
    )
  })

  it('an event that opens an epoch and fails lets no event of the old epoch be taken for it', async () => {
    const world = new EngineWorld()
    let fails = true
    const processor = world.processor({
      failure: { attempts: 1, then: 'dead-letter' },
      handle: (called: { epoch: number; sequence: number }) => {
        if (called.epoch === 1 && fails) throw new Error('not yet')
        world.calls.push(`${called.epoch}/${called.sequence}`)
      },
    })
    await processor.process([event('a', 1)])
    fails = true
    await processor.process([event('a', 1, { epoch: 1, id: 'new' }), event('a', 2)])
    fails = false
    await sweepAll(processor)
    expect(world.calls).toEqual(['0/1', '0/2'])
    expect(await world.deadLetters()).toMatchObject([{ epoch: 1, sequence: 1, reason: 'failed' }])
    expect((await world.stream('a'))?.state).toMatchObject({ epoch: 1, position: 1, heldCount: 0 })
  })

  it('an epoch that opens over a held fill and fails has no effect uncalled', async () => {
    const world = new EngineWorld()
    const fails = new Set(['1/1'])
    const processor = world.processor({
      failure: { attempts: 1, then: 'dead-letter' },
      handle: (called: { epoch: number; sequence: number }) => {
        if (fails.has(`${called.epoch}/${called.sequence}`)) throw new Error('no')
        world.calls.push(`${called.epoch}/${called.sequence}`)
      },
    })
    await processor.process([
      { domain: 'account', stream: 'a', fill: { from: 3, to: 5, reason: 'burned' } },
      event('a', 2, { epoch: 1 }),
      event('a', 1, { epoch: 1 }),
    ])
    expect(world.calls).toEqual(['1/2'])
    expect(await world.deadLetters()).toMatchObject([{ epoch: 1, sequence: 1, reason: 'failed' }])
    expect((await world.stream('a'))?.deliveries).toBe(1)
  })

  it('linked events follow their chain', async () => {
    const world = new EngineWorld()
    const processor = world.processor({ numbering: linked() })
    await processor.process([
      event('a', 30, { previous: 20 }),
      event('a', 20, { previous: 10 }),
      event('a', 10, { previous: null }),
    ])
    expect(world.calls).toEqual(['a:10', 'a:20', 'a:30'])
  })

  it('increasing numbers beyond 2^53 are read from the text, and none is rounded', async () => {
    const world = new EngineWorld()
    const processor = world.processor({ numbering: increasing() })
    const text = (sequence: string): string =>
      `{"domain":"account","stream":"a","sequence":${sequence},"id":"${sequence}"}`
    const results = await processor.process([text('9007199254740993'), text('9007199254740995')])
    expect(verdictsOf(results)).toEqual(['deliver', 'deliver'])
    expect(results[0]?.sequence).toBe(9007199254740993n)
    const contiguousWorld = new EngineWorld()
    expect(await contiguousWorld.processor().process([text('9007199254740993')])).toMatchObject([
      { verdict: 'invalid', detail: 'the sequence is beyond-safe-integer' },
    ])
  })
})

describe('epochs that end (I3)', () => {
  it('held events become dead letters, with a ledger entry for their account', async () => {
    const world = new EngineWorld()
    await world.processor().process([...events('a', 1, 3), event('a', 1, { epoch: 1, id: 'n' })])
    expect(await world.deadLetters()).toMatchObject([{ reason: 'epoch-ended', epoch: 0, sequence: 3 }])
    expect(await world.ledger()).toMatchObject([
      { kind: 'removed', epoch: 0, from: 3, to: 3, reason: 'epoch-ended' },
      { kind: 'lost', epoch: 0, from: 2, to: 2, reason: 'epoch-ended' },
    ])
    expect(world.told('lost')).toMatchObject([{ stream: 'account/a', epoch: 0, from: 2, to: 2 }])
    expect(world.told('dead-letter')).toMatchObject([{ reason: 'epoch-ended', sequence: 3 }])
  })
})
