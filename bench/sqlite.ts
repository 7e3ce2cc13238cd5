// Exactly once on SQLite: one row inserted per event, in the commit that moves the positions. Beside it the
// bare limit: the same pragmas, batches and inserts, one position upsert per touched stream, and no inturn.
// What opens and closes the file is left out of both.
import type { MeasuredWork } from './measure.ts'
import { measure, report } from './measure.ts'
import type { BenchEvent } from './sqlite/worked-journal.ts'
import { batch, eventsOf, inFolder, insert, journalProcessor, openJournal } from './sqlite/worked-journal.ts'

const upsert = `INSERT INTO position (stream, sequence) VALUES (?, ?)
  ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence`

function bare(events: readonly BenchEvent[]): Promise<MeasuredWork> {
  return inFolder((path) => {
    const database = openJournal(path)
    database.exec('CREATE TABLE position (stream TEXT PRIMARY KEY, sequence INTEGER) WITHOUT ROWID')
    const [inserting, upserting] = [database.prepare(insert), database.prepare(upsert)]
    const begun = performance.now()
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
    const ms = performance.now() - begun
    database.close()
    return { events: events.length, ms }
  })
}

function withInturn(events: readonly BenchEvent[]): Promise<MeasuredWork> {
  return inFolder(async (path) => {
    const processor = journalProcessor(path)
    await processor.process([])
    const begun = performance.now()
    await processor.process(events)
    const ms = performance.now() - begun
    await processor.close()
    return { events: events.length, ms }
  })
}

for (const streams of [1, 100, 10_000]) {
  const events = eventsOf(200_000, streams)
  const rates = await measure([
    { name: 'bare node:sqlite', run: () => bare(events) },
    { name: 'inturn, effects: transaction', run: () => withInturn(events) },
  ])
  report(`SQLite exactly once, ${streams} streams, batch ${batch}, synchronous FULL`, rates)
}
