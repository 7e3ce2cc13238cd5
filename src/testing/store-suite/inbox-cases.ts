// Laws of inboxes: what is kept and not decided, found by its lowest places, and never left without anyone
// who looks after it. I3.
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Position } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { streamPath } from '../../core/stream-path.ts'
import type { InboxEntry, InboxPage, InboxSize, StoredEntry } from '../../ports/records.ts'
import type { Store } from '../../ports/store.ts'
import { openUnit } from './open-unit.ts'
import { account, commit, consumer, event, handed, moved, work } from './samples.ts'
import type { StoreCase } from './store-case.ts'

const modes = ['claim', 'transaction'] as const
const [a, b] = [account('a'), account('b')]
const redrive = { key: 'account/a/0/1/e1', by: 'ada', reason: 'the card works again' }

async function read(store: Store, ...pages: InboxPage[]): Promise<readonly StoredEntry[]> {
  const streams = [...new Set(pages.map(({ stream }) => stream))]
  return (await work(store, { streams }, (unit) => unit.inbox(pages))).value
}

async function sizeOf(store: Store, stream: StreamPath): Promise<InboxSize | undefined> {
  return (await work(store, { streams: [stream] }, async (unit) => unit.streams.get(stream)?.inbox)).value
}

function numbersOf(entries: readonly StoredEntry[]): unknown[] {
  return entries.map(({ arrival }) => ('sequence' in arrival ? arrival.sequence : 'fill'))
}

/** Has an inbox looked at, with nothing decided. */
async function look(store: Store, stream: StreamPath, decided: readonly string[] = []): Promise<void> {
  await work(store, { streams: [stream] }, async (unit) => {
    const { newest } = unit.streams.get(stream)?.inbox ?? {}
    const seen = newest !== undefined && { inboxSeen: newest }
    await unit.commit({ streams: [moved(stream, 1, { decided, ...seen })] })
  })
}

/** Laws of inboxes. */
export const inboxCases: readonly StoreCase[] = [
  {
    name: 'an entry keeps the number and the place that its event does not bear (I3)',
    async run({ store }) {
      const logPlace = { log: 0xffffffff, at: 2n ** 100n }
      const known = { ...handed(a, 1), known: 257, logPlace: { log: 1, at: 7 } }
      await store.handOver(consumer, [known, { ...handed(a, 2), logPlace }, handed(a, 3)])
      const entries = await read(store, { stream: a, limit: 10 })
      deepEqual(
        entries.map((entry) => [entry.known, entry.logPlace]),
        [
          [257, { log: 1, at: 7 }],
          [undefined, logPlace],
          [undefined, undefined],
        ],
      )
    },
  },
  {
    name: 'a page of an inbox has its lowest entries, of one place the earlier ones, each whole (I1, I3)',
    run: async ({ store }) => {
      await store.handOver(consumer, [handed(a, 10), handed(b, 1), handed(a, 9)])
      await store.handOver(consumer, [handed(a, 100), handed(a, 9), handed(a, 2n ** 70n), handed(a, -3)])
      const entries = await read(store, { stream: a, limit: 9 })
      deepEqual(numbersOf(entries), [-3, 9, 9, 10, 100, 2n ** 70n])
      deepEqual(entries[1]?.arrival, handed(a, 9).arrival)
      ok((entries[1]?.arrivalId ?? '') < (entries[2]?.arrivalId ?? ''))
      deepEqual(numbersOf(await read(store, { stream: a, limit: 2 }, { stream: b, limit: 2 })), [-3, 9, 1])
    },
  },
  {
    name: 'a page goes from a place to below another one, as they are on the wire',
    run: async ({ store }) => {
      const place = (epoch: number, sequence: number, wire: object): InboxEntry => {
        return { stream: a, arrival: event(a, sequence, { epoch, ...wire }) }
      }
      await store.handOver(consumer, [
        place(0, 70, { wireSequence: 6 }),
        place(0, 62, { wireSequence: 62 }),
        place(3, 1, { wireEpoch: 1 }),
        place(2, 1, {}),
      ])
      const found = async (from?: Position, below?: Position): Promise<unknown[]> => {
        const bounds = { ...(from !== undefined && { from }), ...(below !== undefined && { below }) }
        return numbersOf(await read(store, { stream: a, limit: 9, ...bounds }))
      }
      deepEqual(await found(), [70, 62, 1, 1])
      deepEqual(await found({ epoch: 0, sequence: 62 }), [62, 1, 1])
      deepEqual(await found(undefined, { epoch: 0, sequence: 62 }), [70])
      deepEqual(await found({ epoch: 0, sequence: 7 }, { epoch: 2, sequence: 1 }), [62, 1])
      const limited = await read(store, { stream: a, limit: 1, from: { epoch: 0, sequence: 7 } })
      deepEqual(numbersOf(limited), [62])
    },
  },
  {
    name: 'a fill stays a fill, and is found by its first number',
    run: async ({ store }) => {
      const fill = { from: 2, to: 4, reason: 'burned' }
      const arrival = { domain: 'account', stream: 'a', epoch: 0, fill }
      await store.handOver(consumer, [handed(a, 3), { stream: a, arrival }, handed(a, 1)])
      const entries = await read(store, { stream: a, limit: 9 })
      deepEqual(numbersOf(entries), [1, 'fill', 3])
      deepEqual(entries[1]?.arrival, arrival)
    },
  },
  {
    name: 'the inboxes are listed by arrival, each entry as it was kept',
    run: async ({ store }) => {
      await store.handOver(consumer, [handed(a, 3), handed(b, 1), { ...handed(a, 1), redrive }])
      await store.handOver(consumer, [handed(a, 2)])
      const listed = await store.reader.inbox(consumer, { limit: 9 })
      deepEqual(numbersOf(listed), [3, 1, 1, 2])
      const ids = listed.map(({ arrivalId }) => arrivalId)
      deepEqual(ids.toSorted(), ids)
      deepEqual(
        listed.map((entry) => entry.redrive),
        [undefined, undefined, redrive, undefined],
      )
      deepEqual(listed[2]?.arrival, handed(a, 1).arrival)
    },
  },
  {
    name: 'dead letters that are tried again are apart from what is to be decided, with whoever asked',
    run: async ({ store }) => {
      await store.handOver(consumer, [handed(a, 2), { ...handed(a, 1), redrive }])
      deepEqual(numbersOf(await read(store, { stream: a, limit: 9 })), [2])
      const tried = await read(store, { stream: a, limit: 9, redrives: true })
      deepEqual([numbersOf(tried), tried[0]?.redrive], [[1], redrive])
      const { arrivals, redrives } = (await sizeOf(store, a)) ?? {}
      deepEqual([arrivals, redrives], [1, 1])
    },
  },
  {
    name: 'decided ones are forgotten with the commit, and the others stay (I3)',
    run: async ({ store }) => {
      for (const mode of modes) {
        await store.handOver(consumer, [handed(a, 1), handed(a, 2), handed(a, 3)])
        await work(store, { streams: [a], mode }, async (unit) => {
          const [first, , third] = await unit.inbox([{ stream: a, limit: 9 }])
          const decided = [first?.arrivalId ?? '', third?.arrivalId ?? '']
          await unit.commit({ streams: [moved(a, 3, { decided })] })
          deepEqual(numbersOf(await unit.inbox([{ stream: a, limit: 9 }])), [2])
        })
        const [left] = await read(store, { stream: a, limit: 9 })
        deepEqual((await store.reader.stream(consumer, a))?.inbox, {
          arrivals: 1,
          redrives: 0,
          hasNew: true,
        })
        await commit(store, [moved(a, 3, { decided: [left?.arrivalId ?? ''] })], { mode })
        deepEqual(await read(store, { stream: a, limit: 9 }), [])
        equal(await sizeOf(store, a), undefined)
        equal((await store.reader.stream(consumer, a))?.inbox, undefined)
      }
    },
  },
  {
    name: 'entries are counted for their stream, their domain and their consumer only (I6, I7)',
    run: async ({ store }) => {
      const order = streamPath('order', '1')
      await store.handOver(consumer, [handed(a, 1), handed(order, 1), handed(b, 1)])
      const { value } = await work(store, { streams: [a, account('c')] }, async (unit) => unit)
      equal(value.domains.get('account')?.handedOver, 2)
      equal(value.domains.get('order')?.handedOver, 1)
      deepEqual(
        [...value.streams].filter(([, { inbox }]) => inbox).map(([path]) => path),
        [a],
      )
      const other = await work(store, { streams: [a], consumer: 'other' }, async (unit) => ({
        inbox: unit.streams.get(a)?.inbox,
        entries: await unit.inbox([{ stream: a, limit: 9 }]),
      }))
      deepEqual(other.value, { inbox: undefined, entries: [] })
      equal((await store.reader.summary('other')).handedOver, 0)
      const [first] = await read(store, { stream: a, limit: 9 })
      await commit(store, [moved(a, 1, { decided: [first?.arrivalId ?? ''] })])
      equal((await store.reader.summary(consumer)).handedOver, 2)
    },
  },
  {
    name: 'a unit is told which of its streams have entries that were not looked at (I3)',
    run: async ({ store }) => {
      const unit = await openUnit(store, { streams: [a, b] })
      deepEqual(await store.handOver(consumer, [handed(b, 1), handed(account('c'), 1)]), [account('c')])
      deepEqual((await unit.end()).again, [b])
      for (const mode of modes) {
        const { again } = await work(store, { streams: [a, b], mode }, async () => undefined)
        deepEqual(again, [b])
        deepEqual((await work(store, { streams: [a], mode }, async () => undefined)).again, [])
      }
      await look(store, b)
      for (const mode of modes) {
        deepEqual((await work(store, { streams: [a, b], mode }, async () => undefined)).again, [])
      }
    },
  },
  {
    name: 'whoever appends to the inbox of a stream that is free by then is told (I3)',
    run: async ({ store }) => {
      const unit = await openUnit(store, { streams: [a] })
      deepEqual(await store.handOver(consumer, [handed(a, 1), handed(b, 1), handed(a, 2)]), [b])
      await unit.end()
      deepEqual(await store.handOver(consumer, [handed(a, 3), handed(a, 4)]), [a])
    },
  },
  {
    name: 'streams with new entries are due at once, unless a living worker has them (I3)',
    run: async ({ store }) => {
      const unit = await openUnit(store, { streams: [a] })
      await store.handOver(consumer, [handed(a, 1), handed(b, 1), handed(b, 2)])
      deepEqual(await store.due(consumer, 10), [b])
      await unit.end()
      deepEqual((await store.due(consumer, 10)).toSorted(), [a, b])
      equal((await store.due(consumer, 1)).length, 1)
    },
  },
  {
    name: 'entries that were looked at and stay make nothing due, until another one comes (I6)',
    run: async ({ store }) => {
      await store.handOver(consumer, [handed(a, 5), handed(a, 6)])
      await look(store, a)
      deepEqual(await store.due(consumer, 10), [])
      deepEqual(numbersOf(await read(store, { stream: a, limit: 9 })), [5, 6])
      await store.handOver(consumer, [handed(a, 7)])
      deepEqual(await store.due(consumer, 10), [a])
      await look(store, a)
      deepEqual(await store.due(consumer, 10), [])
    },
  },
  {
    name: 'what comes after an inbox was read is not taken for looked at (I3)',
    run: async ({ store }) => {
      for (let round = 0; round < 2; round++) {
        await store.handOver(consumer, [handed(a, 1)])
        const open = await openUnit(store, { streams: [a] })
        const { unit } = open
        const [first] = await unit.inbox([{ stream: a, limit: 9 }])
        const inboxSeen = unit.streams.get(a)?.inbox?.newest ?? 0
        await unit.commit({ streams: [moved(a, 1, { decided: [first?.arrivalId ?? ''], inboxSeen })] })
        await store.handOver(consumer, [handed(a, 2)])
        // The inbox was empty in between: a late word about it must not cover what came since.
        await unit.commit({ streams: [moved(a, 1, { inboxSeen })] })
        deepEqual((await open.end()).again, [a])
        deepEqual(await store.due(consumer, 10), [a])
        const [second] = await read(store, { stream: a, limit: 9 })
        await look(store, a, [second?.arrivalId ?? ''])
        deepEqual(await store.due(consumer, 10), [])
      }
    },
  },
  {
    name: 'a dead letter that is tried again keeps its stream due until it is taken',
    run: async ({ store }) => {
      await store.handOver(consumer, [{ ...handed(a, 1), redrive }])
      await look(store, a)
      deepEqual(await store.due(consumer, 9), [a])
      const [tried] = await read(store, { stream: a, limit: 9, redrives: true })
      await look(store, a, [tried?.arrivalId ?? ''])
      deepEqual(await store.due(consumer, 9), [])
    },
  },
]
