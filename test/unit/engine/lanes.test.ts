// A stream is a lane of its own: what is slow delays itself alone; calls at the same moment share commits.
import { expect, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { increasing } from '../../../src/core/numbering.ts'
import { aroundStore } from '../../../src/ports/around-store.ts'
import { event, events, EngineWorld, Gate, verdictsOf } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

const names = Array.from({ length: 40 }, (_, index) => `s${index}`)

test('one slow stream delays no other: the worker reads on and works on all of them (I6)', async () => {
  const world = new WorkerWorld()
  const handle = async (called: InturnEvent): Promise<void> => {
    await world.timers.sleep(called.stream === 'slow' ? 1_000 : 5)
    world.note(called)
  }
  const worker = world.worker({ handle }, { batch: 20, concurrency: 10 })
  const rounds = Array.from({ length: 10 }, (_, at) => at + 1)
  await world.source.push(rounds.flatMap((at) => ['slow', ...names].map((name) => event(name, at))))
  world.start(worker)
  await world.timers.advance(1_500)
  for (const name of names) {
    expect(world.calls.filter((call) => call.startsWith(`${name}:`))).toEqual(
      rounds.map((at) => `${name}:${at}`),
    )
  }
  expect(world.calls.filter((call) => call.startsWith('slow:'))).toEqual(['slow:1'])
  await world.timers.advance(10_000)
  expect(world.calls.filter((call) => call.startsWith('slow:'))).toHaveLength(10)
  expect(world.source.unsettled).toBe(0)
  await worker.stop()
})

test('what is done is settled while a slow handler of the same batch runs', async () => {
  const world = new WorkerWorld('queue')
  const gate = new Gate()
  const handle = async (called: InturnEvent): Promise<void> => {
    if (called.stream === 'slow') await gate.wait()
  }
  const worker = world.worker({ handle })
  await world.source.push([event('slow', 1), event('a', 1), event('b', 1)])
  world.start(worker)
  await world.timers.advance(1_000)
  expect(world.source.unsettled).toBe(1)
  gate.open()
  await world.timers.advance(1_000)
  expect(world.source.unsettled).toBe(0)
  await worker.stop()
})

test('no more handlers run side by side than may, whatever the batches and calls (I7)', async () => {
  const world = new EngineWorld()
  let [running, most] = [0, 0]
  const handle = async (): Promise<void> => {
    most = Math.max(most, ++running)
    await world.timers.sleep(10)
    running--
  }
  const processor = world.processor({ handle }, { batch: 5, concurrency: 7 })
  const calls = names.map((name) => processor.process(events(name, 1, 2)))
  await world.timers.advance(1_000)
  expect((await Promise.all(calls)).flatMap(verdictsOf)).toEqual(Array(80).fill('deliver'))
  expect(most).toBe(7)
})

test('no more is read than may be worked on, and it goes on when something is done (I7)', async () => {
  const world = new WorkerWorld()
  const gate = new Gate()
  const worker = world.worker({ handle: () => gate.wait() }, { batch: 5, lookAheadMax: 20 })
  await world.source.push(events('a', ...Array.from({ length: 60 }, (_, at) => at + 1)))
  world.start(worker)
  await world.timers.advance(3_000)
  const reads = world.sourceCalls.filter((call) => call === 'read').length
  await world.timers.advance(3_000)
  expect(world.sourceCalls.filter((call) => call === 'read')).toHaveLength(reads)
  expect(reads).toBeLessThanOrEqual(20 / 5 + 1)
  gate.open()
  await world.timers.advance(3_000)
  expect(world.source.unsettled).toBe(0)
  await worker.stop()
})

test('no more bytes are read than may be worked on, however few events they are (I7)', async () => {
  const world = new WorkerWorld()
  const gate = new Gate()
  const worker = world.worker({ handle: () => gate.wait() }, { batch: 5, lookAheadBytesMax: 20_000 })
  const numbers = Array.from({ length: 60 }, (_, at) => at + 1)
  await world.source.push(numbers.map((at) => JSON.stringify({ ...event('a', at), data: 'x'.repeat(1_000) })))
  world.start(worker)
  await world.timers.advance(3_000)
  expect(world.sourceCalls.filter((call) => call === 'read')).toHaveLength(20_000 / 5_000)
  gate.open()
  await world.timers.advance(3_000)
  expect(world.source.unsettled).toBe(0)
  await worker.stop()
})

test('calls at the same moment share their commits', async () => {
  const world = new EngineWorld()
  const methods: string[] = []
  const store = aroundStore(world.store(), (call, run) => {
    methods.push(call.method)
    return run()
  })
  const processor = world.processor({}, { store })
  await processor.process(events('first', 1))
  methods.length = 0
  await Promise.all(names.map((name) => processor.process(events(name, 1))))
  expect(methods.filter((method) => method === 'work')).toHaveLength(1)
  expect(methods.filter((method) => method === 'unit.commit')).toHaveLength(1)
})

test('a second full batch is claimed while the first is being claimed, and no third (I7)', async () => {
  const world = new EngineWorld()
  const gate = new Gate()
  let begun = 0
  const store = aroundStore(world.store(), async ({ method }, run) => {
    if (method === 'work') {
      begun++
      await gate.wait()
    }
    return run()
  })
  const processor = world.processor({}, { store, batch: 5 })
  const calls: Promise<unknown>[] = []
  const begunAfter = async (from: number, to: number): Promise<number> => {
    calls.push(...names.slice(from, to).map((name) => processor.process(events(name, 1))))
    await world.timers.advance(1)
    return begun
  }
  expect(await begunAfter(0, 5)).toBe(1)
  // Fewer than a batch wait for what comes besides.
  expect(await begunAfter(5, 8)).toBe(1)
  expect(await begunAfter(8, 10)).toBe(2)
  expect(await begunAfter(10, 40)).toBe(2)
  gate.open()
  await Promise.all(calls)
  expect(world.calls.toSorted()).toEqual(names.map((name) => `${name}:1`).toSorted())
})

test('what failed comes again in the order of reading, and nothing overtakes it (I1)', async () => {
  const world = new WorkerWorld()
  const plan = ({ method, nth }: { method: string; nth: number }) =>
    method === 'unit.commit' && nth % 3 === 1 && nth < 20 ? { fail: 'before' as const } : undefined
  const handle = async (called: InturnEvent): Promise<void> => {
    await world.timers.sleep(3)
    world.note(called)
  }
  const worker = world.worker({ handle, numbering: increasing() }, { batch: 2, store: world.store({ plan }) })
  const numbers = Array.from({ length: 30 }, (_, at) => at + 1)
  await world.source.push(numbers.flatMap((at) => [event('a', at), event('b', at)]))
  world.start(worker)
  await world.timers.advance(120_000)
  for (const name of ['a', 'b']) {
    const own = world.calls.filter((call) => call.startsWith(name))
    expect([...new Set(own)]).toEqual(numbers.map((at) => `${name}:${at}`))
  }
  expect(await world.deadLetters()).toEqual([])
  expect(world.source.unsettled).toBe(0)
  await worker.stop()
})
