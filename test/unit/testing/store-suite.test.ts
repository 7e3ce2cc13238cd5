// The store suite finds broken stores: each store here breaks one promise of the port, and must fail a case.
import { describe, expect, test } from 'vitest'
import type { StreamPath } from '../../../src/core/stream-path.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import type {
  Commit,
  Store,
  StreamChange,
  StreamRecords,
  UnitOfWork,
  WonStream,
} from '../../../src/ports/store.ts'
import { changesState } from '../../../src/ports/store.ts'
import type { StoreCase, StoreFixture } from '../../../src/testing/store-suite/store-case.ts'
import { skipReason } from '../../../src/testing/store-suite/store-case.ts'
import { storeSuite } from '../../../src/testing/store-suite/store-suite.ts'
import { memoryCapabilities, memoryFixture } from '../../conformance/stores/memory-fixture.ts'

type Work = Store['work']

/** A store like another one, but for some of its calls. */
function altered(store: Store, calls: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(calls, name)
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** A store whose units of work are altered. */
function withUnits(store: Store, alter: (unit: UnitOfWork) => Partial<UnitOfWork>): Store {
  const work: Work = (request, body) =>
    store.work(request, (unit) => {
      const calls = alter(unit)
      const altered = new Proxy(unit, {
        get(target, name) {
          if (Reflect.has(calls, name)) return Reflect.get(calls, name) as unknown
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      })
      return body(altered)
    })
  return altered(store, { work })
}

/** The streams of a unit, each altered. */
function eachStream(
  { streams }: UnitOfWork,
  alter: (path: StreamPath, won: WonStream) => Partial<WonStream>,
): ReadonlyMap<StreamPath, WonStream> {
  return new Map([...streams].map(([path, won]) => [path, { ...won, ...alter(path, won) }]))
}

/** What a stream is that nobody has seen. */
const unseen: WonStream = { state: unknownStream, fence: 1, inbox: undefined, isTakenOver: false }

/** A store whose commits are altered. */
function withCommits(store: Store, alter: (commit: Commit) => Commit): Store {
  return withUnits(store, (unit) => ({ commit: (commit) => unit.commit(alter(commit)) }))
}

/** A store whose changes of streams are altered. */
function withChanges(store: Store, alter: (change: StreamChange) => StreamChange): Store {
  return withCommits(store, (commit) => ({
    ...commit,
    streams: commit.streams.map((change) => (changesState(change) ? alter(change) : change)),
  }))
}

/** A store that alters what is kept of streams that stay where they are. */
function withRecords(store: Store, alter: (change: StreamRecords) => StreamRecords): Store {
  return withCommits(store, (commit) => ({
    ...commit,
    streams: commit.streams.map((change) => (changesState(change) ? change : alter(change))),
  }))
}

const broken: Readonly<Record<string, (store: Store) => Store>> = {
  'commits only the first stream': (store) =>
    withCommits(store, (commit) => ({ ...commit, streams: commit.streams.slice(0, 1) })),
  'forgets due times': (store) => withChanges(store, (change) => ({ ...change, due: {} })),
  'forgets ledger entries of streams': (store) => withChanges(store, (change) => ({ ...change, ledger: [] })),
  'forgets the ledger of no stream': (store) => altered(store, { record: async () => undefined }),
  'counts no deliveries': (store) => withChanges(store, (change) => ({ ...change, deliveries: 0 })),
  'leaves redriven dead letters': (store) => withChanges(store, (change) => ({ ...change, redriven: [] })),
  'leaves decided events': (store) => withChanges(store, (change) => ({ ...change, decided: [] })),
  'leaves redrives that have begun': (store) =>
    withRecords(store, (records) => ({ ...records, decided: [] })),
  'forgets dead letters of a stream that stays': (store) =>
    withRecords(store, (records) => ({ ...records, deadLetters: [] })),
  'makes a stream of its records': (store) =>
    withCommits(store, (commit) => ({ ...commit, streams: commit.streams.map(asMoved) })),
  'forgets who has an event tried again': (store) =>
    altered(store, {
      handOver: (consumer, events) =>
        store.handOver(
          consumer,
          events.map(({ stream, arrival }) => ({ stream, arrival })),
        ),
    }),
  'releases after it holds': (store) =>
    withUnits(store, (unit) => ({
      async commit(commit) {
        const outcomes = await unit.commit(commit)
        const streams = commit.streams.map((change) => ({ ...change, hold: [], deliveries: 0 }))
        await unit.commit({ streams })
        return outcomes
      },
    })),
  'orders held events by text': (store) =>
    withUnits(store, (unit) => ({
      async held(ranges) {
        const events = await unit.held(ranges)
        return events.toSorted((a, b) => (String(a.event.sequence) < String(b.event.sequence) ? -1 : 1))
      },
    })),
  'says committed whatever happened': (store) =>
    withUnits(store, (unit) => ({
      async commit(commit) {
        const outcomes = await unit.commit(commit)
        return outcomes.map(() => 'committed' as const)
      },
    })),
  'keeps the ledger of a refused commit': (store) =>
    withUnits(store, (unit) => ({
      async commit(commit) {
        await store.record('billing', { ledger: commit.streams.flatMap(({ ledger }) => ledger) })
        const streams = commit.streams.map((change) => ({ ...change, ledger: [] }))
        return unit.commit({ ...commit, streams })
      },
    })),
  'wins what is busy': (store) =>
    withUnits(store, (unit) => ({
      busy: [],
      streams: new Map([...unit.streams, ...unit.busy.map((path) => [path, unseen] as const)]),
    })),
  'gives everybody the same fence': (store) =>
    withUnits(store, (unit) => ({ streams: eachStream(unit, () => ({ fence: 1 })) })),
  'never fires the signal': (store) => withUnits(store, () => ({ signal: new AbortController().signal })),
  'wakes nobody up': (store) =>
    altered(store, {
      work: async (request, body) => ({ ...(await store.work(request, body)), again: [] }),
    }),
  'tells nobody of free streams': (store) =>
    altered(store, {
      handOver: async (consumer, events) => {
        await store.handOver(consumer, events)
        return []
      },
    }),
  'mixes consumers up': (store) =>
    altered(store, { work: (request, body) => store.work({ ...request, consumer: 'all' }, body) }),
  'mixes domains of ids up': (store) =>
    withUnits(store, (unit) => ({
      knownIds: (_domain, ids) => unit.knownIds('all', ids),
      commit: (commit) =>
        unit.commit({ ...commit, ids: (commit.ids ?? []).map((ids) => ({ ...ids, domain: 'all' })) }),
    })),
  'keeps ids for ever': (store) =>
    withCommits(store, (commit) => ({
      ...commit,
      ids: (commit.ids ?? []).map((ids) => ({ ...ids, window: { ids: 1e9, ms: 1e9 } })),
    })),
  'counts an outage as reading': (store) => {
    let first: number | undefined
    return altered(store, {
      heartbeat: async (consumer, worker) => {
        const clock = await store.heartbeat(consumer, worker)
        first ??= clock.now
        return { ...clock, readingMs: clock.now - first }
      },
    })
  },
  'tells nobody of workers that were lost': (store) =>
    withUnits(store, (unit) => ({ streams: eachStream(unit, () => ({ isTakenOver: false })) })),
  'calls every stream taken over': (store) =>
    withUnits(store, (unit) => ({ streams: eachStream(unit, () => ({ isTakenOver: true })) })),
  'never misses a worker': (store) =>
    altered(store, { heartbeat: async (...beat) => ({ ...(await store.heartbeat(...beat)), died: [] }) }),
  'misses workers that have left': (store) =>
    altered(store, {
      heartbeat: (consumer, worker, { leaves, ...options } = {}) =>
        store.heartbeat(consumer, worker, leaves === true ? {} : options),
    }),
  'lists only one due stream': (store) => altered(store, { due: (consumer) => store.due(consumer, 1) }),
  'lists due streams of all domains': (store) =>
    altered(store, { due: (consumer, limit) => store.due(consumer, limit) }),
  'gives a lease to everybody': (store) =>
    altered(store, {
      lease: async (_name, { ms }) => {
        const now = await store.now()
        return { fence: 1, now, until: now + ms }
      },
    }),
  'forgets what a lease has used up': (store) =>
    altered(store, { lease: (name, { holder, ms }) => store.lease(name, { holder, ms }) }),
  'takes a lease back from anybody': (store) => {
    const holders = new Map<string, string>()
    return altered(store, {
      async lease(name, request) {
        const { ms, holder } = request
        if (ms === 0) await store.lease(name, { ...request, holder: holders.get(name) ?? holder })
        else if (!holders.has(name)) holders.set(name, holder)
        return store.lease(name, request)
      },
    })
  },
  'shares notes of sources': (store) =>
    altered(store, {
      checkpoint: (_consumer, ...note) => store.checkpoint('all', ...note),
    }),
  'goes on after close': (store) => altered(store, { close: async () => undefined }),
  'hands its own states out': (store) => {
    const kept = new Map<string, StreamChange['state']>()
    return withUnits(store, (unit) => ({
      streams: eachStream(unit, (path, { state }) => ({ state: kept.get(path) ?? state })),
      commit(commit) {
        for (const { stream, state } of commit.streams.filter(changesState)) kept.set(stream, state)
        return unit.commit(commit)
      },
    }))
  },
  'remembers what a refused commit said': (store) => {
    const kept = new Map<string, StreamChange['state']>()
    return withUnits(store, (unit) => ({
      streams: eachStream(unit, (path, { state }) => ({ state: kept.get(path) ?? state })),
      async commit(commit) {
        const outcomes = await unit.commit(commit)
        for (const { stream, state } of commit.streams.filter(changesState))
          kept.set(stream, structuredClone(state))
        return outcomes
      },
    }))
  },
}

/** A stream's records as if its state had changed. */
function asMoved(change: StreamChange | StreamRecords): StreamChange {
  return { state: unknownStream, hold: [], release: [], deliveries: 0, due: {}, ...change }
}

/** The names of the cases that a store fails. */
async function failures(alter: (store: Store) => Store): Promise<string[]> {
  const failed: string[] = []
  for (const one of storeSuite) {
    if (skipReason(one, memoryCapabilities) !== undefined) continue
    if (!(await passes(one, alter))) failed.push(one.name)
  }
  return failed
}

async function passes(one: StoreCase, alter: (store: Store) => Store): Promise<boolean> {
  const fixture = await memoryFixture()
  const { secondHandle, stalledHandle } = fixture
  const alteredFixture: StoreFixture = {
    ...fixture,
    store: alter(fixture.store),
    ...(secondHandle === undefined ? {} : { secondHandle: async () => alter(await secondHandle()) }),
    ...(stalledHandle === undefined
      ? {}
      : {
          stalledHandle: async () => {
            const stalled = await stalledHandle()
            return { ...stalled, store: alter(stalled.store) }
          },
        }),
  }
  try {
    await one.run(alteredFixture)
    return true
  } catch {
    return false
  }
}

describe('the store suite (I9)', () => {
  test('a sound store fails nothing', async () => {
    expect(await failures((store) => altered(store, {}))).toEqual([])
  })

  for (const [promise, alter] of Object.entries(broken)) {
    test(`a store that ${promise} fails it`, async () => {
      expect(await failures(alter)).not.toEqual([])
    })
  }
})
