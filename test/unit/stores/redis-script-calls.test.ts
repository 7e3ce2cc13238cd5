// Calls that are made together come to what they come to one by one, whatever their arguments are; and where
// a server takes only keys of one slot at a time, they are made one by one (I2).
import fc from 'fast-check'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { contiguous, createProcessor } from '../../../src/index.ts'
import { packedArguments } from '../../../src/redis/packed-arguments.ts'
import type { RedisArgument, RedisClient } from '../../../src/redis/redis-client.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import { account, commit, moved, positionOf } from '../../../src/testing/store-suite/samples.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'

let server: RedisServer
let real: TestClient

beforeAll(async () => {
  server = await startRedis()
  real = await connectedClient(server.url)
})

afterAll(async () => {
  real.destroy()
  await server.stop()
})

test('a script gets the arguments that were packed', async () => {
  const texts = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 25, maxLength: 80 }))
  const long = fc.constantFrom(31, 32, 255, 256, 65_535, 65_536).map((size) => 'x'.repeat(size))
  const bytes = fc.uint8Array({ maxLength: 300 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(texts, long, bytes, fc.integer()), { maxLength: 50 }),
      async (values) => {
        const args = ['EVAL', 'return cmsgpack.unpack(ARGV[1])', '0', packedArguments(values)]
        const reply = await real.sendCommand(args, { typeMapping: { 36: Buffer } })
        const expected = values.map((value) =>
          typeof value === 'object' ? Buffer.from(value) : Buffer.from(String(value)),
        )
        expect(reply).toEqual(expected)
      },
    ),
    { numRuns: 200 },
  )
})

/** A client that counts how often something is sent while no reply is waited for. */
function countingClient(): { readonly client: RedisClient; readonly takeRoundTrips: () => number } {
  let [roundTrips, waiting] = [0, 0]
  return {
    client: {
      sendCommand: async (args: RedisArgument[], options?: object) => {
        if (waiting === 0) roundTrips++
        waiting++
        try {
          return await real.sendCommand(args, options)
        } finally {
          waiting--
        }
      },
    },
    takeRoundTrips: () => {
      const counted = roundTrips
      roundTrips = 0
      return counted
    },
  }
}

test('a batch costs two round trips, however many events and streams it has', async () => {
  const { client, takeRoundTrips } = countingClient()
  const processor = createProcessor({
    consumer: 'billing',
    sweep: 'manual',
    store: redisStore({ client }, { prefix: ownPrefix(), onWarning: () => undefined }),
    domains: { account: { numbering: contiguous(), effects: 'external', handle: () => undefined } },
  })
  /** The batch of so many events, by number from 0, in streams of its round's own. */
  const process = async (batch: Record<'events' | 'streams' | 'round' | 'number', number>): Promise<void> => {
    const { events, streams, round, number } = batch
    const each = events / streams
    const messages = Array.from({ length: events }, (_, index) => ({
      stream: `${round}-${index % streams}`,
      sequence: number * each + Math.floor(index / streams) + 1,
      data: {},
    }))
    const results = await processor.process(messages)
    expect(new Set(results.map(({ verdict }) => verdict))).toEqual(new Set(['deliver']))
  }
  const sizes = [
    [1, 1],
    [10, 10],
    [500, 500],
    [500, 1],
  ] as const
  for (const [round, [events, streams]] of sizes.entries()) {
    await process({ events, streams, round, number: 0 })
    takeRoundTrips()
    await process({ events, streams, round, number: 1 })
    expect(takeRoundTrips()).toBe(2)
  }
  await processor.close()
})

test('where keys of several slots are refused together, each shard is called by itself', async () => {
  const refused: number[] = []
  const client: RedisClient = {
    sendCommand: async (args: RedisArgument[], options?: object) => {
      const slots = new Set(args.slice(3, 3 + Number(args[2])).map((key) => /\{.*\}/.exec(String(key))?.[0]))
      if (slots.size > 1) {
        refused.push(slots.size)
        throw new Error("CROSSSLOT Keys in request don't hash to the same slot")
      }
      return real.sendCommand(args, options)
    },
  }
  const store = redisStore({ client }, { prefix: ownPrefix(), onWarning: () => undefined })
  await store.open()
  const streams = Array.from({ length: 20 }, (_, index) => account(`s${index}`))
  await commit(
    store,
    streams.map((stream) => moved(stream, 1)),
  )
  for (const stream of streams) expect(await positionOf(store, stream)).toBe(1)
  expect(refused.length).toBeGreaterThan(0)
  const before = refused.length
  await commit(
    store,
    streams.map((stream) => moved(stream, 2)),
  )
  expect(refused.length).toBe(before)
})

test('where one call of several fails, the others may have run: none is called undone (I2)', async () => {
  const prefix = ownPrefix()
  const client = createClient({ url: server.url })
  await client.connect()
  const store = redisStore({ client }, { prefix, onWarning: () => undefined })
  await store.open()
  const streams = Array.from({ length: 20 }, (_, index) => account(`s${index}`))
  await commit(
    store,
    streams.map((stream) => moved(stream, 1)),
  )
  const counts = (await client.keys(`{${prefix}:*:counts`)).sort()
  for (const key of counts.slice(5, 6)) {
    await client.del(key)
    await client.set(key, 'somebody else')
  }
  const failure = await store
    .handOver(
      'billing',
      streams.map((stream) => ({
        stream,
        arrival: { domain: 'account', stream: 's', epoch: 0, sequence: 9, data: {} },
      })),
    )
    .then(
      () => 'no failure',
      (error: unknown) => error,
    )
  expect(failure).toMatchObject({ code: 'commit-unknown' })
  client.destroy()
})
