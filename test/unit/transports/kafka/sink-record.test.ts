// What a sink writes a source reads: the same event, in either mode of CloudEvents, whatever it carries (I3).
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EventFields } from '../../../../src/core/event-from.ts'
import { eventFrom } from '../../../../src/core/event-from.ts'
import type { LoggedEvent } from '../../../../src/core/logged-event.ts'
import { parseMessage } from '../../../../src/core/parse-message.ts'
import type { RelayForm } from '../../../../src/producer/relay/relay-message.ts'
import { relayMessage } from '../../../../src/producer/relay/relay-message.ts'
import { Partition } from '../../../../src/transports/kafka/partition.ts'
import { deliveryOf } from '../../../../src/transports/kafka/record-message.ts'
import type { CloudEventMode } from '../../../../src/transports/kafka/sink-record.ts'
import { recordOf } from '../../../../src/transports/kafka/sink-record.ts'
import { madeRecord } from './made-batch.ts'

const partition = new Partition({ topic: 'accounts', partition: 0 }, { topicId: 'uuid', unsettledMax: 1 })

async function readBack(event: LoggedEvent, form: RelayForm, mode: CloudEventMode): Promise<EventFields> {
  const { key, value, headers } = recordOf(relayMessage(event, form), mode)
  const pairs = [...headers].map(([name, text]): [Buffer, Buffer] => [Buffer.from(name), Buffer.from(text)])
  const record = madeRecord({ offset: 1, key, value, headers: pairs })
  const { message } = await deliveryOf(partition, { record, ticket: 0 }, {})
  const parsed = parseMessage(message, eventFrom)
  if ('problem' in parsed) throw new Error(parsed.problem)
  const { domain, stream, sequence, id, type, time, data } = parsed.fields
  return { domain, stream, sequence: Number(sequence), id, type, time, data }
}

const logged: LoggedEvent = {
  domain: 'd',
  stream: 's',
  epoch: 0,
  sequence: 1,
  id: 'i',
  type: 't',
  time: '2026-01-01T00:00:00.000Z',
  appendedAt: 1,
  place: 1,
  data: null,
}

const text = fc.string({ minLength: 1, unit: 'grapheme' })
const event = fc
  .record({
    domain: text,
    stream: text,
    sequence: fc.integer({ min: 1 }),
    id: text,
    type: text,
    time: fc.date({ noInvalidDate: true, min: new Date(0) }).map((date) => date.toISOString()),
    data: fc.oneof(
      fc.json().map((json): unknown => JSON.parse(json)),
      fc.uint8Array(),
    ),
  })
  .map((fields): LoggedEvent => ({ ...logged, ...fields }))

/** Numbers that JavaScript has not come as their digits. */
const shown = (data: unknown): string =>
  data instanceof Uint8Array ? `bytes ${Buffer.from(data).toString('hex')}` : JSON.stringify(data)

test.each(['structured', 'binary'] as const)('in %s mode an event is read as it was sent', async (mode) => {
  await fc.assert(
    fc.asyncProperty(event, async (sent) => {
      const { epoch: _, place: __, appendedAt: ___, ...own } = sent
      const read = await readBack(sent, 'cloudevent', mode)
      expect({ ...read, data: shown(read.data) }).toEqual({ ...own, data: shown(own.data) })
    }),
  )
})

test('in binary mode the value is the data, and its type says what it is', () => {
  const sent = (data: unknown, datacontenttype?: string) => {
    const attributes = datacontenttype === undefined ? {} : { datacontenttype }
    return recordOf(relayMessage({ ...logged, data, attributes }, 'cloudevent'), 'binary')
  }
  expect(sent({ a: 1 }).value.toString()).toBe('{"a":1}')
  expect(sent({ a: 1 }).headers.get('content-type')).toBe('application/json')
  expect(sent({ a: 1 }).headers.get('ce_partitionkey')).toBe('s')
  expect(sent('<a/>', 'application/xml').value.toString()).toBe('<a/>')
  expect(sent(new Uint8Array([0, 255])).value).toEqual(Buffer.from([0, 255]))
})

test('what is no CloudEvent has no binary mode', () => {
  const message = relayMessage(logged, 'plain')
  expect(() => recordOf(message, 'binary')).toThrow('the relay sends another form')
  expect(recordOf(message, 'structured').headers.get('content-type')).toBe('application/json')
})
