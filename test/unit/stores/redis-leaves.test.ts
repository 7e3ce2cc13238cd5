// Streams lie in leaves that split as they grow: whatever the order in which streams come and however long
// their names are, each is found again, and lists are in order (I3).
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StreamPath } from '../../../src/core/stream-path.ts'
import { streamPath } from '../../../src/core/stream-path.ts'
import type { Store } from '../../../src/ports/store.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import { commit, consumer, holding, moved, statesIn, work } from '../../../src/testing/store-suite/samples.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

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

async function openStore(shards: number, prefix = ownPrefix()): Promise<Store> {
  const store = redisStore({ client }, { prefix, shards, onWarning: () => undefined })
  await store.open()
  return store
}

/** Every page of the streams, one after another. */
async function pagesOf(store: Store, query: { limit: number; domain?: string }): Promise<StreamPath[]> {
  const paths: StreamPath[] = []
  for (;;) {
    const after = paths.at(-1)
    const page = await store.reader.streams(consumer, { ...query, ...(after === undefined ? {} : { after }) })
    if (page.length === 0) return paths
    paths.push(...page.map(({ stream }) => stream))
  }
}

const names = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 5 }),
  fc.integer({ min: 0, max: 2000 }).map(String),
  fc.string({ minLength: 60, maxLength: 200, unit: fc.constantFrom('a', 'b', 'Z', '_', '%', '~') }),
)

test('streams of any names, in any order, are found again, listed in order, and counted once', async () => {
  const histories = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'a2', 'ä', ''), names), {
    minLength: 300,
    maxLength: 900,
    selector: ([domain, name]) => streamPath(domain, name),
  })
  await fc.assert(
    fc.asyncProperty(histories, fc.integer({ min: 1, max: 3 }), async (history, shards) => {
      const prefix = ownPrefix()
      const [store, other] = [await openStore(shards, prefix), await openStore(shards, prefix)]
      const paths = history.map(([domain, name]) => streamPath(domain, name))
      for (const [round, one] of [store, other, store].entries()) {
        for (let from = 0; from < paths.length; from += 70) {
          const batch = paths.slice(from, from + 70)
          await commit(
            one,
            batch.map((path, index) => moved(path, round * 1000 + from + index)),
          )
        }
      }
      const { value: states } = await work(other, { streams: paths }, async (unit) => statesIn(unit))
      for (const [index, path] of paths.entries()) expect(states.get(path)?.position).toBe(2000 + index)
      expect(await pagesOf(store, { limit: 113 })).toEqual(paths.toSorted())
      const inDomain = paths.filter((path) => path.startsWith('a/')).sort()
      expect(await pagesOf(store, { limit: 50, domain: 'a' })).toEqual(inDomain)
      const { streams, deliveries } = await store.reader.summary(consumer)
      expect([streams, deliveries]).toEqual([paths.length, 3 * paths.length])
    }),
    { numRuns: 8 },
  )
})

test('a worker that remembers where streams were finds them after a leaf was split (I1)', async () => {
  const prefix = ownPrefix()
  const [store, other] = [await openStore(1, prefix), await openStore(1, prefix)]
  const nameOf = (number: number): StreamPath => streamPath('order', String(10_000 + number))
  const own = Array.from({ length: 100 }, (_, index) => nameOf(index * 10))
  const others = Array.from({ length: 900 }, (_, index) => nameOf(index + Math.floor(index / 9) + 1))
  const move = (position: number) => own.map((path, index) => moved(path, position + index))
  await commit(store, move(0))
  await commit(store, move(1000))
  await work(store, { streams: own }, async (unit) => {
    await commit(
      other,
      others.toReversed().map((path) => moved(path, 7)),
    )
    await unit.commit({ streams: move(2000) })
  })
  const { value: states } = await work(store, { streams: own }, async (unit) => statesIn(unit))
  for (const [index, path] of own.entries()) expect(states.get(path)?.position).toBe(2000 + index)
  const { value: rest } = await work(store, { streams: others }, async (unit) => statesIn(unit))
  for (const path of others) expect(rest.get(path)?.position).toBe(7)
  expect((await store.reader.summary(consumer)).streams).toBe(1000)
})

test('a unit that commits a stream again goes on from what it wrote (I9)', async () => {
  const store = await openStore(1)
  const path = streamPath('order', 'twice')
  const waiting = async (): Promise<number> =>
    (await store.reader.streams(consumer, { onlyWaiting: true, limit: 9 })).length
  // The first unit looks for the stream, the others know where it lies.
  for (const round of [1, 2, 3]) {
    await work(store, { streams: [path] }, async (unit) => {
      await unit.commit({ streams: [holding(path, 3)] })
      expect(await waiting()).toBe(1)
      await unit.commit({ streams: [moved(path, 10 * round)] })
    })
    expect(await waiting()).toBe(0)
    expect((await store.reader.summary(consumer)).deliveries).toBe(2 * round)
    const [found] = await store.reader.streams(consumer, { limit: 9 })
    expect(found).toMatchObject({ stream: path, deliveries: 2 * round, state: { position: 10 * round } })
  }
})

test('paths that rise fill their leaves', async () => {
  const prefix = ownPrefix()
  const store = await openStore(1, prefix)
  const paths = Array.from({ length: 2000 }, (_, index) => streamPath('order', String(10_000 + index)))
  for (let from = 0; from < paths.length; from += 100) {
    await commit(
      store,
      paths.slice(from, from + 100).map((path) => moved(path, 1)),
    )
  }
  const leaves = await client.sendCommand(['ZCARD', `{${prefix}:0}:${consumer}:leaves`])
  expect(leaves).toBe(Math.ceil(2000 / 128))
})

test('waiting streams and held events are listed in pages, over all shards', async () => {
  const store = await openStore(5)
  const paths = Array.from({ length: 60 }, (_, index) => streamPath(index % 2 ? 'odd' : 'even', `s${index}`))
  await commit(
    store,
    paths.map((path, index) => (index % 3 === 0 ? moved(path, 1) : holding(path, 3, 10, 9))),
  )
  const waiting = paths.filter((_, index) => index % 3 !== 0).sort()
  const found = await store.reader.streams(consumer, { onlyWaiting: true, limit: 99 })
  expect(found.map(({ stream }) => stream)).toEqual(waiting)
  const held: string[] = []
  for (let after: string | undefined; ;) {
    const page = await store.reader.held(consumer, { limit: 7, ...(after === undefined ? {} : { after }) })
    if (page.length === 0) break
    held.push(...page.map(({ stream, event }) => `${stream} ${String(event.sequence)}`))
    after = page.at(-1)?.cursor
  }
  expect(held).toEqual(waiting.flatMap((path) => [3, 9, 10].map((sequence) => `${path} ${sequence}`)))
})
