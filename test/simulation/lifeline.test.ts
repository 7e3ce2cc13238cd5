// What it means that a simulated worker dies: nothing that it had under way comes back, and no timer of it
// fires.
import { describe, expect, test } from 'vitest'
import { VirtualTimers } from '../../src/testing/virtual-timers.ts'
import type { Fate } from './lifeline.ts'
import { Lifeline } from './lifeline.ts'

const immortal: Fate = { dies: () => false, stallMs: () => 0 }

describe('a lifeline', () => {
  test('lets a living process call', async () => {
    const lifeline = new Lifeline(new VirtualTimers(), immortal)
    expect(await lifeline.during('a call', () => Promise.resolve(7))).toBe(7)
    await expect(lifeline.during('a call', () => Promise.reject(new Error('x')))).rejects.toThrow('x')
  })

  test.each([
    ['before a call', 0],
    ['after a call', 1],
  ])('that ends %s lets it return nothing', async (where, effects) => {
    const timers = new VirtualTimers()
    const lifeline = new Lifeline(timers, { ...immortal, dies: (place) => place === where })
    let happened = 0
    let returned = false
    const act = (): Promise<number> => Promise.resolve(++happened)
    const call = lifeline.during('a call', act).finally(() => (returned = true))
    await timers.advance(1_000)
    expect(happened).toBe(effects)
    expect(returned).toBe(false)
    expect(lifeline.isDead).toBe(true)
    expect(call).toBeInstanceOf(Promise)
  })

  test('takes the timers and sleeps of a process with it', async () => {
    const timers = new VirtualTimers()
    const lifeline = new Lifeline(timers, immortal)
    let count = 0
    lifeline.onDeath(() => count++)
    lifeline.timers.after(10, () => (count += 10))
    const sleep = lifeline.timers.sleep(10).then(() => (count += 100))
    lifeline.die()
    lifeline.die()
    lifeline.timers.after(10, () => (count += 1_000))
    await timers.advance(100)
    expect(count).toBe(1)
    expect(sleep).toBeInstanceOf(Promise)
  })

  test('that stands still goes on later, with its timers late', async () => {
    const timers = new VirtualTimers()
    let stallMs = 100
    const lifeline = new Lifeline(timers, { ...immortal, stallMs: () => stallMs })
    const done: string[] = []
    lifeline.timers.after(10, () => done.push(`timer at ${timers.elapsedMs()}`))
    const call = lifeline.step('a call').then(() => done.push(`call at ${timers.elapsedMs()}`))
    stallMs = 0
    await timers.advance(99)
    expect(done).toEqual([])
    await timers.advance(1)
    await call
    expect([...done].sort()).toEqual(['call at 100', 'timer at 100'])
  })
})
