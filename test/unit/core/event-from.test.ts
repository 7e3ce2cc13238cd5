// The default mapping and the decoding of a message, where CloudEvents write something in a way of their own.
import { expect, test } from 'vitest'
import { eventFrom } from '../../../src/core/event-from.ts'
import type { ParsedMessage } from '../../../src/core/parse-message.ts'
import { parseMessage } from '../../../src/core/parse-message.ts'

const parsed = (text: string): ParsedMessage => parseMessage(text, eventFrom)

test('bytes that a CloudEvent has as text are bytes again', () => {
  const fields = { data: Uint8Array.of(0, 255, 10) }
  expect(parsed('{"id":"e1","data_base64":"AP8K"}')).toMatchObject({ fields })
  expect(parsed('{"id":"e1","data":1,"data_base64":"AP8K"}')).toMatchObject({ fields: { data: 1 } })
  expect(parsed('{"id":"e1","data_base64":"*"}')).toMatchObject({ problem: expect.any(String) as string })
})

test('a whole number beyond 2^53 - 1 is read from the text, also beside one with leading zeros', () => {
  const sequence = 9_007_199_254_740_993n
  expect(parsed('{"stream":"a","sequence":9007199254740993}')).toMatchObject({ fields: { sequence } })
  expect(parsed('{"stream":9007199254740993,"sequence":"00000000000000000007"}')).toMatchObject({
    fields: { stream: sequence, sequence: '00000000000000000007' },
  })
})
