// A line that is appended is the event that it was printed from: every number of it too.
import { expect, test } from 'vitest'
import { readEventLine } from '../../../src/cli/event-line.ts'
import { exactJson } from '../../../src/cli/exact-json.ts'

test('numbers of a line are appended, and printed, as they stand there', () => {
  const line =
    '{"domain":"d","stream":"s","id":"e","type":"t","data":[9007199254740993,1e400,-0,0.1000000000000000001]}'
  const { domain, stream, event } = readEventLine(line, 1, undefined)
  const { id, type, data } = event
  expect(exactJson({ domain, stream, id, type, data })).toBe(line)
})

test('a byte order mark at the beginning of a line is left out', () => {
  const line = '\ufeff{"domain":"d","stream":"s","id":"e","type":"t","data":1}'
  expect(readEventLine(line, 1, undefined).event.data).toBe(1)
})
