// Options of what lies on Redis: what is unknown or cannot be is named when it is made, before any server is
// asked.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import { effectKey, redisEventLog, redisSequences, redisStore } from '../../../src/stores/redis.ts'
import { account, commit, consumer, moved } from '../../../src/testing/store-suite/samples.ts'
import { connectedClient } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

const url = 'redis://localhost'

/** As JavaScript calls it, unchecked. */
type Unchecked = (target?: unknown, options?: unknown) => unknown
const factories = Object.entries({ redisStore, redisEventLog, redisSequences }) as unknown as readonly [
  name: string,
  factory: Unchecked,
][]

function refusal(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (error instanceof InturnError && error.code === 'config-invalid') return error.message
    throw error
  }
  return 'taken'
}

for (const [name, make] of factories) {
  test(`${name} names an option that there is not, and a target that is none`, () => {
    expect(refusal(() => make(url, { shard: 4 }))).toMatch(
      new RegExp(`^${name}\\.shard is no option; there are prefix, replyMs, onWarning`),
    )
    expect(refusal(() => make(url, null))).toMatch(`${name} takes options: prefix`)
    for (const target of [undefined, null, 5, {}, { client: {} }, { client: null }, { url }]) {
      expect(refusal(() => make(target))).toMatch(`${name} takes a URL like redis://host:6379, or { client }`)
    }
    expect(refusal(() => make({ client: { sendCommand: () => undefined } }))).toBe('taken')
  })

  test(`${name} says which prefix it does not take`, () => {
    for (const [prefix, given] of [
      ['', 'an empty text'],
      ['a{b', "the text 'a{b'"],
      [5, '5'],
    ]) {
      expect(refusal(() => make(url, { prefix }))).toBe(
        `${name}: prefix takes a text without braces, not ${given}`,
      )
    }
  })
}

test('options that there are may all be given', () => {
  const shared = { prefix: 'p', replyMs: 1000, onWarning: () => undefined }
  redisStore(url, { ...shared, shards: 4, waitReplicas: { replicas: 1, timeoutMs: 10 } })
  redisSequences(url, shared)
  const limits = { appendMax: 1, eventBytesMax: 1, streamBytesMax: 1, schemas: {} }
  redisEventLog(url, { ...shared, ...limits, pollMs: 1, pollMaxMs: 1 })
  expect(refusal(() => (redisStore as Unchecked)(url, { waitReplicas: { replica: 1 } }))).toMatch(
    'redisStore: waitReplicas.replica is no option; there are replicas, timeoutMs',
  )
})

test('a name of a key that cannot be is shown, also when it is empty', () => {
  const place = { consumer: 'billing', domain: 'account', stream: '42' }
  expect(() => effectKey({ ...place, name: '' })).toThrow("takes a name of 1 to 512 bytes, not ''")
})

let server: RedisServer

beforeAll(async () => {
  server = await startRedis(['--databases', '4', '--appendfsync', 'always'])
})

afterAll(async () => {
  await server.stop()
})

test('a database that the server has not is told with what to do', async () => {
  const store = redisStore(`${server.url}/99`)
  await expect(store.open()).rejects.toMatchObject({
    code: 'store-unavailable',
    retryable: false,
    message: expect.stringContaining(
      'it has no database of the number in the URL; see its setting databases',
    ) as string,
  })
  await store.close()
})

test('a user with the rights of the docs can work, in a numbered database with +select', async (context) => {
  const admin = await connectedClient(server.url)
  context.onTestFinished(() => admin.destroy())
  const rights = ['~{inturn*', '+@read', '+@write', '+@scripting', '+time', '+info', '+config|get']
  await admin.sendCommand(['ACL', 'SETUSER', 'worker', 'reset', 'on', '>secret', ...rights])
  const asWorker = server.url.replace('//', '//worker:secret@')
  const other = redisStore(`${asWorker}/3`)
  await expect(other.open()).rejects.toMatchObject({ code: 'store-unavailable', retryable: false })
  await other.close()
  await admin.sendCommand(['ACL', 'SETUSER', 'worker', '+select'])
  const warnings: string[] = []
  for (const at of [asWorker, `${asWorker}/3`]) {
    const store = redisStore(at, { onWarning: (text) => warnings.push(text) })
    await store.open()
    await commit(store, [moved(account('a'), 1)])
    await store.heartbeat(consumer, 'one')
    expect(await store.reader.consumers()).toEqual([consumer])
    await store.close()
  }
  expect(warnings).toEqual([])
})
