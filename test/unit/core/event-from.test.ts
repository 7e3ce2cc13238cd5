// The default mapping and the decoding of a message, where CloudEvents write something in a way of their own.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventFrom } from '../../../src/core/event-from.ts'
import { ExactNumber } from '../../../src/core/exact-number.ts'
import type { ParsedMessage } from '../../../src/core/parse-message.ts'
import { parseMessage, readText } from '../../../src/core/parse-message.ts'
import { readSequence } from '../../../src/core/read-sequence.ts'

const parsed = (text: string): ParsedMessage => parseMessage(text, eventFrom)

test('bytes that a CloudEvent has as text are bytes again', () => {
  const fields = { data: Uint8Array.of(0, 255, 10) }
  expect(parsed('{"id":"e1","data_base64":"AP8K"}')).toMatchObject({ fields })
  expect(parsed('{"id":"e1","data":1,"data_base64":"AP8K"}')).toMatchObject({ fields: { data: 1 } })
  const spoilt = parsed('{"id":"e1","sequence":7,"data_base64":"*"}')
  expect(spoilt).toMatchObject({ fields: { sequence: 7, dataProblem: 'data_base64 is no base64' } })
})

test('a text is the base64 of bytes only if their encoder writes it', () => {
  const dataProblem = 'data_base64 is no base64: AR== has bits behind its last byte; these bytes are AQ=='
  expect(eventFrom({ data_base64: 'AQIDAR==' })).toMatchObject({ dataProblem })
  const anyEnd = fc.stringMatching(/^(?:[A-Za-z0-9+/]{4}){0,2}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)
  fc.assert(
    fc.property(anyEnd, (text) => {
      const written = Buffer.from(text, 'base64')
      const { data } = eventFrom({ data_base64: text })
      expect(data).toEqual(written.toString('base64') === text ? new Uint8Array(written) : undefined)
    }),
  )
})

test('in a CloudEvent null is unset; in another message it is what it is', () => {
  const unset = {
    domain: null,
    partitionkey: null,
    stream: null,
    epoch: null,
    fill: null,
    time: null,
    type: null,
  }
  const cloud = { specversion: '1.0', id: 'e1', subject: 's', sequence: '7', ...unset, data: null }
  const fields = eventFrom({ ...cloud, data_base64: 'AP8K' })
  expect(fields).toMatchObject({ stream: 's', sequence: '7', data: Uint8Array.of(0, 255, 10) })
  for (const name of ['domain', 'epoch', 'fill', 'time', 'type'] as const)
    expect(fields[name]).toBeUndefined()
  expect(eventFrom({ ...cloud, data_base64: null }).data).toBeNull()
  expect(eventFrom({ ...cloud, subject: null, user_id: 'u' }).stream).toBe('u')
  expect(eventFrom({ ...cloud, sequence: null, sequence_number: 8 }).sequence).toBe(8)
  expect(eventFrom({ ...cloud, previous: null })).toMatchObject({ previous: null })
  expect(eventFrom({ stream: 's', sequence: 1, epoch: null, data: 1 }).epoch).toBeNull()
})

test('a number that no JavaScript number holds is read from the text, also beside leading zeros', () => {
  const exact = new ExactNumber('9007199254740993')
  const text = '{"stream":9007199254740993,"sequence":"00000000000000000007","data":[9007199254740993]}'
  const fields = { stream: exact, sequence: '00000000000000000007', data: [exact] }
  expect(parsed(text)).toMatchObject({ fields, hasExactNumbers: true })
  expect([readText(exact), readSequence(exact, { big: true })]).toEqual([exact.text, 9_007_199_254_740_993n])
  expect(readSequence(exact, { big: false })).toBe('beyond-safe-integer')
  expect(readSequence(new ExactNumber('0.99999999999999999999'), { big: true })).toBe('not-an-integer')
  expect(parsed('9007199254740993')).toEqual({ problem: 'the message is no JSON object' })
})
