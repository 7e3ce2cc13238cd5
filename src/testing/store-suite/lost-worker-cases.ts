// Laws of workers that end without a word: what they had in hand is told to whoever takes it over, and their
// silence to one of those who ask. I5 and I7.
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Store, WorkRequest } from '../../ports/store.ts'
import { openUnit } from './open-unit.ts'
import { account, commit, consumer, moved, takenOverIn, work } from './samples.ts'
import type { StoreCase } from './store-case.ts'

const modes = ['claim', 'transaction'] as const
const [a, b, c] = [account('a'), account('b'), account('c')]

/** Which of the streams the next unit takes over from a worker that was lost. */
async function takenOver(
  store: Store,
  streams: readonly StreamPath[],
  request: Partial<WorkRequest> = {},
): Promise<readonly StreamPath[]> {
  const { value } = await work(store, { streams, ...request }, async (unit) => takenOverIn(unit))
  return value.toSorted()
}

/** Laws of workers that are lost. */
export const lostWorkerCases: readonly StoreCase[] = [
  {
    name: 'whoever wins a stream from a claim that has expired is told, once, and of no other stream (I7)',
    needs: ['handles'],
    run: async (fixture) => {
      const { store, claimMs, stalledHandle, advanceTime } = fixture
      ok(stalledHandle !== undefined, 'a fixture with handles offers stalledHandle')
      for (const mode of modes) {
        const { store: stalled } = await stalledHandle()
        const late = await openUnit(stalled, { streams: [a, b], claimMs })
        deepEqual(await takenOver(store, [a, c], { worker: 'two', mode }), [])
        await advanceTime(claimMs + 1)
        deepEqual(await takenOver(store, [a, b, c], { worker: 'two', mode }), [a, b])
        deepEqual(await takenOver(store, [a, b, c], { worker: 'two', mode }), [])
        await late.end()
      }
    },
  },
  {
    name: 'a claim that its unit released, also because its body threw, is not taken over (I7)',
    run: async ({ store, claimMs, advanceTime }) => {
      await commit(store, [moved(a, 1)])
      const failing = await openUnit(store, { streams: [a, b], claimMs })
      await failing.fail()
      const ending = await openUnit(store, { streams: [c], claimMs })
      await ending.end()
      await advanceTime(claimMs + 1)
      for (const mode of modes) deepEqual(await takenOver(store, [a, b, c], { mode }), [])
    },
  },
  {
    name: 'a claim that is renewed is not taken over, however long its body runs (I5)',
    run: async ({ store, claimMs, advanceTime }) => {
      const long = await openUnit(store, { streams: [a], claimMs })
      for (let turn = 0; turn < 8; turn++) await advanceTime(claimMs / 4)
      deepEqual(await takenOver(store, [a], { worker: 'two' }), [])
      await long.end()
      deepEqual(await takenOver(store, [a], { worker: 'two' }), [])
    },
  },
  {
    name: 'a worker that fell silent without leaving is told once, to one of those who ask (I7)',
    run: async ({ store, advanceTime }) => {
      const diedFor = async (worker: string, silentMs?: number): Promise<readonly string[]> =>
        (await store.heartbeat(consumer, worker, silentMs === undefined ? {} : { silentMs })).died
      deepEqual(await diedFor('one', 60_000), [])
      deepEqual(await diedFor('two', 60_000), [])
      await advanceTime(40_000)
      deepEqual(await diedFor('two', 60_000), [])
      await advanceTime(40_000)
      deepEqual(await diedFor('three'), [])
      equal((await store.heartbeat('other', 'two', { silentMs: 60_000 })).died.length, 0)
      deepEqual(await diedFor('two', 60_000), ['one'])
      deepEqual(await diedFor('three', 60_000), [])
      deepEqual(await diedFor('one', 60_000), [])
      await advanceTime(120_000)
      deepEqual((await diedFor('four', 60_000)).toSorted(), ['one', 'three', 'two'])
    },
  },
  {
    name: 'a worker does not miss itself, and nobody misses one that has left (I7)',
    run: async ({ store, advanceTime }) => {
      await store.heartbeat(consumer, 'one', { silentMs: 1000 })
      await store.heartbeat(consumer, 'two', { silentMs: 1000 })
      await store.heartbeat(consumer, 'two', { leaves: true })
      await store.heartbeat(consumer, 'nobody', { leaves: true })
      await advanceTime(5000)
      deepEqual((await store.heartbeat(consumer, 'one', { silentMs: 1000 })).died, [])
    },
  },
  {
    name: 'who was there is still known after the store was closed and opened again (I7)',
    needs: ['durable'],
    run: async ({ store, reopen, advanceTime }) => {
      ok(reopen !== undefined, 'a durable fixture offers reopen')
      await store.heartbeat(consumer, 'one')
      const again = await reopen()
      await advanceTime(2000)
      deepEqual((await again.heartbeat(consumer, 'two', { silentMs: 1000 })).died, ['one'])
    },
  },
]
