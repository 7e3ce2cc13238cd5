// `inturn append`, `read` and `relay` over an event log on Redis, as a user runs them.
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TestClient } from '../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import type { Ran, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

let server: RedisServer
let client: TestClient
beforeAll(async () => {
  server = await startRedis()
  client = await connectedClient(server.url)
})
afterAll(async () => {
  client.destroy()
  await server.stop()
})

let folder: TestFolder
let prefix: string
let url: string
beforeEach(() => {
  folder = testFolder()
  prefix = ownPrefix()
  url = `${server.url}?prefix=${prefix}`
})
afterEach(() => folder.remove())

const run = (...args: readonly string[]): Promise<Ran> => inturn(folder.path, ...args)

function bookings(first: number, last: number): string {
  const lines = Array.from({ length: last - first + 1 }, (_, index) => {
    const stream = String((first + index) % 3)
    const fields = { domain: 'account', stream, id: `b${first + index}`, type: 'account.booked' }
    return `${JSON.stringify({ ...fields, data: { number: first + index } })}\n`
  })
  return lines.join('')
}

function sequences({ stdout }: Ran): unknown[] {
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => (JSON.parse(line) as { sequence: unknown }).sequence)
}

test('what is appended is numbered once, however often it is run, and read over any range', async () => {
  folder.write('bookings.ndjson', bookings(1, 700))
  const name = `redis 127.0.0.1:${server.port} ${prefix}`
  expect(await run('append', 'bookings.ndjson', '--log', url)).toMatchObject({
    code: 0,
    stdout: `700 events in 3 streams of ${name}\n`,
  })
  folder.write('bookings.ndjson', bookings(1, 705))
  const again = await run('append', 'bookings.ndjson', '--log', url)
  expect(again.stdout).toBe(`705 events in 3 streams of ${name}; 700 were there already\n`)
  const part = await run(
    'read',
    'account/1',
    '--from',
    '2',
    '--to',
    '3',
    '--backwards',
    '--json',
    '--log',
    url,
  )
  expect(sequences(part)).toEqual([3, 2])
  const exported = await run('read', '--all', '--json', '--log', url)
  folder.write('export.ndjson', exported.stdout)
  const audit = await run('audit', 'export.ndjson', '--id', 'id', '--start', '1', '--json')
  expect(JSON.parse(audit.stdout)).toMatchObject({ clean: true, events: 705, streams: 3 })
  folder.write('more.ndjson', bookings(708, 708))
  const refused = await run('append', 'more.ndjson', '--expected', '7', '--log', url)
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toContain('account/0 is at 235, not at 7')
})

test('a log is followed until the reader is stopped', async () => {
  folder.write('bookings.ndjson', bookings(1, 3))
  await run('append', 'bookings.ndjson', '--log', url)
  const { child, ended } = startInturn(folder.path, 'read', '--all', '--follow', '--json', '--log', url)
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => void (text += chunk.toString()))
  const until = async (lines: number): Promise<void> => {
    while (text.split('\n').length <= lines) await once(child.stdout ?? child, 'data')
  }
  await until(3)
  folder.write('more.ndjson', bookings(4, 4))
  await run('append', 'more.ndjson', '--log', url)
  await until(4)
  child.kill('SIGTERM')
  expect(await ended).toMatchObject({ code: 0 })
})

test('a log that is not there is said to be so, and not made; so is a server, and a wrong URL', async () => {
  const none = await run('read', '--all', '--log', url)
  expect([none.code, none.stdout]).toEqual([1, ''])
  expect(none.stderr).toContain('has no event log yet: nobody has opened one there')
  expect(await client.sendCommand(['KEYS', `{${prefix}*`])).toEqual([])
  const away = await run('read', '--all', '--log', 'redis://127.0.0.1:1')
  expect(away).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be reached') as string })
  for (const wrong of [`${server.url}?prefixes=x`, `${server.url}/mine`, 'kafka://here']) {
    const refused = await run('read', '--all', '--log', wrong)
    expect({ wrong, code: refused.code }).toEqual({ wrong, code: 2 })
  }
})

test('a relay sends the log to its end and ends, and the next one sends what is new', async () => {
  folder.write(
    'inturn.relay.ts',
    `import { defineRelay } from ${sourceUrl('producer/relay.ts')}
    import { redisEventLog, redisStore } from ${sourceUrl('stores/redis.ts')}
    import { fileSink } from ${sourceUrl('transports/file.ts')}
    const options = { prefix: '${prefix}', onWarning: () => {} }
    export default defineRelay({
      name: 'orders',
      log: redisEventLog('${server.url}', options),
      store: redisStore('${server.url}', options),
      sink: fileSink('events.ndjson'),
    })`,
  )
  for (const [first, last, sent] of [
    [1, 30, 30],
    [31, 35, 5],
  ] as const) {
    folder.write('bookings.ndjson', bookings(first, last))
    await run('append', 'bookings.ndjson', '--log', url)
    const relay = await run('relay', '--until', 'caught-up')
    expect(relay.stderr).toContain(`ended after ${sent} events`)
    expect(relay.code).toBe(0)
  }
})
