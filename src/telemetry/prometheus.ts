// The metrics for Prometheus, in the registry of prom-client, which writes the format. Counts and times are
// kept by inturn in plain numbers, and given to the registry when it is read.
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Metric } from 'prom-client'
import { checkNames } from '../core/check-names.ts'
import type { MetricDefinition, MetricName } from '../metrics/catalogue.ts'
import { bucketsS, metricList, prometheusName } from '../metrics/catalogue.ts'
import { EngineMetrics } from '../metrics/engine-metrics.ts'
import type { HistogramPoint, Labels, NumberPoint } from '../metrics/series.ts'
import type { TelemetryProvider } from '../ports/telemetry.ts'

/** Options of {@link prometheus}. */
export interface PrometheusOptions {
  /** Where the metrics are registered. Default: a registry of its own. */
  readonly registry?: Registry
}

/** Metrics for Prometheus. */
export interface PrometheusMetrics extends TelemetryProvider {
  readonly registry: Registry
  /** The `content-type` of {@link text}. */
  readonly contentType: string
  /** Everything in the registry, as Prometheus scrapes it. */
  text(): Promise<string>
}

/**
 * Metrics for Prometheus of processors and workers. One may be given to several.
 *
 * @throws InturnError `config-invalid` for an option that there is not
 * @example
 * const metrics = prometheus()
 * const worker = createWorker({ consumer, store, source, domains, telemetry: metrics })
 * const page = await metrics.text()
 */
export function prometheus(options: PrometheusOptions = {}): PrometheusMetrics {
  checkNames(options, 'prometheus', ['registry'])
  const registry = options.registry ?? new Registry()
  const engines = new EngineMetrics()
  for (const [name, definition] of metricList) register(registry, engines, { name, definition })
  return {
    registry,
    contentType: registry.contentType,
    attach: (engine) => engines.attach(engine),
    text: () => registry.metrics(),
  }
}

function register(
  registry: Registry,
  engines: EngineMetrics,
  { name, definition }: { readonly name: MetricName; readonly definition: MetricDefinition },
): Metric {
  const { kind, help, labels } = definition
  const made = { name: prometheusName(name), help, labelNames: [...labels], registers: [registry] }
  const numbers = async (): Promise<readonly NumberPoint[]> => {
    return (await engines.collect()).get(name)?.numbers ?? []
  }
  if (kind === 'histogram') {
    const points = async (): Promise<readonly HistogramPoint[]> =>
      (await engines.collect()).get(name)?.histograms ?? []
    return new GivenHistogram({ ...made, buckets: [...bucketsS] }, points)
  }
  if (kind === 'counter') {
    return new Counter({
      ...made,
      async collect(): Promise<void> {
        const read = await numbers()
        this.reset()
        for (const { labels: of, value } of read) this.inc({ ...of }, value)
      },
    })
  }
  return new Gauge({
    ...made,
    async collect(): Promise<void> {
      const read = await numbers()
      this.reset()
      for (const { labels: of, value } of read) this.set({ ...of }, value)
    },
  })
}

/** A histogram whose buckets were counted elsewhere. */
class GivenHistogram extends Histogram {
  readonly #made: { readonly name: string; readonly help: string }
  readonly #points: () => Promise<readonly HistogramPoint[]>

  constructor(
    made: ConstructorParameters<typeof Histogram>[0],
    points: () => Promise<readonly HistogramPoint[]>,
  ) {
    super(made)
    this.#made = made
    this.#points = points
  }

  /** What a registry asks for, for its text and for all else. */
  async getForPromString(): Promise<object> {
    const { name, help } = this.#made
    const points = await this.#points()
    const values = points.flatMap((point) => valuesOf(name, point))
    return { name, help, type: 'histogram', aggregator: 'sum', values }
  }
}

function valuesOf(
  name: string,
  { labels, counts, sum, count }: HistogramPoint,
): {
  readonly metricName: string
  readonly labels: Labels & { readonly le?: string }
  readonly value: number
}[] {
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
