// Laws of held events: kept once a number, in order, and released by ranges. I3.
import { deepEqual, equal } from 'node:assert/strict'
import type { Sequence } from '../../core/sequence.ts'
import type { HeldRange } from '../../ports/records.ts'
import type { Store } from '../../ports/store.ts'
import { account, at, commit, consumer, held, holding, moved, sequencesOf, upTo, work } from './samples.ts'
import type { StoreCase } from './store-case.ts'

const modes = ['claim', 'transaction'] as const
const a = account('a')

async function read(store: Store, ...ranges: HeldRange[]): Promise<Sequence[]> {
  const streams = [...new Set(ranges.map(({ stream }) => stream))]
  const { value } = await work(store, { streams }, (unit) => unit.held(ranges))
  return sequencesOf(value)
}

/** Laws of held events. */
export const heldCases: readonly StoreCase[] = [
  {
    name: 'held events come back whole, ascending by number and not by text (I1)',
    run: async ({ store }) => {
      const numbers: Sequence[] = [1000, 9, 2n ** 80n, 10, 2n ** 64n, 100, Number.MAX_SAFE_INTEGER]
      for (const mode of modes) {
        const stream = account(mode)
        await commit(store, [holding(stream, ...numbers)], { mode })
        const { value } = await work(store, { streams: [stream], mode }, (unit) =>
          unit.held([upTo(stream, 2n ** 90n)]),
        )
        deepEqual(sequencesOf(value), [9, 10, 100, 1000, Number.MAX_SAFE_INTEGER, 2n ** 64n, 2n ** 80n])
        deepEqual(value[0], held(stream, 9))
      }
    },
  },
  {
    name: 'a range is open below and closed above, and within one epoch (I1)',
    run: async ({ store }) => {
      const old = [held(a, 1, { epoch: 1 }), held(a, 3, { epoch: 1 })]
      const change = holding(a, 2, 3, 4, 5)
      await commit(store, [{ ...change, hold: [...old, ...change.hold] }])
      deepEqual(await read(store, { stream: a, epoch: 0, after: 2, to: 4 }), [3, 4])
      deepEqual(await read(store, { stream: a, epoch: 0, after: null, to: 3 }), [2, 3])
      deepEqual(await read(store, { stream: a, epoch: 0, after: 5, to: 9 }), [])
      deepEqual(await read(store, { stream: a, epoch: 0, after: 4, to: 4 }), [])
      deepEqual(await read(store, { stream: a, epoch: 1, after: null, to: 9 }), [1, 3])
      deepEqual(await read(store, { stream: a, epoch: 2, after: null, to: 9 }), [])
    },
  },
  {
    name: 'ranges of several streams are read at once, each ascending',
    run: async ({ store }) => {
      const [b, c] = [account('b'), account('c')]
      await commit(store, [holding(a, 3, 2), holding(b, 7, 6), holding(c, 1)])
      deepEqual(
        await read(store, upTo(b, 9), upTo(a, 2), { stream: a, epoch: 0, after: 2, to: 9 }),
        [6, 7, 2, 3],
      )
    },
  },
  {
    name: 'a held event is replaced by another with its number, and counted once (I7)',
    run: async ({ store }) => {
      for (const mode of modes) {
        await commit(store, [holding(a, 5, 6)], { mode })
        const hold = [held(a, 5, { id: mode, data: 'new' })]
        await commit(store, [moved(a, 1, { hold, state: at(1, { heldCount: 2 }) })], { mode })
        const { value } = await work(store, { streams: [a], mode }, async (unit) => {
          return { events: await unit.held([upTo(a, 9)]), domain: unit.domains.get('account') }
        })
        deepEqual(
          value.events.map(({ event }) => event.id),
          [mode, 'e6'],
        )
        equal(value.domain?.held, 2)
      }
    },
  },
  {
    name: 'a commit releases before it holds (I3)',
    run: async ({ store }) => {
      for (const mode of modes) {
        await commit(store, [holding(a, 3, 4, 5)], { mode })
        await commit(store, [{ ...holding(a, 4), release: [upTo(a, 9)] }], { mode })
        deepEqual(await read(store, upTo(a, 9)), [4])
      }
    },
  },
  {
    name: 'a release forgets its range, of its stream and epoch only, and is counted (I3)',
    run: async ({ store }) => {
      const b = account('b')
      await commit(store, [holding(a, 1, 2, 3, 4), holding(b, 1, 2)])
      await commit(store, [{ ...moved(a, 1), hold: [held(a, 2, { epoch: 1 })] }])
      const release = [
        { stream: a, epoch: 0, after: 1, to: 2 },
        { stream: a, epoch: 0, after: 3, to: 99 },
      ]
      await commit(store, [moved(a, 1, { release, state: at(1, { heldCount: 3 }) })])
      deepEqual(await read(store, upTo(a, 9), upTo(a, 9, 1), upTo(b, 9)), [1, 3, 2, 1, 2])
      const { held: count, domains } = await store.reader.summary(consumer)
      equal(count, 5)
      equal(domains.get('account')?.held, 5)
      await commit(store, [moved(a, 9, { release: [upTo(a, 9), upTo(a, 9, 1)] })])
      equal((await store.reader.summary(consumer)).held, 2)
    },
  },
]
