// Worker ids leased from a store: whatever clocks do, and whoever stands still, no id is given twice (I5).
// The store's clock, each process's own time and its pauses are moved by the tests.
import { describe, expect, test } from 'vitest'
import { aroundStore } from '../../../../src/ports/around-store.ts'
import { leasedWorker } from '../../../../src/producer/snowflake/leased-worker.ts'
import { snowflake } from '../../../../src/producer/snowflake/snowflake.ts'
import { faultyStore } from '../../../../src/testing/faults.ts'
import { VirtualTimers } from '../../../../src/testing/virtual-timers.ts'
import type { Process } from './fleet.ts'
import { failureOf, Fleet, leaseMs, start } from './fleet.ts'

describe('a leased worker id', () => {
  test('belongs to one process; the next one gets another, and none when all are taken', async () => {
    const fleet = new Fleet()
    const all = await Promise.all(Array.from({ length: 4 }, () => fleet.start({ workers: 4 })))
    expect(new Set(all.map(({ worker }) => worker.worker))).toEqual(new Set([0, 1, 2, 3]))
    await expect(fleet.start({ workers: 4 })).rejects.toMatchObject({
      code: 'workers-taken',
      retryable: true,
    })
    for (const one of all) fleet.take(one, 5000)
    expect(fleet.givenTwice).toBe(0)
  })

  test('is renewed as long as its process runs', async () => {
    const fleet = new Fleet()
    const one = await fleet.start()
    for (let step = 0; step < 20; step++) {
      await fleet.pass(leaseMs / 2, one)
      fleet.take(one)
    }
    expect(one.ids.decode(one.ids.next()).timeMs).toBeGreaterThan(start + leaseMs * 9)
    await expect(fleet.start()).rejects.toMatchObject({ code: 'workers-taken' })
  })

  test('past its lease a process that was stopped gets no id; the next holder begins behind it', async () => {
    const fleet = new Fleet()
    const one = await fleet.start()
    fleet.take(one, 100)
    await fleet.pass(leaseMs)
    const two = await fleet.start()
    fleet.take(two, 100)
    const { timers, ids } = one
    timers.stoppedMs = leaseMs
    for (const ask of [() => ids.next(), () => ids.nextMany(2), () => ids.nextText()]) {
      expect(failureOf(ask)).toMatchObject({ code: 'lease-expired', retryable: true })
    }
    expect(fleet.givenTwice).toBe(0)
  })

  test('a process whose own time stood still too uses up its own span, and never the next one', async () => {
    const fleet = new Fleet()
    const one = await fleet.start()
    fleet.take(one, 100)
    await fleet.pass(leaseMs)
    const two = await fleet.start()
    fleet.take(two, 5000)
    fleet.take(one, 5000)
    expect(fleet.givenTwice).toBe(0)
    const last = one.ids.decode(one.ids.next()).timeMs
    expect(last).toBeLessThan(start + leaseMs)
    expect(two.ids.decode(two.ids.next()).timeMs).toBeGreaterThanOrEqual(start + leaseMs)
  })

  test('that was lost is replaced by another one, and its ids go on rising', async () => {
    const fleet = new Fleet()
    const one = await fleet.start({ workers: 2 })
    const before = one.ids.next()
    const lost = one.worker.worker
    await fleet.pass(leaseMs)
    const others = [await fleet.start({ workers: 2 })]
    if (others[0]?.worker.worker !== lost) others.push(await fleet.start({ workers: 2 }))
    for (const other of others) fleet.take(other, 10)
    if (others.length === 2) await others[0]?.worker.close()
    await fleet.pass(1)
    await one.timers.advance(leaseMs)
    expect(one.worker.worker).not.toBe(lost)
    const after = one.ids.next()
    expect(after).toBeGreaterThan(before)
    fleet.given.push(before, after)
    expect(fleet.givenTwice).toBe(0)
  })

  test('while the store is out of reach there are ids until the lease ends, and again later', async () => {
    const fleet = new Fleet()
    let isDown = false
    const plan = () => (isDown ? ({ fail: 'before' } as const) : undefined)
    const timers = new VirtualTimers()
    const store = faultyStore(
      aroundStore(fleet.store, (_call, run) => run()),
      plan,
      timers,
    )
    const one = await fleet.start({ store })
    isDown = true
    await fleet.pass(leaseMs - 1, one)
    fleet.take(one, 10)
    await fleet.pass(1, one)
    expect(failureOf(() => one.ids.next())).toMatchObject({
      code: 'lease-expired',
      cause: { code: 'store-unavailable' },
    })
    const taking = one.ids.take(3)
    isDown = false
    await fleet.pass(leaseMs, one)
    fleet.given.push(...(await taking))
    fleet.take(one, 10)
    expect(fleet.givenTwice).toBe(0)
  })

  test('given back, it is free at once, and what was used of its time stays used', async () => {
    const fleet = new Fleet()
    const one = await fleet.start({ aheadMaxMs: 20 })
    fleet.given.push(...one.ids.nextMany(4096 * 20))
    await one.worker.close()
    expect(failureOf(() => one.ids.next())).toMatchObject({ code: 'shutting-down' })
    await one.worker.close()
    await expect(fleet.start()).rejects.toMatchObject({ code: 'workers-taken' })
    await fleet.pass(20)
    const two = await fleet.start()
    fleet.take(two, 4096 * 3)
    expect(fleet.givenTwice).toBe(0)
  })

  test('the store forgets no used time when its clock is set back', async () => {
    const fleet = new Fleet()
    const one = await fleet.start()
    fleet.take(one, 10)
    await one.worker.close()
    await fleet.pass(10_000)
    const two = await fleet.start()
    fleet.take(two, 10)
    await two.worker.close()
    fleet.storeMs -= 3_600_000
    await expect(fleet.start()).rejects.toMatchObject({ code: 'workers-taken' })
    await fleet.pass(3_600_001)
    fleet.take(await fleet.start(), 10)
    expect(fleet.givenTwice).toBe(0)
  })

  test('lost and had again, it begins anew: a clock set back leads into no time of others', async () => {
    const fleet = new Fleet()
    const one = await fleet.start({ aheadMaxMs: 60_000 })
    fleet.take(one)
    await fleet.pass(leaseMs)
    const two = await fleet.start()
    fleet.take(two, 10)
    await two.worker.close()
    await fleet.pass(leaseMs)
    await one.timers.advance(leaseMs / 3)
    fleet.storeMs -= leaseMs
    await one.timers.advance(leaseMs / 3)
    fleet.take(one)
    expect(fleet.givenTwice).toBe(0)
    expect(one.ids.decode(one.ids.next()).timeMs).toBe(start + 2 * leaseMs)
  })

  test('belongs to one generator', async () => {
    const fleet = new Fleet()
    const { worker } = await fleet.start()
    expect(() => snowflake({ worker })).toThrow('has a generator already')
  })

  test('a slow answer of the store sets nobody back', async () => {
    const fleet = new Fleet()
    const started: Process[] = []
    const slow = aroundStore(fleet.store, async (_call, run) => {
      const value = await run()
      for (const one of started) {
        fleet.storeMs += 2_000
        one.timers.stoppedMs += 2_000
        fleet.take(one)
      }
      return value
    })
    const one = await fleet.start({ store: slow })
    started.push(one)
    for (let step = 0; step < 6; step++) {
      await fleet.pass(leaseMs / 3, one)
      fleet.take(one)
    }
    expect(fleet.given).toHaveLength(12)
    expect(fleet.givenTwice).toBe(0)
    expect(one.ids.decode(one.ids.next()).timeMs).toBe(fleet.storeMs)
  })

  test('says which option is wrong', async () => {
    const { store } = new Fleet()
    await store.open()
    const wrong = (options: object) => leasedWorker({ store, ...options })
    await expect(wrong({ scope: '' })).rejects.toMatchObject({ code: 'config-invalid' })
    await expect(wrong({ workers: 0 })).rejects.toThrow('workers takes a whole number from 1')
    await expect(wrong({ leaseMs: 29 })).rejects.toThrow('leaseMs takes a whole number from 30')
    const worker = await leasedWorker({ store, workers: 64, timers: new VirtualTimers() })
    const layout = { workerBits: 5 }
    expect(() => snowflake({ worker, layout })).toThrow('worker ids go to 63')
    expect(() => snowflake({ worker, after: 1n })).toThrow('after goes with a worker that is a number')
  })
})
