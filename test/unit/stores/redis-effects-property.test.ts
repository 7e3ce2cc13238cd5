// Whatever arrives in whatever order, whichever commands fail, and however often commits are lost before or
// after they happened: each command has its effect at most once, in the order of the events, and exactly once
// where nothing failed (I1, I2).
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import type { ExternalContext } from '../../../src/engine/domain-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { skip } from '../../../src/operate/operate-stream.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import type { RedisCommands } from '../../../src/stores/redis.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import { consumer, EffectsWorld, events, pathOf } from './effects-world.ts'

const last = 10
const streams = ['a', 'b']
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

/** Which events' commands fail: before any has run, or behind others. */
interface Plan {
  readonly seed: number
  readonly first: readonly number[]
  readonly middle: readonly number[]
  readonly lost: number
}

function handlerOf({ first, middle }: Plan) {
  return (event: InturnEvent, { redis }: ExternalContext<RedisCommands>): void => {
    const sequence = Number(event.sequence)
    if (first.includes(sequence)) redis.call('INCR', redis.key('spoilt'))
    redis.call('RPUSH', redis.key('journal'), sequence)
    if (middle.includes(sequence)) redis.call('INCR', redis.key('spoilt'))
    redis.call('HINCRBY', redis.key('balance'), 'sum', sequence)
  }
}

/** A worker's life: until its store fails, if it does. */
async function live(processor: Processor, random: SeededRandom): Promise<void> {
  const numbers = Array.from({ length: last }, (_, index) => index + 1)
  for (let batch = 0; batch < 4; batch++) {
    const some = numbers.filter(() => random.chance(0.6)).map((sequence) => ({ sequence, at: random.next() }))
    const shuffled = some.sort((x, y) => x.at - y.at).map(({ sequence }) => sequence)
    await processor.process(streams.flatMap((stream) => events(stream, ...shuffled)))
    await processor.sweep()
  }
}

async function carryOut(world: EffectsWorld, plan: Plan): Promise<void> {
  const random = new SeededRandom(plan.seed)
  for (const stream of streams) await world.spoil(stream, 'spoilt')
  for (let worker = 0; ; worker++) {
    const isLossy = worker < 40
    const processor = world.processor(
      { handle: handlerOf(plan), failure: { attempts: 2, backoff: 0, then: 'dead-letter' } },
      {},
      ({ method }) => {
        if (method !== 'unit.commit' || !isLossy || !random.chance(plan.lost)) return undefined
        return { fail: random.chance(0.5) ? 'before' : 'after' }
      },
    )
    await live(processor, random).catch(() => undefined)
    const stored = await Promise.all(streams.map((stream) => world.stream(stream)))
    if (stored.every((one) => one?.state.position === last)) return
    for (const one of stored) {
      if (one?.state.halt?.cause !== 'effect-partial') continue
      await skip(world.target, { stream: one.stream, by: 'ann', reason: 'done by hand' })
    }
  }
}

test('each command has its effect once and in order, or its event is told', async () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: last }), { maxLength: 2 })
  const plans = fc.record({
    seed: fc.nat(),
    first: numbers,
    middle: numbers,
    lost: fc.constantFrom(0, 0.2, 0.5),
  })
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const world = new EffectsWorld(client)
      await carryOut(world, plan)
      for (const stream of streams) {
        const journal = await world.journal(stream)
        expect(journal).toEqual(
          Array.from({ length: last }, (_, index) => index + 1).filter(
            (number) => !plan.first.includes(number),
          ),
        )
        const done = journal.filter((number) => !plan.middle.includes(number))
        expect(await world.balance(stream)).toBe(done.reduce((sum, number) => sum + number, 0))
        expect((await world.stream(stream))?.partial, pathOf(stream)).toBeUndefined()
      }
      const { imbalances } = await verifyConsumer({ reader: world.store.reader, consumer }, new Map())
      expect(imbalances).toEqual([])
      await world.end()
    }),
    { numRuns: 25 },
  )
})
