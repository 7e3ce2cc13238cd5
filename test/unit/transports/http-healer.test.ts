// The HTTP healer against a real server: addresses, headers, and answers that are errors, too large or torn.
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { httpHealer } from '../../../src/transports/http.ts'
import type { HttpHealerOptions } from '../../../src/transports/http.ts'
import { askFor, idsOf, kept } from '../../conformance/healer-laws.ts'
import { HealServer } from './heal-server.ts'

let server: HealServer
beforeEach(async () => {
  server = await HealServer.start()
})
afterEach(() => server.close())

const heal = (
  fields: Parameters<typeof askFor>[0] = {},
  options: HttpHealerOptions = {},
): Promise<readonly unknown[]> => httpHealer(server.template, options).heal(askFor(fields))

test('an address has every part percent-encoded', async () => {
  await heal({ domain: 'a b', stream: 'x/../y?z=1&from=9#', from: null, to: 2n ** 60n, limit: 7 })
  expect(server.requests[0]?.url).toBe(
    '/events/a%20b/x%2F..%2Fy%3Fz%3D1%26from%3D9%23?epoch=0&from=&to=1152921504606846976&limit=7',
  )
})

test('no stream key leads out of its place in the address', async () => {
  for (const stream of ['.', '..']) {
    await expect(heal({ stream })).rejects.toThrow(`the stream ${stream} cannot be a part of an address`)
  }
  expect(await heal({ stream: '%2e%2e' })).toEqual([])
  expect(server.requests.map(({ url }) => url?.split('?')[0])).toEqual(['/events/account/%252e%252e'])
})

test('a wrapped counter is asked for by its numbers on the wire', async () => {
  await heal({ from: 65_536, to: 65_540, wire: { from: 0, to: 4 } })
  expect(server.requests[0]?.url).toContain('from=0&to=4')
})

test('headers are sent; a function is asked for them each time', async () => {
  let tokens = 0
  const healer = httpHealer(server.template, {
    headers: async () => ({ authorization: `Bearer ${++tokens}` }),
  })
  await healer.heal(askFor())
  await healer.heal(askFor())
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2'])
  await heal({}, { headers: { 'x-key': 'k' } })
  expect(server.requests.at(-1)?.headers).toMatchObject({ 'x-key': 'k', accept: /ndjson/ })
})

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

test('the name and the password of an address are sent as a header, and not in the address', async () => {
  const asked = async (given: string, headers: HttpHealerOptions['headers'] = {}) => {
    await httpHealer(server.template.replace('//', `//${given}@`), { headers }).heal(askFor())
    return server.requests.at(-1)?.headers.authorization
  }
  expect(await asked('user:pw')).toBe(basic('user:pw'))
  expect(await asked('user')).toBe(basic('user:'))
  expect(await asked(':pw')).toBe(basic(':pw'))
  expect(await asked('%C3%BC:p%40w%2F%3A')).toBe(basic('ü:p@w/:'))
  expect(await asked('user:p@w')).toBe(basic('user:p@w'))
  expect(await asked('user:pw', { Authorization: 'Bearer own' })).toBe('Bearer own')
  await asked('user:pw', { Accept: 'text/plain' })
  expect(server.requests.at(-1)?.headers.accept).toBe('text/plain')
})

test('no password is in a name or an error', async () => {
  const secret = 'hunter2'
  const encoded = Buffer.from(`user:${secret}`).toString('base64')
  const withPassword = server.template.replace('//', `//user:${secret}@`)
  const said: unknown[] = [httpHealer(withPassword).name]
  const failing = async (make: () => unknown): Promise<void> => {
    try {
      await make()
      said.push('it did not fail')
    } catch (error) {
      said.push(inspect(error, { depth: 9 }))
    }
  }
  server.answer = ({ headers }, response) => response.writeHead(401).end(JSON.stringify(headers))
  await failing(() => httpHealer(withPassword).heal(askFor()))
  await failing(() => httpHealer(withPassword.replace(/:\d+/, ':2')).heal(askFor()))
  await failing(() => httpHealer(withPassword.replace('127.0.0.1', 'exa mple')))
  await failing(() => httpHealer(withPassword.replace('http:', 'ftp:')))
  await failing(() => httpHealer(withPassword.replace('//user', '//a%3Aser')))
  await failing(() => httpHealer(withPassword.replace('//user', '//{stream}')))
  await failing(() =>
    httpHealer(server.template, { headers: { authorization: `Bearer ${secret}\n${secret}` } }).heal(askFor()),
  )
  expect(said).toHaveLength(8)
  for (const text of said) {
    expect(text).not.toContain('it did not fail')
    expect(text).not.toContain(secret)
    expect(text).not.toContain(encoded)
  }
})

test('404 and 204 are empty answers', async () => {
  for (const status of [404, 204]) {
    server.answer = (_, response) => response.writeHead(status).end()
    expect(await heal()).toEqual([])
  }
})

test('any other status is an error that says what the service said', async () => {
  server.answer = (_, response) => response.writeHead(503).end('maintenance until noon')
  await expect(heal()).rejects.toThrow(/^http 127.0.0.1:\d+ answered 503: maintenance until noon$/)
  server.answer = (_, response) => response.writeHead(500).end()
  await expect(heal()).rejects.toMatchObject({ code: 'source-unavailable', retryable: true })
})

test('a service that is not there is an error that says so', async () => {
  // The port of a server that was here may be another process's by now; nobody gets this one.
  const template = server.template.replace(/:\d+/, ':2')
  await expect(httpHealer(template).heal(askFor())).rejects.toThrow(/cannot be reached: .*ECONNREFUSED/)
})

test('an answer larger than the limit is read no further', async () => {
  server.events.push(kept('a', 1, { data: 'x'.repeat(10_000) }))
  await expect(heal({}, { bytesMax: 1_000 })).rejects.toThrow('answered with more than 1000 bytes')
  expect(await heal({}, { bytesMax: 20_000 })).toHaveLength(1)
})

test.each<[string, readonly unknown[]]>([
  ['[]', []],
  ['', []],
  [' [ {"id":"1"} , {"id":"2","data":["]","}",{"a":[1,2]}]} ] ', ['1', '2']],
  ['[{"id":"\\"]"}]', ['"]']],
  ['{"id":"1"}\r\n\n{"id":"2"}\n', ['1', '2']],
  ['{"id":"1"}', ['1']],
])('events are found in %s', async (body, ids) => {
  server.answer = (_, response) => response.end(body)
  expect(idsOf(await heal())).toEqual(ids)
})

test.each(['[{"id":"1"}', '[{"id":"1"}] and more', '["'])(
  'an array that is torn is an error: %s',
  async (body) => {
    server.answer = (_, response) => response.end(body)
    await expect(heal()).rejects.toThrow('answered with a JSON array that does not end')
  },
)

test('what is no event is given as it came: the rules say what it is', async () => {
  server.answer = (_, response) => response.end('[1, ,null]')
  expect(await heal()).toEqual(['1', '', 'null'])
})

test('a number beyond 2^53 keeps its text', async () => {
  server.answer = (_, response) => response.end('[{"sequence":9007199254740993}]')
  expect(await heal()).toEqual(['{"sequence":9007199254740993}'])
})

test('a connection that breaks in the middle is an error, never a short answer', async () => {
  server.answer = (_, response) => {
    response.write('{"id":"1"}\n{"id"')
    setImmediate(() => response.destroy())
  }
  await expect(heal()).rejects.toThrow(/terminated|aborted|closed/)
})

test('a request that is not wanted any more is broken off', async () => {
  const asking = new AbortController()
  server.answer = () => asking.abort(new Error('closed by itself'))
  await expect(heal({ signal: asking.signal })).rejects.toThrow('closed by itself')
})

test.each<[string, string]>([
  ['nowhere', 'has no place for {stream}'],
  ['https://h/{stream}?from={from}', 'has no place for {to}'],
  ['https://h/{stream}/{from}/{to}/{user}', '{user} is no place of an address; there are {domain}, {stream}'],
  ['/{stream}/{from}/{to}', 'is no address'],
  ['ftp://h/{stream}/{from}/{to}', 'is no http or https address'],
  ['https://{stream}/{from}/{to}', 'the host of an address is fixed'],
])('an address is checked: %s', (address, problem) => {
  expect(() => httpHealer(address)).toThrow(problem)
})
