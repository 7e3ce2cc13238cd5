// Laws of due times and of the two clocks they are measured by. I8.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { streamPath } from '../../core/stream-path.ts'
import { openUnit } from './open-unit.ts'
import { account, commit, consumer, handed, moved, work } from './samples.ts'
import type { StoreCase, StoreFixture } from './store-case.ts'

const [a, b, c] = [account('a'), account('b'), account('c')]

/** Lets a worker read for a while, with a beat a second. */
async function readFor({ store, advanceTime }: StoreFixture, seconds: number): Promise<void> {
  await store.heartbeat(consumer, 'one')
  for (let beat = 0; beat < seconds; beat++) {
    await advanceTime(1000)
    await store.heartbeat(consumer, 'one')
  }
}

/** Laws of due times. */
export const dueCases: readonly StoreCase[] = [
  {
    name: 'a stream is due when its time has come by the clock, and not before (I8)',
    run: async ({ store, advanceTime }) => {
      const now = await store.now()
      await commit(store, [moved(a, 1, { due: { at: now + 5000 } }), moved(b, 1)])
      deepEqual(await store.due(consumer, 10), [])
      await advanceTime(5001)
      deepEqual(await store.due(consumer, 10), [a])
      deepEqual(await store.due('other', 10), [])
    },
  },
  {
    name: 'a stream that is due at 0 is due at once',
    run: async ({ store }) => {
      await commit(store, [moved(a, 1, { due: { at: 0 } })], { mode: 'transaction' })
      deepEqual(await store.due(consumer, 10), [a])
    },
  },
  {
    name: 'the next commit of a stream replaces its due times (I8)',
    run: async ({ store }) => {
      await commit(store, [moved(a, 1, { due: { at: 0, readingMs: 0 } })])
      deepEqual((await store.reader.stream(consumer, a))?.due, { at: 0, readingMs: 0 })
      await commit(store, [moved(a, 2)])
      deepEqual(await store.due(consumer, 10), [])
      deepEqual((await store.reader.stream(consumer, a))?.due, {})
    },
  },
  {
    name: 'a stream that is due by reading time is not due by time alone: an outage loses nothing (I8)',
    run: async (fixture) => {
      const { store, advanceTime } = fixture
      await readFor(fixture, 1)
      const { readingMs } = await store.heartbeat(consumer, 'one')
      await commit(store, [moved(a, 1, { due: { readingMs: readingMs + 2500 } })])
      await advanceTime(8000)
      deepEqual(await store.due(consumer, 10), [])
      await readFor(fixture, 1)
      deepEqual(await store.due(consumer, 10), [])
      await readFor(fixture, 2)
      deepEqual(await store.due(consumer, 10), [a])
    },
  },
  {
    name: 'the longest overdue come first, as many as are asked for',
    run: async ({ store, advanceTime }) => {
      const now = await store.now()
      await commit(store, [
        moved(a, 1, { due: { at: now + 3 } }),
        moved(b, 1, { due: { at: now + 1 } }),
        moved(c, 1, { due: { at: now + 2 } }),
      ])
      await advanceTime(100)
      deepEqual(await store.due(consumer, 10), [b, c, a])
      deepEqual(await store.due(consumer, 2), [b, c])
    },
  },
  {
    name: 'those of other domains do not stand in front of those that are asked for (I6)',
    run: async ({ store, advanceTime }) => {
      const [own, odd] = [streamPath('order', 'x'), streamPath('or/der 1', 'x')]
      const others = Array.from({ length: 20 }, (_, index) => account(`other-${index}`))
      await commit(
        store,
        others.map((path) => moved(path, 1, { due: { at: 0 } })),
      )
      await store.handOver(consumer, [handed(account('late'), 1), handed(odd, 1)])
      await commit(store, [moved(own, 1, { due: { at: 1, readingMs: 0 } })])
      await advanceTime(100)
      deepEqual(await store.due(consumer, 2, ['order']), [own])
      deepEqual((await store.due(consumer, 9, ['order', 'or/der 1'])).toSorted(), [odd, own].toSorted())
      deepEqual(await store.due(consumer, 9, []), [])
      equal((await store.due(consumer, 99)).length, 23)
    },
  },
  {
    name: 'an inbox is no work while its domain is paused, and is afterwards; due times are',
    run: async ({ store }) => {
      const paused = (isPaused: boolean): Promise<void> =>
        store.record(consumer, { paused: [{ domain: 'account', paused: isPaused }] })
      await store.handOver(consumer, [handed(a, 1)])
      await commit(store, [moved(b, 1, { due: { at: 0 } })])
      await paused(true)
      deepEqual(await store.due(consumer, 9), [b])
      await paused(false)
      deepEqual((await store.due(consumer, 9)).toSorted(), [a, b])
    },
  },
  {
    name: 'a stream that a living worker has is not due; one whose claim has expired is (I5)',
    needs: ['handles'],
    run: async ({ store, claimMs, advanceTime, stalledHandle }) => {
      ok(stalledHandle !== undefined, 'a fixture with handles offers stalledHandle')
      const { store: stalled } = await stalledHandle()
      const late = await openUnit(stalled, { streams: [b], claimMs })
      await commit(store, [moved(a, 1, { due: { at: 0 } })])
      const unit = await openUnit(store, { streams: [a] })
      deepEqual(await store.due(consumer, 10), [])
      await advanceTime(claimMs + 1)
      deepEqual(await store.due(consumer, 10), [b])
      await unit.end()
      await work(store, { streams: [b] }, async () => undefined)
      deepEqual(await store.due(consumer, 10), [a])
      await late.end()
    },
  },
  {
    name: 'reading time grows by what lies between two beats, of any worker, at most 5 seconds apart (I8)',
    run: async ({ store, advanceTime }) => {
      const first = await store.heartbeat(consumer, 'one')
      await advanceTime(1000)
      const second = await store.heartbeat(consumer, 'two')
      const grown = second.readingMs - first.readingMs
      ok(grown >= 1000 && grown < 4000, `a beat after a second counted ${grown} ms`)
      await advanceTime(8000)
      equal((await store.heartbeat(consumer, 'one')).readingMs, second.readingMs)
      await advanceTime(1000)
      const last = await store.heartbeat(consumer, 'two')
      ok(last.readingMs > second.readingMs)
      ok(last.now > second.now)
    },
  },
  {
    name: 'the beats of one consumer do not move the reading time of another (I6)',
    run: async (fixture) => {
      await readFor(fixture, 3)
      equal((await fixture.store.heartbeat('other', 'one')).readingMs, 0)
    },
  },
  {
    name: 'a unit of work and the reader know both clocks (I8)',
    run: async (fixture) => {
      const { store } = fixture
      equal((await store.reader.summary(consumer)).lastBeatAt, undefined)
      await readFor(fixture, 2)
      const { readingMs, now } = await store.heartbeat(consumer, 'one')
      const { value } = await work(store, { streams: [] }, async ({ clock }) => clock)
      equal(value.readingMs, readingMs)
      ok(value.now >= now)
      const summary = await store.reader.summary(consumer)
      equal(summary.clock.readingMs, readingMs)
      equal(summary.lastBeatAt, now)
    },
  },
]
