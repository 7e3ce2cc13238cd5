// What listening costs: CPU time of the process for an event of the SQLite bench, which is little enough for
// it to be seen. A processor without a listener takes turns with one that has it, in one process.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Processor, TelemetryProvider } from '../src/index.ts'
import { metricProducer, openTelemetry } from '../src/telemetry/opentelemetry.ts'
import { prometheus } from '../src/telemetry/prometheus.ts'
import { batch, eventsOf, inFolder, journalProcessor } from './sqlite/worked-journal.ts'

/** Rounds that are counted, those before them that are not, and the events of each. */
const [rounds, warmUps, perTurn] = [Number(process.env['ROUNDS'] ?? 150), 20, 10_000]

/** A reader that exports only when it is told to. */
function meterProvider(): MeterProvider {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  return new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  })
}

/** Spans of which so many are recorded; those that are recorded go nowhere. */
function tracerProvider(ratio: number): TracerProvider {
  return new TracerProvider({ sampler: new TraceIdRatioBasedSampler(ratio) })
}

/** Who listens, by name; made only in the process that measures it. */
const listeners: Readonly<Record<string, () => readonly TelemetryProvider[]>> = {
  nobody: () => [],
  'prometheus()': () => [prometheus()],
  'metricProducer()': () => [metricProducer()],
  'openTelemetry(), metrics': () => [openTelemetry({ spans: false, meterProvider: meterProvider() })],
  'openTelemetry(), no SDK for spans': () => [openTelemetry({ metrics: false })],
  'openTelemetry(), spans, none recorded': () => [traced(0)],
  'openTelemetry(), spans, 1 % recorded': () => [traced(0.01)],
  'openTelemetry(), spans, all recorded': () => [traced(1)],
  'the same, a span a batch, 1 % recorded': () => [traced(0.01, 'batch')],
  'the same, a span a batch, all recorded': () => [traced(1, 'batch')],
}

function traced(ratio: number, spans: true | 'batch' = true): TelemetryProvider {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  return openTelemetry({ spans, metrics: false, tracerProvider: tracerProvider(ratio) })
}

/** CPU times of an event in microseconds, of each round: of nobody, and of who listens. */
type Round = readonly [nobody: number, listened: number]

async function roundsOf(streams: number, telemetry: readonly TelemetryProvider[]): Promise<readonly Round[]> {
  const measured: Round[] = []
  await inFolder((first) =>
    inFolder(async (second) => {
      const [nobody, listened] = [journalProcessor(first), journalProcessor(second, telemetry)]
      for (let round = -warmUps; round < rounds; round++) {
        const nowMs = Date.now() - perTurn
        const from = (round + warmUps) * 2 * perTurn
        const [early, late] = [from, from + perTurn].map((at) =>
          eventsOf(perTurn, streams, at).map((event, ms) => {
            return { ...event, time: new Date(nowMs + ms).toISOString() }
          }),
        )
        // There and back: what one leaves to be collected is met by the other as often.
        const times = [
          await cpuUs(nobody, early),
          await cpuUs(listened, early),
          await cpuUs(listened, late),
          await cpuUs(nobody, late),
        ] as const
        if (round >= 0) measured.push([(times[0] + times[3]) / 2, (times[1] + times[2]) / 2])
      }
      await Promise.all([nobody.close(), listened.close()])
    }),
  )
  return measured
}

async function cpuUs(processor: Processor, events: readonly object[] = []): Promise<number> {
  const before = process.cpuUsage()
  await processor.process(events)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / events.length
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.round(at * (sorted.length - 1))] ?? Number.NaN
}

/** Prints what a listener costs in all rounds, and the quartiles of these. */
async function compare(
  name: string,
  streams: number,
  telemetry: readonly TelemetryProvider[],
): Promise<void> {
  const all = await roundsOf(streams, telemetry)
  const more = all.map(([nobody, listened]) => (listened / nobody - 1) * 100)
  const [nobody = 0, listened = 0] = [0, 1].map((of) => all.reduce((sum, round) => sum + (round[of] ?? 0), 0))
  const times = [nobody, listened].map((sum) => (sum / all.length).toFixed(2)).join(' -> ')
  const [low, high] = [0.25, 0.75].map((of) => `${quantile(more, of).toFixed(1)} %`)
  const total = `${((listened / nobody - 1) * 100).toFixed(1)} %`
  console.log(`  ${name.padEnd(38)} ${times} µs  + ${total} (half of the rounds ${low} to ${high})`)
}

// Each listener has a process of its own: none pays for what another has left to the compiler.
const [name, streams] = process.argv.slice(2)
const make = name === undefined ? undefined : listeners[name]
if (name !== undefined && make !== undefined) await compare(name, Number(streams), make())
else {
  for (const count of [100, 10_000]) {
    console.log(`CPU time an event beside nobody who listens, ${count} streams, batches of ${batch}`)
    for (const one of Object.keys(listeners)) {
      spawnSync(process.execPath, [fileURLToPath(import.meta.url), one, String(count)], { stdio: 'inherit' })
    }
  }
}
