// Exactly once on SQLite: one row inserted per event, in the commit that moves the positions. Beside it the
// bare limit: the same pragmas, batches and inserts, one position upsert per touched stream, and no inturn.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { contiguous, createProcessor } from '../src/index.ts'
import type { TelemetryProvider } from '../src/index.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { openTelemetry } from '../src/telemetry/opentelemetry.ts'
import { prometheus } from '../src/telemetry/prometheus.ts'
import { measure, report } from './measure.ts'

interface BenchEvent {
  readonly stream: string
  readonly sequence: number
  readonly id: string
  readonly data: { readonly amount: number }
}

const batch = 500
const journal = 'CREATE TABLE journal (stream TEXT, sequence INTEGER, amount INTEGER)'
const insert = 'INSERT INTO journal (stream, sequence, amount) VALUES (?, ?, ?)'
const upsert = `INSERT INTO position (stream, sequence) VALUES (?, ?)
  ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence`

function eventsOf(count: number, streams: number): readonly BenchEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    stream: `account-${index % streams}`,
    sequence: Math.floor(index / streams) + 1,
    id: `event-${index}`,
    data: { amount: index },
  }))
}

async function inFolder(run: (path: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-bench-'))
  try {
    await run(join(folder, 'bench.db'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function openBare(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec(journal)
  return database
}

async function bare(events: readonly BenchEvent[]): Promise<number> {
  await inFolder((path) => {
    const database = openBare(path)
    database.exec('CREATE TABLE position (stream TEXT PRIMARY KEY, sequence INTEGER) WITHOUT ROWID')
    const [inserting, upserting] = [database.prepare(insert), database.prepare(upsert)]
    for (let from = 0; from < events.length; from += batch) {
      database.exec('BEGIN IMMEDIATE')
      const touched = new Map<string, number>()
      for (const { stream, sequence, data } of events.slice(from, from + batch)) {
        inserting.run(stream, sequence, data.amount)
        touched.set(stream, sequence)
      }
      for (const [stream, sequence] of touched) upserting.run(stream, sequence)
      database.exec('COMMIT')
    }
    database.close()
  })
  return events.length
}

async function withInturn(
  events: readonly BenchEvent[],
  telemetry: readonly TelemetryProvider[] = [],
): Promise<number> {
  await inFolder(async (path) => {
    openBare(path).close()
    const processor = createProcessor({
      consumer: 'bench',
      store: sqliteStore(path),
      batch,
      telemetry,
      domains: {
        account: {
          numbering: contiguous(),
          effects: 'transaction',
          handle: ({ stream, sequence, data }, { transaction }) => {
            if (typeof data !== 'object' || data === null || !('amount' in data)) return
            transaction.run(insert, stream, Number(sequence), Number(data.amount))
          },
        },
      },
    })
    await processor.process(events)
    await processor.close()
  })
  return events.length
}

/** Metrics by OpenTelemetry's SDK, and spans that nobody takes. */
const measured = openTelemetry({
  meterProvider: new MeterProvider({
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
        exportIntervalMillis: 3_600_000,
      }),
    ],
  }),
})

for (const streams of [1, 100, 10_000]) {
  const events = eventsOf(50_000, streams)
  const rates = await measure([
    { name: 'bare node:sqlite', run: () => bare(events) },
    { name: 'inturn, effects: transaction', run: () => withInturn(events) },
    { name: 'inturn with prometheus()', run: () => withInturn(events, [prometheus()]) },
    { name: 'inturn with openTelemetry()', run: () => withInturn(events, [measured]) },
  ])
  report(`SQLite exactly once, ${streams} streams, batch ${batch}, synchronous FULL`, rates)
}
