// What a relay sends is read back as exactly the event, whatever is in it (I3).
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventFrom } from '../../../../src/core/event-from.ts'
import { mapExactNumbers, parseExactly } from '../../../../src/core/exact-number.ts'
import type { Attributes, LoggedEvent } from '../../../../src/core/logged-event.ts'
import { parseMessage } from '../../../../src/core/parse-message.ts'
import { readEpoch, readSequence } from '../../../../src/core/read-sequence.ts'
import type { RelayForm } from '../../../../src/producer/relay/relay-message.ts'
import { relayMessage } from '../../../../src/producer/relay/relay-message.ts'

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }).filter((one) => one.isWellFormed())
const names = fc.constantFrom(
  'stream',
  'epoch',
  'previous',
  'fill',
  'data',
  'subject',
  'source',
  'traceparent',
  'sequence',
  'domain',
  'id',
  'type',
  'time',
  'payload',
  'timestamp',
  'specversion',
  'partitionkey',
)
const attributes: fc.Arbitrary<Attributes | undefined> = fc.option(
  fc.dictionary(names, fc.oneof(text, fc.integer(), fc.boolean()), { maxKeys: 5 }),
  { nil: undefined },
)
const json = fc.jsonValue({ maxDepth: 3 }).map((value): unknown => JSON.parse(JSON.stringify(value)))
const bytes = fc.uint8Array({ maxLength: 40 })

const events: fc.Arbitrary<LoggedEvent> = fc
  .record({
    domain: text,
    stream: text,
    sequence: fc
      .oneof(
        fc.integer({ min: 1, max: 99 }),
        fc.maxSafeInteger().map((n) => Math.abs(n) + 1),
      )
      .map((n) => Math.min(n, Number.MAX_SAFE_INTEGER)),
    id: text,
    type: text,
    time: fc.constantFrom('2026-01-31T12:00:00Z', '2026-01-31'),
    data: fc.oneof(json, bytes),
    attributes,
  })
  .map(({ attributes: own, ...event }) => {
    const logged = { ...event, epoch: 0, place: 1, appendedAt: 0 }
    return own === undefined ? logged : { ...logged, attributes: own }
  })

function readBack(event: LoggedEvent, form: RelayForm): object {
  const parsed = parseMessage(relayMessage(event, form).json, eventFrom)
  if ('problem' in parsed) throw new Error(parsed.problem)
  const { sequence, epoch, traceparent: _, tracestate: __, ...fields } = parsed.fields
  const data = mapExactNumbers(fields.data, Number)
  return { ...fields, data, sequence: readSequence(sequence, { big: false }), epoch: readEpoch(epoch) }
}

describe.each(['cloudevent', 'plain'] as const)('as %s', (form) => {
  test('what is sent is one line, and is read back as the event', () => {
    fc.assert(
      fc.property(events, (event) => {
        const { domain, stream, sequence, epoch, id, type, time, data } = event
        expect(relayMessage(event, form).json).not.toMatch(/\n/)
        expect(readBack(event, form)).toEqual({ domain, stream, sequence, epoch, id, type, time, data })
      }),
      { numRuns: 2_000 },
    )
  })

  test('numbers that no JavaScript number holds are sent as they came', () => {
    const { value: data } = parseExactly('[9007199254740993,0.1000000000000000000001,-0]')
    expect(relayMessage({ ...logged(), data }, form).json).toContain(
      '[9007199254740993,0.1000000000000000000001,-0]',
    )
  })

  test('an event without data has null as its data', () => {
    const event = { ...logged(), data: undefined }
    expect(readBack(event, form)).toMatchObject({ id: 'e1', data: null })
  })

  test('a bigint, and bytes inside of the data, are an error with the name of the event', () => {
    for (const data of [{ n: 1n }, [new Uint8Array(3)], { deep: { buffer: Buffer.from('abc') } }]) {
      expect(() => relayMessage({ ...logged(), data }, form)).toThrow(/account\/42, event 7 has no JSON/)
    }
  })
})

test('numbers sort as text where they are an extension of a CloudEvent', () => {
  const numbers = [1, 9, 10, 99, 1_000_000, Number.MAX_SAFE_INTEGER]
  const written = numbers.map((sequence) => {
    const body: unknown = JSON.parse(relayMessage({ ...logged(), sequence }, 'cloudevent').json)
    return String(Reflect.get(Object(body), 'sequence'))
  })
  expect([...written].sort()).toEqual(written)
})

test('a form of its own is sent as it is', () => {
  const { json: sent } = relayMessage(logged(), ({ id }) => ({ only: id }))
  expect(sent).toBe('{"only":"e1"}')
})

test('the attributes of an event are extensions of the CloudEvent', () => {
  const sent = relayMessage({ ...logged(), attributes: { traceparent: '00-1' } }, 'cloudevent').json
  expect(JSON.parse(sent)).toMatchObject({ specversion: '1.0', traceparent: '00-1', partitionkey: '42' })
})

function logged(): LoggedEvent {
  const place = { place: 1, appendedAt: 0 }
  const named = { domain: 'account', stream: '42', epoch: 0, sequence: 7, id: 'e1', type: 'account.booked' }
  return { ...named, ...place, time: '2026-01-31T12:00:00Z', data: {} }
}
