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
  SpanOptions,
  Tracer,
  TracerProvider,
  TraceState,
} from '@opentelemetry/api'
import { checkNames, givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import type { InturnEvent } from '../core/event.ts'
import { asError } from '../core/thrown.ts'
import type { MetricName } from '../metrics/catalogue.ts'
import { bucketsS, metricList } from '../metrics/catalogue.ts'
import { EngineMetrics, errorType } from '../metrics/engine-metrics.ts'
import { loadPackage } from '../ports/load-package.ts'
import type {
  CallWatch,
  HandlerBatch,
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
  /**
   * `batch`: with `effects: 'transaction'` the calls of a batch have one span, and those that are made again
   * after a failure one each. `false`: no span is made. Default `true`: each call has one.
   */
  readonly spans?: boolean | 'batch'
  /** `false`: nothing is measured. Default true. */
  readonly metrics?: boolean
}

function checkSpans(spans: unknown): void {
  if (spans === undefined || typeof spans === 'boolean' || spans === 'batch') return
  const takes = "openTelemetry: spans takes true, false or 'batch'"
  throw new InturnError('config-invalid', `${takes}, not ${givenText(spans)}`)
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
  checkSpans(options.spans)
  const { spans = true, metrics: isMeasured = true, meterProvider, tracerProvider } = options
  const measured = isMeasured ? new MeteredEngines() : undefined
  const isBatched = spans === 'batch'
  let traced: Traced | undefined
  let opened: Promise<void> | undefined
  const load = async (): Promise<void> => {
    const api = await loadApi()
    measured?.meterBy(meterProvider ?? api.metrics)
    const provider = tracerProvider ?? api.trace.getTracerProvider()
    const batchKey = api.createContextKey('inturn batch')
    traced = { api, tracer: provider.getTracer(scope), isTaken: takesSpans(api, provider), batchKey }
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
        isWatching: () => traced?.isTaken() === true && !(isBatched && isInBatch(traced, engine)),
        begin: (call) => traced && callSpan(traced, engine, call),
        ...(isBatched && {
          beginBatch: (batch) => (traced?.isTaken() === true ? batchSpan(traced, engine, batch) : undefined),
        }),
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
  /** Whose batch a context is in: its engine. */
  readonly batchKey: symbol
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

/** A span that has begun. */
class BegunSpan implements CallWatch {
  readonly #api: Api
  readonly #span: Span
  readonly #context: Context

  constructor(api: Api, span: Span, context: Context) {
    this.#api = api
    this.#span = span
    this.#context = api.trace.setSpan(context, span)
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
 * The span of a handler's call. The producers' traces are linked; that of a single message is the parent too,
 * where none is active: the messages of a batch may be of many traces, and a span has one parent. Links and
 * the attributes by which the conventions have spans sampled are there from the beginning, the others only
 * where it is recorded.
 */
function callSpan({ api, tracer }: Traced, engine: WatchedEngine, call: HandlerCall): BegunSpan {
  const { domain, events } = call
  const active = api.context.active()
  const links = linksOf(api, events)
  const options = { ...spanOptions(api, engine, domain), ...(links.length > 0 && { links }) }
  const [only] = links
  const isChild = only !== undefined && events.length === 1 && api.trace.getSpanContext(active) === undefined
  const parent = isChild ? api.trace.setSpanContext(active, only.context) : active
  const span = tracer.startSpan(`process ${domain}`, options, parent)
  if (span.isRecording()) span.setAttributes(attributesOf(call))
  return new BegunSpan(api, span, active)
}

/** The span of a batch. Its messages are many, and looked at only where it is recorded. */
function batchSpan(
  { api, tracer, batchKey }: Traced,
  engine: WatchedEngine,
  { domains, countMax, events }: HandlerBatch,
): BegunSpan | undefined {
  if (countMax < 2) return undefined
  const active = api.context.active()
  const domain = domains.length === 1 ? domains[0] : undefined
  const name = domain === undefined ? 'process' : `process ${domain}`
  const span = tracer.startSpan(name, spanOptions(api, engine, domain), active)
  if (span.isRecording()) {
    const called = events()
    span.setAttribute('messaging.batch.message_count', called.length)
    span.addLinks(linksOf(api, called))
  }
  return new BegunSpan(api, span, active.setValue(batchKey, engine))
}

function isInBatch({ api, batchKey }: Traced, engine: WatchedEngine): boolean {
  return api.context.active().getValue(batchKey) === engine
}

/** What a span begins with: its messages' attributes but for those of each. */
function spanOptions({ SpanKind }: Api, engine: WatchedEngine, domain: string | undefined): SpanOptions {
  const attributes = {
    ...system,
    'messaging.operation.type': 'process',
    ...(domain !== undefined && { 'messaging.destination.name': domain }),
    'messaging.consumer.group.name': engine.consumer,
    'messaging.client.id': engine.worker,
  }
  return { kind: SpanKind.CONSUMER, attributes }
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
