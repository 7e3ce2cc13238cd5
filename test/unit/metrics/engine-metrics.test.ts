// Gauges of what comes and goes: a partition that is read elsewhere now, and an engine that has ended, are
// not shown as what they were last.
import { expect, test, vi } from 'vitest'
import type { MetricName } from '../../../src/metrics/catalogue.ts'
import { EngineMetrics } from '../../../src/metrics/engine-metrics.ts'
import { memoryStore } from '../../../src/stores/memory.ts'

function pointsOf(metrics: EngineMetrics, name: MetricName): Promise<readonly unknown[]> {
  return metrics.collect().then((all) => {
    return (all.get(name)?.numbers ?? []).map(({ labels, value }) => ({ ...labels, value }))
  })
}

test('the lag of partitions is that of those that are read here, and of no ended engine', async () => {
  const metrics = new EngineMetrics()
  const store = memoryStore()
  await store.open()
  const engine = { consumer: 'billing', worker: 'w', reader: store.reader, source: undefined }
  const { tell, ended } = metrics.attach({ ...engine, domains: new Map() })
  const lag = (): Promise<readonly unknown[]> => pointsOf(metrics, 'inturn.source.part.lag')
  const point = (part: string, value: number): object => ({ consumer: 'billing', part, value })
  tell?.({
    kind: 'source-parts',
    parts: [
      { name: 'a[0]', behind: 3 },
      { name: 'a[1]', behind: 0 },
    ],
  })
  expect(await lag()).toEqual([point('a[0]', 3), point('a[1]', 0)])
  tell?.({ kind: 'source-parts', parts: [{ name: 'a[1]', behind: 7 }, { name: 'a[2]' }] })
  expect(await lag()).toEqual([point('a[1]', 7)])
  ended?.()
  expect(await lag()).toEqual([])
})

test('the lag of a relay whose log or store does not answer is not shown as what it was last', async () => {
  const metrics = new EngineMetrics()
  const { tell } = metrics.attachRelay('orders')
  const shown = async (): Promise<readonly unknown[]> => [
    ...(await pointsOf(metrics, 'inturn.relay.lag')),
    ...(await pointsOf(metrics, 'inturn.relay.oldest')),
  ]
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    tell({ kind: 'relay-lag', relay: 'orders', events: 3, ageMs: 2_000 })
    vi.advanceTimersByTime(25_000)
    expect(await shown()).toEqual([
      { relay: 'orders', value: 3 },
      { relay: 'orders', value: 2 },
    ])
    vi.advanceTimersByTime(10_000)
    expect(await shown()).toEqual([])
    tell({ kind: 'relay-lag', relay: 'orders', events: 4, ageMs: 40_000 })
    expect(await shown()).toHaveLength(2)
  } finally {
    vi.useRealTimers()
  }
})
