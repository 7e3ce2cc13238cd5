// The simulated transports deliver at least once, and forget only what was settled.
import { describe, expect, test } from 'vitest'
import type { Copy } from './broker.ts'
import type { Arrivals, Produced } from './produced.ts'
import { SimulatedLog } from './simulated-log.ts'
import { SimulatedQueue } from './simulated-queue.ts'

function arrivalsOf(...copiesAtMs: readonly (readonly number[])[]): Arrivals[] {
  return copiesAtMs.map((copies, uid) => ({
    produced: { uid, message: { uid } } as unknown as Produced,
    copiesAtMs: copies,
  }))
}

function uids(copies: readonly Copy[]): number[] {
  return copies.map(({ produced: { uid } }) => uid)
}

describe('a simulated queue', () => {
  test('delivers a copy again when its time is over, until it is settled', () => {
    let now = 0
    const queue = new SimulatedQueue(arrivalsOf([0], [5, 6], [], [Infinity]), {
      elapsedMs: () => now,
      visibilityMs: 100,
      onAvailable: () => undefined,
    })
    expect(uids(queue.take('a', 10))).toEqual([0])
    now = 6
    expect(uids(queue.take('a', 1))).toEqual([1])
    const rest = queue.take('a', 10)
    expect(uids(rest)).toEqual([1])
    queue.settle('a', rest)
    expect(queue.nextAtMs()).toBe(100)
    now = 200
    expect(uids(queue.take('b', 10))).toEqual([0, 1])
    queue.release('b', queue.open, 50)
    expect(queue.take('b', 10)).toEqual([])
    now = 250
    expect(uids(queue.take('b', 10))).toEqual([0, 1])
    queue.heal()
    expect(uids(queue.take('b', 10))).toEqual([3])
    queue.settle('b', queue.open)
    expect(queue.open).toEqual([])
  })
})

describe('a simulated log', () => {
  test('gives a dead reader’s partition to another, from the settled prefix on', () => {
    let now = 10
    const log = new SimulatedLog(arrivalsOf([1], [2], [3]), {
      elapsedMs: () => now,
      sessionMs: 100,
      partitions: 1,
      partitionOf: () => 0,
      onAvailable: () => undefined,
    })
    log.connect('a')
    log.connect('b')
    const read = log.take('a', 10)
    expect(uids(read)).toEqual([0, 1, 2])
    expect(log.take('b', 10)).toEqual([])
    log.settle(
      'a',
      read.filter(({ produced: { uid } }) => uid !== 1),
    )
    log.disconnect('a', 'dead')
    expect(log.take('b', 10)).toEqual([])
    now = 200
    const again = log.take('b', 10)
    expect(uids(again)).toEqual([1, 2])
    log.settle('a', again)
    expect(uids(log.open)).toEqual([1, 2])
    log.settle('b', again)
    expect(log.open).toEqual([])
    expect(log.isEmpty('b')).toBe(true)
  })
})
