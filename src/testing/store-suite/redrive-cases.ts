// Laws of what changes around a stream that itself stays where it is: dead letters that are tried again or
// dropped under its claim. I3 and I5.
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { StreamRecords } from '../../ports/store.ts'
import { openUnit } from './open-unit.ts'
import { account, commit, consumer, entry, handed, held, holding, letter, work } from './samples.ts'
import type { StoreCase } from './store-case.ts'

const modes = ['claim', 'transaction'] as const
const [a, b] = [account('a'), account('b')]

function records(fields: Partial<StreamRecords>): StreamRecords {
  return { stream: a, decided: [], deadLetters: [], redriven: [], ledger: [], ...fields }
}

/** Laws of records of streams that stay where they are. */
export const redriveCases: readonly StoreCase[] = [
  {
    name: 'records of a stream leave its state, its held events, its due time and its deliveries alone (I1)',
    run: async ({ store }) => {
      const due = { readingMs: 70_000 }
      await commit(store, [{ ...holding(a, 3, 4), due, deliveries: 7 }])
      const before = await store.reader.stream(consumer, a)
      for (const mode of modes) {
        await work(store, { streams: [a], mode }, async (unit) => {
          const deadLetters = [letter(mode, { stream: a })]
          deepEqual(await unit.commit({ streams: [records({ deadLetters })] }), ['committed'])
        })
      }
      const after = await store.reader.stream(consumer, a)
      deepEqual(
        { state: after?.state, due: after?.due, deliveries: after?.deliveries },
        { state: before?.state, due, deliveries: 7 },
      )
      deepEqual(
        (await store.reader.held(consumer, { limit: 9 })).map(({ event }) => event.sequence),
        [held(a, 3), held(a, 4)].map(({ event }) => event.sequence),
      )
    },
  },
  {
    name: 'records of a stream that is unknown make no stream of it',
    run: async ({ store }) => {
      for (const mode of modes) {
        await store.handOver(consumer, [handed(a, 1)])
        await work(store, { streams: [a], mode }, async (unit) => {
          const decided = (await unit.inbox([{ stream: a, limit: 9 }])).map(({ arrivalId }) => arrivalId)
          const ledger = [entry(mode, { stream: a, kind: 'redriven' })]
          await unit.commit({ streams: [records({ decided, ledger })] })
        })
        equal(await store.reader.stream(consumer, a), undefined)
        const { streams, handedOver } = await store.reader.summary(consumer)
        deepEqual({ streams, handedOver }, { streams: 0, handedOver: 0 })
        deepEqual(await store.due(consumer, 9), [])
      }
      equal((await store.reader.summary(consumer)).ledger, modes.length)
    },
  },
  {
    name: 'a dead letter that is taken out and kept anew in one commit is replaced (I3)',
    run: async ({ store }) => {
      for (const mode of modes) {
        await store.record(consumer, { deadLetters: [letter(mode, { stream: a, attempts: 5 })] })
        const deadLetters = [letter(mode, { stream: a, attempts: 6 })]
        await work(store, { streams: [a], mode }, (unit) =>
          unit.commit({ streams: [records({ redriven: [mode], deadLetters })] }),
        )
        const [kept, ...more] = await store.reader.deadLetters(consumer, { key: mode, limit: 9 })
        deepEqual([kept?.attempts, more], [6, []])
      }
    },
  },
  {
    name: 'a dead letter is found by its key, and only where the rest of the question fits',
    run: async ({ store }) => {
      const letters = [
        letter('k', { stream: a, reason: 'failed' }),
        letter('l', { stream: b, reason: 'late' }),
        letter('m'),
      ]
      await store.record(consumer, { deadLetters: letters })
      const found = async (query: object): Promise<readonly string[]> =>
        (await store.reader.deadLetters(consumer, { limit: 9, ...query })).map(({ key }) => key)
      deepEqual(await found({ key: 'k' }), ['k'])
      deepEqual(await found({ key: 'm' }), ['m'])
      deepEqual(await found({ key: 'n' }), [])
      deepEqual(await found({ key: 'k', stream: a, domain: 'account', reason: 'failed' }), ['k'])
      deepEqual(await found({ key: 'k', stream: b }), [])
      deepEqual(await found({ key: 'k', reason: 'late' }), [])
      deepEqual(await found({ key: 'k', domain: 'order' }), [])
      deepEqual(await found({ key: 'm', domain: 'account' }), [])
      deepEqual(await store.reader.deadLetters('other', { key: 'k', limit: 9 }), [])
    },
  },
  {
    name: 'records under a claim that was lost are refused, and the other streams are committed (I5)',
    needs: ['handles'],
    run: async ({ store, stalledHandle, claimMs, advanceTime }) => {
      ok(stalledHandle !== undefined, 'a fixture with handles offers stalledHandle')
      const stalled = await stalledHandle()
      await store.record(consumer, { deadLetters: [letter('k', { stream: a })] })
      const late = await openUnit(stalled.store, { streams: [a, b], claimMs })
      await advanceTime(claimMs + 1)
      const taker = await openUnit(store, { streams: [a], worker: 'two' })
      const deadLetters = [letter('l', { stream: b })]
      const streams = [records({ redriven: ['k'] }), records({ stream: b, deadLetters })]
      deepEqual(await late.unit.commit({ streams }), ['claim-lost', 'committed'])
      await taker.end()
      await late.end()
      deepEqual(
        (await store.reader.deadLetters(consumer, { limit: 9 })).map(({ key }) => key),
        ['k', 'l'],
      )
    },
  },
]
