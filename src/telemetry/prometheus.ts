// The metrics for Prometheus, in the registry of prom-client, which writes the format. Counts and times are
// kept by inturn in plain numbers, and given to the registry when it is read.
import type { Registry } from 'prom-client'
import { checkNames } from '../core/check-names.ts'
import type { MetricDefinition, MetricName } from '../metrics/catalogue.ts'
import { bucketsS, metricList, prometheusName } from '../metrics/catalogue.ts'
import type { CollectedMetric } from '../metrics/engine-metrics.ts'
import { EngineMetrics } from '../metrics/engine-metrics.ts'
import type { HistogramPoint, Labels } from '../metrics/series.ts'
import { loadPackage } from '../ports/load-package.ts'
import type { TelemetryProvider } from '../ports/telemetry.ts'

/** Options of {@link prometheus}. */
export interface PrometheusOptions {
  /** Where the metrics are registered. Default: a registry of its own. */
  readonly registry?: Registry
}

/** Metrics for Prometheus. */
export interface PrometheusMetrics extends TelemetryProvider {
  /** The `content-type` of {@link text}. */
  readonly contentType: string
  /**
   * Everything in the registry, as Prometheus scrapes it.
   *
   * @throws InturnError `config-invalid` where `prom-client` is not installed
   */
  text(): Promise<string>
}

/**
 * Metrics for Prometheus of processors and workers. One may be given to several. Those reject with
 * `config-invalid` where `prom-client` is not installed.
 *
 * @throws InturnError `config-invalid` for an option that there is not
 * @example
 * const metrics = prometheus()
 * const worker = createWorker({ consumer, store, source, domains, telemetry: metrics })
 * const page = await metrics.text()
 */
export function prometheus(options: PrometheusOptions = {}): PrometheusMetrics {
  checkNames(options, 'prometheus', ['registry'])
  const { registry: given } = options
  const engines = new EngineMetrics()
  if (given !== undefined) registerAll(given, engines)
  let own: Promise<Registry> | undefined
  const makeOwn = async (): Promise<Registry> => {
    const library = await loadPackage('prom-client', () => import('prom-client'))
    const registry = new library.Registry()
    registerAll(registry, engines)
    return registry
  }
  const registered = async (): Promise<Registry> => given ?? (await (own ??= makeOwn()))
  const open = async (): Promise<void> => void (await registered())
  return {
    contentType: given?.contentType ?? 'text/plain; version=0.0.4; charset=utf-8',
    attach: (engine) => ({ ...engines.attach(engine), open }),
    attachRelay: (relay) => ({ ...engines.attachRelay(relay), open }),
    text: async () => (await registered()).metrics(),
  }
}

/** What is asked of a registry here: it takes whatever answers as its own metrics do. */
interface Registers {
  registerMetric(metric: object): void
}

function registerAll(registry: Registers, engines: EngineMetrics): void {
  for (const [name, definition] of metricList) {
    // A registry asks a metric for its values and for nothing else; a metric of its own would keep them too.
    const metric = metricOf(name, definition, async () => (await engines.collect()).get(name))
    registry.registerMetric(metric)
  }
}

interface Sample {
  readonly metricName?: string
  readonly labels: Labels & { readonly le?: string }
  readonly value: number
}

/** A metric whose values were counted elsewhere, as a registry wants it. */
function metricOf(
  own: MetricName,
  { kind: type, help }: MetricDefinition,
  collect: () => Promise<CollectedMetric | undefined>,
): { readonly name: string; get(): Promise<object>; reset(): void } {
  const name = prometheusName(own)
  const get = async (): Promise<object> => {
    const { numbers = [], histograms = [] } = (await collect()) ?? {}
    const values: readonly Sample[] =
      type === 'histogram'
        ? histograms.flatMap((point) => samplesOf(name, point))
        : numbers.map(({ labels, value }) => ({ labels, value }))
    return { name, help, type, aggregator: 'sum', values }
  }
  return { name, get, reset: () => undefined }
}

function samplesOf(name: string, { labels, counts, sum, count }: HistogramPoint): readonly Sample[] {
  let below = 0
  const buckets = counts.map((own, at) => {
    below += own
    const le = at < bucketsS.length ? String(bucketsS[at]) : '+Inf'
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
