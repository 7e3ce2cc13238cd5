// Faults at chosen calls, and by chance from a seed.
import { describe, expect, test } from 'vitest'
import { memoryStore } from '../../../src/stores/memory.ts'
import { faultAt, faultsByChance, faultySource, faultyStore } from '../../../src/testing/faults.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { memorySource } from '../../../src/transports/memory.ts'

const letter = { key: 'k', reason: 'invalid', detail: 'x', payload: null, at: 1 } as const
const request = { consumer: 'c', worker: 'w', streams: ['d/s'], mode: 'claim', claimMs: 1_000 } as const

describe('a faulty store', () => {
  test('fails before a call, and nothing has happened', async () => {
    const store = faultyStore(memoryStore(), faultAt('record', 1, { fail: 'before' }))
    await store.open()
    const failed = store.record('c', { deadLetters: [letter] })
    await expect(failed).rejects.toMatchObject({ code: 'store-unavailable', retryable: true })
    expect((await store.reader.summary('c')).deadLetters).toBe(0)
    await store.record('c', { deadLetters: [letter] })
    expect((await store.reader.summary('c')).deadLetters).toBe(1)
  })

  test('fails after a commit as commit-unknown, and the commit was made', async () => {
    const store = faultyStore(memoryStore(), faultAt('unit.commit', 1, { fail: 'after' }))
    await store.open()
    const work = store.work(request, (unit) => unit.commit({ streams: [], deadLetters: [letter] }))
    await expect(work).rejects.toMatchObject({ code: 'commit-unknown' })
    expect((await store.reader.summary('c')).deadLetters).toBe(1)
  })

  test('delays a call', async () => {
    const timers = new VirtualTimers()
    const store = faultyStore(memoryStore(), faultAt('now', 1, { delayMs: 500 }), timers)
    await store.open()
    let isDone = false
    const call = store.now().then(() => (isDone = true))
    await timers.advance(499)
    expect(isDone).toBe(false)
    await timers.advance(1)
    await call
    expect(isDone).toBe(true)
  })
})

describe('a faulty source', () => {
  test('fails at the call that the plan names, with the error that it names', async () => {
    const error = new Error('the cable was pulled')
    const source = faultySource(memorySource(), faultAt('isCaughtUp', 2, { fail: 'after', error }))
    expect(await source.isCaughtUp()).toBe(true)
    await expect(source.isCaughtUp()).rejects.toBe(error)
    expect(await source.isCaughtUp()).toBe(true)
  })
})

describe('faults by chance', () => {
  const faultsOf = (seed: number): unknown[] => {
    const chances = { failBefore: 0.2, failAfter: 0.2, delay: 0.5, delayMsMax: 9 }
    const plan = faultsByChance<'work'>(new SeededRandom(seed), chances)
    return Array.from({ length: 200 }, (_, index) => plan({ method: 'work', nth: index + 1 }))
  }

  test('are the same for the same seed, and others for another', () => {
    expect(faultsOf(1)).toEqual(faultsOf(1))
    expect(faultsOf(1)).not.toEqual(faultsOf(2))
    expect(faultsOf(1)).toContainEqual({ fail: 'before' })
    expect(faultsOf(1)).toContainEqual({ fail: 'after' })
  })
})
