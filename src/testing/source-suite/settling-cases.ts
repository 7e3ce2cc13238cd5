// The laws of settling: what is not settled comes again, what is settled does not, in whatever order it was
// done. They are what I4 rests on.
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Delivery } from '../../ports/source.ts'
import type { SourceCase } from './source-world.ts'
import { SourceSession, valueOf } from './source-world.ts'

const numbered = (count: number): unknown[] => Array.from({ length: count }, (_, index) => ({ n: index + 1 }))

function numberOf(delivery: Delivery): number {
  const value = valueOf(delivery)
  return typeof value === 'object' && value !== null && 'n' in value ? Number(value.n) : Number.NaN
}

function sortedNumbers(deliveries: readonly Delivery[]): number[] {
  return deliveries.map(numberOf).sort((a, b) => a - b)
}

/** The laws of settling. */
export const settlingCases: readonly SourceCase[] = [
  {
    name: 'what was delivered and not settled comes again after a restart',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(5))
      await session.reopen()
      await session.takeAll()
      await session.reopen()
      deepEqual(sortedNumbers(await session.takeAll()), [1, 2, 3, 4, 5])
      await session.close()
    },
  },
  {
    name: 'what was settled never comes again, and what was not read yet does',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(9))
      const source = await session.reopen()
      const first = await session.take(6)
      await source.settle(first)
      await session.reopen()
      const settled = new Set(first.map(numberOf))
      const rest = await session.takeAll()
      equal(rest.length, 3)
      ok(rest.every((delivery) => !settled.has(numberOf(delivery))))
      await session.source.settle(rest)
      await session.reopen()
      deepEqual(await session.takeAll(), [])
      await session.close()
    },
  },
  {
    name: 'deliveries may be settled in any order, and in as many calls as there are',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(50))
      const source = await session.reopen()
      const all = await session.takeAll()
      for (let index = 0; index < 50; index++)
        await source.settle(all.slice((index * 37) % 50, ((index * 37) % 50) + 1))
      await session.reopen()
      deepEqual(await session.takeAll(), [])
      await session.close()
    },
  },
  {
    name: 'a log is forgotten only up to its first delivery that is not settled',
    kind: 'log',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(8))
      const source = await session.reopen()
      const all = [...(await session.takeAll())].sort((a, b) => numberOf(a) - numberOf(b))
      await source.settle(all.filter((delivery) => numberOf(delivery) !== 4))
      await session.reopen()
      const again = sortedNumbers(await session.takeAll())
      ok(again.includes(4), 'the delivery that was not settled comes again')
      ok(
        again.every((number) => number >= 4),
        `nothing before it does: ${again.join(', ')}`,
      )
      await session.close()
    },
  },
  {
    name: 'a hole in a log that closes lets everything behind it be forgotten',
    kind: 'log',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(8))
      const source = await session.reopen()
      const all = await session.takeAll()
      await source.settle(all.slice(1))
      await source.settle(all.slice(0, 1))
      await session.reopen()
      deepEqual(await session.takeAll(), [])
      await session.close()
    },
  },
  {
    name: 'a queue forgets each delivery by itself',
    kind: 'queue',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(8))
      const source = await session.reopen()
      const all = await session.takeAll()
      await source.settle(all.filter((delivery) => numberOf(delivery) !== 4))
      await session.reopen()
      deepEqual(sortedNumbers(await session.takeAll()), [4])
      await session.close()
    },
  },
  {
    name: 'a queue hands out again what was released, and not before its delay',
    kind: 'queue',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(3))
      const source = await session.reopen()
      const all = [...(await session.takeAll())].sort((a, b) => numberOf(a) - numberOf(b))
      await source.release(all.slice(0, 1), 3_600_000)
      await source.release(all.slice(1, 2), 0)
      deepEqual((await session.take(1)).map(numberOf), [2])
      deepEqual(await session.read(5), [])
      await session.close()
    },
  },
  {
    name: 'what a queue was still waiting to hand out again comes after a restart',
    kind: 'queue',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(2))
      const source = await session.reopen()
      const all = await session.takeAll()
      await source.release(all, 10)
      await session.reopen()
      deepEqual(sortedNumbers(await session.take(2)), [1, 2])
      await session.close()
    },
  },
]
