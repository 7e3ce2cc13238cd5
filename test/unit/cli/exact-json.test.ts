// What commands print as JSON says where bytes are, and is read back as it was: by `append`, and by a worker.
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { readEventLine, readEventLines } from '../../../src/cli/event-line.ts'
import { exactJson, jsonField, readableJson } from '../../../src/cli/exact-json.ts'
import { eventFrom } from '../../../src/core/event-from.ts'
import { parseMessage } from '../../../src/core/parse-message.ts'

const key = fc.constantFrom('a', '/', '~', '~1', '', '0', 'data_base64', '$bytes', '__proto__')
const { data } = fc.letrec<{ data: unknown }>((tie) => ({
  data: fc.oneof(
    { maxDepth: 3 },
    fc.uint8Array({ maxLength: 5 }),
    fc.constantFrom(null, true, 'AQID', 1, ''),
    fc.array(tie('data'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('data')), { maxLength: 3 }).map((pairs): unknown => Object.fromEntries(pairs)),
  ),
}))

const line = (fields: object): string =>
  exactJson({ domain: 'd', stream: 's', id: 'i', type: 't', ...fields })

describe('data with bytes', () => {
  it('comes back as it was through read --json | append, and is the same for a worker', () => {
    fc.assert(
      fc.property(data, (value) => {
        const text = line({ sequence: 1, ...jsonField('data', value) })
        expect(readEventLine(text, 1, undefined).event.data).toEqual(value)
        expect(parseMessage(text, eventFrom)).toMatchObject({ fields: { data: value } })
      }),
    )
  })

  it('is base64 text in any document, and no list of numbers', () => {
    const bytes = { of: [Uint8Array.of(1, 2, 3), Buffer.from([1, 2, 3])] }
    expect(exactJson(bytes)).toBe('{"of":["AQID","AQID"]}')
    expect(JSON.parse(readableJson(bytes))).toEqual({ of: ['AQID', 'AQID'] })
  })
})

test('what is no base64, has no place or is there twice is refused, never other data', () => {
  for (const fields of [
    { data_base64: '*' },
    { data_base64: 'AQI' },
    { data_base64: 'AQ ID' },
    { data_base64: 'AQID\n' },
    { data_base64: 'A===' },
    { data_base64: 'AR==' },
    { data_base64: 'AQIDAQJ=' },
    { data_base64: 5 },
    { data_base64: {} },
    { data: { a: '*' }, data_base64_at: ['/a'] },
    { data: { a: 'AR==' }, data_base64_at: ['/a'] },
    { data: { a: 1 }, data_base64_at: ['/a'] },
    { data: { a: 'AQID' }, data_base64_at: ['/b'] },
    { data: { a: 'AQID' }, data_base64_at: '/a' },
  ]) {
    expect(() => readEventLine(line(fields), 3, undefined)).toThrow(/^line 3: .*data/)
    expect(parseMessage(line(fields), eventFrom)).toMatchObject({
      fields: { dataProblem: expect.stringMatching(/data/) as string },
    })
  }
  expect(() => readEventLine(line({ data: 1, data_base64: 'AQID' }), 3, undefined)).toThrow(/line 3: .* both/)
})

test('a batch is its events, and one that is none is named', () => {
  const event = { domain: 'd', stream: 's', type: 't', data: 1 }
  const cloud = { specversion: '1.0', source: '/x', domain: 'd', partitionkey: 's', type: 't' }
  const text = exactJson([
    { ...cloud, id: '1' },
    { ...cloud, id: '2' },
    { ...event, id: '3' },
  ])
  expect(readEventLines(text, 1, undefined).map((one) => one.event.id)).toEqual(['1', '2', '3'])
  expect(() => readEventLines(exactJson([{ ...event, id: '1' }, 5]), 7, undefined)).toThrow(
    'line 7, event 2: ',
  )
  expect(() => readEventLines('[]', 7, undefined)).toThrow('line 7: it is no JSON object')
})
