// Several relays of one name: they share the work, take over from those that fall silent, and bring nothing
// out of order, wherever one of them dies or stands still (I1, I3, I5).
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shardOf } from '../../../../src/producer/log-places.ts'
import { SeededRandom } from '../../../../src/testing/seeded-random.ts'
import type { RunningRelay } from './relay-world.ts'
import { RelayWorld, sinkDown, slowSink, throwIfEnded } from './relay-world.ts'

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('of two relays one sends and the other stands by, without touching the sink', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 50)
  const first = world.start({ batch: 5 })
  await world.timers.advance(100)
  const second = world.start({ batch: 5 })
  await world.timers.advance(60_000)
  expect(world.arrived('a')).toEqual(range(1, 50))
  expect(world.sinkCalls.filter((call) => call === 'open')).toHaveLength(1)
  await first.relay.stop()
  await second.relay.stop()
})

test('a relay that was stopped is followed at once by the one that stands by, nothing twice', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 5)
  const first = world.start({ lease: '60s' })
  await world.timers.advance(10)
  const second = world.start({ lease: '60s' })
  await world.timers.advance(10)
  await first.relay.stop()
  await world.append(['a'], 5)
  await world.timers.advance(1_000)
  expect(world.arrived('a')).toEqual(range(1, 10))
  await second.relay.stop()
})

test('a relay that died is followed when its lease has ended, and not before', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 5)
  const first = world.start({ lease: '30s' })
  await world.timers.advance(10)
  const second = world.start({ lease: '30s' })
  await world.timers.advance(10)
  first.life.die()
  await world.append(['a'], 5)
  await world.timers.advance(28_000)
  expect(world.arrived('a')).toEqual(range(1, 5))
  await world.timers.advance(4_000)
  expect(world.arrived('a')).toEqual(range(1, 10))
  await second.relay.stop()
})

test('a relay that stood still in a send beyond its lease brings copies, and no disorder (I1)', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 20)
  let stallMs = 0
  const first = world.start({
    lease: '1s',
    batch: 10,
    fate: {
      dies: () => false,
      stallMs: () => {
        const ms = world.topic.length === 3 ? stallMs : 0
        if (ms > 0) stallMs = 0
        return ms
      },
    },
  })
  stallMs = 30_000
  await world.until(() => world.topic.length === 3)
  const second = world.start({ lease: '1s', batch: 4 })
  await world.until(() => world.arrived('a').includes(20))
  await world.append(['a'], 5)
  await world.timers.advance(60_000)
  expect(world.arrived('a').length).toBeGreaterThan(25)
  expect([...new Set(world.arrived('a'))]).toEqual(range(1, 25))
  expect(world.news.some(({ kind }) => kind === 'relay-lost')).toBe(true)
  expect(await world.store.checkpoint('relay orders', 'shard 1 of 1')).toMatch(/"through":25/)
  await first.relay.stop()
  await second.relay.stop()
})

test('a place that a late relay has set back is set forward again by the one with the lease', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  const { relay } = world.start({ lease: '3s' })
  await world.timers.advance(100)
  await world.store.checkpoint('relay orders', 'shard 1 of 1', JSON.stringify({ through: 4 }))
  await world.timers.advance(2_000)
  expect(await world.store.checkpoint('relay orders', 'shard 1 of 1')).toMatch(/"through":10/)
  await relay.stop()
})

test('one that stood still while another sent, and retention followed, goes on (I10)', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  const stall = { where: '', ms: 0 }
  const fate = {
    dies: (where: string) => {
      stall.where = where
      return false
    },
    stallMs: () => {
      const ms = stall.where === 'before log.page' ? stall.ms : 0
      if (ms > 0) stall.ms = 0
      return ms
    },
  }
  const first = world.start({ lease: '1s', fate })
  await world.timers.advance(500)
  stall.ms = 20_000
  await world.timers.advance(500)
  const second = world.start({ lease: '1s' })
  await world.append(['a'], 10)
  await world.until(() => world.topic.length >= 20)
  await world.log.trim({ before: 20 })
  await world.timers.advance(30_000)
  expect(first.outcome).toEqual({ ended: false })
  expect(second.outcome).toEqual({ ended: false })
  await world.append(['a'], 1)
  await world.until(() => world.topic.length >= 21)
  for (const { relay } of [first, second]) await relay.stop()
})

test('shards divide the streams, and relays with shardsMax divide the shards', async () => {
  const world = new RelayWorld()
  const streams = range(1, 40).map(String)
  await world.append(streams, 5)
  const relays = [1, 2].map(() => world.start({ shards: 4, shardsMax: 2, batch: 7 }))
  await world.until(() => world.topic.length >= 200)
  expect(await world.faultsUpTo(200)).toEqual([])
  const taken = world.news.flatMap((news) => (news.kind === 'relay-taken' ? [news.shard] : []))
  expect(taken.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4])
  expect(world.sinkCalls.filter((call) => call === 'open')).toHaveLength(2)
  for (const { relay } of relays) await relay.stop()
  expect(world.topic).toHaveLength(200)
})

test('every stream has one shard, and each shard has some', () => {
  const streams = range(1, 1_000).map((n) => ({ domain: 'account', stream: String(n) }))
  for (const shards of [1, 2, 7, 64]) {
    const used = new Set(streams.map((stream) => shardOf(stream, shards)))
    expect([...used].sort((a, b) => a - b)).toEqual(range(1, shards))
  }
})

test('with another number of shards it goes on where all shards had been, nothing skipped', async () => {
  const world = new RelayWorld()
  const streams = range(1, 20).map(String)
  await world.append(streams, 3)
  await world.relayAll({ shards: 3 })
  await world.append(streams, 3)
  const odd = world.start({ shards: 3, shardsMax: 1 })
  await world.timers.advance(5_000)
  await odd.relay.stop()
  await world.relayAll({ shards: 2, batch: 10 })
  expect(await world.faultsUpTo(120)).toEqual([])
  await world.append(streams, 1)
  await world.relayAll({ shards: 3, batch: 10 })
  expect(await world.faultsUpTo(140)).toEqual([])
  expect(world.topic.length).toBeLessThan(2 * 140)
})

test('until caught up ends when another relay has sent everything', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 30)
  const first = world.start({ sink: slowSink(world, 100), batch: 10 })
  await world.timers.advance(500)
  const second = world.start({}, { until: 'caught-up' })
  await world.timers.advance(1_000)
  expect(second.outcome.ended).toBe(false)
  await world.until(() => second.outcome.ended)
  expect(world.arrived('a')).toEqual(range(1, 30))
  await first.relay.stop()
})

/** What a random run is made of. */
interface Run {
  readonly seed: number
  readonly streams: number
  readonly rounds: number
  readonly relays: number
  readonly shards: number
  readonly batch: number
  readonly deaths: number
  readonly stalls: number
  readonly failures: number
}

const runs: fc.Arbitrary<Run> = fc.record({
  seed: fc.integer(),
  streams: fc.integer({ min: 1, max: 4 }),
  rounds: fc.integer({ min: 1, max: 12 }),
  relays: fc.integer({ min: 1, max: 3 }),
  shards: fc.integer({ min: 1, max: 3 }),
  batch: fc.integer({ min: 1, max: 9 }),
  deaths: fc.constantFrom(0, 0.01, 0.05),
  stalls: fc.constantFrom(0, 0.02, 0.1),
  failures: fc.constantFrom(0, 0.05),
})

/** A world in which every place that is kept is checked against what has arrived. */
class CheckedWorld extends RelayWorld {
  readonly faults: string[] = []

  constructor(shards: number) {
    super()
    const beside = this.store.beside.bind(this.store)
    this.store.beside = (options) => {
      const handle = beside(options)
      const keep = handle.checkpoint.bind(handle)
      handle.checkpoint = async (consumer, note, value) => {
        if (value === undefined) return keep(consumer, note)
        const shard = /^shard (?<shard>\d+) of/.exec(note)?.groups?.['shard']
        const through: unknown = shard === undefined ? 0 : Reflect.get(Object(JSON.parse(value)), 'through')
        const isOwn = (event: { domain: string; stream: string }): boolean =>
          shardOf(event, shards) === Number(shard)
        for (const fault of await this.faultsUpTo(Number(through), isOwn))
          this.faults.push(`${value} ${fault}`)
        return keep(consumer, note, value)
      }
      return handle
    }
  }
}

async function play({ seed, streams, rounds, relays, ...run }: Run): Promise<CheckedWorld> {
  const random = new SeededRandom(seed)
  const world = new CheckedWorld(run.shards)
  await world.store.open()
  const failing = (): void => {
    if (random.chance(run.failures)) throw sinkDown()
  }
  const fate = {
    dies: () => random.chance(run.deaths),
    stallMs: () => (random.chance(run.stalls) ? random.whole(1, 4_000) : 0),
  }
  const start = (): RunningRelay =>
    world.start({ fate, failing, batch: run.batch, shards: run.shards, lease: '1s' })
  let running = range(1, relays).map(start)
  for (let round = 0; round < rounds; round++) {
    await world.append([`s${random.whole(1, streams)}`], random.whole(1, 6))
    await world.timers.advance(random.whole(1, 3_000))
    running = running.map((one) => (one.life.isDead ? start() : one))
    for (const { outcome } of running) throwIfEnded(outcome)
  }
  for (const { life } of running) life.die()
  await world.relayAll({ batch: run.batch, shards: run.shards, lease: '1s' })
  world.faults.push(...(await world.faultsUpTo(Infinity)))
  return world
}

test('whoever dies, stands still or fails, no event comes before its predecessor (I1, I3)', async () => {
  await fc.assert(
    fc.asyncProperty(runs, async (run) => {
      const { faults } = await play(run)
      expect(faults).toEqual([])
    }),
    { numRuns: 300 },
  )
})
