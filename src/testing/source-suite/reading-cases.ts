// The laws of reading a source: everything comes, whole, no more at once than was asked for, and a wait ends.
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import type { SourceCase } from './source-world.ts'
import { SourceSession, valueOf } from './source-world.ts'

const numbered = (count: number): unknown[] => Array.from({ length: count }, (_, index) => ({ n: index + 1 }))

const oddMessages: readonly unknown[] = [
  {},
  { text: 'line\nbreak, "quotes", tab\t and \u0000' },
  { text: 'žluťoučký kůň 🐎 \u2028 \ud83d' },
  { big: '9007199254740993', small: -0.5, none: null },
  { long: 'x'.repeat(300_000) },
  { 'key with . and /': [[[]]] },
]

/** The laws of reading. */
export const readingCases: readonly SourceCase[] = [
  {
    name: 'everything that was produced is delivered, once each while nothing is settled',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(700))
      await session.reopen()
      const values = (await session.takeAll()).map(valueOf)
      deepEqual(new Set(values.map((value) => JSON.stringify(value))).size, 700)
      equal(values.length, 700)
      await session.close()
    },
  },
  {
    name: 'deliveries come in the order in which they were produced',
    needs: 'ordered',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(700))
      await session.reopen()
      deepEqual((await session.takeAll()).map(valueOf), numbered(700))
      await session.close()
    },
  },
  {
    name: 'messages arrive as they were produced, whatever is in them',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(oddMessages)
      await session.reopen()
      const values = (await session.takeAll()).map((delivery) => JSON.stringify(valueOf(delivery)))
      deepEqual(new Set(values), new Set(oddMessages.map((message) => JSON.stringify(message))))
      await session.close()
    },
  },
  {
    name: 'a read brings at most as many as were asked for',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(10))
      await session.reopen()
      for (let left = 10; left > 0;) {
        const read = await session.read(3)
        ok(read.length <= 3)
        left -= read.length
      }
      await session.close()
    },
  },
  {
    name: 'a read of an empty source comes back empty once its wait is over',
    run: async (world) => {
      const session = new SourceSession(world)
      await session.reopen()
      deepEqual(await session.read(5), [])
      await session.close()
    },
  },
  {
    name: 'a read that waits ends when its signal fires, and before it begins if it has fired already',
    run: async (world) => {
      const session = new SourceSession(world)
      const source = await session.reopen()
      const controller = new AbortController()
      const reading = source.read({ max: 5, waitMs: 3_600_000, signal: controller.signal })
      controller.abort()
      deepEqual(await reading, [])
      deepEqual(await source.read({ max: 5, waitMs: 3_600_000, signal: controller.signal }), [])
      await session.close()
    },
  },
  {
    name: 'a read that waits brings what is produced meanwhile',
    needs: 'live',
    run: async (world) => {
      const session = new SourceSession(world)
      const source = await session.reopen()
      const { signal } = new AbortController()
      const reading = source.read({ max: 5, waitMs: 3_600_000, signal })
      await world.produce([{ n: 1 }])
      deepEqual((await reading).map(valueOf), [{ n: 1 }])
      await session.close()
    },
  },
  {
    name: 'a source is caught up when everything was read, and only then',
    run: async (world) => {
      const session = new SourceSession(world)
      const padding = 'x'.repeat(2_000)
      await world.produce(Array.from({ length: 300 }, (_, n) => ({ n, padding })))
      const source = await session.reopen()
      for (let count = 0; count < 300;) {
        equal(await source.isCaughtUp(), false, `after ${count} of 300`)
        count += (await session.read(50)).length
      }
      deepEqual(await session.read(50), [])
      equal(await source.isCaughtUp(), true)
      await session.close()
    },
  },
  {
    name: 'a source that was caught up is not when more is produced',
    needs: 'live',
    run: async (world) => {
      const session = new SourceSession(world)
      const source = await session.reopen()
      equal(await source.isCaughtUp(), true)
      await world.produce(numbered(2))
      equal(await source.isCaughtUp(), false)
      await session.takeAll()
      equal(await source.isCaughtUp(), true)
      await session.close()
    },
  },
  {
    name: 'a source that can tell how far it was read never tells more than there is, and all at the end',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(20))
      const source = await session.reopen()
      const start = await source.extent?.()
      if (start === undefined) return
      await session.read(5)
      const [early, rest] = [await source.extent?.(), await session.takeAll()]
      const end = await source.extent?.()
      ok(rest.length > 0 && early !== undefined && end !== undefined)
      ok(start.done <= early.done && early.done <= end.done && early.done <= early.total)
      deepEqual([end.done, end.unit], [end.total, start.unit])
      await session.close()
    },
  },
  {
    name: 'the source and each delivery say where they come from',
    run: async (world) => {
      const session = new SourceSession(world)
      await world.produce(numbered(3))
      const source = await session.reopen()
      notEqual(source.name, '')
      const origins = (await session.takeAll()).map(({ origin }) => origin)
      equal(new Set(origins).size, 3)
      await session.close()
    },
  },
]
