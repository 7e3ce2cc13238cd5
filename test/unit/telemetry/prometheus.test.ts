// Prometheus: what a scrape has is in the contract, with its unit in its name; histograms add up; a store
// that cannot be read is said (I10), and never fails the scrape.
import { readFileSync } from 'node:fs'
import { Counter, Registry } from 'prom-client'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import { catalogue, metricList, prometheusName } from '../../../src/metrics/catalogue.ts'
import { monitor } from '../../../src/operate/monitor.ts'
import type { StoreReader } from '../../../src/ports/store-reader.ts'
import { prometheus } from '../../../src/telemetry/prometheus.ts'
import { EngineWorld, event, sweepAll } from '../engine/engine-world.ts'

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

function samplesOf(text: string): readonly Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => {
    const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', text = '']) => [label, text])
    return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }
  })
}

function valueOf(samples: readonly Sample[], name: string, labels: object = {}): number | undefined {
  const wanted = Object.entries(labels)
  const fits = (sample: Sample): boolean => wanted.every(([label, value]) => sample.labels[label] === value)
  return samples.find((sample) => sample.name === name && fits(sample))?.value
}

describe('a scrape', () => {
  it('has every metric of the contract by its name in Prometheus, and no stream', async () => {
    const metrics = prometheus()
    const world = new EngineWorld()
    const handle = ({ stream }: { readonly stream: string }): void => {
      if (stream === 'b') throw new TypeError('no money')
    }
    const failure = { attempts: 1, then: 'halt' }
    const processor = world.processor({ handle, failure, gap: { patience: 500 } }, { telemetry: metrics })
    await processor.process([event('a', 1), event('a', 2), event('a', 4), event('b', 1), 'no event'])
    await world.read(2_000)
    await sweepAll(processor)
    const text = await metrics.text()
    for (const [name] of metricList) expect(text).toContain(`# TYPE ${prometheusName(name)} `)
    expect(text).not.toMatch(/"account\/|"[ab]"/)
    const samples = samplesOf(text)
    const consumer = { consumer: 'billing' }
    expect(valueOf(samples, 'inturn_verdicts_total', { ...consumer, verdict: 'hold' })).toBe(2)
    expect(valueOf(samples, 'inturn_numbers_total', { domain: 'account', account: 'delivered' })).toBe(2)
    expect(valueOf(samples, 'inturn_dead_letters_total', { domain: '', reason: 'invalid' })).toBe(1)
    expect(valueOf(samples, 'inturn_streams', { state: 'halted' })).toBe(1)
    expect(valueOf(samples, 'inturn_streams', { state: 'stuck' })).toBe(2)
    expect(valueOf(samples, 'inturn_gaps_open', consumer)).toBe(1)
    expect(valueOf(samples, 'inturn_held', { domain: 'account' })).toBe(2)
    expect(valueOf(samples, 'inturn_wait_oldest_seconds', { state: 'stuck' })).toBeGreaterThan(1)
    expect(valueOf(samples, 'inturn_store_up', consumer)).toBe(1)
  })

  it('has histograms whose buckets add up, and failures apart', async () => {
    const metrics = prometheus()
    const processor = new EngineWorld().processor({ handle: () => undefined }, { telemetry: metrics })
    await processor.process([1, 2, 3].map((sequence) => event('a', sequence)))
    const samples = samplesOf(await metrics.text())
    const own = samples.filter(({ name }) => name.startsWith('messaging_process_duration_seconds'))
    const count = valueOf(own, 'messaging_process_duration_seconds_count', { domain: 'account' })
    expect(count).toBe(3)
    expect(valueOf(own, 'messaging_process_duration_seconds_bucket', { le: '+Inf' })).toBe(3)
    const buckets = own.filter(({ labels }) => labels['le'] !== undefined).map(({ value }) => value)
    expect([...buckets].sort((a, b) => a - b)).toEqual(buckets)
    expect(buckets).toHaveLength(15)
  })

  it('of a registry that is there already has what else is in it, and loses nothing by a reset', async () => {
    const registry = new Registry()
    new Counter({ name: 'orders_total', help: 'Orders', registers: [registry] }).inc(7)
    const metrics = prometheus({ registry })
    const processor = new EngineWorld().processor({ handle: () => undefined }, { telemetry: metrics })
    await processor.process([event('a', 1)])
    registry.resetMetrics()
    const samples = samplesOf(await registry.metrics())
    expect(valueOf(samples, 'orders_total')).toBe(0)
    expect(valueOf(samples, 'messaging_client_consumed_messages_total')).toBe(1)
    expect(await metrics.text()).toBe(await registry.metrics())
    const names = (await registry.getMetricsAsJSON()).map(({ name }) => name)
    expect(names).toEqual(['orders_total', ...metricList.map(([name]) => prometheusName(name))])
  })

  it('begins with every counter at 0 whose labels are known, so that a first fault is a rise', async () => {
    const metrics = prometheus()
    const processor = new EngineWorld().processor({ handle: () => undefined }, { telemetry: metrics })
    await processor.process([])
    const samples = samplesOf(await metrics.text())
    const counters = metricList.filter(
      ([, { kind, labels }]) => kind === 'counter' && !labels.includes('relay'),
    )
    for (const [name] of counters) expect(valueOf(samples, prometheusName(name))).toBe(0)
    const unreadable = { consumer: 'billing', domain: '', reason: 'invalid' }
    expect(valueOf(samples, 'inturn_dead_letters_total', unreadable)).toBe(0)
    expect(valueOf(samples, 'inturn_troubles_total', { what: 'records-full' })).toBe(0)
  })

  it('of a store that cannot be read says so, and has all that was counted', async () => {
    const metrics = prometheus()
    const world = new EngineWorld()
    const store = world.store()
    const down = (): Promise<never> =>
      Promise.reject(new InturnError('store-unavailable', 'gone', { retryable: true }))
    const reader = readerWith(store.reader, { summary: down })
    const processor = world.processor({}, { store: { ...store, reader }, telemetry: metrics })
    await processor.process([event('a', 1)])
    const samples = samplesOf(await metrics.text())
    expect(valueOf(samples, 'inturn_store_up')).toBe(0)
    expect(valueOf(samples, 'inturn_verdicts_total', { verdict: 'deliver' })).toBe(1)
  })
})

/** A reader of which some questions are answered by somebody else. */
function readerWith(reader: StoreReader, own: Partial<StoreReader>): StoreReader {
  return new Proxy(reader, {
    get: (target, name): unknown => {
      const found: unknown = Reflect.get(name in own ? own : target, name)
      return typeof found === 'function' ? found.bind(target) : found
    },
  })
}

describe('a store that does not answer', { timeout: 60_000 }, () => {
  afterEach(() => void vi.useRealTimers())

  it('is told in time, by a scrape and a probe, and asked no second time meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const metrics = prometheus()
    const { memory } = new EngineWorld()
    const summary = vi.fn(() => new Promise<never>(() => undefined))
    const store = { ...memory, reader: { ...memory.reader, summary } }
    await metrics.text()
    metrics.attach({
      consumer: 'billing',
      worker: 'w',
      reader: store.reader,
      domains: new Map(),
      source: undefined,
    })
    const answer = monitor({ store, consumer: 'billing' })
    const asked = [1, 2].map(async () => [
      await metrics.text(),
      await (await answer(new Request('http://l/readyz'))).text(),
    ])
    await vi.advanceTimersByTimeAsync(20_000)
    for (const [page, ready] of await Promise.all(asked)) {
      expect(valueOf(samplesOf(page ?? ''), 'inturn_store_up')).toBe(0)
      expect(page).not.toContain('inturn_reading{')
      expect(ready).toContain('the store cannot be read: it has not answered for 5 s')
    }
    expect(summary).toHaveBeenCalledTimes(4)
  })

  it('to a count of its streams alone is up and ready, with what was counted last', async () => {
    const world = new EngineWorld()
    const metrics = prometheus()
    const { memory: store } = world
    const failure = { attempts: 1, then: 'halt' }
    const handle = (): never => {
      throw new Error('no money')
    }
    await world.processor({ handle, failure }).process([event('a', 1)])
    await world.read(20_000)
    const counted = Promise.withResolvers<undefined>()
    const streams: typeof store.reader.streams = async (...asked) => {
      await counted.promise
      return store.reader.streams(...asked)
    }
    const reader = readerWith(store.reader, { streams })
    const answer = monitor({ store: { reader }, consumer: 'billing', wedgedAfter: '10s' })
    await metrics.text()
    metrics.attach({ consumer: 'billing', worker: 'w', reader, domains: new Map(), source: undefined })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const asked = Promise.all([metrics.text(), answer(new Request('http://l/readyz'))])
    await vi.advanceTimersByTimeAsync(6_000)
    const [page, ready] = await asked
    const samples = samplesOf(page)
    expect(valueOf(samples, 'inturn_store_up')).toBe(1)
    expect(valueOf(samples, 'inturn_streams', { state: 'halted' })).toBe(1)
    expect(page).not.toContain('inturn_streams{consumer="billing",state="stuck"}')
    expect([ready.status, await ready.json()]).toEqual([200, { isReady: true, problems: [] }])
    counted.resolve(undefined)
    const after = await answer(new Request('http://l/readyz'))
    expect([after.status, await after.text()]).toEqual([503, expect.stringContaining('no money')])
    expect(valueOf(samplesOf(await metrics.text()), 'inturn_streams', { state: 'stuck' })).toBe(1)
  })
})

describe('the handler of requests', () => {
  const ask = async (answer: ReturnType<typeof monitor>, path: string): Promise<[number, string]> => {
    const response = await answer(new Request(`http://localhost${path}`))
    return [response.status, await response.text()]
  }

  it('is ready while a worker reads and nothing is stuck for long, and says why it is not', async () => {
    const world = new EngineWorld()
    const failure = { attempts: 1, then: 'halt' }
    const handle = (): never => {
      throw new Error('no money')
    }
    await world.processor({ handle, failure }).process([event('a', 1)])
    const metrics = prometheus()
    const store = world.memory
    const answer = monitor({ store, consumer: 'billing', wedgedAfter: '10s', metrics })
    expect(await ask(answer, '/readyz')).toEqual([
      503,
      '{"isReady":false,"problems":["no worker is reading"]}',
    ])
    await world.read(3_000)
    expect(await ask(answer, '/api/inturn/readyz')).toEqual([200, '{"isReady":true,"problems":[]}'])
    await world.read(20_000)
    const [status, text] = await ask(answer, '/readyz')
    expect([status, text]).toEqual([
      503,
      expect.stringContaining('account/a: halted (failure): Error: no money'),
    ])
    expect(await ask(answer, '/healthz')).toEqual([200, 'ok\n'])
    expect((await ask(answer, '/metrics'))[1]).toContain('# TYPE inturn_streams gauge')
    expect((await ask(answer, '/other'))[0]).toBe(404)
    const posted = await answer(new Request('http://localhost/metrics', { method: 'POST' }))
    expect(posted.status).toBe(405)
    const gone = { reader: { ...store.reader, summary: () => Promise.reject(new Error('gone')) } }
    const down = monitor({ store: gone, consumer: 'billing' })
    expect(await ask(down, '/readyz')).toEqual([503, expect.stringContaining('the store cannot be read')])
  })
})

describe('what is written about metrics', () => {
  const page = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
  /** Names with the endings that a histogram adds. */
  const known = new Set(
    metricList.flatMap(([name, { kind }]) => {
      const own = prometheusName(name)
      return kind === 'histogram' ? [`${own}_bucket`, `${own}_sum`, `${own}_count`] : [own]
    }),
  )

  it('is every metric, with its unit and its labels', () => {
    const text = page('docs/telemetry.md')
    for (const [name, { unit, labels }] of metricList) {
      const labelled = labels.map((label) => `\`${label}\``).join(', ')
      expect(text).toContain(`| \`${name}\` | \`${prometheusName(name)}\` | \`${unit}\` | ${labelled} |`)
    }
    expect(Object.keys(catalogue)).toHaveLength(metricList.length)
  })

  it.each(['examples/monitoring/alerts.yml', 'examples/monitoring/grafana-dashboard.json'])(
    'in %s names only metrics that there are',
    (path) => {
      const named = [...page(path).matchAll(/\b(?:inturn|messaging)_[a-z_]+/g)].map(([name]) => name)
      expect(named.length).toBeGreaterThan(5)
      for (const name of named) expect([...known]).toContain(name)
    },
  )

  it('adds up no figures of the store, which each of its workers has', () => {
    const dashboard = page('examples/monitoring/grafana-dashboard.json')
    const sums = [...dashboard.matchAll(/\bsum\b(?: by \([^)]*\))? \(?(\w+)/g)].map(([, name = '']) => name)
    expect(sums.length).toBeGreaterThan(5)
    for (const name of sums) expect(name).toMatch(/^(rate|increase)$/)
  })
})
