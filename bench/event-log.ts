// The event log in SQLite: appending, reading and relaying. Beside it the bare limit: the same pragmas,
// tables and indexes, the same inserts and one update of the stream's head a batch, a plain select, and no
// inturn.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { NewEvent } from '../src/producer/index.ts'
import { createRelay } from '../src/producer/index.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { sqliteEventLog } from '../src/stores/sqlite.ts'
import { insertEventSql, insertStreamSql, moveStreamSql } from '../src/stores/sqlite/append-events.ts'
import { schemaSql } from '../src/stores/sqlite/schema.ts'
import { readPageSql } from '../src/stores/sqlite/sqlite-event-log.ts'
import type { Contender } from './measure.ts'
import { measure, report } from './measure.ts'

const streams = 100

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
  database.exec(schemaSql)
  return database
}

/** Batches of one stream each, one after the other. */
function bareAppend(count: number, batch: number): Contender['run'] {
  return async () => {
    await inFolder((path) => {
      const database = openBare(path)
      const [insert, move] = [database.prepare(insertEventSql), database.prepare(moveStreamSql)]
      const makeStream = database.prepare(insertStreamSql)
      const heads: number[] = Array.from({ length: streams }, (_, stream) => {
        makeStream.get('account', `s${stream}`)
        return 0
      })
      for (let place = 1; place <= count;) {
        const stream = ((place / batch) % streams) | 0
        database.exec('BEGIN IMMEDIATE')
        for (let index = 0; index < batch; index++, place++) {
          const sequence = (heads[stream] ?? 0) + 1
          heads[stream] = sequence
          const now = Date.now()
          const data = JSON.stringify({ data: { amount: place } })
          const time = new Date(now).toISOString()
          insert.run(place, stream + 1, sequence, `event-${place}`, 'account.booked', time, now, null, data)
        }
        move.run(stream + 1, heads[stream] ?? 0)
        database.exec('COMMIT')
      }
      database.close()
    })
    return count
  }
}

function eventOf(place: number): NewEvent {
  return { id: `event-${place}`, type: 'account.booked', data: { amount: place } }
}

async function fill(path: string, count: number, batch: number): Promise<void> {
  const log = sqliteEventLog(path)
  for (let first = 1; first <= count; first += batch) {
    const stream = `s${Math.floor(first / batch) % streams}`
    const events = Array.from({ length: batch }, (_, index) => eventOf(first + index))
    await log.append({ domain: 'account', stream, events })
  }
  await log.close()
}

/** Appends that do not wait for each other share transactions. */
async function fillAtOnce(path: string, count: number): Promise<void> {
  const log = sqliteEventLog(path)
  for (let first = 1; first <= count; first += 50) {
    const appends = Array.from({ length: 50 }, (_, index) => {
      const stream = `s${(first + index) % streams}`
      return log.append({ domain: 'account', stream, events: [eventOf(first + index)] })
    })
    await Promise.all(appends)
  }
  await log.close()
}

function append(count: number, batch: number): Contender['run'] {
  return async () => {
    await inFolder((path) => fill(path, count, batch))
    return count
  }
}

for (const [batch, count] of [
  [1, 5_000],
  [500, 100_000],
] as const) {
  const rates = await measure([
    { name: 'bare node:sqlite', run: bareAppend(count, batch) },
    { name: 'log.append, each awaited', run: append(count, batch) },
    ...(batch > 1
      ? []
      : [
          {
            name: 'log.append, 50 at once',
            run: async () => {
              await inFolder((path) => fillAtOnce(path, count))
              return count
            },
          },
        ]),
  ])
  report(`Event log: append, ${batch} a batch, ${streams} streams, synchronous FULL`, rates)
}

await inFolder(async (path) => {
  const count = 100_000
  await fill(path, count, 500)
  const log = sqliteEventLog(path)
  await log.open()
  const bare = new DatabaseSync(path, { readOnly: true })
  const page = bare.prepare(readPageSql)
  const bareRead = (): number => {
    let found = 0
    for (let after = 0; ;) {
      const rows = page.all(after, 200)
      for (const row of rows) JSON.parse(String(row['data']))
      found += rows.length
      after = Number(rows.at(-1)?.['place'] ?? after)
      if (rows.length < 200) return found
    }
  }
  const readAll = async (): Promise<number> => {
    let found = 0
    for await (const event of log.readAll()) found += event.place > 0 ? 1 : 0
    return found
  }
  const relay = async (): Promise<number> => {
    let sent = 0
    const sink = {
      name: 'memory',
      open: () => Promise.resolve(),
      close: () => Promise.resolve(),
      send: async (messages: readonly unknown[]) => {
        sent += messages.length
      },
    }
    await createRelay({ name: 'bench', log, sink, store: memoryStore() }).run({ until: 'caught-up' })
    return sent
  }
  const rates = await measure([
    { name: 'bare select and JSON.parse', run: bareRead },
    { name: 'log.readAll', run: readAll },
    { name: 'relay to a sink in memory', run: relay },
  ])
  report(`Event log: reading ${count.toLocaleString('en')} events, 200 a page (relay: 500)`, rates)
  bare.close()
  await log.close()
})
