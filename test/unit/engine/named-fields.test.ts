// A domain names the fields of its messages; what it does not name is looked for, and what may be meant in
// two ways is refused rather than guessed (I3).
import { describe, expect, it, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { unordered } from '../../../src/core/numbering.ts'
import type { DomainShape } from './engine-world.ts'
import { domain, EngineWorld, verdictsOf } from './engine-world.ts'

function fieldsWorld(fields: DomainShape = {}) {
  const world = new EngineWorld()
  const seen: InturnEvent[] = []
  const processor = world.processor({ handle: (event: InturnEvent) => void seen.push(event), ...fields })
  return { world, seen, processor }
}

const reason = "name the field in its domain, fields: { stream: 'order_id' }"

describe('a domain that names its fields', () => {
  it('counts by them: orders of one user are streams of their own', async () => {
    const { seen, processor } = fieldsWorld({ fields: { stream: 'order_id', sequence: 'seq' } })
    const message = (order: string, seq: number): unknown => ({ order_id: order, user_id: 'u', seq })
    const results = await processor.process([message('o1', 1), message('o2', 1), message('o1', 2)])
    expect(verdictsOf(results)).toEqual(['deliver', 'deliver', 'deliver'])
    const streams = Map.groupBy(seen, ({ stream }) => stream)
    expect(streams.get('o1')).toMatchObject([{ sequence: 1 }, { sequence: 2 }])
    expect(streams.get('o2')).toMatchObject([{ sequence: 1 }])
  })

  it.each([
    ['an object', { order: { id: 'o1' }, meta: { n: '7' } }],
    ['text', JSON.stringify({ order: { id: 'o1' }, meta: { n: '7' } })],
    ['a key with dots', { 'order.id': 'o1', meta: { n: 7 } }],
  ])('finds them where they lie deeper, in %s', async (_how, message) => {
    const { seen, processor } = fieldsWorld({
      numbering: { kind: 'increasing' },
      fields: { stream: 'order.id', sequence: 'meta.n', id: 'meta.n' },
    })
    await processor.process([message])
    expect(seen).toMatchObject([{ stream: 'o1', sequence: 7, id: '7' }])
  })

  it('names id, type, time, epoch and data too, and the rest is read as ever', async () => {
    const fields = { id: 'key', type: 'kind', time: 'at', epoch: 'run', data: 'body' }
    const { seen, processor } = fieldsWorld({ fields })
    const message = {
      stream: 'a',
      sequence: 1,
      key: 'k',
      kind: 'opened',
      at: 'today',
      run: 3,
      body: { x: 1 },
    }
    await processor.process([message])
    const read = { stream: 'a', sequence: 1, id: 'k', type: 'opened', time: 'today', epoch: 3 }
    expect(seen).toMatchObject([{ ...read, data: { x: 1 } }])
  })

  it('takes null in a CloudEvent for unset; elsewhere it is what it says', async () => {
    const fields = { epoch: 'boot', time: 'madeat', data: 'body' }
    const { seen, processor } = fieldsWorld({ fields })
    const nothing = { boot: null, madeat: null, body: null }
    const results = await processor.process([
      { specversion: '1.0', partitionkey: 'a', sequence: 1, ...nothing },
      { stream: 'a', sequence: 2, ...nothing },
    ])
    expect(verdictsOf(results)).toEqual(['deliver', 'invalid'])
    expect(seen).toMatchObject([{ epoch: 0, data: null }])
  })

  it('says which number counts where two differ', async () => {
    const { seen, processor } = fieldsWorld({ fields: { sequence: 'aggregate_version' } })
    await processor.process([{ stream: 'a', sequence_number: 70, aggregate_version: 1 }])
    expect(seen).toMatchObject([{ sequence: 1 }])
  })

  it('is told what its messages lack', async () => {
    const { processor } = fieldsWorld({ fields: { stream: 'order.id' } })
    const [result] = await processor.process([{ user_id: 'u', sequence: 1 }])
    expect(result).toMatchObject({
      verdict: 'invalid',
      detail: 'the event names no stream: it has no order.id',
    })
  })

  it.each([
    [
      { stream: '' },
      "domains.account.fields.stream takes the name of a field of the messages, like 'order_id'",
    ],
    [{ stream: 7 }, 'not 7'],
    [{ key: 'a' }, 'domains.account.fields.key is no option; there are stream, sequence'],
  ])('refuses %j', (fields, message) => {
    expect(() => fieldsWorld({ fields })).toThrow(message)
  })
})

describe('without named fields', () => {
  it('an event without a stream is told what was looked for', async () => {
    const { processor } = fieldsWorld()
    const [result] = await processor.process([{ order_no: 'o1', sequence: 1 }])
    const names = 'stream, partitionkey, aggregate_id, user_id, subject'
    const advice = "name it in its domain, fields: { stream: 'order_id' }"
    expect(result?.detail).toBe(`the event names no stream: it has none of ${names}; ${advice}`)
  })

  it.each([
    { order_id: 'o1', user_id: 'u', sequence: 1 },
    { orderId: 'o1', user_id: 'u', sequence: 1 },
    { order_id: 'o1', user_id: 'u', sequence_number: 1, event_type: 'order.placed' },
    { order_id: 'o1', user_id: 'u', sequence_number: 1, event_type: 'orders-placed' },
  ])('what may count by the user or by something else is refused with advice: %j', async (message) => {
    const { seen, processor } = fieldsWorld()
    const [result] = await processor.process([message])
    expect(result?.verdict).toBe('invalid')
    expect(result?.detail).toContain('its number may count by user_id or by order')
    expect(result?.detail).toContain(
      reason.replace('order_id', 'order'.concat('orderId' in message ? 'Id' : '_id')),
    )
    expect(seen).toEqual([])
  })

  it.each([
    ['the plain schema', { user_id: 'u', sequence_number: 1, event_id: 'e', order_id: 'o1' }, 'u'],
    ['ids that number nothing', { user_id: 'u', sequence: 1, event_id: 'e', correlation_id: 'c' }, 'u'],
    ['one id under two names', { user_id: 'u', account_id: 'u', sequence: 1 }, 'u'],
    ['a named stream', { stream: 's', user_id: 'u', order_id: 'o1', sequence: 1 }, 's'],
    ['an aggregate', { aggregate_id: 'a', user_id: 'u', order_id: 'o1', sequence: 1 }, 'a'],
    [
      'a CloudEvent',
      { specversion: '1.0', partitionkey: 'p', subject: 's', user_id: 'u', sequence: '1' },
      'p',
    ],
    ['data', { user_id: 'u', sequence: 1, data: { order_id: 'o1' } }, 'u'],
  ])('what means one thing is read as ever: %s', async (_what, message, stream) => {
    const { seen, processor } = fieldsWorld()
    await processor.process([message])
    expect(seen).toMatchObject([{ stream }])
  })

  it('a domain without streams guesses nothing', async () => {
    const { seen, processor } = fieldsWorld({ numbering: unordered() })
    await processor.process([{ order_id: 'o1', user_id: 'u', sequence: 1 }])
    expect(seen).toHaveLength(1)
  })
})

test('it is told once from which fields each domain reads', async () => {
  const world = new EngineWorld()
  const handle = world.note
  const processor = world.processor(
    {},
    {
      domains: {
        order: domain({ handle, fields: { stream: 'order_id' } }),
        account: domain({ handle }),
      },
    },
  )
  const order = (sequence: number): unknown => ({ domain: 'order', order_id: 'o', sequence })
  await processor.process([order(1), { domain: 'account', user_id: 'u', sequence_number: 1 }, order(2)])
  await processor.process([order(3)])
  expect(world.told('reads')).toEqual([
    { kind: 'reads', domain: 'order', stream: 'order_id', sequence: 'sequence' },
    { kind: 'reads', domain: 'account', stream: 'user_id', sequence: 'sequence_number' },
  ])
})
