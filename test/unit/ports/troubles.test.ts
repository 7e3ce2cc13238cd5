// What goes wrong for a while is told once, and ever more seldom while it lasts (I7).
import { expect, test } from 'vitest'
import { Troubles } from '../../../src/ports/troubles.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

const minuteMs = 60_000

/** Troubles, and what was told of them with the minute of it. */
function world(): {
  readonly timers: VirtualTimers
  readonly told: string[]
  readonly troubles: Troubles<string>
} {
  const timers = new VirtualTimers()
  const told: string[] = []
  const tell = (message: string): void => void told.push(`${timers.elapsedMs() / minuteMs} ${message}`)
  const elapsedMs = (): number => timers.elapsedMs()
  return {
    timers,
    told,
    troubles: new Troubles({ tell, againMs: minuteMs, againMsMax: 5 * minuteMs, elapsedMs }),
  }
}

test('what lasts is told at once, after a minute, and then ever more seldom', async () => {
  const { timers, told, troubles } = world()
  for (let second = 0; second < 20 * 60; second++) {
    troubles.has('broker 1', 'refused', 'away')
    await timers.advance(1_000)
  }
  troubles.over('broker 1', 'back')
  troubles.over('broker 1', 'back')
  expect(told).toEqual(['0 away', '1 away', '3 away', '7 away', '12 away', '17 away', '20 back'])
})

test('what comes and goes is told no more often than what stays, and each reason at once', async () => {
  const { timers, told, troubles } = world()
  for (let second = 0; second < 90; second++) {
    troubles.has('broker 1', 'refused', 'away')
    if (second === 30) troubles.has('broker 1', 'timed out', 'silent')
    troubles.over('broker 1', 'back')
    await timers.advance(1_000)
  }
  expect(told).toEqual(['0 away', '0 back', '0.5 silent', '0.5 back', '1 away', '1 back'])
})

test('of reasons that are others each time five are told, and of each trouble by itself', async () => {
  const { told, troubles } = world()
  for (let nth = 0; nth < 100; nth++) troubles.has('broker 1', `reason ${nth}`, `reason ${nth}`)
  troubles.has('broker 2', 'reason 0', 'another')
  troubles.over('broker 3', 'was never away')
  expect(told).toEqual([...[0, 1, 2, 3, 4].map((nth) => `0 reason ${nth}`), '0 another'])
})

test('what was over for long is told anew', async () => {
  const { timers, told, troubles } = world()
  troubles.has('broker 1', 'refused', 'away')
  troubles.over('broker 1', 'back')
  await timers.advance(10 * minuteMs)
  troubles.has('broker 1', 'refused', 'away')
  await timers.advance(minuteMs)
  troubles.has('broker 1', 'refused', 'away')
  expect(told).toEqual(['0 away', '0 back', '10 away', '11 away'])
})
