// The wait between two attempts is durable, and holds neither a claim nor a slot: streams that wait cost the
// others nothing (I6), and what comes behind a failing event is held and goes on in order (I1).
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { aroundStore } from '../../../src/ports/around-store.ts'
import type { Store } from '../../../src/ports/store.ts'
import { TransactionQueue, transactionalStore } from '../../simulation/transactional-store.ts'
import { consumer, EngineWorld, event, events, sweepAll, verdictsOf } from './engine-world.ts'

/** A world whose handler fails for some places, and that counts what the store is asked. */
class CountingWorld extends EngineWorld {
  readonly fails = new Set<string>()
  readonly asked = new Map<string, number>()
  readonly claimed: string[] = []

  counted(effects: 'external' | 'transaction'): Store {
    const queue = new TransactionQueue()
    const own = this.store()
    const store: Store =
      effects === 'external'
        ? own
        : transactionalStore(own, { queue, onDeath: () => undefined, written: () => undefined })
    const around = aroundStore(store, (call, run) => {
      this.asked.set(call.method, (this.asked.get(call.method) ?? 0) + 1)
      return run()
    })
    return {
      ...around,
      work: (request, body) => {
        this.claimed.push(...request.streams)
        return around.work(request, body)
      },
    }
  }

  /** What was handled; a transaction that was undone runs again. */
  get handled(): readonly string[] {
    return [...new Set(this.calls)]
  }

  readonly handle = (called: InturnEvent): void => {
    const place = `${called.stream}:${String(called.sequence)}`
    if (this.fails.has(place)) throw new Error(`no ${place}`)
    this.note(called)
  }
}

for (const effects of ['external', 'transaction'] as const) {
  describe(`a stream that waits for its next attempt, effects: '${effects}'`, () => {
    it('a thousand of them cost the others no claim and no round trip (I6)', async () => {
      const costs: unknown[] = []
      for (const waiting of [0, 1_000]) {
        const world = new CountingWorld()
        const processor = world.processor(
          { handle: world.handle, effects, failure: { backoff: '1h', backoffMax: '1h' } },
          { store: world.counted(effects) },
        )
        const bad = Array.from({ length: waiting }, (_, index) => `bad${index}`)
        for (const stream of bad) world.fails.add(`${stream}:1`)
        for (let from = 0; from < bad.length; from += 500) {
          await processor.process(bad.slice(from, from + 500).map((stream) => event(stream, 1)))
        }
        await processor.sweep()
        world.asked.clear()
        world.claimed.length = 0
        for (let sequence = 1; sequence <= 10; sequence++) {
          const results = await processor.process(['x', 'y', 'z'].map((stream) => event(stream, sequence)))
          expect(verdictsOf(results)).toEqual(['deliver', 'deliver', 'deliver'])
          await world.timers.advance(1_000)
          await processor.sweep()
        }
        expect(new Set(world.claimed)).toEqual(new Set(['account/x', 'account/y', 'account/z']))
        expect((await world.memory.reader.summary(consumer)).failing).toBe(waiting)
        costs.push([...world.asked])
      }
      expect(costs[1]).toEqual(costs[0])
    })

    it('holds its followers, and they drain in order once the attempt succeeds (I1)', async () => {
      const world = new CountingWorld()
      world.fails.add('a:2')
      const processor = world.processor(
        { handle: world.handle, effects, failure: { backoff: 1_000 } },
        { store: world.counted(effects) },
      )
      await processor.process(events('a', 1, 2, 3))
      await processor.process(events('a', 6, 5))
      await processor.process(events('a', 4))
      expect(world.handled).toEqual(['a:1'])
      expect((await world.stream('a'))?.claimedBy).toBeUndefined()
      world.fails.clear()
      await world.timers.advance(60_000)
      await sweepAll(processor)
      expect(world.handled).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5', 'a:6'])
    })

    it('whose follower fails stands in front of that one, with attempts of its own', async () => {
      const world = new CountingWorld()
      world.fails.add('a:2').add('a:4')
      const processor = world.processor(
        { handle: world.handle, effects, failure: { attempts: 2, backoff: 1_000 } },
        { store: world.counted(effects) },
      )
      await processor.process(events('a', 1, 2, 3, 4, 5))
      world.fails.delete('a:2')
      await world.timers.advance(60_000)
      await processor.sweep()
      expect(world.handled).toEqual(['a:1', 'a:2', 'a:3'])
      expect((await world.stream('a'))?.state).toMatchObject({
        position: 3,
        halt: undefined,
        failing: { sequence: 4, attempts: 1 },
        heldCount: 2,
      })
      await world.timers.advance(60_000)
      await sweepAll(processor)
      expect((await world.stream('a'))?.state).toMatchObject({
        position: 3,
        halt: { cause: 'failure' },
        failing: { sequence: 4, attempts: 2 },
      })
    })
  })
}
