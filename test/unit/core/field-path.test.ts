// The path of a field: keys with dots and backslashes in them, and what is read along it.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { audit } from '../../../src/audit.ts'
import { pathKeys } from '../../../src/core/field-path.ts'

it('keys of any text come back from a path in which their dots and backslashes are escaped', () => {
  const key = fc.string({ unit: fc.constantFrom('a', '.', '\\', 'ü', '😀', '\n'), maxLength: 5 })
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 4 }), (keys) => {
      const path = keys.map((text) => text.replaceAll(/[.\\]/g, String.raw`\$&`)).join('.')
      expect(pathKeys(path)).toEqual(keys)
    }),
  )
})

it('a backslash before anything else is itself', () => {
  expect(pathKeys(String.raw`a\b.c`)).toEqual([String.raw`a\b`, 'c'])
})

it('an audit reads a key with a dot, by bytes and by JSON.parse alike', async () => {
  const messages = ['{"user.id":"a","n":{"se.q":1}}', String.raw`{"user\u002eid":"a","n":{"se.q":2}}`]
  const report = await audit(messages, { stream: String.raw`user\.id`, sequence: String.raw`n.se\.q` })
  expect(report).toMatchObject({ events: 2, unique: 2, clean: true })
})
