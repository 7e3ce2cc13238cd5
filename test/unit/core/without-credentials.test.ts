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
  ['postgres://h/db?user=u&password=p%40w&schema=s', 'postgres://h/db?user=u&password=***&schema=s'],
  ["'postgress://u:p@h/db?sslpassword=pw'", "'postgress://***@h/db?sslpassword=***'"],
  ["host=h password='p w' dbname=d", 'host=h password=*** dbname=d'],
  ['https://h/log?API_KEY=k&access_token=t#x', 'https://h/log?API_KEY=***&access_token=***#x'],
  ['amqp://h?secret=a@b', 'amqp://h?secret=***'],
  ['the password is wrong; unexpected token = in x', 'the password is wrong; unexpected token = in x'],
])('%s is said as %s', (text, said) => {
  expect(withoutCredentials(text)).toBe(said)
  expect(new InturnError('usage', text).message).toBe(said)
  expect(errorText(text)).toBe(said)
  expect(errorMessage(new Error(text))).toBe(said)
})

it.each([
  ['--store takes redis://<host>, not user:hunter2@host', '--store takes redis://<host>, not ***@host'],
  ["httpHealer: 'htp:/user:hunter2@host/{from}'", "httpHealer: '***@host/{from}'"],
  ['the database u:hunter2@x.db does not exist', 'the database ***@x.db does not exist'],
  ['not :hunter2@host', 'not ***@host'],
  ['not a:hun@ter2:x@host', 'not ***@host'],
  ['redis://a:b@c, redis://host:6379', 'redis://***@c, redis://host:6379'],
  ['user@host, 12:30', 'user@host, 12:30'],
])('where it was typed, %s is said as %s', (text, said) => {
  for (const code of ['usage', 'config-invalid', 'input-unreadable'] as const) {
    expect(new InturnError(code, text).message).toBe(said)
  }
  expect(withoutCredentials(text, { isTyped: true })).toBe(said)
})

it('an id that looks like them is told where nothing was typed', () => {
  const text = 'the id order:7@eu is of another event'
  expect(new InturnError('id-conflict', text).message).toBe(text)
  expect(errorText(text)).toBe(text)
})

it('a password that was typed is not said, whatever scheme it follows', () => {
  const scheme = fc.constantFrom('', 'htp:', 'redis:/', 'sqlite:', 'postgres//', 'x:///')
  const word = fc.stringMatching(/^[a-z0-9.%+/?#-]{0,30}$/)
  const property = fc.property(scheme, word, word, (front, user, host) => {
    const { message } = new InturnError('usage', `--store takes <host>, not ${front}${user}:hunter2@${host}.`)
    expect(message).not.toContain('hunter2')
    expect(message).toContain(`***@${host}.`)
  })
  fc.assert(property)
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
