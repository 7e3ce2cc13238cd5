// What a source and a sink take, and whose the connection is: every option that cannot be is named (I7), a
// client of the caller's is left as it was, and a user may be given no more than is needed.
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InturnError } from '../../../../src/core/errors.ts'
import type { SinkMessage } from '../../../../src/ports/sink.ts'
import type {
  RedisStreamsSinkOptions,
  RedisStreamsSourceOptions,
} from '../../../../src/transports/redis-streams.ts'
import { redisStreamsSink, redisStreamsSource } from '../../../../src/transports/redis-streams.ts'
import type { TestClient } from '../../../conformance/stores/redis-fixture.ts'
import { connectedClient } from '../../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../../services/redis-server.ts'
import { startRedis } from '../../../services/redis-server.ts'
import { numbersOf, range, readAll, readSome, StreamPlace, until } from './stream-place.ts'

const url = 'redis://localhost:6379'
const { signal } = new AbortController()
let server: RedisServer
let admin: TestClient

beforeAll(async () => {
  // A server of its own: users are made, and connections counted.
  server = await startRedis(['--appendfsync', 'no'])
  admin = await connectedClient(server.url)
})
afterAll(async () => {
  admin.destroy()
  await server.stop()
})

function message(n: number): SinkMessage {
  const json = JSON.stringify({ n })
  return { domain: 'account', stream: 'a', sequence: n, id: `${n}`, type: 't', partitionKey: 'a', json }
}

/** What is said of options that cannot be. */
function refusalOf(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (error instanceof InturnError && error.code === 'config-invalid') return error.message
    throw error
  }
  return 'nothing'
}

const badSources: readonly (readonly [Partial<RedisStreamsSourceOptions>, RegExp])[] = [
  [{ stream: '' }, /stream takes a name/],
  [{ group: '' }, /group takes a name/],
  [{ consumerName: '' }, /consumerName takes a name/],
  [{ claimIdleMs: 0 }, /claimIdleMs takes a whole number from 1 to 2147483647, not 0/],
  [{ replyMs: 1.5 }, /replyMs takes a whole number from 1 to 2147483647, not 1\.5/],
  [{ unsettledMax: 0 }, /unsettledMax takes a whole number from 1/],
  [{ trim: { everyMs: 0 } }, /trim\.everyMs takes a whole number from 1/],
  [{ trim: { everyMs: 1, maxLen: -1 } }, /trim\.maxLen takes a whole number from 0/],
  [{ start: 'end' as 'new' }, /start takes beginning or new, not the text 'end'/],
  [{ domain: '' }, /domain takes a name/],
  [{ messageFrom: 'data' as never }, /messageFrom takes a function, not the text 'data'/],
  [{ onWarning: 1 as never }, /onWarning takes a function, not 1/],
  [{ streams: ['s'] } as object, /redisStreamsSource\.streams is no option; there are stream, group/],
  [{ trim: { everyMs: 1, max: 5 } } as object, /redisStreamsSource: trim\.max is no option/],
  [{ url: 'localhost:6379' }, /takes a URL like redis:\/\/host:6379/],
  [{ url: 'http://localhost' }, /takes a URL like redis:\/\/host:6379/],
]

for (const [options, words] of badSources) {
  test(`a source does not take ${JSON.stringify(options)}, and says what it takes`, () => {
    expect(refusalOf(() => redisStreamsSource({ url, stream: 's', group: 'g', ...options }))).toMatch(words)
  })
}

const badSinks: readonly (readonly [RedisStreamsSinkOptions, RegExp])[] = [
  [{ url }, /takes either stream or streamOf/],
  [{ url, stream: 's', streamOf: () => 's' }, /takes either stream or streamOf/],
  [{ url, stream: '' }, /stream takes a name, not an empty text$/],
  [{ url, stream: 's', group: 'g' } as object, /redisStreamsSink\.group is no option; there are url, client/],
  [{ url, stream: 's', replyMs: 0 }, /replyMs takes a whole number from 1/],
  [{ url, streamOf: 's' as never }, /streamOf takes a function, not the text 's'/],
  [{ client: {} as never, stream: 's' }, /client takes an object with sendCommand\(\), not/],
  [{ stream: 's' }, /takes a url like redis:\/\/host:6379, or a client/],
]

for (const [options, words] of badSinks) {
  test(`a sink does not take ${JSON.stringify(options)}, and says what it takes`, () => {
    expect(refusalOf(() => redisStreamsSink(options))).toMatch(words)
  })
}

test("a client of the caller's stays open, and what was duplicated from it is ended", async () => {
  const place = new StreamPlace(server.url)
  const client = await createClient({ url: server.url }).connect()
  const connections = async (): Promise<number> =>
    String(await admin.sendCommand(['CLIENT', 'LIST'])).split('id=').length
  await place.ask('PING')
  const before = await connections()
  const source = await place.source({ client })
  const sink = redisStreamsSink({ client, stream: place.stream })
  await sink.open()
  const reading = source.read({ max: 5, waitMs: 3_600_000, signal })
  await sink.send([message(1)], { signal })
  expect(numbersOf(await reading)).toEqual([1])
  await source.close()
  await sink.close()
  await until(async () => (await connections()) === before)
  expect(await client.ping()).toBe('PONG')
  await place.remove()
  client.destroy()
})

test('a user with the rights that the docs name can do everything, and one with less is told', async () => {
  const place = new StreamPlace(server.url)
  const rights = ['reset', 'on', '>secret', `~${place.stream}`]
  await admin.sendCommand([
    'ACL',
    'SETUSER',
    'worker',
    ...rights,
    '+@stream',
    '+eval',
    '+evalsha',
    '+@connection',
  ])
  const asWorker = server.url.replace('//', '//worker:secret@')
  const sink = redisStreamsSink({ url: asWorker, stream: place.stream })
  await sink.open()
  await sink.send(range(1, 9).map(message), { signal })
  const source = await place.source({ url: asWorker, claimIdleMs: 30, trim: { everyMs: 5 } })
  const deliveries = await readAll(source, 9)
  expect(await source.isCaughtUp()).toBe(true)
  expect(await source.extent?.()).toEqual({ done: 9, total: 9, unit: 'events' })
  await source.settle(deliveries)
  await until(async () => (await place.counts()).there === 1)
  await readSome(source)
  expect(place.warnings).toEqual([])
  await admin.sendCommand(['ACL', 'SETUSER', 'worker', '-xautoclaim'])
  const failure = {
    code: 'source-unavailable',
    retryable: false,
    message: expect.stringContaining('may not run') as string,
  }
  const another = await place.source({ url: asWorker })
  await expect(readSome(another)).rejects.toMatchObject(failure)
  await sink.close()
  await place.remove()
})

test('what the server refuses is told as what it is, and whether waiting mends it', async () => {
  const place = new StreamPlace(server.url)
  await place.ask('SET', place.stream, 'text')
  const wrong = {
    code: 'source-unavailable',
    retryable: false,
    message: expect.stringContaining('no stream') as string,
  }
  await expect(place.source()).rejects.toMatchObject(wrong)
  await admin.sendCommand(['CONFIG', 'SET', 'maxclients', '2'])
  await expect(place.source()).rejects.toMatchObject({ code: 'source-unavailable', retryable: true })
  await admin.sendCommand(['CONFIG', 'SET', 'maxclients', '10000'])
  await place.remove()
})
