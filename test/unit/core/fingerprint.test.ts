// Fingerprints are kept by stores: what they are does not change.
import { expect, test } from 'vitest'
import { eventFingerprint, fingerprint } from '../../../src/core/fingerprint.ts'

test.each([
  ['', 3_954_623_016],
  ['order-1', 2_126_254_643],
  ['Müller \u{1f600}', 4_021_302_894],
])('a text %j has its fingerprint', (text, known) => {
  expect(fingerprint(text)).toBe(known)
})

test('an event has that of its id; without one, that of its data, in whatever order of fields', () => {
  for (const id of ['order-1', '', 'Müller']) {
    expect(eventFingerprint(id, { a: 1 })).toBe(fingerprint(`id:${id}`))
  }
  expect(eventFingerprint(undefined, { b: 1, a: [2] })).toBe(fingerprint('data:{"a":[2],"b":1}'))
})
