// Laws of handed-over events: kept in the order of arrival until the claim's holder decides them, and never
// left without anyone who looks after them. I3.
import { deepEqual, equal } from 'node:assert/strict'
import { streamPath } from '../../core/stream-path.ts'
import type { StoredHandedOver } from '../../ports/records.ts'
import type { Store } from '../../ports/store.ts'
import { openUnit } from './open-unit.ts'
import { account, commit, consumer, handed, moved, work } from './samples.ts'
import type { StoreCase } from './store-case.ts'

const modes = ['claim', 'transaction'] as const
const [a, b] = [account('a'), account('b')]

async function read(store: Store, limit = 100): Promise<readonly StoredHandedOver[]> {
  const { value } = await work(store, { streams: [a, b] }, (unit) => unit.handedOver([a, b], limit))
  return value
}

function arrivalsOf(events: readonly StoredHandedOver[]): unknown[] {
  return events.map(({ stream, arrival }) => [stream, 'sequence' in arrival ? arrival.sequence : 'fill'])
}

/** Laws of handed-over events. */
export const handedOverCases: readonly StoreCase[] = [
  {
    name: 'handed-over events come back whole, in the order of arrival, which is not that of numbers (I1)',
    run: async ({ store }) => {
      await store.handOver(consumer, [handed(a, 3), handed(b, 1), handed(a, 2)])
      await store.handOver(consumer, [handed(b, 5), handed(a, 1), handed(a, 3)])
      const expected = [
        [a, 3],
        [b, 1],
        [a, 2],
        [b, 5],
        [a, 1],
        [a, 3],
      ]
      const events = await read(store)
      deepEqual(arrivalsOf(events), expected)
      deepEqual(events[0]?.arrival, handed(a, 3).arrival)
      const ids = events.map(({ arrivalId }) => arrivalId)
      deepEqual(ids.toSorted(), ids)
      deepEqual(arrivalsOf(await read(store, 1)), [
        [a, 3],
        [b, 1],
      ])
    },
  },
  {
    name: 'a handed-over fill stays a fill',
    run: async ({ store }) => {
      const arrival = {
        domain: 'account',
        stream: 'a',
        epoch: 0,
        fill: { from: 2, to: 4, reason: 'burned' },
      }
      await store.handOver(consumer, [{ stream: a, arrival }])
      deepEqual((await read(store))[0]?.arrival, arrival)
    },
  },
  {
    name: 'a dead letter that is tried again is kept with whoever asked for it, and is due at once',
    run: async ({ store }) => {
      const redrive = { key: 'account/a/0/1/e1', by: 'ada', reason: 'the card works again' }
      await store.handOver(consumer, [handed(a, 2), { ...handed(a, 1), redrive }])
      const expected = [undefined, redrive]
      deepEqual(
        (await read(store)).map((kept) => kept.redrive),
        expected,
      )
      const listed = await store.reader.handedOver(consumer, { limit: 9 })
      deepEqual(
        listed.map((kept) => kept.redrive),
        expected,
      )
      deepEqual(listed[1]?.arrival, handed(a, 1).arrival)
      deepEqual(await store.due(consumer, 9), [a])
    },
  },
  {
    name: 'decided ones are forgotten with the commit, and the others stay (I3)',
    run: async ({ store }) => {
      for (const mode of modes) {
        await store.handOver(consumer, [handed(a, 1), handed(a, 2), handed(a, 3)])
        await work(store, { streams: [a], mode }, async (unit) => {
          const [first, , third] = await unit.handedOver([a], 9)
          const decided = [first?.arrivalId ?? '', third?.arrivalId ?? '']
          await unit.commit({ streams: [moved(a, 3, { decided })] })
          deepEqual(arrivalsOf(await unit.handedOver([a], 9)), [[a, 2]])
        })
        const [left] = await read(store)
        await commit(store, [moved(a, 3, { decided: [left?.arrivalId ?? ''] })], { mode })
        deepEqual(await read(store), [])
      }
    },
  },
  {
    name: 'handed-over events are counted for their domain and their consumer only (I6, I7)',
    run: async ({ store }) => {
      const order = streamPath('order', '1')
      await store.handOver(consumer, [handed(a, 1), handed(order, 1), handed(b, 1)])
      const { value } = await work(store, { streams: [] }, async ({ domains }) => domains)
      equal(value.get('account')?.handedOver, 2)
      equal(value.get('order')?.handedOver, 1)
      const other = await work(store, { streams: [a], consumer: 'other' }, (unit) => unit.handedOver([a], 9))
      deepEqual(other.value, [])
      equal((await store.reader.summary('other')).handedOver, 0)
      const [first] = await read(store)
      await commit(store, [moved(a, 1, { decided: [first?.arrivalId ?? ''] })])
      equal((await store.reader.summary(consumer)).handedOver, 2)
    },
  },
  {
    name: 'a unit is told for which of its streams events were handed over while it had them (I3)',
    run: async ({ store }) => {
      const unit = await openUnit(store, { streams: [a, b] })
      deepEqual(await store.handOver(consumer, [handed(b, 1), handed(account('c'), 1)]), [account('c')])
      deepEqual((await unit.end()).again, [b])
      for (const mode of modes) {
        const { again } = await work(store, { streams: [a, b], mode }, async () => undefined)
        deepEqual(again, [b])
        deepEqual((await work(store, { streams: [a], mode }, async () => undefined)).again, [])
      }
    },
  },
  {
    name: 'whoever hands over to a stream that is free by then is told (I3)',
    run: async ({ store }) => {
      const unit = await openUnit(store, { streams: [a] })
      deepEqual(await store.handOver(consumer, [handed(a, 1), handed(b, 1), handed(a, 2)]), [b])
      await unit.end()
      deepEqual(await store.handOver(consumer, [handed(a, 3), handed(a, 4)]), [a])
    },
  },
  {
    name: 'streams with handed-over events are due at once, unless a living worker has them (I3)',
    run: async ({ store }) => {
      const unit = await openUnit(store, { streams: [a] })
      await store.handOver(consumer, [handed(a, 1), handed(b, 1), handed(b, 2)])
      deepEqual(await store.due(consumer, 10), [b])
      await unit.end()
      deepEqual((await store.due(consumer, 10)).toSorted(), [a, b])
      equal((await store.due(consumer, 1)).length, 1)
    },
  },
]
