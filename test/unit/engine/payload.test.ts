// An event whose stream and number can be read takes its number, whatever it carries. If that is refused, by
// a schema, a filter or the mapping, the event fails in its turn: no handler is called, nothing is tried
// again by itself, and its domain's policy decides (I1, I3).
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { increasing, unordered } from '../../../src/core/numbering.ts'
import { letterReader } from '../../../src/engine/letter-reader.ts'
import { resume, retry, skip } from '../../../src/operate/operate-stream.ts'
import { retryDeadLetters } from '../../../src/operate/retry-dead-letters.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import type { SchemaResult, StandardSchema } from '../../../src/ports/standard-schema.ts'
import type { DomainShape } from './engine-world.ts'
import { consumer, domain, EngineWorld, event, path, sweepAll, verdictsOf } from './engine-world.ts'

type Answer = (data: unknown) => SchemaResult | Promise<SchemaResult>

/** A schema that a new one can take the place of. */
class Deployed {
  validate: Answer = sumIsNumber
  readonly schemas: Readonly<Record<string, StandardSchema>> = {
    '*': { '~standard': { version: 1, vendor: 'test', validate: (data) => this.validate(data) } },
  }
}

const takesAll: Answer = (value) => ({ value })
const sumIsNumber: Answer = (value) =>
  typeof (value as { readonly sum?: unknown }).sum === 'number'
    ? { value }
    : { issues: [{ message: 'is no number', path: ['sum'] }, { message: 'must balance' }] }

const good = (sequence: number): unknown => event('a', sequence, { data: { sum: sequence } })
const bad = (sequence: number): unknown => event('a', sequence, { data: { sum: 'much' } })
const refusal = 'schema: the data does not fit: sum: is no number; must balance'
const told = { name: 'schema', message: refusal.slice('schema: '.length) }

function payloadWorld(fields: DomainShape = {}) {
  const world = new EngineWorld()
  const deployed = new Deployed()
  const processor = world.processor({ schemas: deployed.schemas, ...fields })
  return { world, deployed, processor }
}

const deadLetter = { failure: { attempts: 3, then: 'dead-letter' } } as const
const operator = { by: 'ann', reason: 'a new schema', waitMs: 0 }

async function operated(world: EngineWorld) {
  const store = world.store()
  await store.open()
  return { store, consumer, domains: new Map(), timers: world.timers }
}

async function expectBalance(world: EngineWorld): Promise<void> {
  const view = { reader: world.memory.reader, consumer }
  expect((await verifyConsumer(view, new Map())).imbalances).toEqual([])
}

describe('data that does not fit its schema', () => {
  it('halts the stream in its turn, with the issues, and no handler is called or attempt made', async () => {
    const { world, processor } = payloadWorld()
    const results = await processor.process([good(1), bad(2), good(3)])
    expect(verdictsOf(results)).toEqual(['deliver', 'hold', 'hold'])
    expect(results[1]).toMatchObject({ reason: 'schema', error: told })
    expect((await world.stream('a'))?.state).toMatchObject({
      position: 1,
      heldCount: 2,
      halt: { cause: 'schema', reason: refusal },
      failing: { sequence: 2, attempts: 0, error: refusal },
    })
    await world.timers.advance(600_000)
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1'])
    expect(world.told('failed')).toMatchObject([
      { sequence: 2, attempts: 0, reason: 'schema', then: 'halt', error: told },
    ])
    await expectBalance(world)
  })

  it('becomes a dead letter `schema` in its turn, its number removed, and what follows goes on', async () => {
    const { world, processor } = payloadWorld(deadLetter)
    expect(verdictsOf(await processor.process([bad(2), good(3)]))).toEqual(['hold', 'hold'])
    expect(await world.deadLetters()).toEqual([])
    await processor.process([good(1), bad(4), bad(5), good(6)])
    expect(world.calls).toEqual(['a:1', 'a:3', 'a:6'])
    expect((await world.deadLetters()).map(({ sequence }) => sequence)).toEqual([2, 4, 5])
    expect((await world.deadLetters())[0]).toMatchObject({
      reason: 'schema',
      detail: refusal,
      attempts: 0,
      payload: { data: { sum: 'much' } },
    })
    expect((await world.stream('a'))?.state.counts).toMatchObject({ delivered: 3, removed: 3 })
    await expectBalance(world)
  })

  it('an event that has a turn only since others were taken out is taken out in its place', async () => {
    const { world, processor } = payloadWorld({ ...deadLetter, numbering: increasing() })
    await processor.process([good(1), bad(2), good(6), bad(9), bad(4), good(10)])
    expect(world.calls).toEqual(['a:1', 'a:6', 'a:10'])
    expect((await world.deadLetters()).map(({ sequence, reason }) => [sequence, reason])).toEqual([
      [2, 'schema'],
      [4, 'schema'],
      [9, 'schema'],
    ])
    await expectBalance(world)
  })

  it('a copy of it is a duplicate, and another event with its number a conflict', async () => {
    const { processor } = payloadWorld()
    const rival = event('a', 2, { id: 'rival', data: { sum: 2 } })
    expect(verdictsOf(await processor.process([good(1), bad(2), bad(2), rival]))).toEqual([
      'deliver',
      'hold',
      'duplicate',
      'conflict',
    ])
  })

  it('is checked by the schema of its turn, not of its arrival', async () => {
    const { world, deployed, processor } = payloadWorld()
    await processor.process([bad(2), event('a', 3, { data: {} })])
    deployed.validate = (value) =>
      'sum' in (value as object) ? { value } : { issues: [{ message: 'no sum' }] }
    await processor.process([good(1)])
    expect(world.calls).toEqual(['a:1', 'a:2'])
    expect((await world.stream('a'))?.state.halt).toMatchObject({ cause: 'schema' })
  })

  it.each([
    ['throws', () => reject(), /^schema: it cannot be asked: Error: no$/],
    ['rejects', () => Promise.resolve().then(reject), /^schema: it cannot be asked: Error: no$/],
    ['gives nothing', () => undefined, /^schema: it cannot be asked: .*no result/],
    ['gives a promise of nothing', () => Promise.resolve(), /^schema: it cannot be asked: .*no result/],
    [
      'gives issues later',
      () => Promise.resolve({ issues: [{ message: 'x' }] }),
      /the data does not fit: x$/,
    ],
    ['gives too many', () => ({ issues: 'abcdefg'.split('').map(text) }), /fit: a; b; c; d; e; and 2 more$/],
    ['gives issues that are none', () => ({ issues: [undefined] }), /^schema: it cannot be asked: TypeError/],
  ])('a schema that %s refuses its event, and stops no other stream', async (_how, validate, error) => {
    const { world, deployed, processor } = payloadWorld()
    deployed.validate = (data) => (data === 'b' ? { value: data } : (validate as Answer)(data))
    const results = await processor.process([good(1), event('b', 1, { data: 'b' })])
    expect(String(results[0]?.error)).toMatch(error)
    expect((await world.stream('a'))?.state.halt?.cause).toBe('schema')
    expect(world.calls).toEqual(['b:1'])
  })

  it('a schema that never answers refuses its event when the time of the domain is over', async () => {
    const { world, deployed, processor } = payloadWorld({ timeout: '5s' })
    deployed.validate = () => new Promise(() => undefined)
    const processing = processor.process([good(1)])
    await world.timers.advance(5_000)
    expect((await processing)[0]?.error?.message).toMatch(/took longer than 5000 ms/)
    expect((await world.stream('a'))?.state.halt?.cause).toBe('schema')
  })

  it('types that an object has by inheritance have no schema', async () => {
    const { world, processor } = payloadWorld({ schemas: {} })
    await processor.process([event('a', 1, { type: 'constructor' })])
    expect(world.calls).toEqual(['a:1'])
  })

  it('a batch handler gets what fits, in one call', async () => {
    const calls: unknown[] = []
    const handleBatch = (events: readonly InturnEvent[]): void => {
      calls.push(events.map(({ sequence }) => sequence))
    }
    const batch = [good(1), good(2), bad(3), good(4), bad(5)]
    await payloadWorld({ handle: undefined, handleBatch, ...deadLetter }).processor.process(batch)
    await payloadWorld({ handle: undefined, handleBatch }).processor.process(batch)
    expect(calls).toEqual([
      [1, 2, 4],
      [1, 2],
    ])
  })

  it('behind what is taken out a handler that fails stops the stream where it is', async () => {
    const { world, processor } = payloadWorld({
      ...deadLetter,
      handle: ({ sequence }: InturnEvent) => {
        if (sequence === 3) throw new Error('no money')
      },
    })
    await processor.process([bad(1), good(2), good(3), bad(4), good(5)])
    expect((await world.stream('a'))?.state).toMatchObject({
      position: 2,
      failing: { sequence: 3, attempts: 1 },
    })
    expect((await world.deadLetters()).map(({ sequence }) => sequence)).toEqual([1])
    for (let attempt = 0; attempt < 3; attempt++) {
      await world.timers.advance(60_000)
      await sweepAll(processor)
    }
    expect((await world.deadLetters()).map(({ sequence, reason }) => [sequence, reason])).toEqual([
      [1, 'schema'],
      [3, 'failed'],
      [4, 'schema'],
    ])
    expect((await world.stream('a'))?.state.position).toBe(5)
    await expectBalance(world)
  })

  it('with a handler that fails in front, the refused event waits for its turn', async () => {
    let fails = true
    const { world, processor } = payloadWorld({
      handle: ({ sequence }: InturnEvent) => {
        if (fails && sequence === 1) throw new Error('no money')
      },
    })
    await processor.process([good(1), bad(2)])
    expect((await world.stream('a'))?.state).toMatchObject({ halt: undefined, failing: { sequence: 1 } })
    fails = false
    await world.timers.advance(60_000)
    await sweepAll(processor)
    expect((await world.stream('a'))?.state).toMatchObject({ position: 1, halt: { cause: 'schema' } })
  })

  it('in whatever order events come, what fits is handled in order and all else is removed', async () => {
    const isBad = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 })
    const order = fc.array(fc.nat(), { minLength: 24, maxLength: 24 })
    await fc.assert(
      fc.asyncProperty(isBad, order, fc.integer({ min: 1, max: 5 }), async (bads, ranks, size) => {
        const { world, processor } = payloadWorld(deadLetter)
        const numbers = bads.map((_, at) => at + 1)
        const copies = [...numbers, ...numbers].map((number, at) => ({ number, rank: ranks[at] ?? 0 }))
        const shuffled = copies.sort((a, b) => a.rank - b.rank).map(({ number }) => number)
        for (let at = 0; at < shuffled.length; at += size) {
          const part = shuffled.slice(at, at + size)
          await processor.process(part.map((number) => (bads[number - 1] === true ? bad : good)(number)))
        }
        const fits = numbers.filter((number) => bads[number - 1] === false)
        expect(world.calls).toEqual(fits.map((number) => `a:${number}`))
        const letters = await world.deadLetters()
        expect(letters.map(({ sequence, reason }) => `${reason} ${String(sequence)}`)).toEqual(
          numbers.filter((number) => bads[number - 1] === true).map((number) => `schema ${number}`),
        )
        await expectBalance(world)
      }),
      { numRuns: 60 },
    )
  })
})

describe('the ways on', () => {
  it('`retry` of a halted head checks it again, and again refuses it while nothing has changed', async () => {
    const { world, deployed, processor } = payloadWorld()
    await processor.process([good(1), bad(2), good(3)])
    const target = await operated(world)
    await retry(target, { ...operator, stream: path('a') })
    await sweepAll(processor)
    expect((await world.stream('a'))?.state.halt).toMatchObject({ cause: 'schema' })
    deployed.validate = takesAll
    await retry(target, { ...operator, stream: path('a') })
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3'])
    await expectBalance(world)
  })

  it('`resume` checks it once more, `skip` takes it out', async () => {
    const { world, deployed, processor } = payloadWorld()
    await processor.process([good(1), bad(2), bad(3), good(4)])
    const target = await operated(world)
    await skip(target, { ...operator, stream: path('a') })
    await sweepAll(processor)
    expect((await world.stream('a'))?.state).toMatchObject({ position: 2, halt: { cause: 'schema' } })
    deployed.validate = takesAll
    await resume(target, { ...operator, stream: path('a') })
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1', 'a:3', 'a:4'])
    expect(await world.deadLetters()).toMatchObject([{ reason: 'skipped', sequence: 2 }])
    await expectBalance(world)
  })

  it('`dead retry` keeps it while it is refused, and has it handled by a schema that takes it', async () => {
    const { world, deployed, processor } = payloadWorld(deadLetter)
    await processor.process([good(1), bad(2), good(3)])
    const target = await operated(world)
    await retryDeadLetters(target, { ...operator, only: 'schema' })
    await sweepAll(processor)
    expect(await world.deadLetters()).toMatchObject([{ reason: 'schema', detail: refusal }])
    deployed.validate = takesAll
    await retryDeadLetters(target, { ...operator, only: 'schema' })
    await sweepAll(processor)
    expect(await world.deadLetters()).toEqual([])
    expect(world.calls).toEqual(['a:1', 'a:3', 'a:2'])
    await expectBalance(world)
  })
})

describe('a filter that throws', () => {
  it('refuses its event: nothing is tried again by itself', async () => {
    const filter = ({ sequence }: InturnEvent): boolean => sequence !== 2 || reject()
    const { world, processor } = payloadWorld({ filter })
    const results = await processor.process([good(1), good(2), good(3)])
    expect(results[1]).toMatchObject({
      verdict: 'hold',
      reason: 'schema',
      error: { name: 'filter', message: 'it threw Error: no', cause: { message: 'no' } },
    })
    await world.timers.advance(600_000)
    await sweepAll(processor)
    expect(world.calls).toEqual(['a:1'])
    expect((await world.stream('a'))?.state).toMatchObject({
      halt: { cause: 'schema' },
      failing: { attempts: 0 },
    })
  })

  it('gets only data that fits', async () => {
    const seen: unknown[] = []
    const filter = ({ data }: InturnEvent): boolean => seen.push(data) > 0
    const { processor } = payloadWorld({ filter, ...deadLetter })
    await processor.process([good(1), bad(2), good(3)])
    expect(seen).toEqual([{ sum: 1 }, { sum: 3 }])
  })
})

describe('a mapping of which a part throws', () => {
  /** `eventFrom` that reads `body` as JSON, lazily; and one that reads it as text. */
  const jsonBody = (message: Readonly<Record<string, unknown>>) => ({
    ...message,
    get data(): unknown {
      const body: unknown = JSON.parse(String(message['body']))
      return body
    },
  })
  const textBody = (message: Readonly<Record<string, unknown>>) => ({ ...message, data: message['body'] })
  const come = (sequence: number, body = 'torn'): unknown => event('a', sequence, { body, data: undefined })

  function mappedWorld(fields: DomainShape = {}) {
    const world = new EngineWorld()
    const bodies: unknown[] = []
    const shape = {
      handle: ({ sequence, data }: InturnEvent) => void bodies.push([sequence, data]),
      ...fields,
    }
    const mapped = (eventFrom: typeof jsonBody | typeof textBody) => world.processor(shape, { eventFrom })
    return { world, bodies, shape, before: mapped(jsonBody), after: mapped(textBody) }
  }

  it('leaves its event the number; it halts in its turn, and is read again by a new mapping', async () => {
    const { world, bodies, before, after } = mappedWorld()
    const results = await before.process([come(2), come(1, '"one"'), JSON.stringify(come(3))])
    expect(verdictsOf(results)).toEqual(['hold', 'deliver', 'hold'])
    expect((await world.stream('a'))?.state).toMatchObject({ position: 1, halt: { cause: 'schema' } })
    expect((await world.stream('a'))?.state.failing?.error).toMatch(
      /^eventFrom: it cannot be read: SyntaxError/,
    )
    await retry(await operated(world), { ...operator, stream: path('a') })
    await sweepAll(after)
    expect(bodies).toEqual([
      [1, 'one'],
      [2, 'torn'],
      [3, 'torn'],
    ])
    await expectBalance(world)
  })

  it('a dead letter of it is read again when it is tried again', async () => {
    const { world, bodies, before, after } = mappedWorld(deadLetter)
    await before.process([come(1), come(2, '2')])
    const target = await operated(world)
    await retryDeadLetters(target, { ...operator, only: 'schema' })
    await sweepAll(before)
    expect(await world.deadLetters()).toMatchObject([{ reason: 'schema', sequence: 1 }])
    await retryDeadLetters(target, { ...operator, only: 'schema' })
    await sweepAll(after)
    expect(bodies).toEqual([
      [2, 2],
      [1, 'torn'],
    ])
  })

  it('what was handed over is read again by whoever decides it', async () => {
    const { world, bodies, after } = mappedWorld()
    const store = world.store()
    await store.open()
    const problem = 'it cannot be read'
    const arrival = { domain: 'account', stream: 'a', epoch: 0, sequence: 1, data: come(1), problem }
    await store.handOver(consumer, [{ stream: path('a'), arrival }])
    await sweepAll(after)
    expect(bodies).toEqual([[1, 'torn']])
  })

  it('one that never got into its stream is read again too, and stays refused if it still is', async () => {
    const { world, bodies, shape, before, after } = mappedWorld({ spanMax: 10, ...deadLetter })
    await before.process([come(1, '1'), come(100)])
    expect(await world.deadLetters()).toMatchObject([{ reason: 'implausible' }])
    const target = await operated(world)
    const domains = { account: domain({ ...shape, spanMax: 1_000 }) }
    const read = letterReader({ domains, eventFrom: jsonBody })
    await retryDeadLetters(target, { ...operator, only: 'implausible', read })
    const wide = world.processor({ ...shape, spanMax: 1_000 }, { eventFrom: jsonBody })
    await wide.process(Array.from({ length: 98 }, (_, at) => come(at + 2, '0')))
    await sweepAll(wide)
    expect(await world.deadLetters()).toMatchObject([{ reason: 'schema', sequence: 100 }])
    await retryDeadLetters(target, { ...operator, only: 'schema' })
    await sweepAll(after)
    expect(bodies.at(-1)).toEqual([100, 'torn'])
  })

  it.each(['id', 'type', 'time'])('%s is a part like any other, and the others stay known', async (part) => {
    const eventFrom = (message: Readonly<Record<string, unknown>>) =>
      Object.defineProperty({ ...message, type: 't', time: 'now' }, part, { get: reject })
    const { world } = mappedWorld()
    const [result] = await world.processor({}, { eventFrom }).process([event('a', 1, { id: 'e1' })])
    expect(result).toMatchObject({ verdict: 'hold', reason: 'schema', sequence: 1 })
    const [held] = await world.memory.reader.held(consumer, { limit: 1 })
    const known = Object.entries({ id: 'e1', type: 't', time: 'now' }).filter(([name]) => name !== part)
    expect(held?.event).toMatchObject({ ...Object.fromEntries(known), data: event('a', 1, { id: 'e1' }) })
    expect(held?.event).not.toHaveProperty(part)
  })

  it('where the stream or the number throws, or the whole mapping, the message is invalid', async () => {
    const world = new EngineWorld()
    for (const part of ['stream', 'sequence', 'epoch', 'domain', 'fill']) {
      const eventFrom = (message: Readonly<Record<string, unknown>>) =>
        Object.defineProperty({ ...message }, part, { get: reject })
      const [result] = await world.processor({}, { eventFrom }).process([event('a', 1)])
      expect(result?.verdict).toBe('invalid')
    }
    const [result] = await world.processor({}, { eventFrom: () => reject() }).process([event('a', 1)])
    expect(result?.verdict).toBe('invalid')
  })

  it('bytes of a CloudEvent that are no base64 leave it the number', async () => {
    const { world, processor } = payloadWorld({ schemas: {} })
    const spoilt = { domain: 'account', partitionkey: 'a', sequence: 1, id: 'e', data_base64: '*' }
    expect(await processor.process([spoilt])).toMatchObject([{ verdict: 'hold', reason: 'schema' }])
    expect(await processor.process([JSON.stringify({ ...spoilt, sequence: 2 })])).toMatchObject([
      { verdict: 'hold' },
    ])
    expect((await world.stream('a'))?.state.failing?.error).toMatch(/^eventFrom: it cannot be read/)
  })
})

describe('without tracking', () => {
  const loose = (id: string, sum: unknown): unknown => ({ domain: 'account', id, data: { sum } })

  it('what is refused is a dead letter at once, as an event without an order fails', async () => {
    const numbering = unordered({ idWindow: {} })
    const { world, deployed, processor } = payloadWorld({ numbering })
    const results = await processor.process([loose('x', 1), loose('y', 'much'), loose('y', 'much')])
    expect(results[1]).toMatchObject({ verdict: 'deliver', reason: 'schema', error: told })
    expect(verdictsOf(results)).toEqual(['deliver', 'deliver', 'duplicate'])
    expect(await world.deadLetters()).toMatchObject([{ reason: 'schema', id: 'y', attempts: 0 }])
    expect(world.calls).toHaveLength(1)
    expect(world.told('failed')).toMatchObject([{ attempts: 0, reason: 'schema', then: 'dead-letter' }])
    deployed.validate = takesAll
    await retryDeadLetters(await operated(world), { ...operator, only: 'schema' })
    await sweepAll(processor)
    expect(await world.deadLetters()).toEqual([])
    expect(world.calls).toHaveLength(2)
  })

  it('a filter that throws, or a part that cannot be read, is the same', async () => {
    const { world, processor } = payloadWorld({ numbering: unordered(), filter: reject })
    await processor.process([loose('x', 1), { domain: 'account', id: 'y', data_base64: '*' }])
    expect((await world.deadLetters()).map(({ reason, detail }) => `${reason} ${detail}`)).toEqual([
      'schema filter: it threw Error: no',
      expect.stringMatching(/^schema eventFrom: it cannot be read/),
    ])
  })
})

function reject(): never {
  throw new Error('no')
}

function text(message: string): { readonly message: string } {
  return { message }
}
