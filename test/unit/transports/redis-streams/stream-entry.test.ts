// An entry of a Redis stream says how large it is (I7): its message may be an object.
import { expect, test } from 'vitest'
import { entriesIn, ReadEntry } from '../../../../src/transports/redis-streams/stream-entry.ts'

test('an entry is as large as its names and values, also where one is there twice', () => {
  const fields = ['name', 'ž', 'name', 'value'].map((text) => Buffer.from(text))
  const [entry] = entriesIn([[Buffer.from('1-0'), fields]])
  expect(entry).toBeInstanceOf(ReadEntry)
  expect(entry).toHaveProperty('bytes', 4 + 2 + 4 + 5)
})
