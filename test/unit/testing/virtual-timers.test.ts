// Virtual time: what the simulator and every test of waiting stand on.
import { describe, expect, test } from 'vitest'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

describe('virtual timers', () => {
  test('fire in order of time, and what is due at once in the order in which it was set', async () => {
    const timers = new VirtualTimers()
    const fired: string[] = []
    timers.after(20, () => fired.push('b'))
    timers.after(10, () => fired.push('a1'))
    timers.after(10, () => fired.push('a2'))
    timers.after(21, () => fired.push('late'))
    await timers.advance(20)
    expect(fired).toEqual(['a1', 'a2', 'b'])
    expect(timers.elapsedMs()).toBe(20)
    expect(timers.nextAtMs).toBe(21)
  })

  test('finish what a callback sets off, however long its chain, before the next one fires', async () => {
    const timers = new VirtualTimers()
    const seen: string[] = []
    const chain = async (): Promise<void> => {
      for (let step = 0; step < 500; step++) await Promise.resolve()
      seen.push('chain')
      await timers.sleep(5)
      seen.push(`slept until ${timers.elapsedMs()}`)
    }
    timers.after(10, () => void chain())
    timers.after(10, () => seen.push('next'))
    await timers.advance(15)
    expect(seen).toEqual(['chain', 'next', 'slept until 15'])
  })

  test('a cancelled callback never fires', async () => {
    const timers = new VirtualTimers()
    let count = 0
    const cancel = timers.after(1, () => count++)
    cancel()
    cancel()
    await timers.advance(10)
    expect(count).toBe(0)
  })

  test('a sleep ends when its signal fires, and at once when it has fired already', async () => {
    const timers = new VirtualTimers()
    const controller = new AbortController()
    let awake = 0
    const sleep = async (): Promise<void> => {
      await timers.sleep(1_000, controller.signal)
      awake++
    }
    const first = sleep()
    await timers.advance(10)
    expect(awake).toBe(0)
    controller.abort()
    await first
    await sleep()
    expect(awake).toBe(2)
    expect(timers.elapsedMs()).toBe(10)
    expect(timers.nextAtMs).toBeUndefined()
  })
})
