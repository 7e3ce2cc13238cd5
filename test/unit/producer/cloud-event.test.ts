// Events survive the way through the official SDK, in each of its forms, and their sequence sorts as text.
import { CloudEvent, HTTP } from 'cloudevents'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventFrom } from '../../../src/core/event-from.ts'
import type { LoggedEvent, NewEvent } from '../../../src/core/logged-event.ts'
import { isRecord } from '../../../src/core/parse-message.ts'
import { readSequence } from '../../../src/core/read-sequence.ts'
import { fromCloudEvent, fromCloudEventBatch, toCloudEvent } from '../../../src/producer/cloud-event.ts'
import { memoryEventLog } from '../../../src/stores/memory.ts'

async function logged(event: Partial<NewEvent>, stream = '42'): Promise<LoggedEvent> {
  const log = memoryEventLog()
  const whole = {
    id: 'e1',
    type: 'account.booked',
    time: '2026-01-31T12:00:00.000Z',
    data: { amount: 5 },
    ...event,
  }
  await log.append({ domain: 'account', stream, events: [whole] })
  const { events } = await log.page({ after: 0, limit: 1 })
  const [first] = events
  if (first === undefined) throw new Error('nothing was appended')
  return first
}

/** Through the SDK's strict check and its structured or binary HTTP form, as a service would send it. */
function throughSdk(event: LoggedEvent, form: 'structured' | 'binary'): unknown {
  const strict = new CloudEvent({ ...toCloudEvent(event) }, true)
  const { headers, body } = HTTP[form](strict)
  return HTTP.toEvent({ headers, body: typeof body === 'string' ? body : JSON.stringify(body) })
}

test.for(['structured', 'binary'] as const)(
  'the SDK accepts an event and brings it back: %s',
  async (form) => {
    const attributes = {
      dataschema: 'https://example.org/schema',
      traceparent: '00-ab-cd-01',
      subject: 'whole',
    }
    const event = await logged({ attributes }, 'a/b č 🐎')
    const back = fromCloudEvent(throughSdk(event, form))
    expect(back).toEqual({
      domain: 'account',
      stream: event.stream,
      epoch: 0,
      sequence: 1,
      event: { id: event.id, type: event.type, time: event.time, attributes, data: event.data },
    })
  },
)

test('what the SDK makes is what the default mapping reads: same stream, same number', async () => {
  const event = await logged({})
  const message: unknown = JSON.parse(JSON.stringify(throughSdk(event, 'structured')))
  if (!isRecord(message)) throw new Error('the SDK made no object')
  const fields = eventFrom(message)
  expect(fields).toMatchObject({ domain: 'account', stream: '42', id: 'e1', data: { amount: 5 } })
  expect(readSequence(fields.sequence, { big: false })).toBe(1)
})

test('bytes go as data_base64 and come back as bytes', async () => {
  const event = await logged({ data: new Uint8Array([0, 255, 10]) })
  const cloudEvent = toCloudEvent(event)
  expect(cloudEvent).toMatchObject({ data_base64: 'AP8K', datacontenttype: 'application/octet-stream' })
  expect(fromCloudEvent(cloudEvent).event.data).toEqual(new Uint8Array([0, 255, 10]))
  expect(fromCloudEvent(cloudEvent).event).not.toHaveProperty('attributes')
})

test('any event comes back as it was, and sequences sort as text', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 })
  const event = fc.record({
    domain: text,
    stream: text,
    id: text,
    type: text,
    sequence: fc.oneof(fc.nat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n })),
    epoch: fc.nat(),
    data: fc.jsonValue(),
  })
  fc.assert(
    fc.property(event, event, (one, other) => {
      const cloudEvent = toCloudEvent(one)
      const { event: back, ...place } = fromCloudEvent(JSON.parse(JSON.stringify(cloudEvent)))
      const { domain, stream, sequence, epoch, ...rest } = one
      expect(place).toEqual({ domain, stream, sequence, epoch })
      expect(JSON.stringify(back.data)).toBe(JSON.stringify(rest.data))
      expect([back.id, back.type]).toEqual([rest.id, rest.type])
      const later = toCloudEvent(other)
      expect(cloudEvent.sequence < later.sequence).toBe(one.sequence < other.sequence)
    }),
  )
})

test('what is no CloudEvent, or cannot be one, is refused', async () => {
  const good = toCloudEvent(await logged({}))
  for (const wrong of [undefined, [], {}, { ...good, specversion: '0.3' }, { ...good, id: '' }]) {
    expect(() => fromCloudEvent(wrong)).toThrow(expect.objectContaining({ code: 'event-invalid' }))
  }
  expect(() => fromCloudEvent({ ...good, sequence: 'x' })).toThrow(/the sequence is not-an-integer/)
  const { domain: _, partitionkey: __, ...bare } = good
  expect(() => fromCloudEvent({ ...bare, subject: 's' })).toThrow(/names no domain/)
  expect(fromCloudEvent({ ...bare, subject: 's' }, { domain: 'd' })).toMatchObject({
    domain: 'd',
    stream: 's',
  })
  const big = await logged({ data: { n: 1n } })
  expect(() => toCloudEvent(big)).toThrow(expect.objectContaining({ code: 'event-invalid' }))
  expect(() => toCloudEvent({ ...big, sequence: -1 })).toThrow(/negative/)
})

const cloud = { specversion: '1.0', id: 'c1', type: 't', source: '/x', domain: 'd', partitionkey: 's' }

test('an attribute that is null is unset', () => {
  const unset = {
    time: null,
    sequence: null,
    epoch: null,
    subject: null,
    traceparent: null,
    datacontenttype: null,
  }
  const bare = {
    domain: 'd',
    stream: 's',
    epoch: 0,
    event: { id: 'c1', type: 't', attributes: { source: '/x' }, data: 1 },
  }
  expect(fromCloudEvent({ ...cloud, ...unset, data: 1, data_base64: null })).toEqual(bare)
  expect(fromCloudEvent({ ...cloud, data: null, data_base64: 'AQID' }).event.data).toEqual(
    Uint8Array.of(1, 2, 3),
  )
  const elsewhere = { ...cloud, domain: null, partitionkey: null, subject: 'whole' }
  expect(fromCloudEvent(elsewhere, { domain: 'e' })).toMatchObject({ domain: 'e', stream: 'whole' })
  expect(fromCloudEvent({ ...cloud, partitionkey: 42 }).stream).toBe('42')
})

test('what cannot be kept as it is is refused by its name, never left out', () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ data_base64: 'no base64!' }, /c1: data_base64 is no base64/],
    [{ data_base64: 7 }, /c1: data_base64 is no base64/],
    [{ data: 1, data_base64: 'AQID' }, /c1: it has both/],
    [{ 'my-attr': 'x' }, /c1: attribute my-attr: a name takes/],
    [{ traceParent: 'x' }, /attribute traceParent/],
    [{ tags: ['a'] }, /attribute tags takes a text/],
    [{ extra: { a: 1 } }, /attribute extra takes a text/],
    [{ extra: Number.NaN }, /attribute extra takes a text/],
    [
      { extra: 2 ** 31 },
      /attribute extra takes .* a whole number from -2\^31 to 2\^31 - 1; any other .* as a text/,
    ],
    [{ extra: -(2 ** 31) - 1 }, /attribute extra takes/],
    [{ extra: 1.5 }, /attribute extra takes/],
    [{ epoch: -1 }, /c1: the epoch is below-zero: it takes a whole number from 0/],
    [{ epoch: 'x' }, /c1: the epoch is not-an-integer/],
    [{ sequence: '-' }, /c1: the sequence is not-an-integer/],
  ]
  for (const [fields, problem] of wrong)
    expect(() => fromCloudEvent({ ...cloud, ...fields })).toThrow(problem)
})

test('what a CloudEvent has for integers and for numbers below 0 is read as a worker reads it', () => {
  const attributes = { least: -(2 ** 31), most: 2 ** 31 - 1 }
  expect(fromCloudEvent({ ...cloud, ...attributes }).event.attributes).toMatchObject(attributes)
  for (const sequence of ['-5', '-005', -5]) {
    expect(fromCloudEvent({ ...cloud, sequence }).sequence).toBe(-5)
    const read = readSequence(sequence, { big: false, signed: true })
    expect(fromCloudEvent({ ...cloud, sequence }).sequence).toBe(read)
  }
})

test('no CloudEvent is made with a name or a value that the specification does not have', async () => {
  const event = await logged({})
  for (const attributes of [
    { 'my-attr': 'x' },
    { A: 'x' },
    { '': 'x' },
    { data: 1 },
    { sequence: 1 },
    { a: Infinity },
    { a: 2 ** 31 },
    { a: 0.5 },
  ]) {
    expect(() => toCloudEvent({ ...event, attributes })).toThrow(
      expect.objectContaining({ code: 'event-invalid' }),
    )
  }
  expect(() => toCloudEvent({ ...event, epoch: -1 })).toThrow(/the epoch is below-zero/)
  const nested = await logged({ data: { raw: Uint8Array.of(1) } })
  expect(() => toCloudEvent(nested)).toThrow(/bytes inside/)
})

test('a batch is its events in their order, and one that is none is named', () => {
  const batch = ['1', '2', '3'].map((id) => ({ ...cloud, id, data: Number(id) }))
  expect(fromCloudEventBatch(batch).map(({ event }) => event.id)).toEqual(['1', '2', '3'])
  expect(fromCloudEventBatch([])).toEqual([])
  expect(() => fromCloudEventBatch([...batch, { ...cloud, id: '' }])).toThrow(
    'event 4 of 4: a CloudEvent needs',
  )
  expect(() => fromCloudEventBatch(cloud)).toThrow(/no batch/)
})

test('an event with bytes comes back through the SDK, which gives them twice', async () => {
  const event = await logged({ data: Uint8Array.of(0, 255, 10) })
  const given = new CloudEvent({ ...toCloudEvent(event), data: Buffer.from([0, 255, 10]) }, false)
  expect(fromCloudEvent(given).event.data).toEqual(Uint8Array.of(0, 255, 10))
})
