// What comes in at the door: every message is an event or `invalid` with its reason, and none can stop the
// others.
import { describe, expect, it } from 'vitest'
import { contiguous, unordered } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { domain, EngineWorld, event, verdictsOf } from './engine-world.ts'

const good = event('good', 1)

async function processed(message: unknown, fields: Record<string, unknown> = {}, options = {}) {
  const world = new EngineWorld()
  const [result, other] = await world.processor(fields, options).process([message, good])
  expect(other?.verdict).toBe('deliver')
  return { world, result, letters: await world.deadLetters() }
}

const circle: Record<string, unknown> = event('a', 1)
circle['data'] = { circle }

function throwing(): never {
  throw new Error('by intent')
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

describe('I7: the reason of a fill', () => {
  it('is kept as far as 500 characters, with each range and in the state', async () => {
    const world = new EngineWorld()
    const reason = 'why '.repeat(100_000)
    const fills = [1, 5].map((from) => event('a', undefined, { fill: { from, to: from + 2, reason } }))
    await world.processor().process([event('a', 2), ...fills])
    const kept = `${reason.slice(0, 500)}...`
    expect((await world.ledger()).map((entry) => [entry.from, entry.reason])).toEqual([
      [1, kept],
      [3, kept],
    ])
    expect((await world.stream('a'))?.state.held).toMatchObject([{ kind: 'fill', reason: kept }])
  })
})

describe('digits behind a minus', () => {
  const sent = ['-2', -1, '0', '1', '-2'].map((sequence) => event('a', sequence))
  const fill = event('a', undefined, { fill: { from: '-1', to: '0', reason: 'burned' } })

  it.each([
    ['that is signed', contiguous({ start: -2, modulus: 4, wrapsTo: -2 })],
    ['that begins below zero', contiguous({ start: -2 })],
  ])('are numbers of a counter %s', async (_, numbering) => {
    const world = new EngineWorld()
    const isWrapping = numbering.modulus !== undefined
    await world.processor({ numbering }).process(sent)
    expect(world.calls).toEqual(['a:-2', 'a:-1', 'a:0', 'a:1', ...(isWrapping ? ['a:2'] : [])])
    const other = new EngineWorld()
    await other.processor({ numbering }).process([event('a', '-2'), fill, event('a', '1')])
    expect(other.calls).toEqual(['a:-2', 'a:1'])
  })

  it('are none of any other', async () => {
    const { result } = await processed(event('a', '-2'), { numbering: contiguous() })
    expect(result).toMatchObject({ verdict: 'invalid', detail: 'the sequence is not-an-integer' })
  })
})

describe('what cannot be an event is invalid, kept with its reason, and stops no other (I3)', () => {
  const cases: readonly (readonly [name: string, message: unknown, detail: string | RegExp])[] = [
    ['no JSON', '{"stream":', /cannot be decoded/],
    ['bytes that are no UTF-8', Uint8Array.of(0xff, 0xfe), /cannot be decoded/],
    ['a list', '[1]', /is a list: send each event of a batch by itself/],
    ['a list that is no text', [event('a', 1)], /is a list: send each event/],
    ['a text', '"a"', 'the message is no JSON object'],
    ['a number', 7, 'the message is no object'],
    ['null', null, 'the message is no object'],
    ['an unknown domain', event('a', 1, { domain: 'nobody' }), /unknown-domain/],
    ['a domain that is no text', event('a', 1, { domain: 7 }), /unknown-domain/],
    ['a domain named like a builtin', event('a', 1, { domain: 'constructor' }), /unknown-domain/],
    ['no stream', event('a', 1, { stream: undefined }), 'the event names no stream'],
    ['an empty stream', event('', 1), 'the event names no stream'],
    ['a stream with a lone surrogate', event('a\ud800', 1), /well-formed/],
    ['a stream that is too long', event('ä'.repeat(257), 1), /514 bytes, more than 512/],
    ['no sequence', event('a', undefined), 'the sequence is missing'],
    ['a sequence that is null', event('a', null), 'the sequence is missing'],
    ['a fraction', event('a', 1.5), 'the sequence is not-an-integer'],
    ['an unreadable epoch', event('a', 1, { epoch: null }), /the epoch is missing: it takes a whole number/],
    ['an epoch below 0', event('a', 1, { epoch: -1 }), /the epoch is below-zero: it takes .* from 0 on/],
    ['an epoch below 0 as digits', JSON.stringify(event('a', 1, { epoch: '-1' })), /the epoch is below-zero/],
    [
      'a fill below epoch 0',
      event('a', 1, { epoch: -1, fill: { from: 1, to: 2 } }),
      /the epoch is below-zero/,
    ],
    ['numbers that differ', { ...event('a', undefined), sequence_number: 1, aggregate_version: 2 }, /differ/],
    ['a fill without numbers', event('a', 1, { fill: { from: 1 } }), /fill takes whole numbers/],
    ['a circle', circle, /data\.circle\.data is in a circle/],
    ['a function for data', event('a', 1, { data: () => 1 }), /data is a function, which has no JSON/],
    [
      'data that throws',
      event('a', 1, { data: { toJSON: throwing } }),
      /data cannot be read: Error: by intent/,
    ],
    ['data that is nested too deep', event('a', 1, { data: nested(600) }), /nested deeper than 500/],
  ]
  it.each(cases)('%s', async (_name, message, detail) => {
    const { result, letters, world } = await processed(message, {})
    expect(result?.verdict).toBe('invalid')
    expect(result?.detail).toMatch(detail)
    expect(letters).toMatchObject([{ reason: 'invalid' }])
    expect(world.told('dead-letter')).toMatchObject([{ reason: 'invalid' }])
  })

  it('but text that is nested too deep has its number, and fails in its turn', async () => {
    const deep = (number: number): string =>
      JSON.stringify(event('a', number, { data: 'DEEP' })).replace(
        '"DEEP"',
        `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      )
    for (const given of [deep, (number: number) => Buffer.from(deep(number))]) {
      const world = new EngineWorld()
      const results = await world.processor().process([event('a', 1), given(2), event('a', 3)])
      expect(results).toMatchObject([
        { verdict: 'deliver' },
        { verdict: 'hold', reason: 'schema' },
        { verdict: 'hold' },
      ])
      const stored = await world.stream('a')
      expect(stored?.state.failing).toMatchObject({ sequence: 2, attempts: 0 })
      expect(stored?.state.failing?.error).toMatch(/^eventFrom: it cannot be read: .*nested deeper than 500/)
      expect(await world.deadLetters()).toEqual([])
    }
  })

  it('what a mapping makes of a text and nobody can keep has its number too', async () => {
    const world = new EngineWorld()
    const eventFrom = (message: Readonly<Record<string, unknown>>): object => ({
      ...message,
      data: Number.NaN,
    })
    const [result] = await world.processor({}, { eventFrom }).process([JSON.stringify(event('a', 1))])
    expect(result).toMatchObject({ verdict: 'hold', reason: 'schema' })
    const [asObject] = await world.processor({}, { eventFrom }).process([event('b', 1)])
    expect(asObject?.verdict).toBe('invalid')
  })

  it('different deep messages are different dead letters', async () => {
    const world = new EngineWorld()
    const deep = (last: number): string => `{"data":${'['.repeat(20_000)}${last}${']'.repeat(20_000)}}`
    await world.processor().process([deep(1), deep(2), deep(1)])
    expect(await world.deadLetters()).toHaveLength(2)
  })
})

describe('limits of an event (I7)', () => {
  it('text beyond 1 MiB is too large', async () => {
    const { letters } = await processed(JSON.stringify(event('a', 1, { data: 'x'.repeat(1024 * 1024) })))
    expect(letters).toMatchObject([{ reason: 'too-large' }])
  })

  it('an object beyond 1 MiB is too large', async () => {
    const { letters } = await processed(event('a', 1, { data: { text: ['x'.repeat(1024 * 1024)] } }))
    expect(letters).toMatchObject([{ reason: 'too-large', id: 'a-1' }])
  })

  it('just below the limit it is an event', async () => {
    const { result } = await processed(event('a', 1, { data: 'x'.repeat(1024 * 1024 - 200) }))
    expect(result?.verdict).toBe('deliver')
  })
})

describe('names that objects have by nature are names like any other', () => {
  it('in data', async () => {
    const world = new EngineWorld()
    const data = '{"__proto__":{"polluted":1},"constructor":2,"$bigint":"3"}'
    const message = (sequence: number): string =>
      `{"domain":"account","stream":"a","sequence":${sequence},"data":${data}}`
    const seen: string[] = []
    const processor = world.processor({
      handle: (called: { data: unknown }) => seen.push(JSON.stringify(called.data)),
    })
    await processor.process([message(2)])
    await processor.process([message(1)])
    expect(seen).toEqual([data, data])
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })
})

describe('finding the domain', () => {
  const handle = (): void => undefined
  const domains = {
    account: domain({ types: ['account.*'], handle }),
    chat: domain({ types: ['chat.said', 'a.b'], numbering: unordered(), handle }),
  }
  const found = async (message: unknown): Promise<string | undefined> => {
    const world = new EngineWorld()
    const [result] = await createProcessor(world.options({ domains })).process([message])
    return result?.verdict === 'invalid' ? result.detail : result?.stream
  }

  it('by name, by type, and not by a type that only looks alike', async () => {
    const typed = (type: unknown): unknown => ({ type, stream: 's', sequence: 1 })
    expect(await found({ domain: 'chat', stream: 's' })).toBe('chat/s')
    expect(await found(typed('account.opened'))).toBe('account/s')
    expect(await found(typed('account.two\nlines'))).toBe('account/s')
    expect(await found(typed('chat.said'))).toBe('chat/s')
    expect(await found(typed('aXb'))).toMatch(/unknown-domain/)
    expect(await found(typed(9n))).toMatch(/cannot be read|unknown-domain/)
    expect(await found(typed(undefined))).toMatch(/unknown-domain/)
  })

  it('a mapping that throws, or gives nothing, makes its messages invalid', async () => {
    const world = new EngineWorld()
    for (const eventFrom of [throwing, () => undefined] as const) {
      const results = await world.processor({}, { eventFrom: eventFrom as never }).process([{}, {}])
      expect(verdictsOf(results)).toEqual(['invalid', 'invalid'])
    }
  })
})
