// Laws of reading for inspection: pages that miss nothing and show nothing twice, filters, and sums that
// add up.
import { deepEqual, equal } from 'node:assert/strict'
import { streamPath } from '../../core/stream-path.ts'
import { openUnit } from './open-unit.ts'
import { account, at, commit, consumer, entry, handed, holding, letter, moved } from './samples.ts'
import type { StoreCase, StoreFixture } from './store-case.ts'

const order = streamPath('order', '1')
const likeAccount = streamPath('account2', '1')

/** Reads all pages of a list. */
async function pages<Item extends { readonly cursor: string }>(
  read: (after: string | undefined) => Promise<readonly Item[]>,
): Promise<Item[]> {
  const all: Item[] = []
  for (;;) {
    const page = await read(all.at(-1)?.cursor)
    if (page.length === 0) return all
    all.push(...page)
  }
}

function from(after: string | undefined): { readonly after?: string } {
  return after === undefined ? {} : { after }
}

/** Laws of reading. */
export const readingCases: readonly StoreCase[] = [
  {
    name: 'a consumer that nobody has worked for is empty',
    run: async ({ store }) => {
      deepEqual(await store.reader.consumers(), [])
      const { streams, held, deliveries, ledger, clock } = await store.reader.summary('nobody')
      deepEqual([streams, held, deliveries, ledger, clock.readingMs], [0, 0, 0, 0, 0])
      equal(await store.reader.stream('nobody', order), undefined)
      deepEqual(await store.reader.streams('nobody', { limit: 9 }), [])
      deepEqual(await store.reader.held('nobody', { limit: 9 }), [])
      deepEqual(await store.due('nobody', 9), [])
    },
  },
  {
    name: 'claims are listed while they live, the longest held first; renewing makes none younger',
    run: async ({ store, claimMs, advanceTime }) => {
      const query = { limit: 9 }
      deepEqual(await store.reader.claims(consumer, query), [])
      const before = await store.now()
      const first = await openUnit(store, { streams: [account('b'), account('c')], worker: 'w-1', claimMs })
      await advanceTime(claimMs / 2)
      const second = await openUnit(store, { streams: [account('a')], worker: 'w-2', claimMs })
      await advanceTime(claimMs / 2)
      const claims = await store.reader.claims(consumer, query)
      deepEqual(
        claims.map(({ stream, worker }) => [stream, worker]),
        [
          [account('b'), 'w-1'],
          [account('c'), 'w-1'],
          [account('a'), 'w-2'],
        ],
      )
      equal(claims[0]?.fence, first.unit.streams.get(account('b'))?.fence)
      equal((claims[0]?.since ?? 0) - before < claimMs / 2, true)
      equal((claims[2]?.since ?? 0) - before >= claimMs / 2, true)
      equal((await store.reader.claims(consumer, { limit: 1 })).length, 1)
      deepEqual(await store.reader.claims('other', query), [])
      await first.end()
      deepEqual(
        (await store.reader.claims(consumer, query)).map(({ worker }) => worker),
        ['w-2'],
      )
      await second.end()
    },
  },
  {
    name: 'streams are listed by path, in pages, by domain',
    run: async ({ store }) => {
      const paths = ['c', 'a', '%', 'b', 'é'].map(account)
      await commit(
        store,
        [...paths, order, likeAccount].map((path) => moved(path, 1)),
      )
      const seen: string[] = []
      for (;;) {
        const after = seen.at(-1)
        const page = await store.reader.streams(consumer, { domain: 'account', limit: 2, ...from(after) })
        if (page.length === 0) break
        seen.push(...page.map(({ stream }) => stream))
      }
      deepEqual(seen, paths.toSorted())
      const all = await store.reader.streams(consumer, { limit: 99 })
      deepEqual(
        all.map(({ stream }) => stream),
        [...paths, order, likeAccount].toSorted(),
      )
    },
  },
  {
    name: 'waiting streams are those with held events or fills, a halt, a failure or signs of a restart',
    run: async ({ store }) => {
      const halt = { cause: 'operator', at: 1, reason: 'x' } as const
      const failing = { epoch: 0, sequence: 2, attempts: 1, firstAt: 1, error: 'x' }
      const clock = { now: 1, readingMs: 1 }
      const told = { evidence: 'time', wireEpoch: 0, settled: 1, firstAt: 1, lastAt: 1 } as const
      const restart = { ...told, from: 1, to: 1, since: 9, until: 9 }
      const fill = { kind: 'fill', epoch: 0, after: 2, to: 3, count: 1, clock, reason: 'x' } as const
      await commit(store, [
        moved(account('fine'), 1),
        holding(account('holds'), 3),
        moved(account('halted'), 1, { state: at(1, { halt }) }),
        moved(account('fails'), 1, { state: at(1, { failing }) }),
        moved(account('restarts'), 1, { state: at(1, { restart }) }),
        moved(account('filled'), 1, { state: at(1, { held: [fill], heldCount: 1 }) }),
      ])
      const found = await store.reader.streams(consumer, { onlyWaiting: true, limit: 9 })
      deepEqual(
        found.map(({ stream }) => stream),
        ['fails', 'filled', 'halted', 'holds', 'restarts'].map(account),
      )
      const { halted, failing: failingCount, streams, held } = await store.reader.summary(consumer)
      deepEqual([halted, failingCount, streams, held], [1, 1, 6, 1])
      await commit(store, [moved(account('halted'), 2)])
      equal((await store.reader.streams(consumer, { onlyWaiting: true, limit: 9 })).length, 4)
    },
  },
  {
    name: 'held events are listed by stream and number, in pages',
    run: async ({ store }) => {
      await commit(store, [
        holding(account('b'), 10, 9),
        holding(account('a'), 3, 2n ** 64n),
        holding(order, 1),
      ])
      const all = await pages((after) => store.reader.held(consumer, { limit: 2, ...from(after) }))
      deepEqual(
        all.map(({ stream, event }) => [stream, event.sequence]),
        [
          [account('a'), 3],
          [account('a'), 2n ** 64n],
          [account('b'), 9],
          [account('b'), 10],
          [order, 1],
        ],
      )
      equal((await store.reader.held(consumer, { domain: 'order', limit: 9 })).length, 1)
      equal((await store.reader.held(consumer, { stream: account('b'), limit: 9 })).length, 2)
    },
  },
  {
    name: 'inboxes are listed by arrival, in pages',
    run: async ({ store }) => {
      const events = [handed(order, 1), handed(account('b'), 2), handed(account('a'), 1), handed(order, 2)]
      await store.handOver(consumer, events)
      const all = await pages((after) => store.reader.inbox(consumer, { limit: 3, ...from(after) }))
      deepEqual(
        all.map(({ stream, arrival }) => ({ stream, arrival })),
        events,
      )
      equal((await store.reader.inbox(consumer, { domain: 'order', limit: 9 })).length, 2)
      equal((await store.reader.inbox(consumer, { stream: account('a'), limit: 9 })).length, 1)
    },
  },
  {
    name: 'dead letters are listed as they came, in pages, by stream, domain, reason and key',
    run: async ({ store }) => {
      const letters = [
        letter('z', { stream: order }),
        letter('y', { stream: account('a'), reason: 'late' }),
        letter('\u0001x/%', { reason: 'late' }),
        letter('w', { stream: likeAccount }),
      ]
      for (const one of letters) await store.record(consumer, { deadLetters: [one] })
      const all = await pages((after) => store.reader.deadLetters(consumer, { limit: 3, ...from(after) }))
      const keysOf = (found: readonly { readonly key: string }[]): string[] => found.map(({ key }) => key)
      deepEqual(keysOf(all), keysOf(letters))
      const find = async (query: object): Promise<string[]> =>
        keysOf(await store.reader.deadLetters(consumer, { limit: 9, ...query }))
      deepEqual(await find({ stream: order }), ['z'])
      deepEqual(await find({ domain: 'account' }), ['y'])
      deepEqual(await find({ reason: 'late' }), ['y', '\u0001x/%'])
      deepEqual(await find({ key: '\u0001x/%' }), ['\u0001x/%'])
      deepEqual(await find({ key: 'z', reason: 'late' }), [])
    },
  },
  {
    name: 'the ledger is listed as it was written, in pages, by stream and domain',
    run: async ({ store }) => {
      const entries = [
        entry('1', { stream: order }),
        entry('2', { stream: account('a') }),
        entry('3'),
        entry('4', { stream: order }),
      ]
      await store.record(consumer, { ledger: entries })
      const all = await pages((after) => store.reader.ledger(consumer, { limit: 1, ...from(after) }))
      deepEqual(
        all.map(({ reason }) => reason),
        ['1', '2', '3', '4'],
      )
      const found = await store.reader.ledger(consumer, { stream: order, limit: 9 })
      deepEqual(
        found.map(({ reason }) => reason),
        ['1', '4'],
      )
      equal((await store.reader.ledger(consumer, { domain: 'account', limit: 9 })).length, 1)
      equal((await store.reader.summary(consumer)).ledger, 4)
      deepEqual(await store.reader.recordCounts(consumer), { deadLetters: 0, ledger: 4 })
    },
  },
  {
    name: 'reading never waits for a worker that has a claim, and sees only what is committed (I6)',
    run: (fixture) => readBeside(fixture, 'claim'),
  },
  {
    name: 'reading never waits for a worker in its transaction, and sees only what is committed (I6)',
    needs: ['readsBeside'],
    run: (fixture) => readBeside(fixture, 'transaction'),
  },
]

async function readBeside({ store }: StoreFixture, mode: 'claim' | 'transaction'): Promise<void> {
  await commit(store, [moved(account('a'), 1)])
  const unit = await openUnit(store, { streams: [account('a')], mode })
  equal((await store.reader.stream(consumer, account('a')))?.state.position, 1)
  equal((await store.reader.summary(consumer)).streams, 1)
  await unit.end()
}
