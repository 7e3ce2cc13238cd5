// An event log as a source beyond the laws of all sources: what it remembers, what retention does to it, and
// a whole worker on it, with the log as its baseline and its healer (I3, I4).
import { beforeEach, describe, expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { createWorker } from '../../../src/engine/worker.ts'
import type { EventLog } from '../../../src/ports/event-log.ts'
import type { Checkpoint, Source } from '../../../src/ports/source.ts'
import { logBaseline, logHealer } from '../../../src/producer/log-healer.ts'
import { logSource } from '../../../src/producer/log-source.ts'
import type { LogDelivery } from '../../../src/producer/log-source.ts'
import { memoryEventLog, memoryStore } from '../../../src/stores/memory.ts'
import { aroundEventLog } from '../../../src/testing/around-event-log.ts'
import { ids, to } from '../../../src/testing/event-log-suite/samples.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'

let log: EventLog
const notes = new Map<string | undefined, string>()
const checkpoint: Checkpoint = {
  load: async (part) => notes.get(part),
  save: async (value, part) => void notes.set(part, value),
}
const onlyShard = 'shard 1 of 1'
const request = { max: 100, waitMs: 0, signal: new AbortController().signal }

beforeEach(() => {
  log = memoryEventLog()
  notes.clear()
})

async function placesOf(source: Source<LogDelivery>): Promise<number[]> {
  return (await source.read(request)).map(({ message }) => message.place)
}

/** Reads and settles so many events, as a worker that ends then. */
async function readAndSettle(count: number, options: Parameters<typeof logSource>[1] = {}): Promise<void> {
  const source = logSource(log, options)
  await source.open(checkpoint)
  await source.settle(await source.read({ ...request, max: count }))
  await source.close()
}

async function reopened(options: Parameters<typeof logSource>[1] = {}): Promise<Source<LogDelivery>> {
  const source = logSource(log, options)
  await source.open(checkpoint)
  return source
}

describe('what a log source remembers', () => {
  test('it goes on behind what was settled, and behind what it was not asked for', async () => {
    await log.appendAll([to('a', ids(3)), { ...to('b', ids(3)), domain: 'chat' }])
    await readAndSettle(3, { domains: ['account'] })
    const source = await reopened({ domains: ['account'] })
    expect(await source.isCaughtUp()).toBe(true)
    await log.append(to('a', ['e4']))
    expect(await placesOf(source)).toEqual([7])
  })

  test('with another filter it is another source, with a checkpoint of its own (I3)', () => {
    const filters = [{}, { domains: ['a'] }, { domains: ['a', 'b'] }, { types: ['a'] }, { types: ['a', 'b'] }]
    const names = filters.map((filter) => logSource(log, filter).name)
    expect(new Set(names).size).toBe(filters.length)
    expect(logSource(log, { domains: ['b', 'a'] }).name).toBe(names[2])
  })

  test('a note of another log, or of one that lost its end, is not believed (I4)', async () => {
    await log.append(to('a', ids(5)))
    await readAndSettle(4)
    log = memoryEventLog()
    await log.append(to('a', ids(5, 'other')))
    expect(await placesOf(await reopened())).toEqual([1, 2, 3, 4, 5])
    log = memoryEventLog()
    await log.append(to('a', ids(2)))
    expect(await placesOf(await reopened())).toEqual([1, 2])
    for (const wrong of ['{}', '{"through":-1,"event":{"place":1,"id":"e"}}']) {
      notes.set(onlyShard, wrong)
      expect(await placesOf(await reopened())).toEqual([1, 2])
    }
    notes.set(onlyShard, 'no json')
    await expect(reopened()).rejects.toMatchObject({ code: 'store-corrupt' })
  })
})

describe('what retention does to a log source', () => {
  test('retention at work while it is opened removes nothing that it needs', async () => {
    await log.append(to('a', ids(10)))
    await readAndSettle(6)
    const trimmedBehindIts: EventLog = aroundEventLog(log, async ({ method }, run) => {
      const result = await run()
      if (method === 'bounds') await log.trim({ before: 7 })
      return result
    })
    const source = logSource(trimmedBehindIts)
    await source.open(checkpoint)
    expect(await placesOf(source)).toEqual([7, 8, 9, 10])
  })

  test('while nothing comes that fits, its note moves on, so that it is not overtaken', async () => {
    const timers = new VirtualTimers()
    const options = { domains: ['account'], timers }
    await log.append(to('a', ['e1']))
    await readAndSettle(1, options)
    const chat = (id: string) => log.append({ ...to('b', [id]), domain: 'chat' })
    await chat('c1')
    // Nobody closes it: its process is killed. The second one has settled nothing itself.
    await (await reopened(options)).read(request)
    await chat('c2')
    await (await reopened(options)).read(request)
    await log.trim({ before: 4 })
    await log.append(to('a', ['e2']))
    expect(await placesOf(await reopened(options))).toEqual([4])
  })

  test('events that were removed in front of it are an error, never skipped (I3)', async () => {
    await log.append(to('a', ids(10)))
    await readAndSettle(4)
    await log.trim({ before: 5 })
    expect(await placesOf(await reopened())).toEqual([5, 6, 7, 8, 9, 10])
    const source = await reopened()
    await log.trim({ before: 7 })
    const removed = { code: 'below-retention', first: 7, retryable: false }
    await expect(source.read(request)).rejects.toMatchObject(removed)
    await expect(reopened()).rejects.toMatchObject(removed)
    notes.clear()
    await expect(reopened()).rejects.toMatchObject(removed)
  })

  test('one that starts at what is kept goes on there', async () => {
    await log.append(to('a', ids(10)))
    await log.trim({ before: 4 })
    const source = await reopened({ start: 'kept' })
    await log.trim({ before: 7 })
    expect(await source.isCaughtUp()).toBe(false)
    const read = await source.read(request)
    expect(read.map(({ message }) => message.place)).toEqual([7, 8, 9, 10])
    await source.settle(read)
    await source.close()
    expect(JSON.parse(notes.get(onlyShard) ?? '{}')).toEqual({ through: 10, event: { place: 10, id: 'e10' } })
  })
})

const told = (numbers: number[]) => ({
  numbering: contiguous(),
  effects: 'external' as const,
  handle: ({ sequence }: { sequence?: number | bigint }) => void numbers.push(Number(sequence)),
})

describe('a worker on a log', () => {
  test('handles every event in turn, and begins where retention has left a stream', async () => {
    await log.appendAll([to('a', ids(5)), to('b', ids(5))])
    await log.trim({ before: 8 })
    await log.append(to('a', ['e6', 'e7']))
    const numbers: number[] = []
    const domains = { account: { ...told(numbers), baseline: logBaseline(log, 'account') } }
    const source = logSource(log, { start: 'kept' })
    const worker = createWorker({ consumer: 'c', store: memoryStore(), source, domains })
    await worker.run({ until: 'caught-up' })
    expect(numbers).toEqual([3, 4, 5, 6, 7])
  })

  test('a stream of which nothing was removed has no baseline', async () => {
    await log.append(to('a', ids(2)))
    expect(await logBaseline(log, 'account')('a')).toBeUndefined()
    expect(await logBaseline(log, 'account')('unknown')).toBeUndefined()
    expect(await logBaseline(log, 'chat')('a')).toBeUndefined()
    await log.trim({ before: 2 })
    expect(await logBaseline(log, 'account')('a')).toBe(2)
  })
})

describe('a log as a healer', () => {
  const ask = (fields: { from: number | null; to: number; limit?: number; epoch?: number }) =>
    logHealer(log).heal({
      domain: 'account',
      stream: 'a',
      epoch: 0,
      limit: 100,
      signal: new AbortController().signal,
      ...fields,
    })
  const numbersOf = (messages: readonly unknown[]): unknown[] =>
    messages.map((message) => (message as { sequence: number }).sequence)

  test('brings the missing numbers, the lowest first, as far as they are kept', async () => {
    await log.append(to('a', ids(10)))
    expect(numbersOf(await ask({ from: 3, to: 5 }))).toEqual([3, 4, 5])
    expect(numbersOf(await ask({ from: 3, to: 9, limit: 2 }))).toEqual([3, 4])
    expect(numbersOf(await ask({ from: null, to: 2 }))).toEqual([1, 2])
    expect(numbersOf(await ask({ from: 9, to: 99 }))).toEqual([9, 10])
    expect(await ask({ from: 3, to: 5, epoch: 1 })).toEqual([])
    await log.trim({ before: 5 })
    expect(numbersOf(await ask({ from: 3, to: 6 }))).toEqual([5, 6])
    expect(await ask({ from: 2, to: 4 })).toEqual([])
  })

  test('an answer that is no longer wanted is cut short', async () => {
    await log.append(to('a', ids(10)))
    const controller = new AbortController()
    controller.abort()
    const request_ = { domain: 'account', stream: 'a', epoch: 0, from: 1, to: 9, limit: 9 }
    expect(await logHealer(log).heal({ ...request_, signal: controller.signal })).toEqual([])
  })
})
