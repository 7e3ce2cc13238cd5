// OpenTelemetry: a handler has a span that links to its producer's, through whatever the event went; the
// metrics are those of the contract, with faults provoked (I3: what is lost is counted).
import type { Histogram, Meter, MeterProvider as Meters, Span } from '@opentelemetry/api'
import { context, createNoopMeter, INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import type { ReadableSpan, Sampler } from '@opentelemetry/sdk-trace'
import {
  InMemorySpanExporter,
  SamplingDecision,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { catalogue } from '../../../src/metrics/catalogue.ts'
import { retryDeadLetters } from '../../../src/operate/retry-dead-letters.ts'
import { createRelay } from '../../../src/producer/relay.ts'
import { memoryEventLog, memoryStore } from '../../../src/stores/memory.ts'
import { openTelemetry, traceAttributes } from '../../../src/telemetry/opentelemetry.ts'
import { memorySink } from '../../../src/transports/memory.ts'
import { EngineWorld, event, sweepAll } from '../engine/engine-world.ts'
import { processTroubled } from './troubled-events.ts'

const exporter = new InMemorySpanExporter()
const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })

/** What all spans that are not recorded have in common. */
const unrecorded: Span = Reflect.getPrototypeOf(trace.wrapSpanContext(INVALID_SPAN_CONTEXT)) as Span

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})
afterAll(() => context.disable())

const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const other = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`

function spans(): readonly ReadableSpan[] {
  const finished = exporter.getFinishedSpans()
  exporter.reset()
  return finished
}

function linksOf({ links }: ReadableSpan): readonly string[] {
  return links.map(({ context: { traceId, spanId } }) => `${traceId.slice(0, 1)}/${spanId.slice(0, 1)}`)
}

const telemetry = openTelemetry({ tracerProvider, metrics: false })

describe('a span of a handler', () => {
  it('is a linked child of its producer, active while the handler runs; none while it is held', async () => {
    const world = new EngineWorld()
    const active: (string | undefined)[] = []
    const handle = async (): Promise<void> => {
      await Promise.resolve()
      active.push(trace.getActiveSpan()?.spanContext().spanId)
    }
    const processor = world.processor({ handle }, { telemetry })
    await processor.process([event('a', 2, { traceparent: other, tracestate: 'x=1' })])
    expect(spans(), 'it is held').toEqual([])
    await processor.process([event('a', 1, { traceparent })])
    const [first, second] = spans()
    expect([first, second].map((span) => span?.name)).toEqual(['process account', 'process account'])
    expect(first?.spanContext().traceId).toBe('a'.repeat(32))
    expect(first?.parentSpanContext?.spanId).toBe('b'.repeat(16))
    expect(first && linksOf(first)).toEqual(['a/b'])
    expect(second && linksOf(second)).toEqual(['c/d'])
    expect(second?.spanContext().traceState?.serialize()).toBe('x=1')
    expect(active).toEqual([first?.spanContext().spanId, second?.spanContext().spanId])
    expect(first?.attributes).toMatchObject({
      'messaging.system': 'inturn',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'account',
      'messaging.consumer.group.name': 'billing',
      'messaging.message.id': 'a-1',
      'inturn.stream': 'account/a',
      'inturn.sequence': '1',
      'inturn.attempt': 1,
    })
  })

  it('is not begun before anybody takes spans, and is from then on', async () => {
    const [begun, ran]: [number[], unknown[]] = [[], []]
    const own = openTelemetry({ metrics: false })
    const attach: typeof own.attach = (engine) => {
      const listener = own.attach(engine)
      return { ...listener, begin: (call) => (begun.push(call.attempt), listener.begin?.(call)) }
    }
    const handle = ({ sequence }: { readonly sequence?: unknown }): void => void ran.push(sequence)
    const processor = new EngineWorld().processor({ handle }, { telemetry: { attach } })
    await processor.process([event('a', 1), event('a', 2)])
    expect([begun, ran], 'handlers run, and nothing is made for a span').toEqual([[], [1, 2]])
    trace.setGlobalTracerProvider(tracerProvider)
    try {
      await processor.process([event('a', 3)])
      expect(spans()).toHaveLength(1)
      expect(begun).toEqual([1])
    } finally {
      trace.disable()
    }
  })

  it('that nobody records has what a sampler asks and no more, and is active all the same', async () => {
    const asked: [attributes: object, links: number][] = []
    const decisions = [SamplingDecision.NOT_RECORD, SamplingDecision.RECORD_AND_SAMPLED]
    const sampler: Sampler = {
      shouldSample: (...[, , , , attributes, links]) => {
        asked.push([{ ...attributes }, links.length])
        return { decision: decisions[asked.length - 1] ?? SamplingDecision.NOT_RECORD }
      },
    }
    const provider = new TracerProvider({
      sampler,
      spanProcessors: [new SimpleSpanProcessor({ exporter })],
    })
    const set = vi.spyOn(unrecorded, 'setAttributes')
    const active: unknown[] = []
    const handle = (): void => void active.push(trace.getActiveSpan()?.isRecording())
    const watching = openTelemetry({ tracerProvider: provider, metrics: false })
    const processor = new EngineWorld().processor({ handle }, { telemetry: watching })
    await processor.process([event('a', 1, { traceparent }), event('a', 2)])
    const sampled = {
      'messaging.system': 'inturn',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'account',
      'messaging.consumer.group.name': 'billing',
      'messaging.client.id': expect.any(String) as string,
    }
    expect(asked).toEqual([
      [sampled, 1],
      [sampled, 0],
    ])
    expect(set).not.toHaveBeenCalled()
    expect(active).toEqual([false, true])
    expect(spans().map(({ attributes }) => attributes['inturn.sequence'])).toEqual(['2'])
  })

  it('of a batch has the links of all, and the parent of none', async () => {
    const world = new EngineWorld()
    const processor = world.processor({ handle: undefined, handleBatch: () => undefined }, { telemetry })
    await processor.process([event('a', 1, { traceparent }), event('a', 2, { traceparent: other })])
    const [span] = spans()
    expect(span?.attributes['messaging.batch.message_count']).toBe(2)
    expect(span?.parentSpanContext).toBeUndefined()
    expect(span && linksOf(span)).toEqual(['a/b', 'c/d'])
  })

  it('that fails says so; its dead letter, tried again, is linked to the same producer', async () => {
    const world = new EngineWorld()
    let isClosed = true
    const handle = (): void => {
      if (isClosed) throw new TypeError('no money')
    }
    const failure = { attempts: 1, then: 'dead-letter' }
    const processor = world.processor({ handle, failure }, { telemetry })
    await processor.process([event('a', 1, { traceparent })])
    const [failed] = spans()
    expect(failed).toMatchObject({
      status: { code: 2, message: 'no money' },
      attributes: { 'error.type': 'TypeError' },
    })
    expect(failed?.events[0]?.name).toBe('exception')
    isClosed = false
    const target = { store: world.store(), consumer: 'billing', domains: new Map() }
    await target.store.open()
    await retryDeadLetters(target, { by: 'ann', reason: 'open again', only: 'failed' })
    await sweepAll(processor)
    const [again] = spans()
    expect(again?.attributes['inturn.redrive']).toBe(true)
    expect(again && linksOf(again)).toEqual(['a/b'])
  })

  it('links through the event log and a relay to whoever appended', async () => {
    const log = memoryEventLog()
    const sent: unknown[] = []
    const push = async (messages: readonly unknown[]): Promise<void> => void sent.push(...messages)
    const sink = memorySink({ name: 'memory', push })
    const tracer = tracerProvider.getTracer('app')
    const appended = await tracer.startActiveSpan('order', async (span) => {
      const attributes = await traceAttributes()
      const events = [{ id: '1', type: 'opened', data: {}, attributes }]
      await log.append({ domain: 'account', stream: 'a', events })
      span.end()
      return span.spanContext()
    })
    spans()
    for (const form of ['cloudevent', 'plain'] as const) {
      const name = `to-${form}`
      await createRelay({ name, log, sink, store: memoryStore(), form }).run({ until: 'caught-up' })
    }
    expect(sent).toHaveLength(2)
    for (const message of sent) {
      await new EngineWorld().processor({ handle: () => undefined }, { telemetry }).process([message])
      const [span] = spans()
      expect(span?.links[0]?.context.spanId).toBe(appended.spanId)
    }
    expect(await traceAttributes(), 'no trace is active').toEqual({})
  })

  it('does without a trace that cannot be read', async () => {
    const world = new EngineWorld()
    const processor = world.processor({ handle: () => undefined }, { telemetry })
    await processor.process([
      event('a', 1, { traceparent: 'ff-zz' }),
      event('a', 2, { traceparent: { no: 1 } }),
    ])
    expect(spans().map((span) => span.links)).toEqual([[], []])
  })
})

/** A provider of meters that counts the times that its histograms are given. */
function countedMeters(): { readonly provider: Meters; readonly recorded: ReadonlyMap<string, number> } {
  const recorded = new Map<string, number>()
  const createHistogram = (name: string): Histogram => ({
    record: () => void recorded.set(name, (recorded.get(name) ?? 0) + 1),
  })
  const meter: unknown = Object.create(createNoopMeter(), { createHistogram: { value: createHistogram } })
  return { provider: { getMeter: () => meter as Meter }, recorded }
}

async function measuredWorld(): Promise<{
  readonly world: EngineWorld
  readonly provider: ReturnType<typeof openTelemetry>
  readonly points: () => Promise<ReadonlyMap<string, readonly { attributes: object; value: unknown }[]>>
}> {
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 3_600_000,
  })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const points = async (): Promise<
    ReadonlyMap<string, readonly { attributes: object; value: unknown }[]>
  > => {
    metricExporter.reset()
    await reader.forceFlush()
    const scopes = metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
    return new Map(
      scopes.flatMap(({ metrics }) =>
        metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]),
      ),
    )
  }
  return { world: new EngineWorld(), provider: openTelemetry({ meterProvider, spans: false }), points }
}

describe('metrics', () => {
  it('are those of the contract, by the conventions, with no stream among their attributes', async () => {
    const { world, provider, points } = await measuredWorld()
    await processTroubled(world, provider)
    const found = await points()
    for (const name of found.keys()) expect(Object.keys(catalogue)).toContain(name)
    const attributes = [...found.values()].flat().flatMap((point) => Object.entries(point.attributes))
    expect(
      attributes.map(([, value]) => String(value)).filter((value) => /^account\/|^[abc]$/.test(value)),
    ).toEqual([])
    const own = (name: string): readonly unknown[] => (found.get(name) ?? []).map(({ value }) => value)
    const at = (name: string, wanted: object): unknown => {
      const fits = ({ attributes: of }: { readonly attributes: object }): boolean =>
        Object.entries(wanted).every(([attribute, value]) => Reflect.get(of, attribute) === value)
      return found.get(name)?.find(fits)?.value
    }
    expect(at('inturn.numbers', { 'inturn.account': 'lost' })).toBe(3)
    expect(at('inturn.numbers', { 'inturn.account': 'delivered' })).toBe(3)
    expect(at('inturn.numbers', { 'inturn.account': 'removed' })).toBe(1)
    expect(at('inturn.verdicts', { 'inturn.verdict': 'duplicate' })).toBe(1)
    expect(at('inturn.gaps.opened', {})).toBe(2)
    expect(at('inturn.gaps.ended', { 'inturn.how': 'lost' })).toBe(2)
    expect(at('inturn.dead_letters', { 'inturn.reason': 'failed' })).toBe(1)
    expect(own('inturn.dead_letters.kept')).toEqual([1])
    expect(at('messaging.client.consumed.messages', { 'messaging.system': 'inturn' })).toBe(5)
    expect(at('messaging.process.duration', { 'error.type': 'TypeError' })).toMatchObject({
      count: 1,
      buckets: { boundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] },
    })
    expect(at('inturn.delivery.delay', { 'messaging.destination.name': 'account' })).toMatchObject({
      count: 1,
    })
    expect(own('inturn.store.up')).toEqual([1])
  })

  it('cost a meter a call for each call of a handler, turn and store, and none for an event', async () => {
    const { provider: meterProvider, recorded } = countedMeters()
    const telemetry = openTelemetry({ meterProvider, spans: false })
    const world = new EngineWorld()
    const processor = world.processor({ handle: undefined, handleBatch: () => undefined }, { telemetry })
    const since = async (from: number, count: number): Promise<ReadonlyMap<string, number>> => {
      const before = new Map(recorded)
      const timed = (at: number): object => ({ time: new Date(world.now + from + at).toISOString() })
      await processor.process(Array.from({ length: count }, (_, at) => event('a', from + at, timed(at))))
      return new Map([...recorded].map(([name, times]) => [name, times - (before.get(name) ?? 0)]))
    }
    await since(1, 1)
    const one = await since(2, 1)
    expect(one.get('messaging.process.duration')).toBe(1)
    expect(one.get('inturn.delivery.delay')).toBe(1)
    expect(await since(3, 400)).toEqual(one)
  })
})
