// What a relay promises, on virtual time: all that is appended arrives in the order of its stream, goes on
// where it ended, waits failures out, and never skips what it cannot send any more (I1, I3).
import { expect, test } from 'vitest'
import { BelowRetention } from '../../../../src/core/append-errors.ts'
import { InturnError } from '../../../../src/core/errors.ts'
import type { RelayNews } from '../../../../src/ports/relay-news.ts'
import type { SinkMessage } from '../../../../src/ports/sink.ts'
import { createRelay } from '../../../../src/producer/relay.ts'
import { relayLog } from '../../../../src/producer/relay/relay-log.ts'
import { memoryEventLog } from '../../../../src/stores/memory.ts'
import { prometheus } from '../../../../src/telemetry/prometheus.ts'
import { aroundEventLog } from '../../../../src/testing/around-event-log.ts'
import { SeededRandom } from '../../../../src/testing/seeded-random.ts'
import { RelayWorld, sinkDown, slowSink } from './relay-world.ts'

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('all that is in the log arrives, each stream in order, and what is appended meanwhile', async () => {
  const world = new RelayWorld()
  await world.append(['a', 'b'], 700)
  const { relay, outcome } = world.start()
  await world.until(() => world.topic.length === 1_400)
  await world.append(['b', 'c'], 3)
  await world.until(() => world.topic.length === 1_406)
  await relay.stop()
  expect(outcome.ended).toBe(true)
  expect(world.arrived('a')).toEqual(range(1, 700))
  expect(world.arrived('b')).toEqual(range(1, 703))
  expect(world.arrived('c')).toEqual(range(1, 3))
})

test('a relay that is stopped finishes its batch, and the next one goes on behind it', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 100)
  const { relay } = world.start({ batch: 10, sink: slowSink(world, 10) })
  await world.until(() => world.topic.length >= 25)
  const stopped = relay.stop()
  await world.until(() => world.topic.length === 30)
  await world.timers.advance(1_000)
  await stopped
  expect(world.topic).toHaveLength(30)
  await world.relayAll()
  expect(world.arrived('a')).toEqual(range(1, 100))
})

test('only the domains and types that are asked for arrive, and the place passes the others', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 3)
  await world.append(['a'], 300, 'account.closed')
  await world.append(['b'], 3)
  await world.log.append({
    domain: 'chat',
    stream: 'x',
    events: [{ id: '1', type: 'account.booked', data: 1 }],
  })
  await world.relayAll({ domains: ['account'], types: ['*.booked'], batch: 2 })
  expect(world.arrived('a')).toEqual([1, 2, 3])
  expect(world.arrived('b')).toEqual([1, 2, 3])
  expect(world.topic).toHaveLength(6)
  const note = `shard 1 of 1 of [["account"],["*.booked"]]`
  expect(await world.store.checkpoint('relay orders', note)).toMatch(/"through":307/)
})

test('with another filter a relay begins anew: what the first one left out is not skipped (I3)', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 3)
  await world.append(['a'], 3, 'account.closed')
  await world.relayAll({ types: ['account.booked', 'x'] })
  await world.relayAll({ types: ['x', 'account.booked'] })
  expect(world.topic).toHaveLength(3)
  await world.relayAll({ types: ['account.*'] })
  expect(world.arrived('a')).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6])
})

test('a sink that fails is told and waited out, longer each time, and told when it is mended', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  let failures = 6
  const failing = ({ sequence }: SinkMessage): void => {
    if (sequence === 4 && failures-- > 0) throw sinkDown()
  }
  const { relay } = world.start({ failing })
  await world.until(() => world.arrived('a').includes(10))
  await relay.stop()
  expect([...new Set(world.arrived('a'))]).toEqual(range(1, 10))
  const waits = world.news.flatMap((news) => (news.kind === 'relay-failed' ? [news.retryInMs] : []))
  expect(waits).toHaveLength(6)
  expect(waits.every((ms, index) => ms <= 100 * 2 ** index && ms >= 50 * 2 ** index)).toBe(true)
  expect(world.news.filter(({ kind }) => kind === 'relay-recovered')).toHaveLength(1)
})

test('failures are said by a logger with the error itself, and counted', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  const said: unknown[][] = []
  const logger = { warn: () => undefined, error: (...line: unknown[]) => void said.push(line) }
  const metrics = prometheus()
  // Loads prom-client now: what it takes is no time of this world.
  await metrics.text()
  let failures = 2
  const failing = ({ sequence }: SinkMessage): void => {
    if (sequence === 4 && failures-- > 0) throw sinkDown()
  }
  const { relay } = world.start({ failing, logger, telemetry: [metrics] })
  await world.until(() => world.arrived('a').includes(10))
  await relay.stop()
  expect(said).toHaveLength(2)
  expect(said[0]).toEqual([
    expect.stringMatching(/^inturn: relay orders failed, next try in /),
    expect.objectContaining({ code: 'sink-unavailable' }),
  ])
  const text = await metrics.text()
  expect(text).toContain('inturn_relay_failures_total{relay="orders"} 2')
  expect(text).toContain('inturn_relay_sent_total{relay="orders"} 10')
})

test('a relay that has ended has no lag any more', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  const metrics = prometheus()
  await metrics.text()
  const lags: number[] = []
  const telemetry = [metrics, (news: RelayNews) => void (news.kind === 'relay-lag' && lags.push(news.events))]
  const { relay } = world.start({ telemetry })
  await world.until(() => lags.at(-1) === 0)
  expect(await metrics.text()).toMatch(/^inturn_relay_lag\{relay="orders"\} 0$/m)
  expect(await metrics.text()).toMatch(/^inturn_relay_oldest_seconds\{relay="orders"\} 0$/m)
  await relay.stop()
  const text = await metrics.text()
  expect(text).toContain('inturn_relay_sent_total{relay="orders"} 10')
  expect(text).not.toMatch(/inturn_relay_(lag|oldest_seconds)\{/)
})

test('of shards that fail together one is said with its stack, and so is the first of the next time', () => {
  const brief: (boolean | undefined)[] = []
  const tell = relayLog(({ level, isBrief }) => void (level === 'error' && brief.push(isBrief)), {
    name: 'orders',
    shards: 2,
  })
  const fails = (shard: number): void =>
    tell({ kind: 'relay-failed', relay: 'orders', shard, error: sinkDown(), retryInMs: 100 })
  fails(1)
  fails(2)
  tell({ kind: 'relay-recovered', relay: 'orders', shard: 1 })
  tell({ kind: 'relay-lost', relay: 'orders', shard: 2 })
  fails(1)
  expect(brief).toEqual([false, true, false])
})

test('a logger or a telemetry that is none is refused', () => {
  const world = new RelayWorld()
  const wrong =
    (setup: object): unknown =>
    () =>
      world.start(setup)
  expect(wrong({ logger: 'stderr' })).toThrow('logger takes a logger with warn and error')
  expect(wrong({ telemetry: 'metrics' })).toThrow('telemetry takes a function')
})

test('a break never gets longer than 10 s', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 1)
  const { relay } = world.start({
    failing: () => {
      throw sinkDown()
    },
  })
  const waits = (): number[] =>
    world.news.flatMap((news) => (news.kind === 'relay-failed' ? [news.retryInMs] : []))
  await world.until(() => waits().length === 14)
  await relay.stop()
  expect(Math.max(...waits())).toBeLessThanOrEqual(10_000)
})

test.each(['log.page', 'store.lease', 'store.checkpoint'])(
  'a failure of %s is told and waited out, and nothing is lost',
  async (call) => {
    const world = new RelayWorld()
    await world.append(['a'], 20)
    const random = new SeededRandom(3)
    let calls = 0
    const fate = {
      stallMs: () => 0,
      dies: (where: string): boolean => {
        if (where !== `before ${call}` || (calls++ > 0 && random.chance(0.6))) return false
        throw new InturnError('store-unavailable', 'out of reach', { retryable: true })
      },
    }
    const { relay } = world.start({ batch: 3, fate })
    await world.until(() => world.arrived('a').includes(20))
    await relay.stop()
    expect(await world.faultsUpTo(20)).toEqual([])
    expect(world.news.some(({ kind }) => kind === 'relay-failed')).toBe(true)
    expect(world.news.some(({ kind }) => kind === 'relay-recovered')).toBe(true)
  },
)

test('what waiting does not mend ends the relay with its error', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 3)
  const failing = (): void => {
    throw new InturnError('sink-unavailable', 'no such topic')
  }
  await expect(world.relayAll({ failing })).rejects.toMatchObject({ code: 'sink-unavailable' })
  const bug = (): void => {
    throw new TypeError('a bug in somebody else code')
  }
  await expect(world.relayAll({ failing: bug })).rejects.toThrow(TypeError)
})

test('an event that has no JSON stops the relay in front of it, with its name', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 2)
  const events = [{ id: 'big', type: 'account.booked', data: { n: 2n ** 70n } }]
  await world.log.append({ domain: 'account', stream: 'a', events })
  await expect(world.relayAll({ batch: 1 })).rejects.toThrow(/account\/a, event 3 has no JSON/)
  expect(world.arrived('a')).toEqual([1, 2])
  const form = ({
    domain,
    stream,
    sequence,
  }: {
    domain: string
    stream: string
    sequence: number
  }): object => ({
    domain,
    stream,
    sequence,
    data: 'left out',
  })
  await world.relayAll({ form })
  expect(world.arrived('a')).toEqual([1, 2, 3])
})

test('a relay below retention says so and sends nothing (I3)', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  await world.relayAll()
  await world.append(['a'], 10)
  await world.log.trim({ before: 15 })
  const failed = await world.relayAll().catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(BelowRetention)
  expect(failed).toMatchObject({ code: 'below-retention', first: 15 })
  expect(world.arrived('a')).toEqual(range(1, 10))
})

test('retention at work while a relay begins, or tells its lag, removes nothing that it needs', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  await world.relayAll()
  await world.append(['a'], 1)
  const log = aroundEventLog(world.log, async ({ method }, run) => {
    const result = await run()
    if (method === 'bounds') await world.log.trim({ before: 11 })
    return result
  })
  const { relay } = world.start({ log, name: 'another' })
  expect(await relay.lag()).toMatchObject({ events: 11 })
  await relay.stopNow()
  await world.relayAll({ log })
  expect(world.arrived('a').slice(0, 11)).toEqual(range(1, 11))
})

test('a relay that falls below retention while it runs ends with the same error (I3)', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  const { outcome } = world.start({
    failing: () => {
      throw sinkDown()
    },
  })
  await world.until(() => world.news.some(({ kind }) => kind === 'relay-failed'))
  await world.log.trim({ before: 5 })
  await world.until(() => outcome.error !== undefined)
  expect(outcome.error).toBeInstanceOf(BelowRetention)
})

test('a new relay begins at the first event, or where the log begins now if it may', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  await world.log.trim({ before: 5 })
  await expect(world.relayAll()).rejects.toBeInstanceOf(BelowRetention)
  await world.relayAll({ name: 'later', start: 'kept' })
  expect(world.arrived('a')).toEqual(range(5, 10))
})

test('where a relay began is kept before anything is sent, so that kept is decided once (I3)', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  const { relay } = world.start({
    start: 'kept',
    failing: () => {
      throw sinkDown()
    },
  })
  await world.until(() => world.news.some(({ kind }) => kind === 'relay-failed'))
  await relay.stopNow()
  await world.log.trim({ before: 5 })
  await expect(world.relayAll({ start: 'kept' })).rejects.toBeInstanceOf(BelowRetention)
})

test('another log in the place of the old one, or one that was set back, is sent whole', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 10)
  await world.relayAll()
  const shorter = memoryEventLog({ timers: world.timers })
  await shorter.append({ domain: 'account', stream: 'b', events: [{ id: 'x', type: 't', data: 1 }] })
  await world.relayAll({ log: shorter })
  expect(world.arrived('b')).toEqual([1])
  const longer = memoryEventLog({ timers: world.timers })
  const events = range(1, 20).map((n) => ({ id: `y${n}`, type: 't', data: n }))
  await longer.append({ domain: 'account', stream: 'c', events })
  await world.relayAll({ log: longer })
  expect(world.arrived('c')).toEqual(range(1, 20))
})

test('the lag is how many events wait, and how long the oldest has', async () => {
  const world = new RelayWorld()
  const { relay } = world.start()
  await world.timers.advance(1_000)
  expect(await relay.lag()).toEqual({ events: 0, ageMs: 0 })
  await relay.stop()
  await world.append(['a'], 3)
  await world.timers.advance(60_000)
  await world.append(['a'], 4)
  expect(await relay.lag()).toEqual({ events: 7, ageMs: 60_000 })
  await world.relayAll()
  expect(await relay.lag()).toEqual({ events: 0, ageMs: 0 })
})

test('the lag is told while the sink fails', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 3)
  const { relay } = world.start({
    failing: () => {
      throw sinkDown()
    },
  })
  await world.timers.advance(3_000)
  await relay.stop()
  const lags = world.news.filter(({ kind }) => kind === 'relay-lag')
  expect(lags).toEqual(
    [1, 2, 3].map((s) => ({ kind: 'relay-lag', relay: 'orders', events: 3, ageMs: s * 1_000 })),
  )
})

test('a send that never ends is given up after sendTimeout, and tried again', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 1)
  let sends = 0
  const sink = {
    name: 'deaf',
    open: async () => undefined,
    close: async () => undefined,
    send: (_: readonly SinkMessage[], { signal }: { signal: AbortSignal }) =>
      ++sends === 2
        ? Promise.resolve()
        : new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(sinkDown()))),
  }
  const { outcome } = world.start({ sink, sendTimeout: '5s' }, { until: 'caught-up' })
  await world.until(() => outcome.ended)
  expect(sends).toBe(2)
  expect(world.timers.elapsedMs()).toBeGreaterThanOrEqual(5_000)
})

test('stopNow gives the batch in hand up; the next relay sends it', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 5)
  const sink = {
    name: 'deaf',
    open: async () => undefined,
    close: async () => undefined,
    send: (_: readonly SinkMessage[], { signal }: { signal: AbortSignal }) =>
      new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(sinkDown()))),
  }
  const { relay, outcome } = world.start({ sink })
  await world.timers.advance(1_000)
  await relay.stopNow()
  expect(outcome.ended).toBe(true)
  await world.relayAll()
  expect(world.arrived('a')).toEqual(range(1, 5))
})

test('what a listener throws disturbs nothing', async () => {
  const world = new RelayWorld()
  await world.append(['a'], 5)
  await world.relayAll({
    telemetry: () => {
      throw new Error('mine')
    },
  })
  expect(world.arrived('a')).toEqual(range(1, 5))
})

test.each([
  [{ name: '' }, 'name'],
  [{ shards: 0 }, 'shards'],
  [{ shards: 65 }, 'shards'],
  [{ shards: 2, shardsMax: 3 }, 'shardsMax'],
  [{ batch: 1.5 }, 'batch'],
  [{ lease: 5 }, 'lease'],
  [{ pollMs: 0 }, 'pollMs'],
  [{ start: 'last' }, 'start'],
  [{ form: 'xml' }, 'form'],
  [{ domains: 'account' }, 'domains'],
  [{ log: {} }, 'log'],
  [{ speed: 9 }, 'speed'],
])('options %j are refused, and %s is named', (wrong, named) => {
  const { log, store } = new RelayWorld()
  const sink = { name: 's', open: async () => {}, send: async () => {}, close: async () => {} }
  const options = { name: 'orders', log, store, sink }
  Object.assign(options, wrong)
  expect(() => createRelay(options)).toThrow(new RegExp(`createRelay(?:: |\\.)${named}`))
})
