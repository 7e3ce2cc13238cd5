// Transactions side by side, where a store has use for more than one: each has streams of its own, no more
// handlers run than have places, and what may be deadly runs alone.
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { faultAt } from '../../../src/testing/faults.ts'
import { TransactionQueue, transactionalStore } from '../../simulation/transactional-store.ts'
import { EngineWorld, event, events, Gate, verdictsOf } from './engine-world.ts'

/** Handlers that wait at gates, and which of them run. */
class Gates {
  readonly running = new Set<string>()
  readonly mostRunning: string[][] = []
  readonly #gates = new Map<string, Gate>()

  of(place: string): Gate {
    const gate = this.#gates.get(place) ?? new Gate()
    this.#gates.set(place, gate)
    return gate
  }

  readonly handle = async ({ stream, sequence }: InturnEvent): Promise<void> => {
    const place = `${stream}:${String(sequence)}`
    this.running.add(place)
    this.mostRunning.push([...this.running])
    await this.of(place).wait()
    this.running.delete(place)
  }
}

function made(
  gates: Gates,
  transactionsMax: number,
  concurrency = 64,
  handle: Gates['handle'] = gates.handle,
): Processor {
  const world = new EngineWorld()
  const options = { queue: new TransactionQueue(), onDeath: () => undefined, written: () => undefined }
  const store = transactionalStore(world.store(), { ...options, transactionsMax })
  return world.processor({ effects: 'transaction', handle }, { store, concurrency, batch: 2 })
}

describe('transactions side by side', () => {
  it('a slow one keeps no other from its end; no more are open than the store has use for', async () => {
    const gates = new Gates()
    const processor = made(gates, 2)
    const slow = processor.process(events('a', 1))
    await gates.of('a:1').reached
    const quick = processor.process(events('b', 1))
    await gates.of('b:1').reached
    const third = processor.process(events('c', 1))
    gates.of('b:1').open()
    expect(verdictsOf(await quick)).toEqual(['deliver'])
    await gates.of('c:1').reached
    gates.of('c:1').open()
    expect(verdictsOf(await third)).toEqual(['deliver'])
    expect(gates.running).toEqual(new Set(['a:1']))
    gates.of('a:1').open()
    expect(verdictsOf(await slow)).toEqual(['deliver'])
    expect(gates.mostRunning).toEqual([['a:1'], ['a:1', 'b:1'], ['a:1', 'c:1']])
  })

  it('a stream is in one of them at a time', async () => {
    const gates = new Gates()
    const processor = made(gates, 2)
    const first = processor.process(events('a', 1))
    await gates.of('a:1').reached
    const second = processor.process([...events('a', 2), ...events('b', 1)])
    await gates.of('b:1').reached
    gates.of('b:1').open()
    gates.of('a:2').open()
    gates.of('a:1').open()
    expect(verdictsOf([...(await first), ...(await second)])).toEqual(['deliver', 'deliver', 'deliver'])
    expect(gates.mostRunning).toEqual([['a:1'], ['a:1', 'b:1'], ['a:2']])
  })

  it.each([
    ['a store has use for one', 1, 64],
    ['handlers have one place', 2, 1],
  ])('where %s, the second begins when the first has ended', async (_why, transactionsMax, concurrency) => {
    const gates = new Gates()
    const processor = made(gates, transactionsMax, concurrency)
    const first = processor.process(events('a', 1))
    await gates.of('a:1').reached
    const second = processor.process(events('b', 1))
    gates.of('b:1').open()
    gates.of('a:1').open()
    await Promise.all([first, second])
    expect(gates.mostRunning).toEqual([['a:1'], ['b:1']])
  })

  it('one that finds that handlers meet calls none of the others again (I2)', async () => {
    const gates = new Gates()
    let failures = 1
    const processor = made(gates, 2, 64, async (called) => {
      if (called.stream === 'c' && failures-- > 0) throw new Error('they met')
      await gates.handle(called)
    })
    for (const place of ['c:1', 'd:1']) gates.of(place).open()
    const first = processor.process([...events('a', 1), ...events('b', 1)])
    await Promise.all([gates.of('a:1').reached, gates.of('b:1').reached])
    const second = processor.process([...events('c', 1), ...events('d', 1)])
    expect(verdictsOf(await second)).toEqual(['deliver', 'deliver'])
    for (const place of ['a:1', 'b:1']) gates.of(place).open()
    expect(verdictsOf(await first)).toEqual(['deliver', 'deliver'])
    const begun = gates.mostRunning.map((running) => running.at(-1))
    expect(begun.filter((place) => place === 'a:1' || place === 'b:1')).toEqual(['a:1', 'b:1'])
  })

  it('a call of several batches fails if any of them has, however the last one ends (I3)', async () => {
    const world = new EngineWorld()
    const store = world.store({ plan: faultAt('work', 1, { fail: 'before' }) })
    const processor = world.processor({}, { store, batch: 2 })
    const all = [...events('a', 1, 2), ...events('b', 1, 2), ...events('c', 1, 2)]
    await expect(processor.process(all)).rejects.toMatchObject({ retryable: true })
    expect(verdictsOf(await processor.process(all)).slice(0, 2)).toEqual(['deliver', 'deliver'])
  })

  it('a call of several batches has them side by side, and answers in the order of its events', async () => {
    const gates = new Gates()
    const processor = made(gates, 2)
    const all = processor.process([...events('a', 1, 2), ...events('b', 1), event('b', 1), ...events('c', 1)])
    await gates.of('a:1').reached
    await gates.of('b:1').reached
    for (const place of ['b:1', 'c:1', 'a:1', 'a:2']) gates.of(place).open()
    expect(verdictsOf(await all)).toEqual(['deliver', 'deliver', 'deliver', 'duplicate', 'deliver'])
  })
})
