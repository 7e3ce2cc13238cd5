// Laws of leases whose time itself is used up: their ends are kept, so that no two holders share an instant.
import { equal, ok } from 'node:assert/strict'
import type { Lease, LeaseRequest, Store } from '../../ports/store.ts'
import type { StoreCase } from './store-case.ts'

async function given(store: Store, name: string, request: LeaseRequest): Promise<Lease> {
  const lease = await store.lease(name, request)
  ok(lease !== undefined, `${name} is free`)
  return lease
}

/** Laws of leases that use up their time. */
export const leaseCases: readonly StoreCase[] = [
  {
    name: "a lease says the store's clock, and ends so much later (I8)",
    run: async ({ store, claimMs }) => {
      const before = await store.now()
      const { now, until } = await given(store, 'worker', { holder: 'one', ms: claimMs })
      ok(before <= now && now <= (await store.now()), 'the clock is read while the lease is given')
      equal(until, now + claimMs)
    },
  },
  {
    name: 'renewing never brings the end of a lease nearer (I5)',
    run: async ({ store, claimMs }) => {
      const first = await given(store, 'worker', { holder: 'one', ms: claimMs * 4 })
      const renewed = await given(store, 'worker', { holder: 'one', ms: 1 })
      equal(renewed.until, first.until)
      equal(renewed.fence, first.fence)
    },
  },
  {
    name: 'a lease that is given back ends when its time is used up, not before and not after (I5)',
    run: async ({ store, claimMs, advanceTime }) => {
      const first = await given(store, 'worker', { holder: 'one', ms: claimMs * 20, usedUntil: 0 })
      const usedUntil = first.now + claimMs
      equal(await store.lease('worker', { holder: 'one', ms: 0, usedUntil }), undefined)
      equal(await store.lease('worker', { holder: 'two', ms: claimMs, usedUntil: 0 }), undefined)
      await advanceTime(claimMs * 1.5)
      const second = await given(store, 'worker', { holder: 'two', ms: claimMs, usedUntil: 0 })
      ok(second.now >= usedUntil, 'the next lease begins after what was used')
      ok(second.fence > first.fence, 'the fence rises with the holder')
    },
  },
  {
    name: 'only its holder can give a lease back (I5)',
    run: async ({ store, claimMs, advanceTime }) => {
      const { now } = await given(store, 'worker', { holder: 'one', ms: claimMs, usedUntil: 0 })
      await store.lease('worker', { holder: 'two', ms: 0, usedUntil: now })
      equal(await store.lease('worker', { holder: 'two', ms: claimMs }), undefined)
      await advanceTime(claimMs * 1.5)
      const second = await given(store, 'worker', { holder: 'two', ms: claimMs * 4, usedUntil: 0 })
      await store.lease('worker', { holder: 'one', ms: 0, usedUntil: now })
      equal(await store.lease('worker', { holder: 'one', ms: claimMs }), undefined)
      equal((await store.lease('worker', { holder: 'two', ms: 1 }))?.until, second.until)
    },
  },
]
