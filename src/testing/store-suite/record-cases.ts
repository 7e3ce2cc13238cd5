// Laws of dead letters, the ledger, leases, notes and id windows. I3 and I7.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { account, commit, consumer, entry, letter, moved, work } from './samples.ts'
import type { StoreCase } from './store-case.ts'

const modes = ['claim', 'transaction'] as const
const a = account('a')

/** Laws of records. */
export const recordCases: readonly StoreCase[] = [
  {
    name: 'a dead letter is kept whole, once; a copy leaves it as it is (I3)',
    run: async ({ store }) => {
      const whole = letter('k', {
        reason: 'failed',
        stream: a,
        epoch: 3,
        sequence: 2n ** 70n,
        id: 'x',
        attempts: 5,
        payload: { deep: [1n, null] },
      })
      await store.record(consumer, { deadLetters: [whole] })
      await store.record(consumer, { deadLetters: [letter('k', { detail: 'again' })] })
      for (const mode of modes) {
        const deadLetters = [letter('k', { detail: mode })]
        await commit(store, [moved(a, 1, { deadLetters })], { mode })
      }
      const kept = await store.reader.deadLetters(consumer, { limit: 9 })
      deepEqual(kept, [{ ...whole, cursor: kept[0]?.cursor }])
    },
  },
  {
    name: 'a payload of bytes stays bytes (I3)',
    run: async ({ store }) => {
      const payload = new Uint8Array([0, 255, 10, 195])
      await store.record(consumer, { deadLetters: [letter('k', { payload })] })
      const [kept] = await store.reader.deadLetters(consumer, { limit: 9 })
      ok(kept?.payload instanceof Uint8Array)
      deepEqual([...kept.payload], [...payload])
    },
  },
  {
    name: 'a redriven dead letter is gone, and may come again (I3)',
    run: async ({ store }) => {
      for (const mode of modes) {
        await store.record(consumer, { deadLetters: [letter('k'), letter('l')] })
        await commit(store, [moved(a, 1, { redriven: ['k', 'unknown'] })], { mode })
        deepEqual(
          (await store.reader.deadLetters(consumer, { limit: 9 })).map(({ key }) => key),
          ['l'],
        )
        await store.record(consumer, { redriven: ['l'], ledger: [entry('dropped', { kind: 'dropped' })] })
        equal((await store.reader.summary(consumer)).deadLetters, 0)
        await commit(store, [moved(a, 1, { redriven: ['k'], deadLetters: [letter('k')] })], { mode })
        equal((await store.reader.summary(consumer)).deadLetters, 1)
        equal((await store.reader.recordCounts(consumer)).deadLetters, 1)
        await store.record(consumer, { redriven: ['k'] })
      }
    },
  },
  {
    name: 'the ledger is kept whole, in the order in which it was written (I3)',
    run: async ({ store }) => {
      const whole = entry('one', { stream: a, epoch: 1, from: 5, to: 2n ** 66n, before: { position: 4 } })
      await commit(store, [moved(a, 1, { ledger: [whole, entry('two', { stream: a })] })])
      await store.record(consumer, { ledger: [entry('three', { kind: 'paused', by: 'ann' })] })
      await commit(store, [moved(a, 1, { ledger: [entry('four', { stream: a })] })], { mode: 'transaction' })
      const entries = await store.reader.ledger(consumer, { limit: 9 })
      deepEqual(
        entries.map(({ reason }) => reason),
        ['one', 'two', 'three', 'four'],
      )
      deepEqual(entries[0], { ...whole, cursor: entries[0]?.cursor })
    },
  },
  {
    name: 'a domain is paused and resumed, for its consumer only (I6)',
    run: async ({ store }) => {
      await store.record(consumer, { paused: [{ domain: 'account', paused: true }] })
      const { value } = await work(store, { streams: [] }, async ({ domains }) => domains)
      deepEqual(value.get('account'), { held: 0, handedOver: 0, paused: true })
      const other = await work(store, { streams: [], consumer: 'other' }, async ({ domains }) => domains)
      equal(other.value.get('account')?.paused ?? false, false)
      await store.record(consumer, { paused: [{ domain: 'account', paused: false }] })
      equal((await store.reader.summary(consumer)).domains.get('account')?.paused, false)
    },
  },
  {
    name: 'a lease has one holder, who may renew it and give it back; its fence rises with every holder (I5)',
    run: async ({ store, claimMs, advanceTime }) => {
      const first = await store.lease('sweep', { holder: 'one', ms: claimMs })
      ok(first !== undefined && first.until > (await store.now()))
      equal(await store.lease('sweep', { holder: 'two', ms: claimMs }), undefined)
      equal(await store.lease('sweep', { holder: 'two', ms: 0 }), undefined)
      ok((await store.lease('heal', { holder: 'two', ms: claimMs })) !== undefined)
      await advanceTime(claimMs / 2)
      const renewed = await store.lease('sweep', { holder: 'one', ms: claimMs })
      equal(renewed?.fence, first.fence)
      await advanceTime((claimMs * 3) / 4)
      equal(await store.lease('sweep', { holder: 'two', ms: claimMs }), undefined)
      await store.lease('sweep', { holder: 'one', ms: 0 })
      const second = await store.lease('sweep', { holder: 'two', ms: claimMs })
      ok(second !== undefined && second.fence > first.fence)
      await advanceTime(claimMs + 1)
      const third = await store.lease('sweep', { holder: 'one', ms: claimMs })
      ok(third !== undefined && third.fence > second.fence)
    },
  },
  {
    name: 'a source finds its last note again, and nobody else does (I6)',
    run: async ({ store }) => {
      equal(await store.checkpoint(consumer, 'file a'), undefined)
      await store.checkpoint(consumer, 'file a', 'one')
      await store.checkpoint(consumer, 'file a', '{"line":2}')
      await store.checkpoint(consumer, 'file b', '')
      equal(await store.checkpoint(consumer, 'file a'), '{"line":2}')
      equal(await store.checkpoint(consumer, 'file b'), '')
      equal(await store.checkpoint('other', 'file a'), undefined)
    },
  },
  {
    name: 'processed ids are known to their consumer and domain, by the next unit (I2, I6)',
    run: async ({ store }) => {
      const window = { ids: 100, ms: 60_000 }
      const odd = ['', 'a%b', 'ü\u0000\n"', '\ud800', '\udfff', '\u0001"', '\u0001', '日本']
      for (const mode of modes) {
        await work(store, { streams: [], mode }, async (unit) => {
          deepEqual(await unit.knownIds(mode, odd), new Set())
          await unit.commit({ streams: [], ids: [{ domain: mode, ids: ['x', ...odd], window }] })
        })
        await work(store, { streams: [], mode }, async (unit) => {
          deepEqual(await unit.knownIds(mode, ['y', ...odd, '\ud801']), new Set(odd))
          deepEqual(await unit.knownIds('chat', odd), new Set())
        })
        const other = { streams: [], mode, consumer: 'other' }
        await work(store, other, async (unit) => deepEqual(await unit.knownIds(mode, odd), new Set()))
      }
    },
  },
  {
    name: 'an id window forgets what is older than its time, and more than its number (I7)',
    run: async ({ store, claimMs, advanceTime }) => {
      const keep = (domain: string, ids: string[], window: { ids: number; ms: number }) =>
        work(store, { streams: [] }, (unit) => unit.commit({ streams: [], ids: [{ domain, ids, window }] }))
      const known = async (domain: string, ids: string[]) => {
        return (await work(store, { streams: [] }, (unit) => unit.knownIds(domain, ids))).value
      }
      await keep('few', ['1', '2', '3'], { ids: 4, ms: 600_000 })
      await keep('few', ['4', '5', '6'], { ids: 4, ms: 600_000 })
      deepEqual(await known('few', ['1', '2', '3', '4', '5', '6']), new Set(['3', '4', '5', '6']))
      await keep('brief', ['1'], { ids: 100, ms: claimMs })
      await advanceTime(claimMs / 2)
      await keep('brief', ['2'], { ids: 100, ms: claimMs })
      await advanceTime(claimMs * 0.75)
      deepEqual(await known('brief', ['1', '2']), new Set(['2']))
    },
  },
]
