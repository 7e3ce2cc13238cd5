// Exactly once on SQLite: one row inserted per event, in the commit that moves the positions. Beside it the
// bare limit: the same pragmas, batches and inserts, one position upsert per touched stream, and no inturn.
import { measure, report } from './measure.ts'
import type { BenchEvent } from './sqlite/worked-journal.ts'
import { batch, eventsOf, inFolder, insert, journalProcessor, openJournal } from './sqlite/worked-journal.ts'

const upsert = `INSERT INTO position (stream, sequence) VALUES (?, ?)
  ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence`

async function bare(events: readonly BenchEvent[]): Promise<number> {
  await inFolder((path) => {
    const database = openJournal(path)
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

async function withInturn(events: readonly BenchEvent[]): Promise<number> {
  await inFolder(async (path) => {
    const processor = journalProcessor(path)
    await processor.process(events)
    await processor.close()
  })
  return events.length
}

for (const streams of [1, 100, 10_000]) {
  const events = eventsOf(50_000, streams)
  const rates = await measure([
    { name: 'bare node:sqlite', run: () => bare(events) },
    { name: 'inturn, effects: transaction', run: () => withInturn(events) },
  ])
  report(`SQLite exactly once, ${streams} streams, batch ${batch}, synchronous FULL`, rates)
}
