// Spans and metrics of OpenTelemetry, by its messaging conventions. A handler runs in a span of its own; what
// is held has none. Where the producer's trace stands travels in the event: `traceparent`, as CloudEvents'
// distributed tracing extension has it.
import type * as OpenTelemetry from '@opentelemetry/api'
import type {
  Attributes,
  Context,
  Histogram,
  Link,
  MeterProvider,
  Observable,
  Span,
  SpanContext,
  Tracer,
  TracerProvider,
  TraceState,
} from '@opentelemetry/api'
import { checkNames } from '../core/check-names.ts'
import type { InturnEvent } from '../core/event.ts'
import { asError } from '../core/thrown.ts'
import type { MetricLabel, MetricName } from '../metrics/catalogue.ts'
import { bucketsS, metricList } from '../metrics/catalogue.ts'
import { EngineMetrics, errorType } from '../metrics/engine-metrics.ts'
import type { Labels } from '../metrics/series.ts'
import { loadPackage } from '../ports/load-package.ts'
import type {
  CallWatch,
  HandlerCall,
  Listener,
  TelemetryProvider,
  WatchedEngine,
} from '../ports/telemetry.ts'

/** Options of {@link openTelemetry}. */
export interface OpenTelemetryOptions {
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider
  /** Default: the global one. */
  readonly meterProvider?: MeterProvider
  /** `false`: no span is made. Default true. */
  readonly spans?: boolean
  /** `false`: nothing is measured. Default true. */
  readonly metrics?: boolean
}

const scope = 'inturn'

type Api = typeof OpenTelemetry

/** The API of OpenTelemetry, which an application installs that wants it. */
function loadApi(): Promise<Api> {
  return loadPackage('@opentelemetry/api', () => import('@opentelemetry/api'))
}

/**
 * Spans and metrics of OpenTelemetry for processors and workers. One may be given to several. Those reject
 * with `config-invalid` where `@opentelemetry/api` is not installed.
 *
 * @throws InturnError `config-invalid` for an option that there is not
 * @example
 * const worker = createWorker({ consumer, store, source, domains, telemetry: openTelemetry() })
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): TelemetryProvider {
  checkNames(options, 'openTelemetry', ['tracerProvider', 'meterProvider', 'spans', 'metrics'])
  const { spans = true, metrics: isMeasured = true, meterProvider, tracerProvider } = options
  const measured = isMeasured ? new MeteredEngines() : undefined
  let traced: Traced | undefined
  let opened: Promise<void> | undefined
  const load = async (): Promise<void> => {
    const api = await loadApi()
    measured?.meterBy(meterProvider ?? api.metrics)
    const provider = tracerProvider ?? api.trace.getTracerProvider()
    traced = { api, tracer: provider.getTracer(scope), isTaken: () => takesSpans(api, provider) }
  }
  const open = (): Promise<void> => (opened ??= load())
  return {
    attachRelay: (relay) => ({ tell: () => undefined, ...measured?.engines.attachRelay(relay), open }),
    attach: (engine): Listener => {
      const counting = measured?.engines.attach(engine) ?? {}
      if (!spans) return { ...counting, open }
      return {
        ...counting,
        open,
        begin: (call) => {
          return traced?.isTaken() === true ? tracedCall(traced, engine, call) : undefined
        },
      }
    },
  }
}

/**
 * The trace that is active now, as attributes of an event that is appended: what handles it links to it.
 *
 * @throws InturnError `config-invalid` where `@opentelemetry/api` is not installed
 * @example
 * const attributes = await traceAttributes()
 * await log.append({ domain, stream, events: [{ id, type, data, attributes }] })
 */
export async function traceAttributes(): Promise<{
  readonly traceparent?: string
  readonly tracestate?: string
}> {
  const { context, isSpanContextValid, trace } = await loadApi()
  const active = trace.getSpanContext(context.active())
  if (active === undefined || !isSpanContextValid(active)) return {}
  const { traceId, spanId, traceFlags, traceState } = active
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  const tracestate = traceState?.serialize() ?? ''
  return { traceparent, ...(tracestate !== '' && { tracestate }) }
}

/** What spans are made with. */
interface Traced {
  readonly api: Api
  readonly tracer: Tracer
  /** Whether anybody takes spans; without it none is made. */
  readonly isTaken: () => boolean
}

/** The global provider gives spans to nobody until an SDK is registered, which may be later. */
function takesSpans({ ProxyTracerProvider }: Api, provider: TracerProvider): boolean {
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(scope) !== undefined
}

/** The span of a handler's call, begun. */
function tracedCall(traced: Traced, engine: WatchedEngine, call: HandlerCall): CallWatch {
  const { context, SpanStatusCode, trace } = traced.api
  const span = beginSpan(traced, call, attributesOf(engine, call))
  const own = trace.setSpan(context.active(), span)
  return {
    within: (run) => context.with(own, run),
    end: (failed) => {
      if (failed !== undefined) {
        const error = asError(failed.error)
        span.recordException(error)
        span.setAttribute('error.type', errorType(failed.error))
        span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
      }
      span.end()
    },
  }
}

/**
 * The producers' traces are linked; that of a single message is the parent too, where none is active: the
 * messages of a batch may be of many traces, and a span has one parent.
 */
function beginSpan({ api, tracer }: Traced, { domain, events }: HandlerCall, attributes: Attributes): Span {
  const { context, isSpanContextValid, SpanKind, trace } = api
  const producers = events
    .flatMap((event) => spanContextOf(event) ?? [])
    .filter((found) => isSpanContextValid(found))
  const links: Link[] = producers.map((of) => ({ context: of }))
  const [only] = producers
  const active = context.active()
  const isFree = trace.getSpanContext(active) === undefined
  const parent: Context =
    only !== undefined && events.length === 1 && isFree ? trace.setSpanContext(active, only) : active
  return tracer.startSpan(`process ${domain}`, { kind: SpanKind.CONSUMER, attributes, links }, parent)
}

function attributesOf({ consumer, worker }: WatchedEngine, call: HandlerCall): Attributes {
  const { domain, stream, events, attempt, isRedrive, replay } = call
  const [event] = events
  const { id, sequence, epoch = 0 } = event ?? {}
  const isOne = events.length === 1
  return {
    ...system,
    'messaging.operation.type': 'process',
    'messaging.destination.name': domain,
    'messaging.consumer.group.name': consumer,
    'messaging.client.id': worker,
    ...(isOne ? {} : { 'messaging.batch.message_count': events.length }),
    ...(isOne && id !== undefined && { 'messaging.message.id': id }),
    'inturn.stream': stream,
    ...(isOne && sequence !== undefined && { 'inturn.sequence': String(sequence) }),
    ...(epoch !== 0 && { 'inturn.epoch': epoch }),
    'inturn.attempt': attempt,
    ...(isRedrive && { 'inturn.redrive': true }),
    ...(replay !== undefined && { 'inturn.replay': replay }),
  }
}

const system = { 'messaging.system': 'inturn', 'messaging.operation.name': 'process' }

/** Where an event's producer stood; nothing where it says none. */
function spanContextOf({ traceparent, tracestate }: InturnEvent): SpanContext | undefined {
  const [, traceId, spanId, flags] =
    /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined) return undefined
  const traceFlags = Number.parseInt(flags ?? '00', 16)
  const state = tracestate === undefined ? {} : { traceState: traceStateOf(entriesOf(tracestate)) }
  return { traceId, spanId, traceFlags, isRemote: true, ...state }
}

/** What vendors have noted of a trace, the newest first, as W3C Trace Context has it. */
function traceStateOf(entries: ReadonlyMap<string, string>): TraceState {
  const without = (key: string): [string, string][] => [...entries].filter(([name]) => name !== key)
  return {
    get: (key) => entries.get(key),
    set: (key, value) => traceStateOf(new Map([[key, value], ...without(key)])),
    unset: (key) => traceStateOf(new Map(without(key))),
    serialize: () => [...entries].map(([name, value]) => `${name}=${value}`).join(','),
  }
}

function entriesOf(tracestate: string): ReadonlyMap<string, string> {
  const parts = tracestate.split(',').map((part) => /^([^=]+)=(.+)$/.exec(part.trim()))
  return new Map(parts.flatMap((match) => (match === null ? [] : [[match[1] ?? '', match[2] ?? '']])))
}

/** The attributes of labels: those of the conventions where they have one. */
const attributeNames: Readonly<Partial<Record<MetricLabel, string>>> = {
  consumer: 'messaging.consumer.group.name',
  domain: 'messaging.destination.name',
  error: 'error.type',
}

/** Measures with instruments of a meter: what is counted is read when it is exported, times are recorded. */
class MeteredEngines {
  readonly #histograms = new Map<MetricName, Histogram>()
  readonly #attributes = new WeakMap<Labels, Attributes>()
  readonly engines: EngineMetrics = new EngineMetrics((name, valueS, labels) => {
    const known = this.#attributes.get(labels) ?? labelled(name, labels)
    this.#attributes.set(labels, known)
    this.#histograms.get(name)?.record(valueS, known)
  })

  /** Makes the instruments. */
  meterBy(provider: Pick<MeterProvider, 'getMeter'>): void {
    const meter = provider.getMeter(scope)
    const advice = { explicitBucketBoundaries: [...bucketsS] }
    const instruments = new Map<MetricName, Observable>()
    for (const [name, { kind, unit, help: description }] of metricList) {
      const how = { unit, description }
      if (kind === 'histogram') this.#histograms.set(name, meter.createHistogram(name, { ...how, advice }))
      else if (kind === 'counter') instruments.set(name, meter.createObservableCounter(name, how))
      else instruments.set(name, meter.createObservableGauge(name, how))
    }
    meter.addBatchObservableCallback(
      async (result) => {
        for (const [name, { numbers }] of await this.engines.collect()) {
          const instrument = instruments.get(name)
          if (instrument === undefined) continue
          for (const { labels, value } of numbers) result.observe(instrument, value, labelled(name, labels))
        }
      },
      [...instruments.values()],
    )
  }
}

/** Own labels are in the namespace of inturn; empty ones are left out. */
function labelled(name: MetricName, labels: Labels): Attributes {
  const named = Object.entries(labels).filter(([, value]) => value !== '')
  const attributes = named.map(([label, value]) => [attributeOf(label), value] as const)
  return { ...(name.startsWith('messaging.') && system), ...Object.fromEntries(attributes) }
}

function attributeOf(label: string): string {
  return Object.entries(attributeNames).find(([name]) => name === label)?.[1] ?? `inturn.${label}`
}
