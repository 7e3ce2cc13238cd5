// The metrics for a reader of OpenTelemetry's SDK that takes them as they are: counts and histograms are kept
// in plain numbers, and handed over when they are exported. Nothing of OpenTelemetry is called before.
import type { Attributes } from '@opentelemetry/api'
import { invariant } from '../../core/errors.ts'
import type { MetricName } from '../../metrics/catalogue.ts'
import { bucketsS, catalogue, metricList } from '../../metrics/catalogue.ts'
import type { CollectedMetric } from '../../metrics/engine-metrics.ts'
import { EngineMetrics } from '../../metrics/engine-metrics.ts'
import type { TelemetryProvider } from '../../ports/telemetry.ts'
import { labelled, scope } from './attributes.ts'

/** Seconds since 1970, and nanoseconds. */
type HrTime = [seconds: number, nanos: number]

/** A value with its attributes, as the SDK has it. */
interface Point<Value> {
  readonly attributes: Attributes
  readonly startTime: HrTime
  readonly endTime: HrTime
  readonly value: Value
}

/** A histogram as the SDK has it. */
interface Distribution {
  readonly buckets: { readonly boundaries: number[]; readonly counts: number[] }
  readonly sum: number
  readonly count: number
}

/** Points by the number that the SDK has for their type: histogram, gauge, sum. */
type Points =
  | { readonly dataPointType: 0; readonly dataPoints: Point<Distribution>[] }
  | { readonly dataPointType: 2; readonly dataPoints: Point<number>[] }
  | { readonly dataPointType: 3; readonly dataPoints: Point<number>[]; readonly isMonotonic: true }

/** A metric as the SDK has it; its numbers say that values are fractions, and cumulative. */
export type ProducedMetric = Points & {
  readonly descriptor: {
    readonly name: MetricName
    readonly description: string
    readonly unit: string
    readonly valueType: 1
  }
  readonly aggregationTemporality: 1
}

/** What a reader is given. It has a resource of its own, and asks nothing of this one. */
export interface ProducedMetrics {
  readonly resourceMetrics: {
    readonly resource: {
      readonly attributes: Attributes
      merge<Other>(other: Other): NonNullable<Other>
      getRawAttributes(): never[]
    }
    readonly scopeMetrics: { readonly scope: { readonly name: string }; readonly metrics: ProducedMetric[] }[]
  }
  readonly errors: unknown[]
}

/** Metrics for the readers of OpenTelemetry's SDK that have it among their `metricProducers`. */
export interface MetricProducer extends TelemetryProvider {
  /** Everything as it is now; what is counted, from the beginning on. Never rejects. */
  collect(): Promise<ProducedMetrics>
}

/**
 * Metrics of processors and workers for readers of OpenTelemetry's SDK, from its version 2 on. An event costs
 * a few additions, where a meter takes each time of a histogram by itself. One may be given to several
 * processors, workers and readers. Spans are `openTelemetry({ metrics: false })` beside it.
 *
 * @example
 * const metrics = metricProducer()
 * const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [metrics] })
 * const worker = createWorker({ consumer, store, source, domains, telemetry: metrics })
 */
export function metricProducer(): MetricProducer {
  const engines = new EngineMetrics()
  const startTime = hrTime()
  const collect = async (): Promise<ProducedMetrics> => {
    const collected = await engines.collect()
    const endTime = hrTime()
    const metrics = metricList.flatMap(([name]) => {
      const metric = collected.get(name)
      const produced = metric === undefined ? undefined : producedOf(metric, { startTime, endTime })
      return produced === undefined || produced.dataPoints.length === 0 ? [] : [produced]
    })
    return { resourceMetrics: { resource, scopeMetrics: [{ scope: { name: scope }, metrics }] }, errors: [] }
  }
  return { attach: (engine) => engines.attach(engine), attachRelay: engines.attachRelay, collect }
}

const resource: ProducedMetrics['resourceMetrics']['resource'] = {
  attributes: {},
  merge: (other) => {
    invariant(other !== null && other !== undefined, 'a resource that says nothing is merged with another')
    return other
  },
  getRawAttributes: () => [],
}

/** A metric of which the values were counted here, as the SDK has it. */
function producedOf(
  { name, numbers, histograms }: CollectedMetric,
  times: Pick<Point<unknown>, 'startTime' | 'endTime'>,
): ProducedMetric {
  const { kind, unit, help: description } = catalogue[name]
  const basics = { descriptor: { name, description, unit, valueType: 1 }, aggregationTemporality: 1 } as const
  if (kind === 'histogram') {
    const dataPoints = histograms.map(({ labels, counts, sum, count }) => {
      const value = { buckets: { boundaries: [...bucketsS], counts: [...counts] }, sum, count }
      return { attributes: labelled(name, labels), ...times, value }
    })
    return { ...basics, dataPointType: 0, dataPoints }
  }
  const dataPoints = numbers.map(({ labels, value }) => ({
    attributes: labelled(name, labels),
    ...times,
    value,
  }))
  return kind === 'gauge'
    ? { ...basics, dataPointType: 2, dataPoints }
    : { ...basics, dataPointType: 3, dataPoints, isMonotonic: true }
}

function hrTime(): HrTime {
  const nowMs = Date.now()
  return [Math.floor(nowMs / 1_000), (nowMs % 1_000) * 1_000_000]
}
