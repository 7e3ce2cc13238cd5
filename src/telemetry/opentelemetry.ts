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
import type { MetricName } from '../metrics/catalogue.ts'
import { bucketsS, metricList } from '../metrics/catalogue.ts'
import { EngineMetrics, errorType } from '../metrics/engine-metrics.ts'
import { loadPackage } from '../ports/load-package.ts'
import type {
  CallWatch,
  HandlerCall,
  Listener,
  TelemetryProvider,
  WatchedEngine,
} from '../ports/telemetry.ts'
import { labelled, scope, system } from './opentelemetry/attributes.ts'

export { metricProducer } from './opentelemetry/metric-producer.ts'
export type { MetricProducer, ProducedMetric, ProducedMetrics } from './opentelemetry/metric-producer.ts'

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
    traced = { api, tracer: provider.getTracer(scope), isTaken: takesSpans(api, provider) }
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
        isWatching: () => traced?.isTaken() === true,
        begin: (call) => traced && new CallSpan(traced, engine, call),
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

/** The global provider gives spans to nobody until an SDK is registered, later perhaps; it stays then. */
function takesSpans({ ProxyTracerProvider }: Api, provider: TracerProvider): () => boolean {
  let isTaken = !(provider instanceof ProxyTracerProvider)
  return () => {
    if (!isTaken && provider instanceof ProxyTracerProvider) {
      isTaken = provider.getDelegateTracer(scope) !== undefined
    }
    return isTaken
  }
}

/** The span of a handler's call, begun. Where it is not recorded nothing is made but what a sampler asks. */
class CallSpan implements CallWatch {
  readonly #api: Api
  readonly #span: Span
  readonly #context: Context

  constructor(traced: Traced, engine: WatchedEngine, call: HandlerCall) {
    const { context, trace } = traced.api
    const active = context.active()
    this.#api = traced.api
    this.#span = beginSpan(traced, { engine, call, active })
    this.#context = trace.setSpan(active, this.#span)
    if (this.#span.isRecording()) this.#span.setAttributes(attributesOf(call))
  }

  /** Also where the span is not recorded: the spans of the handler are not then either. */
  within<Result>(run: () => Result): Result {
    return this.#api.context.with(this.#context, run)
  }

  end(failed?: { readonly error: unknown }): void {
    const span = this.#span
    if (failed !== undefined && span.isRecording()) {
      const error = asError(failed.error)
      span.recordException(error)
      span.setAttribute('error.type', errorType(failed.error))
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: error.message })
    }
    span.end()
  }
}

/**
 * The producers' traces are linked; that of a single message is the parent too, where none is active: the
 * messages of a batch may be of many traces, and a span has one parent. Links and the attributes by which the
 * conventions have spans sampled are there from the beginning.
 */
function beginSpan(
  { api, tracer }: Traced,
  of: { readonly engine: WatchedEngine; readonly call: HandlerCall; readonly active: Context },
): Span {
  const { engine, call, active } = of
  const { domain, events } = call
  const links = linksOf(api, events)
  const attributes = {
    ...system,
    'messaging.operation.type': 'process',
    'messaging.destination.name': domain,
    'messaging.consumer.group.name': engine.consumer,
    'messaging.client.id': engine.worker,
  }
  const options = { kind: api.SpanKind.CONSUMER, attributes, ...(links.length > 0 && { links }) }
  const [only] = links
  const isChild = only !== undefined && events.length === 1 && api.trace.getSpanContext(active) === undefined
  const parent = isChild ? api.trace.setSpanContext(active, only.context) : active
  return tracer.startSpan(`process ${domain}`, options, parent)
}

function linksOf({ isSpanContextValid }: Api, events: readonly InturnEvent[]): Link[] {
  const links: Link[] = []
  for (const event of events) {
    const producer = event.traceparent === undefined ? undefined : spanContextOf(event)
    if (producer !== undefined && isSpanContextValid(producer)) links.push({ context: producer })
  }
  return links
}

/** What else is said of a call, where its span is recorded. */
function attributesOf(call: HandlerCall): Attributes {
  const { stream, events, attempt, isRedrive, replay } = call
  const [event] = events
  const { id, sequence, epoch = 0 } = event ?? {}
  const isOne = events.length === 1
  return {
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

/** Measures with instruments of a meter: what is counted is read when it is exported, times are recorded. */
class MeteredEngines {
  readonly #histograms = new Map<MetricName, Histogram>()
  readonly engines: EngineMetrics = new EngineMetrics((name, labels) => {
    const attributes = labelled(name, labels)
    return (valueS) => this.#histograms.get(name)?.record(valueS, attributes)
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
