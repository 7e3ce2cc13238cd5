// Passwords of URLs: they are in nothing that inturn says, in whatever words.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import { errorMessage, errorText } from '../../../src/core/thrown.ts'
import { withoutCredentials } from '../../../src/core/without-credentials.ts'

it.each([
  ['redis://user:pw@host:6379/1', 'redis://***@host:6379/1'],
  ['rediss://:pw@host', 'rediss://***@host'],
  ['see https://a:p%40w@b/c?d=e and http://f:g@h.', 'see https://***@b/c?d=e and http://***@h.'],
  ['http://user:p@w@host', 'http://***@host'],
  ['http://user:p/w@host', 'http://***@host'],
  ["'postgres://u:p@[::1]:5432/db'", "'postgres://***@[::1]:5432/db'"],
  ['https://host/a@b', 'https://host/a@b'],
  ['https://host:80/a?b=c', 'https://host:80/a?b=c'],
  ['user@host, 12:30', 'user@host, 12:30'],
])('%s is said as %s', (text, said) => {
  expect(withoutCredentials(text)).toBe(said)
  expect(new InturnError('usage', text).message).toBe(said)
  expect(errorText(text)).toBe(said)
  expect(errorMessage(new Error(text))).toBe(said)
})

it('no password is said, wherever it stands, and what has none stays as it is', () => {
  const word = fc.stringMatching(/^[a-z0-9.%+-]{1,30}$/)
  const around = fc.string({ maxLength: 600 }).map((text) => text.replaceAll(/[@:/]/g, ' '))
  const property = fc.property(fc.tuple(around, word, word, around), ([before, user, host, after]) => {
    const password = 'hunter2:'.repeat(3)
    const text = `${before} https://${user}:${password}@${host} ${after}`
    expect(withoutCredentials(text)).toBe(`${before} https://***@${host} ${after}`)
    expect(errorText(text)).not.toContain('hunter2')
    expect(withoutCredentials(`${before} https://${host}/${user} ${after}`)).toContain(
      `https://${host}/${user}`,
    )
  })
  fc.assert(property)
})
