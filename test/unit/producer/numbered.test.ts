// A numbered source gives each message one number for good (I3): when it comes again, when its reader dies,
// and when the store fails in between.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { SequenceStore } from '../../../src/ports/sequence-store.ts'
import type { Source } from '../../../src/ports/source.ts'
import { numbered } from '../../../src/producer/numbered.ts'
import type { NumberedOptions } from '../../../src/producer/numbered.ts'
import { memorySequences } from '../../../src/stores/memory.ts'
import { redisSequences } from '../../../src/stores/redis.ts'
import { sqliteSequences } from '../../../src/stores/sqlite.ts'
import { memorySource } from '../../../src/transports/memory.ts'
import type { MemorySource } from '../../../src/transports/memory.ts'
import { ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

const checkpoint = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() }
const request = { max: 100, waitMs: 0, signal: new AbortController().signal }

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

let folder: string
let inner: MemorySource
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inturn-numbered-'))
  inner = memorySource()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function numbersIn(source: Source): Promise<unknown[]> {
  return (await source.read(request)).map(({ message }) => {
    if (typeof message !== 'object' || message === null || !('sequence' in message)) return message
    const { stream, sequence } = message as { stream?: string; sequence: number }
    return `${stream}${sequence}`
  })
}

async function opened(store: SequenceStore, options: Partial<NumberedOptions> = {}): Promise<Source> {
  const source = numbered(inner, { store, domain: 'click', ...options })
  await source.open(checkpoint)
  return source
}

const click = (stream: string, id: string): object => ({ stream, id, data: {} })

describe.for([
  { name: 'memory', make: () => memorySequences() },
  { name: 'SQLite', make: () => sqliteSequences(join(folder, 'clicks.db'), { synchronous: 'normal' }) },
  {
    name: 'Redis',
    make: () => redisSequences(server.url, { prefix: ownPrefix(), onWarning: () => undefined }),
  },
])('on $name', ({ make }) => {
  test('messages are numbered within their stream, in the order in which they are first read', async () => {
    const source = await opened(make())
    await inner.push([click('a', '1'), click('b', '2'), click('a', '3'), click('a', '1')])
    expect(await numbersIn(source)).toEqual(['a1', 'b1', 'a2', 'a1'])
    await source.close()
  })

  test('what comes again has the number that it had', async () => {
    const source = await opened(make())
    await inner.push([click('a', '1'), click('a', '2')])
    await numbersIn(source)
    inner.redeliver()
    await inner.push([click('a', '3'), click('a', '1')])
    expect(await numbersIn(source)).toEqual(['a1', 'a2', 'a3', 'a1'])
    await source.close()
  })

  test('beyond the window a message is taken for a new one', async () => {
    const source = await opened(make(), { windowMax: 2 })
    await inner.push([click('a', '1'), click('a', '2'), click('a', '3')])
    await numbersIn(source)
    await inner.push([click('a', '2'), click('a', '3'), click('a', '1')])
    expect(await numbersIn(source)).toEqual(['a2', 'a3', 'a4'])
    await source.close()
  })
})

test('in SQLite numbers and ids outlive the process', async () => {
  for (const again of [1, 2]) {
    const source = await opened(sqliteSequences(join(folder, 'clicks.db')))
    if (again === 1) await inner.push([click('a', '1'), click('a', '2')])
    expect(await numbersIn(source)).toEqual(['a1', 'a2'])
    await source.close()
  }
})

test('messages that were read while the store was away are numbered later, and none is lost', async () => {
  const store = memorySequences()
  let isAway = true
  const assign: SequenceStore['assign'] = (asked) => {
    if (isAway) throw new InturnError('store-unavailable', 'away', { retryable: true })
    return store.assign(asked)
  }
  const flaky: SequenceStore = Object.assign(Object.create(store) as SequenceStore, {
    open: async () => store.open(),
    assign,
  })
  const source = await opened(flaky)
  await inner.push([click('a', '1'), click('a', '2'), click('a', '3')])
  await expect(source.read(request)).rejects.toMatchObject({ code: 'store-unavailable' })
  expect(await source.isCaughtUp()).toBe(false)
  isAway = false
  const two = await source.read({ ...request, max: 2 })
  expect(two.length).toBe(2)
  expect(await numbersIn(source)).toEqual(['a3'])
  expect(await source.isCaughtUp()).toBe(true)
  await source.settle(two)
  expect(inner.unsettled).toBe(1)
})

test('domain, stream and id may come from anywhere; text and bytes are read exactly', async () => {
  const source = await opened(memorySequences(), {
    domain: ({ type }) => String(type).split('.')[0],
    scope: ({ data }) => String((data as { user?: string }).user),
    id: ({ time }) => String(time),
  })
  const text = '{"type":"click.made","time":"t1","data":{"user":"u"}}'
  await inner.push([text, new TextEncoder().encode(text.replace('t1', 't2')), text.replace('click', 'view')])
  const read = await source.read(request)
  expect(read.map(({ message }) => message)).toMatchObject([
    { domain: 'click', stream: 'u', sequence: 1, type: 'click.made', data: { user: 'u' } },
    { domain: 'click', stream: 'u', sequence: 2 },
    { domain: 'view', stream: 'u', sequence: 1 },
  ])
  await source.settle(read)
  const exact = await opened(memorySequences())
  await inner.push(['{"stream":12345678901234567890,"id":"x"}', '{"stream":12345678901234567891,"id":"x"}'])
  expect(await numbersIn(exact)).toEqual(['123456789012345678901', '123456789012345678911'])
})

test('what names no stream or id, or cannot be read, stays as it is', async () => {
  const source = await opened(memorySequences())
  const odd = ['no json', { stream: 'a' }, { id: '1' }, 7]
  await inner.push(odd)
  expect((await source.read(request)).map(({ message }) => message)).toEqual(odd)
})

test('a queue gets back what is released', async () => {
  inner = memorySource({ kind: 'queue' })
  const source = await opened(memorySequences())
  await inner.push([click('a', '1')])
  const read = await source.read(request)
  await source.release(read, 0)
  expect((await source.read({ ...request, waitMs: 10_000 })).length).toBe(1)
  expect(source.kind).toBe('queue')
})
