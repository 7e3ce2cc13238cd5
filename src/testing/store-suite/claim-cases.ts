// Laws of claims: one advancer a stream, for as long as it lives and no longer. I5.
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Store } from '../../ports/store.ts'
import { wonStream } from '../../ports/store.ts'
import { expectError } from './expect-error.ts'
import { openUnit } from './open-unit.ts'
import {
  account,
  commit,
  consumer,
  entry,
  handed,
  held,
  letter,
  moved,
  positionOf,
  upTo,
  work,
} from './samples.ts'
import type { StalledHandle, StoreCase, StoreFixture } from './store-case.ts'

const modes = ['claim', 'transaction'] as const
const [a, b, c] = [account('a'), account('b'), account('c')]

/** Laws of claims. */
export const claimCases: readonly StoreCase[] = [
  {
    name: 'two workers race for a stream, one advances (I5)',
    run: async ({ store }) => {
      const racers = Array.from({ length: 8 }, (_, index) => `worker ${index}`)
      const starts = await Promise.all(racers.map((worker) => openUnit(store, { streams: [a], worker })))
      const winners = starts.filter(({ unit }) => unit.streams.has(a))
      equal(winners.length, 1)
      for (const { unit } of starts) deepEqual(unit.busy, unit.streams.has(a) ? [] : [a])
      await Promise.all(starts.map((start) => start.end()))
    },
  },
  {
    name: 'a busy stream is not won by a second unit, of the same worker neither, and the others are (I5)',
    run: async ({ store }) => {
      const first = await openUnit(store, { streams: [a, b] })
      for (const worker of ['one', 'two']) {
        const { value } = await work(store, { streams: [b, c], worker }, async ({ busy, streams }) => {
          return { busy, won: [...streams.keys()] }
        })
        deepEqual(value, { busy: [b], won: [c] })
      }
      await first.end()
    },
  },
  {
    name: 'claims of one consumer do not keep out another (I6)',
    run: async ({ store }) => {
      const first = await openUnit(store, { streams: [a], consumer: 'first' })
      const second = await openUnit(store, { streams: [a], consumer: 'second' })
      deepEqual(second.unit.busy, [])
      await first.end()
      await second.end()
    },
  },
  {
    name: 'a claim is released when its body ends, and when it throws (I6)',
    run: async ({ store }) => {
      const first = await openUnit(store, { streams: [a] })
      await first.unit.commit({ streams: [moved(a, 1)] })
      await first.fail()
      equal(await positionOf(store, a), 1)
      equal(await positionOf(store, a), 1)
      equal((await store.reader.stream(consumer, a))?.claimedBy, undefined)
    },
  },
  {
    name: 'the claim of a stream that has ended is released with its commit, and the others are kept (I6)',
    run: async ({ store }) => {
      const first = await openUnit(store, { streams: [a, b] })
      await first.unit.commit({ streams: [moved(a, 1)], ended: [a] })
      const second = await openUnit(store, { streams: [a, b] })
      deepEqual([[...second.unit.streams.keys()], second.unit.busy], [[a], [b]])
      await second.unit.commit({ streams: [moved(a, 2)] })
      await first.unit.commit({ streams: [moved(b, 1)], ended: [b] })
      await first.end()
      equal((await store.reader.stream(consumer, a))?.claimedBy !== undefined, true)
      await second.end()
      deepEqual([await positionOf(store, a), await positionOf(store, b)], [2, 1])
    },
  },
  {
    name: 'what is asked of a stream that has ended is refused, also where the unit could have it again (I5)',
    run: async ({ store }) => {
      const open = await openUnit(store, { streams: [a, b] })
      const { unit } = open
      await unit.commit({ streams: [moved(a, 1)], ended: [a] })
      await expectError('invariant-violated', () => unit.commit({ streams: [moved(b, 1), moved(a, 2)] }))
      await expectError('invariant-violated', () => unit.commit({ streams: [], ended: [a] }))
      await expectError('invariant-violated', () => unit.held([upTo(a, 9)]))
      await expectError('invariant-violated', () => unit.inbox([{ stream: a, limit: 1 }]))
      deepEqual(await unit.commit({ streams: [moved(b, 2)] }), ['committed'])
      await open.end()
      deepEqual([await positionOf(store, a), await positionOf(store, b)], [1, 2])
    },
  },
  {
    name: 'the fence of a stream rises with every claim (I5)',
    run: async ({ store }) => {
      const fences: number[] = []
      for (const mode of [...modes, ...modes]) {
        const { value } = await work(store, { streams: [a], mode }, async (unit) => {
          await unit.commit({ streams: [moved(a, 1)] })
          return wonStream(unit, a).fence
        })
        fences.push(value)
      }
      deepEqual(
        fences,
        [...new Set(fences)].sort((x, y) => x - y),
      )
    },
  },
  {
    name: 'a claim is renewed as long as its body runs (I5)',
    run: async ({ store, claimMs, advanceTime }) => {
      const first = await openUnit(store, { streams: [a], claimMs })
      for (let turn = 0; turn < 12; turn++) await advanceTime(claimMs / 4)
      const second = await openUnit(store, { streams: [a], worker: 'two', claimMs })
      deepEqual(second.unit.busy, [a])
      await second.end()
      equal(first.unit.signal.aborted, false)
      deepEqual(await first.unit.commit({ streams: [moved(a, 1)] }), ['committed'])
      await first.end()
    },
  },
  {
    name: 'the reader tells which worker has a claim, while it lives',
    run: async ({ store }) => {
      await commit(store, [moved(a, 1)])
      const first = await openUnit(store, { streams: [a], worker: 'w-1' })
      equal((await store.reader.stream(consumer, a))?.claimedBy, 'w-1')
      equal((await store.reader.stream(consumer, a))?.fence, first.unit.streams.get(a)?.fence)
      await first.end()
      equal((await store.reader.stream(consumer, a))?.claimedBy, undefined)
    },
  },
  {
    name: 'a worker that stands still loses its claim; its late commit is refused and changes nothing (I5)',
    needs: ['handles'],
    run: async (fixture) => {
      for (const mode of modes) {
        const stream = account(mode)
        await commit(fixture.store, [moved(stream, 1)])
        await fixture.store.handOver(consumer, [handed(stream, 2)])
        const late = await openUnit((await stall(fixture)).store, {
          streams: [stream],
          claimMs: fixture.claimMs,
        })
        const [arrival] = await late.unit.inbox([{ stream, limit: 1 }])
        await fixture.advanceTime(fixture.claimMs + 1)
        equal(await positionOf(fixture.store, stream, { worker: 'two', mode }), 1)
        const change = moved(stream, 9, {
          hold: [held(stream, 11)],
          decided: [arrival?.arrivalId ?? ''],
          deadLetters: [letter(mode, { stream })],
          ledger: [entry('late', { stream })],
          due: { at: 0 },
        })
        deepEqual(await late.unit.commit({ streams: [change] }), ['claim-lost'])
        equal(late.unit.signal.aborted, true)
        await late.end()
        const stored = await fixture.store.reader.stream(consumer, stream)
        deepEqual([stored?.state.position, stored?.deliveries, stored?.due], [1, 1, {}])
        const query = { stream, limit: 9 }
        deepEqual(await fixture.store.reader.held(consumer, query), [])
        deepEqual(await fixture.store.reader.deadLetters(consumer, query), [])
        deepEqual(await fixture.store.reader.ledger(consumer, query), [])
        equal((await fixture.store.reader.inbox(consumer, query)).length, 1)
      }
    },
  },
  {
    name: 'a late commit and a takeover at the same moment: whichever is first, the other one sees it (I5)',
    needs: ['handles'],
    run: async (fixture) => {
      const { store } = await stall(fixture)
      await commit(store, [moved(a, 1)])
      const late = await openUnit(store, { streams: [a], claimMs: fixture.claimMs })
      await fixture.advanceTime(fixture.claimMs + 1)
      const [outcomes, taker] = await Promise.all([
        late.unit.commit({ streams: [moved(a, 2)] }),
        openUnit(store, { streams: [a], worker: 'two', claimMs: fixture.claimMs }),
      ])
      equal(taker.unit.streams.get(a)?.state.position, outcomes[0] === 'committed' ? 2 : 1)
      await taker.end()
      await late.end()
    },
  },
  {
    name: 'a commit with one lost claim commits the other streams (I6)',
    needs: ['handles'],
    run: async (fixture) => {
      const late = await openUnit((await stall(fixture)).store, { streams: [a, b], claimMs: fixture.claimMs })
      await fixture.advanceTime(fixture.claimMs + 1)
      const taker = await openUnit(fixture.store, { streams: [a], worker: 'two' })
      const outcomes = await late.unit.commit({ streams: [moved(a, 9), moved(b, 9)] })
      deepEqual(outcomes, ['claim-lost', 'committed'])
      deepEqual(await taker.unit.commit({ streams: [moved(a, 2)] }), ['committed'])
      await late.end()
      deepEqual((await work(fixture.store, { streams: [a] }, async ({ busy }) => busy)).value, [a])
      await taker.end()
      equal(await positionOf(fixture.store, a), 2)
      equal(await positionOf(fixture.store, b), 9)
    },
  },
  {
    name: 'the signal fires at the latest when a renewal finds the claim lost (I5)',
    needs: ['handles'],
    run: async (fixture) => {
      const stalled = await stall(fixture)
      const late = await openUnit(stalled.store, { streams: [a], claimMs: fixture.claimMs })
      await fixture.advanceTime(fixture.claimMs + 1)
      const taker = await openUnit(fixture.store, { streams: [a], worker: 'two' })
      equal(late.unit.signal.aborted, false)
      await stalled.resume()
      equal(late.unit.signal.aborted, true)
      await taker.end()
      await late.end()
    },
  },
  {
    name: 'mode transaction leaves a live claim alone, and takes an expired one over (I5)',
    needs: ['handles'],
    run: async (fixture) => {
      const stalled = await stall(fixture)
      const late = await openUnit(stalled.store, { streams: [a], claimMs: fixture.claimMs })
      const request = { streams: [a, b], mode: 'transaction' } as const
      const before = await work(fixture.store, request, async ({ busy }) => busy)
      deepEqual(before.value, [a])
      await fixture.advanceTime(fixture.claimMs + 1)
      await work(fixture.store, request, (unit) => unit.commit({ streams: [moved(a, 5)] }))
      deepEqual(await late.unit.commit({ streams: [moved(a, 2)] }), ['claim-lost'])
      await late.end()
      equal(await positionOf(fixture.store, a), 5)
    },
  },
  {
    name: 'what one store commits, the next unit of another sees (I1)',
    needs: ['handles'],
    run: async (fixture) => {
      const other = await second(fixture)
      for (let position = 1; position < 20; position++) {
        const store = position % 2 === 0 ? fixture.store : other
        const mode = position % 3 === 0 ? 'claim' : 'transaction'
        const before = position === 1 ? undefined : position - 1
        await work(store, { streams: [a], mode }, async (unit) => {
          equal(unit.streams.get(a)?.state.position, before)
          await unit.commit({ streams: [moved(a, position)] })
        })
      }
    },
  },
  {
    name: 'two stores race over the same streams, and every number is advanced once (I5)',
    needs: ['handles'],
    run: async (fixture) => {
      const stores = [fixture.store, await second(fixture)]
      const advanced: number[] = []
      const advance = async (store: Store, turn: number): Promise<void> => {
        const mode = modes[turn % 2] ?? 'claim'
        await work(store, { streams: [a], mode, worker: `w${turn}` }, async (unit) => {
          if (!unit.streams.has(a)) return
          const next = Number(unit.streams.get(a)?.state.position ?? 0) + 1
          const outcomes = await unit.commit({ streams: [moved(a, next)] })
          if (outcomes[0] === 'committed') advanced.push(next)
        })
      }
      for (let turn = 0; turn < 10; turn++) await Promise.all(stores.map((store) => advance(store, turn)))
      ok(advanced.length >= 10)
      deepEqual(
        advanced.toSorted((x, y) => x - y),
        advanced.map((_, index) => index + 1),
      )
    },
  },
]

async function stall({ stalledHandle }: StoreFixture): Promise<StalledHandle> {
  ok(stalledHandle !== undefined, 'a fixture with handles offers stalledHandle')
  return stalledHandle()
}

async function second({ secondHandle }: StoreFixture): Promise<Store> {
  ok(secondHandle !== undefined, 'a fixture with handles offers secondHandle')
  return secondHandle()
}
