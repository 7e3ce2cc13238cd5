// What a handler gets of an event's data is the same whether it was in turn or kept, and never other numbers
// than were sent without a word.
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { ExactNumber } from '../../../src/core/exact-number.ts'
import { unordered } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { domain, EngineWorld, event, verdictsOf } from './engine-world.ts'
import type { DomainShape } from './engine-world.ts'

const big = 9_007_199_254_740_993n
/** JSON of an event whose data has these texts for numbers. */
const text = (sequence: number, numbers: string): string =>
  `{"domain":"account","stream":"a","sequence":${sequence},"data":{"n":[${numbers}]}}`

/** What a handler gets of the same data in turn, held, and in the second attempt after it was kept. */
async function seenOf(
  message: (sequence: number) => unknown,
  fields: DomainShape = {},
): Promise<readonly InturnEvent[]> {
  const world = new EngineWorld()
  const seen: InturnEvent[] = []
  let failures = 1
  const handle = (called: InturnEvent): void => {
    if (called.sequence === 3 && failures-- > 0) throw new Error('once')
    seen.push(called)
  }
  const processor = world.processor({ handle, ...fields })
  await processor.process([message(1)])
  await processor.process([message(3)])
  await processor.process([message(2)])
  await world.timers.advance(60_000)
  await processor.sweep()
  expect(seen.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  return seen
}

describe('numbers that no JavaScript number holds', () => {
  const numbers = '9007199254740993,0.1000000000000000000001,1e400,-0,5'

  it('are rounded and told, the same in turn and kept', async () => {
    for (const { data, inexact } of await seenOf((sequence) => text(sequence, numbers))) {
      expect(data).toStrictEqual({ n: [9007199254740992, 0.1, Infinity, -0, 5] })
      expect(inexact).toEqual(['data.n[0]', 'data.n[1]', 'data.n[2]'])
    }
  })

  it('are exact with exactNumbers, the same in turn and kept', async () => {
    for (const called of await seenOf((sequence) => text(sequence, numbers), { exactNumbers: true })) {
      const n = [big, new ExactNumber('0.1000000000000000000001'), new ExactNumber('1e400'), -0, 5]
      expect(called.data).toStrictEqual({ n })
      expect(called).not.toHaveProperty('inexact')
    }
  })

  it('are told once for each domain, and not where nothing is rounded', async () => {
    const world = new EngineWorld()
    await world.processor().process([text(1, '1'), text(2, '1, 9007199254740993'), text(3, '1e400')])
    const news = { domain: 'account', stream: 'account/a', sequence: 2, place: 'data.n[1]' }
    expect(world.told('inexact')).toEqual([{ kind: 'inexact', ...news }])
    const exact = new EngineWorld()
    await exact.processor({ exactNumbers: true }).process([text(1, '9007199254740993')])
    expect(exact.told('inexact')).toEqual([])
  })

  it('tell events apart, in turn, held and in memory', async () => {
    const [one, other] = ['9007199254740993', '9007199254740992']
    for (const sequence of [1, 2]) {
      const world = new EngineWorld()
      const processor = world.processor()
      const results = await processor.process([
        text(sequence, one),
        text(sequence, other),
        text(sequence, one),
      ])
      const first = sequence === 1 ? 'deliver' : 'hold'
      expect(verdictsOf(results)).toEqual([first, 'conflict', 'duplicate'])
      expect(verdictsOf(await processor.process([text(sequence, one)]))).toEqual(['duplicate'])
      expect((await world.deadLetters())[0]?.payload).toHaveProperty('data.n', [new ExactNumber(other)])
    }
  })

  it('make idempotency keys of their own without tracking, one by one and in bulk', async () => {
    const keys: string[] = []
    const shape = { domain: 'account', stream: '', data: 1 }
    const message = (number: string): string => JSON.stringify(shape).replace('"data":1', `"data":${number}`)
    const handlers = [
      {
        handle: (_: InturnEvent, { idempotencyKey }: { idempotencyKey: string }) => keys.push(idempotencyKey),
      },
      {
        handleBatch: ([first]: InturnEvent[], context: { idempotencyKeyOf(event?: InturnEvent): string }) =>
          keys.push(context.idempotencyKeyOf(first)),
      },
    ]
    for (const own of handlers) {
      const domains = { account: domain({ numbering: unordered(), ...own }) }
      const processor = createProcessor(new EngineWorld().options({ domains }))
      await processor.process([message('9007199254740993'), message('9007199254740992')])
    }
    expect(new Set(keys).size).toBe(2)
    expect(keys).toHaveLength(4)
  })

  it('are for filters, schemas and results what they are for handlers', async () => {
    for (const [exactNumbers, number] of [
      [true, big],
      [false, 9007199254740992],
    ] as const) {
      const seen: unknown[] = []
      const validate = (value: unknown) => {
        seen.push(value)
        return { value }
      }
      const schema = { '~standard': { version: 1, vendor: 'test', validate } }
      const filter = ({ data }: InturnEvent): boolean => seen.push(data) > 0
      const world = new EngineWorld()
      const processor = world.processor({ exactNumbers, filter, schemas: { '*': schema } })
      await processor.process([text(2, '9007199254740993')])
      const [result] = await processor.process([text(1, '9007199254740993')])
      expect(result?.released.map(({ data }) => data)).toEqual([{ n: [number] }])
      for (const data of seen) expect(data).toEqual({ n: [number] })
      expect(seen.length).toBeGreaterThanOrEqual(4)
    }
  })

  it('take another form as soon as the domain says so, also in what is held', async () => {
    const world = new EngineWorld()
    await world.processor().process([text(2, '9007199254740993')])
    const seen: unknown[] = []
    const handle = ({ data }: InturnEvent): unknown => seen.push(data)
    await world.processor({ exactNumbers: true, handle }).process([text(1, '1')])
    expect(seen).toEqual([{ n: [1] }, { n: [big] }])
  })

  it('exactNumbers takes true or false', () => {
    expect(() => new EngineWorld().processor({ exactNumbers: 1 })).toThrow(/exactNumbers takes true or false/)
  })
})

describe('what came as an object', () => {
  it('is the same in turn and kept', async () => {
    const at = new Date(0)
    class Order {
      readonly total = -0
      readonly at = at
    }
    const data = { order: new Order(), bytes: Buffer.from('a'), not: undefined, list: [undefined, 5n] }
    const kept = {
      order: { total: -0, at: at.toJSON() },
      bytes: new Uint8Array([97]),
      list: [null, 5n],
    }
    for (const called of await seenOf((sequence) => event('a', sequence, { data }))) {
      expect(called.data).toStrictEqual(kept)
    }
  })

  it('is the same in turn and kept where a mapping of the user made it from text', async () => {
    const eventFrom = (message: Readonly<Record<string, unknown>>): object => ({
      ...message,
      data: { at: new Date(Number(message['ms'])), exact: message['exact'] },
    })
    const world = new EngineWorld()
    const seen: InturnEvent[] = []
    const handle = (called: InturnEvent): unknown => seen.push(called)
    const processor = world.processor({ handle, exactNumbers: true }, { eventFrom })
    const message = (sequence: number): string =>
      `{"domain":"account","stream":"a","sequence":${sequence},"ms":5,"exact":9007199254740993}`
    await processor.process([message(2)])
    await processor.process([message(1)])
    expect(seen.map(({ data }) => data)).toEqual([
      { at: '1970-01-01T00:00:00.005Z', exact: big },
      { at: '1970-01-01T00:00:00.005Z', exact: big },
    ])
  })

  it('is a copy: what a handler changes is not what was given', async () => {
    const given = { list: [1] }
    const handle = ({ data }: InturnEvent): unknown => (data as typeof given).list.push(2)
    await new EngineWorld().processor({ handle }).process([event('a', 1, { data: given })])
    expect(given).toEqual({ list: [1] })
  })
})

describe('what has no JSON is invalid in turn and out of it, and none fails the call (I3)', () => {
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  const hostile = Object.defineProperty({}, 'message', {
    enumerable: true,
    get: () => {
      throw Object.create(null)
    },
  })
  const data: Readonly<Record<string, () => unknown>> = {
    set: () => ({ of: new Set([1]) }),
    map: () => new Map(),
    error: () => new Error('x'),
    nan: () => [Number.NaN],
    revoked: () => ({ a: revoked }),
    hostile: () => hostile,
  }
  it.each(Object.keys(data))('%s', async (name) => {
    const world = new EngineWorld()
    const processor = world.processor({ handle: world.note })
    const bad = (sequence: number): unknown => event('a', sequence, { data: data[name]?.() })
    const results = await processor.process([event('b', 1), bad(1), bad(2), event('b', 2)])
    expect(verdictsOf(results)).toEqual(['deliver', 'invalid', 'invalid', 'deliver'])
    expect(results[1]?.detail).toMatch(/^the event cannot be kept: data\S* /)
    expect(results[1]?.detail).toBe(results[2]?.detail)
    const letters = await world.deadLetters()
    expect(letters).toMatchObject([
      { stream: 'account/a', sequence: 1, id: 'a-1' },
      { stream: 'account/a', sequence: 2, id: 'a-2' },
    ])
    for (const { payload } of letters) expect(payload).toMatch(/^\(no JSON\) /)
  })

  it('a message that is no object that can be looked at', async () => {
    for (const message of [revoked, hostile, () => 1, Symbol('x'), new Map(), Object.create(null)]) {
      const world = new EngineWorld()
      const results = await world.processor().process([event('b', 1), message, event('b', 2)])
      expect(verdictsOf(results)).toEqual(['deliver', 'invalid', 'deliver'])
      expect(await world.deadLetters()).toHaveLength(1)
    }
  })

  it('also in a domain without tracking, and in a fill', async () => {
    const world = new EngineWorld()
    const domains = { account: domain({}), chat: domain({ numbering: unordered(), handle: world.note }) }
    const processor = createProcessor(
      world.options({ domains: { ...domains, account: domain({ handle: world.note }) } }),
    )
    const fill = { from: 1, to: 1, reason: { at: new Map() } }
    const results = await processor.process([
      { domain: 'chat', id: 'x', data: new Set() },
      event('a', undefined, { fill }),
    ])
    expect(results.map(({ detail }) => detail)).toEqual([
      'the event cannot be kept: data is a Set, which has no JSON',
      'the event cannot be kept: fill.reason.at is a Map, which has no JSON',
    ])
  })

  it('what else the message has besides the event is no matter', async () => {
    const world = new EngineWorld()
    const message = event('a', 1, { ack: () => undefined, seen: new Map() })
    expect(verdictsOf(await world.processor().process([message]))).toEqual(['deliver'])
  })
})
