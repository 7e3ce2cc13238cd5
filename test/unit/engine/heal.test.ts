// Gaps are healed: a healer is asked for what is missing, once at a time, so many times, and what it brings
// obeys the rules. I3, I7 and I8.
import { expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import { HealSearch } from '../../../src/ports/heal-search.ts'
import { event, events, path, verdictsOf } from './engine-world.ts'
import { HealWorld } from './heal-world.ts'

const numbersOf = (calls: readonly string[]): readonly string[] =>
  calls.map((call) => call.split(':')[1] ?? '')
const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

test('a gap at the head of an unknown stream is asked for after its time, and closes in order', async () => {
  const world = new HealWorld()
  world.has('a', 1, 2, 3, 4)
  const processor = world.processor(world.healed())
  await processor.process(events('a', 5))
  await processor.sweep()
  expect(world.asked).toEqual([])
  await world.pass(processor, 1)
  expect(world.asked).toMatchObject([
    { domain: 'account', stream: 'a', epoch: 0, from: 1, to: 4, limit: 500 },
  ])
  expect(numbersOf(world.calls)).toEqual(['1', '2', '3', '4', '5'])
  expect(world.told('healing')).toMatchObject([{ stream: path('a'), from: 1, to: 4, attempt: 1 }])
  expect(world.told('healed')).toMatchObject([{ stream: path('a'), attempt: 1, came: 4 }])
  expect((await world.stream('a'))?.due).toEqual({})
})

test('a partly healed gap is asked for again where it is open, as often as it may be (I7)', async () => {
  const world = new HealWorld()
  world.has('a', 1, 3)
  const processor = world.processor(world.healed({ attempts: 3, backoff: 0 }))
  await processor.process(events('a', 5))
  await world.pass(processor, 10)
  expect(world.ranges).toEqual(['a:1-4', 'a:4-4', 'a:2-2', 'a:4-4', 'a:2-2', 'a:4-4'])
  expect(world.calls).toEqual(['a:1'])
  expect((await world.stream('a'))?.state.held.map(({ clock }) => clock.heal?.attempts)).toEqual([3, 3])
  expect((await world.stream('a'))?.due).toEqual({})
})

test('two gaps in one stream are one job, and each has its own range', async () => {
  const world = new HealWorld()
  world.has('a', 1, 2, 4)
  const processor = world.processor(world.healed())
  await processor.process(events('a', 3, 5))
  await world.pass(processor, 1)
  expect(world.ranges).toEqual(['a:1-2', 'a:4-4'])
  expect(numbersOf(world.calls)).toEqual(['1', '2', '3', '4', '5'])
})

test('a healer that looks for events finds them by the fields that their domain names (I3)', async () => {
  const world = new HealWorld()
  const message = (sequence: number): unknown => ({ order_id: 'a', meta: { seq: sequence } })
  const mappings = new Set<unknown>()
  world.answer = (request) => {
    const search = new HealSearch<unknown>(request)
    mappings.add(request.eventFrom)
    for (const sequence of upTo(9)) {
      const record = { order_id: 'a', meta: { seq: sequence } }
      search.take(request.eventFrom?.(record) ?? {}, `${sequence}`, record)
    }
    return search.messages()
  }
  const fields = { stream: 'order_id', sequence: 'meta.seq' }
  const processor = world.processor({ ...world.healed(), fields })
  await processor.process([message(1), message(5)])
  await world.pass(processor, 1)
  await processor.process([message(8)])
  await world.pass(processor, 2)
  expect(numbersOf(world.calls)).toEqual(upTo(8).map(String))
  // What a healer has found by it, it may keep.
  expect(mappings.size).toBe(1)
})

test('a gap before a new epoch is asked for in that epoch', async () => {
  const world = new HealWorld()
  const processor = world.processor(world.healed())
  world.log.set('a', [event('a', 1, { epoch: 1 }), event('a', 2, { epoch: 1 })])
  await processor.process([...events('a', 1), event('a', 3, { epoch: 1 })])
  await world.pass(processor, 1)
  expect(world.asked).toMatchObject([{ epoch: 1, from: 1, to: 2 }])
  expect(numbersOf(world.calls)).toEqual(['1', '1', '2', '3'])
  expect((await world.stream('a'))?.state).toMatchObject({ epoch: 1, position: 3 })
})

test('a long gap is asked for in chunks, each above the one before', async () => {
  const world = new HealWorld()
  world.has('a', ...upTo(1_200))
  const processor = world.processor(world.healed({ chunk: 500 }))
  await processor.process(events('a', 1_201))
  await world.pass(processor, 1)
  expect(world.ranges).toEqual(['a:1-500', 'a:501-1000', 'a:1001-1200'])
  expect(world.calls).toHaveLength(1_201)
})

test('a healer that gives fewer than it is asked for is asked on, as long as something comes', async () => {
  const world = new HealWorld()
  world.has('a', ...upTo(7))
  world.answer = (request) => world.lookUp({ ...request, limit: 3 })
  const processor = world.processor(world.healed({ attempts: 1 }))
  await processor.process(events('a', 10))
  await world.pass(processor, 1)
  expect(world.ranges).toEqual(['a:1-9', 'a:4-9', 'a:7-9', 'a:8-9'])
  expect(world.told('healed')).toMatchObject([{ from: 1, to: 9, came: 7 }])
})

test('where nothing comes the steps double: a late part of a wide gap is soon found (I7)', async () => {
  const world = new HealWorld()
  world.has('a', ...upTo(100_000, 99_000))
  const processor = world.processor(world.healed({ attempts: 1 }))
  await processor.process(events('a', 100_001))
  await world.pass(processor, 1)
  expect(world.asked.length).toBeLessThan(14)
  const { held = [] } = (await world.stream('a'))?.state ?? {}
  expect(held.map(({ after, to }) => [after, to])).toEqual([
    [98_999, 99_998],
    [100_000, 100_001],
  ])
})

test('a linked gap is asked for from where its chain broke, and goes on above what came', async () => {
  const { linked } = await import('../../../src/core/numbering.ts')
  const world = new HealWorld()
  const chain = (sequence: number, previous: number | null): unknown => event('a', sequence, { previous })
  world.log.set('a', [chain(10, null), chain(20, 10), chain(30, 20), chain(40, 30)])
  const processor = world.processor({ ...world.healed({ chunk: 2 }), numbering: linked() })
  await processor.process([chain(50, 40)])
  await world.pass(processor, 1)
  expect(world.ranges).toEqual(['a:null-40', 'a:21-40', 'a:41-40'].slice(0, 2))
  expect(numbersOf(world.calls)).toEqual(['10', '20', '30', '40', '50'])
})

test('a wrapped counter is asked for round by round, with its numbers on the wire', async () => {
  const world = new HealWorld()
  world.answer = ({ wire }) =>
    wire === undefined
      ? []
      : upTo(wire.to, wire.from).map((sequence) => event('a', sequence, { id: undefined }))
  const processor = world.processor({ ...world.healed(), numbering: contiguous({ start: 0, modulus: 16 }) })
  const wireEvent = (sequence: number): unknown => event('a', sequence, { id: undefined })
  await processor.process(upTo(13, 0).map(wireEvent))
  await processor.process([wireEvent(2)])
  await world.pass(processor, 1)
  expect(world.asked.map(({ from, to, wire }) => [from, to, wire])).toEqual([
    [14, 15, { from: 14, to: 15 }],
    [16, 17, { from: 0, to: 1 }],
  ])
  expect((await world.stream('a'))?.state.position).toBe(18)
})

test('of a counter that wraps a healer brings nothing but what it was asked for (I1)', async () => {
  const world = new HealWorld()
  const numbering = contiguous({ start: 0, modulus: 16 })
  // Old copies from many turns ago, of another stream, of the same one, and of another epoch.
  world.answer = ({ wire }) => [
    event('b', 3),
    event('a', 15),
    event('a', 1, { epoch: 1 }),
    event('a', wire?.from),
  ]
  const processor = world.processor({ ...world.healed({ attempts: 2 }), numbering })
  for (const stream of ['a', 'b']) {
    for (let number = 0; number < 66; number++) await processor.process([event(stream, number % 16)])
  }
  world.calls.length = 0
  await processor.process([event('a', 3)])
  await world.pass(processor, 5)
  expect(world.calls).toEqual(['a:66', 'a:67'])
  expect(await world.deadLetters()).toEqual([])
  expect((await world.stream('b'))?.state).toMatchObject({ position: 65, heldCount: 0, seen: [] })
  expect(world.told('healed')).toMatchObject([{ came: 1 }])
})

test('a fill that a healer brings may begin in front of what it was asked for, in any turn', async () => {
  const world = new HealWorld()
  const numbering = contiguous({ start: 0, modulus: 16 })
  world.answer = () => [{ domain: 'account', stream: 'a', fill: { from: 14, to: 3 } }]
  const processor = world.processor({ ...world.healed(), numbering })
  for (let number = 0; number < 33; number++) await processor.process([event('a', number % 16)])
  await processor.process([event('a', 4)])
  await world.pass(processor, 2)
  expect(world.ranges).toEqual(['a:33-35'])
  expect((await world.stream('a'))?.state).toMatchObject({ position: 36, counts: { filled: 3 } })
})

test('a healer that throws, or gives no list, is told and counts as an empty answer', async () => {
  const world = new HealWorld()
  const answers: (() => unknown)[] = [
    () => {
      throw new Error('no route')
    },
    () => ({ events: [] }),
    () => Promise.reject(new Error('later')),
  ]
  world.answer = () => answers.shift()?.() ?? []
  const processor = world.processor(world.healed({ attempts: 4, backoff: 0 }))
  await processor.process(events('a', 2))
  await world.pass(processor, 8)
  expect(world.told('healed').map(({ came, error }) => [came, error?.message])).toEqual([
    [0, 'no route'],
    [0, 'log gave no list of messages'],
    [0, 'later'],
    [0, undefined],
  ])
})

test('a healer that hangs is given up on after its time, and its signal fires (I7)', async () => {
  const world = new HealWorld()
  world.answer = () => new Promise(() => undefined)
  const processor = world.processor(world.healed({ attempts: 1, timeout: '10s' }))
  await processor.process(events('a', 2))
  await world.timers.advance(1_000)
  const swept = processor.sweep()
  await world.timers.advance(9_999)
  expect(world.asked[0]?.signal.aborted).toBe(false)
  await world.timers.advance(1)
  await swept
  expect(world.asked[0]?.signal.aborted).toBe(true)
  expect(world.told('healed')).toMatchObject([
    { came: 0, error: { message: 'log took longer than 10000 ms' } },
  ])
})

test('what a healer brings beside what was asked obeys the rules like any arrival (I3)', async () => {
  const world = new HealWorld()
  world.answer = () => [
    event('b', 1),
    event('a', 900),
    event('a', 3),
    event('a', 2, { domain: 'nowhere' }),
    event('a', 3, { id: 'another' }),
    'no event at all',
  ]
  const processor = world.processor(world.healed({ attempts: 1 }))
  await processor.process(events('a', 3))
  await world.pass(processor, 1)
  expect(world.calls).toEqual(['b:1'])
  expect(world.told('healed')).toMatchObject([{ from: 1, to: 2, came: 0 }])
  expect((await world.deadLetters()).map(({ reason }) => reason).sort()).toEqual([
    'conflict',
    'invalid',
    'invalid',
  ])
  expect((await world.stream('a'))?.state.heldCount).toBe(2)
})

test('an answer far longer than was asked for is cut, and told (I7)', async () => {
  const world = new HealWorld()
  world.answer = () => upTo(100).map((sequence) => event('a', sequence))
  const processor = world.processor(world.healed({ chunk: 10, attempts: 1 }))
  await processor.process(events('a', 200))
  await world.pass(processor, 1)
  expect(world.told('healed')[0]?.error?.message).toBe('log gave 100 messages, asked for 10: 40 were taken')
  expect(world.told('batch').every(({ events: count }) => count <= 40)).toBe(true)
})

test('an event without a domain belongs to that of its type, or to the one that was asked for', async () => {
  const world = new HealWorld()
  const bare = (sequence: number, fields: object = {}): unknown =>
    event('a', sequence, { domain: undefined, ...fields })
  world.answer = () => [bare(1), bare(2, { type: 'chat.sent' })]
  const { createProcessor } = await import('../../../src/engine/processor.ts')
  const { domain } = await import('./engine-world.ts')
  const processor = createProcessor({
    ...world.options({
      domains: {
        account: domain({ handle: world.note, ...world.healed({ attempts: 1 }) }),
        chat: domain({ handle: () => world.calls.push('chat'), types: ['chat.*'] }),
      },
    }),
    sweep: 'manual',
  })
  await processor.process(events('a', 3))
  await world.pass(processor, 1)
  expect(world.calls).toEqual(['a:1'])
  expect((await world.stream('a'))?.state).toMatchObject({ position: 1, heldCount: 1 })
})

test('a gap that opens while a handler of its stream runs is healed once the handler has ended', async () => {
  const world = new HealWorld()
  const { Gate } = await import('./engine-world.ts')
  const gate = new Gate()
  const handle = async (called: { sequence?: unknown }): Promise<void> => {
    world.calls.push(String(called.sequence))
    if (called.sequence === 1) await gate.wait()
  }
  world.has('a', 2)
  const processor = world.processor({ ...world.healed(), handle })
  const first = processor.process(events('a', 1))
  await gate.reached
  const other = world.processor({ ...world.healed(), handle })
  expect(verdictsOf(await other.process(events('a', 3)))).toEqual(['handed-over'])
  await world.pass(processor, 3)
  expect(world.asked).toEqual([])
  gate.open()
  await first
  await world.pass(processor, 2)
  expect(world.calls).toEqual(['1', '2', '3'])
  expect(world.ranges).toEqual(['a:2-2'])
})

test('a stream that is halted or failing is healed too, so that its followers are there', async () => {
  const world = new HealWorld()
  world.has('a', 3)
  const handle = ({ sequence }: { sequence?: unknown }): void => {
    if (sequence === 1) throw new Error('never')
  }
  const processor = world.processor({ ...world.healed(), handle, failure: { attempts: 1, then: 'halt' } })
  await processor.process(events('a', 1, 2, 4))
  expect((await world.stream('a'))?.state.halt?.cause).toBe('failure')
  await world.pass(processor, 1)
  expect(world.ranges).toEqual(['a:3-3'])
  expect((await world.stream('a'))?.state).toMatchObject({ heldCount: 4, halt: { cause: 'failure' } })
})

test('with a store that is not durable a busy stream is tried again, then left for later', async () => {
  const world = new HealWorld()
  const { Gate } = await import('./engine-world.ts')
  const gate = new Gate()
  world.has('a', 2)
  const handle = async (called: { sequence?: unknown }): Promise<void> => {
    world.calls.push(String(called.sequence))
    if (called.sequence === 1) await gate.wait()
  }
  const options = { store: world.store({ durable: false }) }
  const processor = world.processor({ ...world.healed(), handle }, options)
  await processor.process(events('a', 3))
  const first = processor.process(events('a', 1))
  await gate.reached
  await world.timers.advance(1_000)
  const swept = processor.sweep()
  await world.timers.advance(1_000)
  gate.open()
  await first
  await world.timers.advance(10_000)
  await swept
  await world.pass(processor, 60)
  expect(world.calls).toEqual(['1', '2', '3'])
})
