// What the SQLite benches share: events of many streams, and inturn that inserts one row for each, in the
// commit that moves the positions.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { contiguous, createProcessor } from '../../src/index.ts'
import type { Processor, TelemetryProvider } from '../../src/index.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'

/** An event to handle. */
export interface BenchEvent {
  readonly stream: string
  readonly sequence: number
  readonly id: string
  readonly data: { readonly amount: number }
}

/** Events a batch. */
export const batch = 500

export const insert = 'INSERT INTO journal (stream, sequence, amount) VALUES (?, ?, ?)'

/** So many events of so many streams, one of each in turn, from one on. */
export function eventsOf(count: number, streams: number, from = 0): readonly BenchEvent[] {
  return Array.from({ length: count }, (_, at) => {
    const index = from + at
    const sequence = Math.floor(index / streams) + 1
    return { stream: `account-${index % streams}`, sequence, id: `event-${index}`, data: { amount: index } }
  })
}

/** Runs with the path of a database that is gone afterwards. */
export async function inFolder<Result>(run: (path: string) => Promise<Result> | Result): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-bench-'))
  try {
    return await run(join(folder, 'bench.db'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A database with the table that handlers write to. */
export function openJournal(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE journal (stream TEXT, sequence INTEGER, amount INTEGER)')
  return database
}

/** A processor of inturn that inserts a row for each event, with whoever listens. */
export function journalProcessor(path: string, telemetry: readonly TelemetryProvider[] = []): Processor {
  openJournal(path).close()
  return createProcessor({
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
}
