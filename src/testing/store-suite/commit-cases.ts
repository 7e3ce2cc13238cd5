// Laws of commits: what is committed is all there, nothing else is, and nobody can change it afterwards.
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { StreamState } from '../../core/stream-state.ts'
import { unknownStream } from '../../core/stream-state.ts'
import { expectError } from './expect-error.ts'
import {
  account,
  at,
  commit,
  consumer,
  entry,
  event,
  letter,
  moved,
  positionOf,
  upTo,
  statesIn,
  work,
} from './samples.ts'
import type { StoreCase } from './store-case.ts'

const modes = ['claim', 'transaction'] as const
const clock = { now: 5, readingMs: 6 }

/** A state in which nothing is empty. */
const fullState: StreamState = {
  epoch: 2,
  position: 40,
  baseline: 3,
  lost: [{ from: 5, to: 9 }],
  filled: [{ from: 11, to: 11 }],
  belowBaseline: [{ epoch: 2, from: 1, to: 1 }],
  ended: [{ epoch: 1, baseline: 1, position: 4, lost: [{ from: 2, to: 2 }], filled: [] }],
  endedNumbers: 4,
  held: [{ kind: 'events', epoch: 2, after: 44, to: 46, count: 2, clock }],
  heldCount: 2,
  seen: [{ epoch: 2, greatest: 90, isLost: true }],
  logged: { log: 0xfffffffd, epoch: 2, marks: [{ at: 2n ** 70n, greatest: 40 }] },
  memory: [2, 39, 0xffffffff, 2, 40, 1],
  firstPrint: 0xfffffffe,
  newest: 1_700_000_000_000,
  ahead: [253_370_764_800_000],
  producers: [7, 0xffffffff],
  duplicates: { count: 300, firstAt: 1_700_000_000_000, lastAt: 1_700_000_009_000 },
  restart: {
    evidence: 'producer',
    wireEpoch: 0,
    settled: 2,
    firstAt: 3,
    lastAt: 4,
    from: 1,
    to: 2n ** 70n,
    since: 5,
    until: 6,
    producer: 8,
  },
  runs: [
    { wireEpoch: 0, epoch: 1, since: 9, after: 8 },
    { wireEpoch: 0, epoch: 2, earlier: [7] },
  ],
  provenAbove: 2n ** 70n,
  halt: { cause: 'gap', at: 7, reason: 'why', gapTo: { epoch: 2, sequence: 44 } },
  failing: { epoch: 2, sequence: 41, attempts: 3, firstAt: 8, retryAt: 9, error: 'no', runningBy: 'w' },
  quarantine: 6,
  suspects: 2,
  counts: { delivered: 30, filtered: 1, filled: 1, lost: 5, removed: 1, late: 1, imported: 2, recalled: 4 },
}

/** Laws of commits. */
export const commitCases: readonly StoreCase[] = [
  {
    name: 'a committed state is read back as it was, by the next unit and by the reader (I1)',
    run: async ({ store }) => {
      for (const mode of modes) {
        const stream = account(mode)
        await commit(store, [moved(stream, 40, { state: fullState })], { mode })
        const { value } = await work(store, { streams: [stream], mode }, async (unit) => statesIn(unit))
        deepEqual(value.get(stream), fullState)
        deepEqual((await store.reader.stream(consumer, stream))?.state, fullState)
      }
    },
  },
  {
    name: 'a stream that nothing is known of is unknown, and a claim alone does not make it known',
    run: async ({ store }) => {
      for (const mode of modes) {
        const { value } = await work(store, { streams: [account('a')], mode }, async (unit) => statesIn(unit))
        deepEqual(value.get(account('a')), unknownStream)
        equal(await store.reader.stream(consumer, account('a')), undefined)
        deepEqual(await store.reader.streams(consumer, { limit: 10 }), [])
      }
    },
  },
  {
    name: 'a commit of many streams is kept whole',
    run: async ({ store }) => {
      for (const mode of modes) {
        const streams = Array.from({ length: 700 }, (_, index) => account(`${mode}${index}`))
        await commit(
          store,
          streams.map((stream, index) => moved(stream, index)),
          { mode },
        )
        const { value } = await work(store, { streams, mode }, async (unit) => statesIn(unit))
        deepEqual(
          streams.map((stream) => value.get(stream)?.position),
          streams.map((_, index) => index),
        )
      }
    },
  },
  {
    name: 'a commit that cannot be kept whole changes nothing (I2)',
    run: async ({ store }) => {
      for (const mode of modes) {
        const [good, bad] = [account(`good ${mode}`), account(`bad ${mode}`)]
        const circle: Record<string, unknown> = {}
        circle['self'] = circle
        const unkeepable = { stream: bad, event: event(bad, 3, { data: circle }), print: 1, heldAt: 1 }
        await work(store, { streams: [good, bad], mode }, async (unit) => {
          const streams = [moved(good, 1), moved(bad, 1, { hold: [unkeepable] })]
          await expectError('event-invalid', () => unit.commit({ streams, ledger: [entry('x')] }))
        })
        equal(await positionOf(store, good, { mode }), undefined)
        equal(await positionOf(store, bad, { mode }), undefined)
        deepEqual(await store.reader.ledger(consumer, { limit: 10 }), [])
      }
    },
  },
  {
    name: 'a body may commit a stream several times, and reads what it committed',
    run: async ({ store }) => {
      for (const mode of modes) {
        const stream = account(mode)
        await work(store, { streams: [stream], mode }, async (unit) => {
          const hold = [{ stream, event: event(stream, 9), print: 1, heldAt: 1 }]
          await unit.commit({ streams: [moved(stream, 1, { hold, state: at(1, { heldCount: 1 }) })] })
          equal((await unit.held([upTo(stream, 100)])).length, 1)
          await unit.commit({ streams: [moved(stream, 9, { release: [upTo(stream, 9)] })] })
          equal((await unit.held([upTo(stream, 100)])).length, 0)
        })
        equal(await positionOf(store, stream, { mode }), 9)
        equal((await store.reader.stream(consumer, stream))?.deliveries, 2)
      }
    },
  },
  {
    name: 'deliveries are counted apart from the state, and add up',
    run: async ({ store }) => {
      const stream = account('a')
      for (const deliveries of [3, 0, 4]) {
        for (const mode of modes) await commit(store, [moved(stream, 5, { deliveries })], { mode })
      }
      await commit(store, [moved(account('b'), 1)])
      equal((await store.reader.stream(consumer, stream))?.deliveries, 14)
      equal((await store.reader.summary(consumer)).deliveries, 15)
    },
  },
  {
    name: 'what a caller changes in an event afterwards changes nothing that is kept (I3)',
    run: async ({ store }) => {
      for (const mode of modes) {
        const stream = account(mode)
        const data = { list: [1, 2] }
        const hold = [{ stream, event: event(stream, 3, { data }), print: 1, heldAt: 1 }]
        const state = at(1, { heldCount: 1 })
        await commit(store, [moved(stream, 1, { state, hold })], { mode })
        data.list.push(3)
        await work(store, { streams: [stream], mode }, async (unit) => {
          const [kept] = await unit.held([upTo(stream, 9)])
          deepEqual(kept?.event.data, { list: [1, 2] })
          Reflect.set(Object(kept?.event.data), 'list', 5)
        })
        await work(store, { streams: [stream], mode }, async (unit) => {
          deepEqual((await unit.held([upTo(stream, 9)]))[0]?.event.data, { list: [1, 2] })
        })
      }
    },
  },
  {
    name: 'two consumers of one stream never see each other (I6)',
    run: async ({ store }) => {
      const stream = account('a')
      const full = moved(stream, 7, {
        deadLetters: [letter('k')],
        ledger: [entry('x', { stream })],
        due: { at: 0 },
        hold: [{ stream, event: event(stream, 9), print: 1, heldAt: 1 }],
        state: at(7, { heldCount: 1 }),
      })
      await commit(store, [full], { consumer: 'first' })
      equal(await positionOf(store, stream, { consumer: 'second' }), undefined)
      deepEqual(await store.due('second', 10), [])
      const { deadLetters, held, ledger, streams } = await store.reader.summary('second')
      deepEqual({ deadLetters, held, ledger, streams }, { deadLetters: 0, held: 0, ledger: 0, streams: 0 })
      await commit(store, [moved(stream, 1, { deadLetters: [letter('k')] })], { consumer: 'second' })
      equal(await positionOf(store, stream, { consumer: 'first' }), 7)
      equal((await store.reader.deadLetters('second', { limit: 9 })).length, 1)
      deepEqual(await store.reader.consumers(), ['first', 'second'])
    },
  },
  {
    name: 'a unit of work without streams keeps records',
    run: async ({ store }) => {
      for (const mode of modes) {
        await work(store, { streams: [], mode }, (unit) =>
          unit.commit({ streams: [], deadLetters: [letter(mode)], ledger: [entry(mode)] }),
        )
      }
      const letters = await store.reader.deadLetters(consumer, { limit: 9 })
      deepEqual(
        letters.map(({ key }) => key),
        ['claim', 'transaction'],
      )
      equal((await store.reader.ledger(consumer, { limit: 9 })).length, 2)
    },
  },
  {
    name: 'a unit of work is not usable after its end, nor for streams that it has not won (I5)',
    run: async ({ store }) => {
      for (const mode of modes) {
        const stream = account('a')
        const { value: unit } = await work(store, { streams: [stream], mode }, async (unit) => {
          const other = moved(account('b'), 1)
          await expectError('invariant-violated', () => unit.commit({ streams: [other] }))
          return { late: unit }
        })
        const { late } = unit
        await expectError('invariant-violated', () => late.commit({ streams: [moved(stream, 1)] }))
        await expectError('invariant-violated', () => late.held([upTo(stream, 1)]))
        await expectError('invariant-violated', () => late.inbox([{ stream, limit: 1 }]))
        equal(await positionOf(store, stream), undefined)
      }
    },
  },
  {
    name: 'a change is dated by the store, and bears the fence of its unit',
    run: async ({ store, advanceTime }) => {
      const stream = account('a')
      await advanceTime(5000)
      const { value: fence } = await work(store, { streams: [stream] }, async (unit) => {
        await unit.commit({ streams: [moved(stream, 1)] })
        return unit.streams.get(stream)?.fence
      })
      const stored = await store.reader.stream(consumer, stream)
      equal(stored?.fence, fence)
      ok(Math.abs((stored?.changedAt ?? 0) - (await store.now())) < 2000)
    },
  },
]
