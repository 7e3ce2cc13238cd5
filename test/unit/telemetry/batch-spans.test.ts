// A batch in a transaction has one span where that is asked for, linked to all producers; a call that is made
// again after a failure has its own.
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { HandlerBatch, TelemetryProvider } from '../../../src/ports/telemetry.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { openTelemetry } from '../../../src/telemetry/opentelemetry.ts'
import { event } from '../engine/engine-world.ts'
import { SqliteFolder } from '../stores/sqlite-folder.ts'

const exporter = new InMemorySpanExporter()
const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
const telemetry = openTelemetry({ tracerProvider, metrics: false, spans: 'batch' })

let folder: SqliteFolder
let active: (string | undefined)[]

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})
afterAll(() => context.disable())
beforeEach(() => {
  folder = new SqliteFolder()
  active = []
  exporter.reset()
})
afterEach(() => folder.remove())

const producer = (digit: string): string => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`

async function processor(own: TelemetryProvider, handle: (sequence: unknown) => void): Promise<Processor> {
  return createProcessor<SqliteTransaction>({
    sweep: 'manual',
    log: false,
    consumer: 'billing',
    store: await folder.store(),
    telemetry: own,
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'transaction',
        failure: { attempts: 1, then: 'halt' },
        filter: ({ data }) => data !== 'skip',
        handle: async ({ sequence }) => {
          await Promise.resolve()
          active.push(trace.getActiveSpan()?.spanContext().spanId)
          handle(sequence)
        },
      },
    },
  })
}

const idOf = (span: ReadableSpan | undefined): string | undefined => span?.spanContext().spanId

it('has the links of all that is handled, and is active in each handler', async () => {
  const working = await processor(telemetry, () => undefined)
  await working.process([
    event('a', 1, { traceparent: producer('a') }),
    event('a', 2),
    event('b', 1, { traceparent: producer('b') }),
    event('b', 2, { traceparent: producer('c'), data: 'skip' }),
  ])
  const spans = exporter.getFinishedSpans()
  const [span] = spans
  expect(spans.map(({ name }) => name)).toEqual(['process account'])
  expect(active).toEqual([idOf(span), idOf(span), idOf(span)])
  expect(span?.attributes).toMatchObject({
    'messaging.batch.message_count': 3,
    'messaging.destination.name': 'account',
    'messaging.consumer.group.name': 'billing',
  })
  expect(span?.links.map(({ context: { traceId } }) => traceId.slice(0, 1))).toEqual(['a', 'b'])
  expect(span?.parentSpanContext).toBeUndefined()
})

it('that fails says with what; the calls that are made again have spans of their own', async () => {
  const working = await processor(telemetry, (sequence) => {
    if (sequence === 2) throw new TypeError('no money')
  })
  await working.process([event('a', 1), event('a', 2), event('b', 1)])
  const spans = exporter.getFinishedSpans()
  const [batch, ...calls] = spans
  expect(batch).toMatchObject({
    status: { code: 2, message: 'no money' },
    attributes: { 'error.type': 'TypeError', 'messaging.batch.message_count': 3 },
  })
  expect(calls.map(({ attributes, status }) => [attributes['messaging.message.id'], status.code])).toEqual([
    ['a-1', 0],
    ['b-1', 0],
  ])
})

it('of one event is that of its call', async () => {
  const working = await processor(telemetry, () => undefined)
  await working.process([event('a', 1)])
  expect(exporter.getFinishedSpans().map(({ attributes }) => attributes['messaging.message.id'])).toEqual([
    'a-1',
  ])
})

it('that is not recorded does not look at its events', async () => {
  const asked: number[] = []
  const off = new TracerProvider({ sampler: new AlwaysOffSampler() })
  const own = openTelemetry({ tracerProvider: off, metrics: false, spans: 'batch' })
  const attach: TelemetryProvider['attach'] = (engine) => {
    const listener = own.attach(engine)
    const counted = (batch: HandlerBatch): HandlerBatch => ({
      ...batch,
      events: () => (asked.push(batch.countMax), batch.events()),
    })
    return { ...listener, beginBatch: (batch) => listener.beginBatch?.(counted(batch)) }
  }
  const working = await processor({ attach }, () => undefined)
  await working.process([event('a', 1), event('b', 1)])
  expect(asked).toEqual([])
  expect(new Set(active).size, 'both handlers are in the span of the batch').toBe(1)
  expect(active[0]).toMatch(/^[\da-f]{16}$/)
})

it('is asked for by its name', () => {
  expect(() => openTelemetry({ spans: 'each' as never })).toThrow(/spans takes true, false or 'batch', not/)
})
