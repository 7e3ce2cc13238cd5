// Metrics that a reader of OpenTelemetry's SDK is given are those that its meter would have: same names,
// units, attributes and values, with faults provoked; and they cost nothing until they are read.
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import type { MetricData } from '@opentelemetry/sdk-metrics'
import { expect, it } from 'vitest'
import { metricProducer, openTelemetry } from '../../../src/telemetry/opentelemetry.ts'
import { EngineWorld, event } from '../engine/engine-world.ts'
import { processTroubled } from './troubled-events.ts'

type Options = NonNullable<ConstructorParameters<typeof PeriodicExportingMetricReader>[0]>

/** What a reader exports, by name. */
function exporting(more: Pick<Options, 'metricProducers'> = {}): {
  readonly meterProvider: MeterProvider
  readonly exported: () => Promise<readonly MetricData[]>
} {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000, ...more })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const exported = async (): Promise<readonly MetricData[]> => {
    exporter.reset()
    await reader.forceFlush()
    const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
    expect(scopes.map(({ scope: { name } }) => name)).toEqual(['inturn'])
    return scopes.flatMap(({ metrics }) => metrics)
  }
  return { meterProvider, exported }
}

/** What both must say alike: all but times, and the least and greatest of histograms, which are not kept. */
function toldBy(metrics: readonly MetricData[]): ReadonlyMap<string, object> {
  return new Map(
    metrics.map(({ descriptor: { name, unit, description }, dataPointType, ...metric }) => {
      const points = metric.dataPoints.map(
        ({ attributes, value }) => [attributes, plain(name, value)] as const,
      )
      const key = (point: (typeof points)[number]): string =>
        JSON.stringify(Object.entries(point[0]).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      const sorted = points.toSorted((one, other) => (key(one) < key(other) ? -1 : 1))
      const { aggregationTemporality } = metric
      return [name, { unit, description, dataPointType, aggregationTemporality, points: sorted }]
    }),
  )
}

function plain(name: string, value: MetricData['dataPoints'][number]['value']): unknown {
  if (typeof value === 'number' || !('buckets' in value)) return value
  const { buckets, count, sum } = value
  // Each of the two reads the clock when a turn is durable.
  return name === 'inturn.delivery.delay' ? { count } : { buckets, count, sum }
}

it('what a reader is given is what a meter would have', async () => {
  const produced = metricProducer()
  const metered = exporting()
  const { exported } = exporting({ metricProducers: [produced] })
  const meter = openTelemetry({ spans: false, meterProvider: metered.meterProvider })
  await processTroubled(new EngineWorld(), [produced, meter])
  const [told, expected] = [toldBy(await exported()), toldBy(await metered.exported())]
  expect(told.get('inturn.numbers')).toMatchObject({ unit: '{number}', aggregationTemporality: 1 })
  expect([...told.keys()].toSorted()).toEqual([...expected.keys()].toSorted())
  for (const [name, metric] of expected) expect(told.get(name), name).toEqual(metric)
})

it('what is counted later does not change what was exported', async () => {
  const produced = metricProducer()
  const processor = new EngineWorld().processor({ handle: () => undefined }, { telemetry: produced })
  const called = ({ resourceMetrics }: Awaited<ReturnType<typeof produced.collect>>): readonly unknown[] =>
    resourceMetrics.scopeMetrics
      .flatMap(({ metrics }) => metrics)
      .filter(({ descriptor: { name } }) => name === 'messaging.process.duration')
      .flatMap(({ dataPoints }): readonly unknown[] => dataPoints)
  await processor.process([event('a', 1)])
  const before = await produced.collect()
  const exported = structuredClone(called(before))
  await processor.process([event('a', 2)])
  expect(exported).toMatchObject([{ value: { count: 1 } }])
  expect(called(before)).toEqual(exported)
  expect(called(await produced.collect())).toMatchObject([{ value: { count: 2 } }])
})
