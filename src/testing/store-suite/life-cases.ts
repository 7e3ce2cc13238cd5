// Laws of a store's life: transactions of handlers, closing, and what survives it. I2 and I10.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { expectError } from './expect-error.ts'
import {
  account,
  at,
  commit,
  consumer,
  entry,
  handed,
  held,
  letter,
  moved,
  positionOf,
  savepoint,
  work,
} from './samples.ts'
import type { HandlerEffects, StoreCase, StoreFixture } from './store-case.ts'

const [a, b] = [account('a'), account('b')]
const mode = 'transaction'

function effectsOf({ effects }: StoreFixture): HandlerEffects {
  ok(effects !== undefined, 'a fixture with transactions offers effects')
  return effects
}

/** Laws of a store's life. */
export const lifeCases: readonly StoreCase[] = [
  {
    name: 'what a handler writes is committed together with the position (I2)',
    needs: ['transaction'],
    run: async (fixture) => {
      const { store } = fixture
      const effects = effectsOf(fixture)
      await work(store, { streams: [a], mode }, async (unit) => {
        await effects.write(unit.transaction?.forHandlers, 'one')
        await unit.commit({ streams: [moved(a, 1)] })
        await effects.write(unit.transaction?.forHandlers, 'two')
      })
      deepEqual(await effects.written(), ['one', 'two'])
      equal(await positionOf(store, a, { mode }), 1)
    },
  },
  {
    name: 'nobody else sees what a handler writes, and its position, before the commit (I2)',
    needs: ['transaction', 'readsBeside'],
    run: async (fixture) => {
      const { store } = fixture
      const effects = effectsOf(fixture)
      await work(store, { streams: [a], mode }, async (unit) => {
        await effects.write(unit.transaction?.forHandlers, 'one')
        await unit.commit({ streams: [moved(a, 1)] })
        deepEqual(await effects.written(), [])
        equal(await store.reader.stream(consumer, a), undefined)
      })
    },
  },
  {
    name: 'a body that throws leaves nothing behind, of its own writes and of its commits (I2)',
    needs: ['transaction'],
    run: async (fixture) => {
      const { store } = fixture
      const effects = effectsOf(fixture)
      await commit(store, [moved(a, 1)], { mode })
      const failure = new Error('the handler failed')
      const failing = work(store, { streams: [a, b], mode }, async (unit) => {
        await effects.write(unit.transaction?.forHandlers, 'one')
        await unit.commit({
          streams: [moved(a, 2, { hold: [held(a, 9)] }), moved(b, 2)],
          ledger: [entry('x')],
          ids: [{ domain: 'chat', ids: ['1'], window: { ids: 9, ms: 9000 } }],
        })
        throw failure
      })
      equal(await failing.catch((error: unknown) => error), failure)
      deepEqual(await effects.written(), [])
      for (const mode of ['claim', 'transaction'] as const) {
        equal(await positionOf(store, a, { mode }), 1)
        equal(await positionOf(store, b, { mode }), undefined)
      }
      const { held: heldCount, ledger, deliveries } = await store.reader.summary(consumer)
      deepEqual([heldCount, ledger, deliveries], [0, 0, 1])
      const known = await work(store, { streams: [] }, (unit) => unit.knownIds('chat', ['1']))
      deepEqual(known.value, new Set())
    },
  },
  {
    name: 'a savepoint that throws is undone alone, inside others too (I2)',
    needs: ['transaction'],
    run: async (fixture) => {
      const { store } = fixture
      const effects = effectsOf(fixture)
      await commit(store, [moved(a, 1)], { mode })
      await work(store, { streams: [a, b], mode }, async (unit) => {
        const write = async (text: string, position: number): Promise<void> => {
          await effects.write(unit.transaction?.forHandlers, text)
          await unit.commit({ streams: [moved(a, position), moved(b, position)] })
        }
        await savepoint(unit, () => write('kept', 2))
        await savepoint(unit, async () => {
          await write('outer', 3)
          const inner = savepoint(unit, async () => {
            await write('inner', 4)
            throw new Error('inner')
          })
          await inner.catch(() => undefined)
          equal(await savepoint(unit, async () => 'value'), 'value')
        })
        const undone = savepoint(unit, async () => {
          await write('undone', 5)
          throw new Error('undone')
        })
        await undone.catch(() => undefined)
      })
      deepEqual(await effects.written(), ['kept', 'outer'])
      for (const mode of ['transaction', 'claim'] as const) {
        equal(await positionOf(store, a, { mode }), 3)
        equal(await positionOf(store, b, { mode }), 3)
      }
    },
  },
  {
    name: 'a stream that is new in a savepoint that was undone can be committed after it (I2)',
    needs: ['transaction'],
    run: async ({ store }) => {
      await work(store, { streams: [a, b], mode }, async (unit) => {
        const undone = savepoint(unit, async () => {
          await unit.commit({ streams: [moved(a, 5)] })
          throw new Error('undone')
        })
        await undone.catch(() => undefined)
        await unit.commit({ streams: [moved(b, 1)] })
        await unit.commit({ streams: [moved(a, 1)] })
      })
      equal(await positionOf(store, a, { mode }), 1)
      equal(await positionOf(store, b, { mode }), 1)
    },
  },
  {
    name: 'a handler cannot write once its batch has ended (I2)',
    needs: ['transaction'],
    run: async (fixture) => {
      const effects = effectsOf(fixture)
      const { value: late } = await work(fixture.store, { streams: [a], mode }, async (unit) => {
        return { transaction: unit.transaction?.forHandlers }
      })
      await expectError('handler-failed', () => effects.write(late.transaction, 'late'))
      deepEqual(await effects.written(), [])
    },
  },
  {
    name: 'everything that was kept is there after the store was closed and opened again (I3, I8)',
    needs: ['durable'],
    run: async ({ store, reopen, advanceTime }) => {
      ok(reopen !== undefined, 'a durable fixture offers reopen')
      const hold = [held(a, 9)]
      const due = { at: 0 }
      await commit(store, [moved(a, 4, { hold, due, state: at(4, { heldCount: 1 }) })])
      await store.handOver(consumer, [handed(b, 1)])
      await store.record(consumer, {
        deadLetters: [letter('k')],
        ledger: [entry('x')],
        paused: [{ domain: 'order', paused: true }],
      })
      const ids = [{ domain: 'chat', ids: ['1'], window: { ids: 9, ms: 900_000 } }]
      await work(store, { streams: [] }, (unit) => unit.commit({ streams: [], ids }))
      await store.heartbeat(consumer, 'one')
      await advanceTime(1000)
      const { readingMs } = await store.heartbeat(consumer, 'one')
      await store.checkpoint(consumer, 'file', 'note')
      const before = await store.lease('sweep', { holder: 'one', ms: 600_000 })
      const again = await reopen()
      await work(again, { streams: [a] }, async (unit) => {
        equal(unit.streams.get(a)?.state.position, 4)
        deepEqual(await unit.held([{ stream: a, epoch: 0, after: null, to: 99 }]), hold)
        deepEqual(await unit.knownIds('chat', ['1']), new Set(['1']))
        deepEqual(unit.domains.get('account'), { held: 1, handedOver: 1, paused: false })
        equal(unit.domains.get('order')?.paused, true)
        equal(unit.clock.readingMs, readingMs)
      })
      deepEqual((await again.due(consumer, 9)).toSorted(), [a, b])
      const { deadLetters, ledger, handedOver, clock } = await again.reader.summary(consumer)
      deepEqual([deadLetters, ledger, handedOver, clock.readingMs], [1, 1, 1, readingMs])
      equal(await again.checkpoint(consumer, 'file'), 'note')
      equal(await again.lease('sweep', { holder: 'two', ms: 1 }), undefined)
      equal((await again.lease('sweep', { holder: 'one', ms: 600_000 }))?.fence, before?.fence)
    },
  },
  {
    name: 'opening twice is the same as opening once',
    run: async ({ store }) => {
      await commit(store, [moved(a, 1)])
      await store.open()
      equal(await positionOf(store, a), 1)
    },
  },
  {
    name: 'after close every call is refused (I10)',
    run: async ({ store }) => {
      await commit(store, [moved(a, 1)])
      await store.close()
      await store.close()
      const calls: (() => Promise<unknown>)[] = [
        () => positionOf(store, a),
        () => positionOf(store, a, { mode }),
        () => store.handOver(consumer, [handed(a, 1)]),
        () => store.record(consumer, {}),
        () => store.due(consumer, 1),
        () => store.heartbeat(consumer, 'one'),
        () => store.heartbeat(consumer, 'one', { leaves: true }),
        () => store.lease('sweep', { holder: 'one', ms: 1 }),
        () => store.checkpoint(consumer, 'file'),
        () => store.checkpoint(consumer, 'file', 'note'),
        () => store.reader.consumers(),
        () => store.reader.stream(consumer, a),
        () => store.reader.summary(consumer),
      ]
      for (const call of calls) await expectError('store-closed', call)
    },
  },
]
