// Exactly once on Postgres, on a server of its own: rows and positions of a batch in one transaction. Beside
// inturn the bare transactions: the same pipelining client, batches and inserts, one upsert of the touched
// streams' positions, named statements, and nothing else: no claims, and no state is read. Both with one
// insert for a whole batch, and with one insert an event, all streams of a batch at once.
import { Client } from 'pg'
import type { DomainOptions } from '../src/index.ts'
import { contiguous, createProcessor } from '../src/index.ts'
import type { PostgresTransaction } from '../src/stores/postgres.ts'
import { postgresStore } from '../src/stores/postgres.ts'
import { startPostgres } from '../test/services/postgres-server.ts'
import type { Contender, MeasuredWork } from './measure.ts'
import { measure, report } from './measure.ts'

interface BenchEvent {
  readonly stream: string
  readonly sequence: number
  readonly id: string
  readonly data: { readonly amount: number }
}

const batch = 500
const tables = `
  DROP TABLE IF EXISTS journal, position;
  DROP SCHEMA IF EXISTS inturn CASCADE;
  CREATE TABLE journal (stream text, sequence bigint, amount bigint);
  CREATE TABLE position (stream text COLLATE "C" PRIMARY KEY, sequence bigint) WITH (fillfactor = 70)
`
const insertOne = {
  name: 'insert-one',
  text: 'INSERT INTO journal (stream, sequence, amount) VALUES ($1, $2, $3)',
}
const insertAll = {
  name: 'insert-all',
  text: 'INSERT INTO journal SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])',
}
const upsert = {
  name: 'upsert',
  text: `INSERT INTO position SELECT * FROM unnest($1::text[], $2::bigint[])
    ON CONFLICT (stream) DO UPDATE SET sequence = EXCLUDED.sequence`,
}

const server = await startPostgres()

function eventsOf(count: number, streams: number): readonly BenchEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    stream: `account-${index % streams}`,
    sequence: Math.floor(index / streams) + 1,
    id: `event-${index}`,
    data: { amount: index },
  }))
}

function amountIn(data: unknown): number {
  return typeof data === 'object' && data !== null && 'amount' in data ? Number(data.amount) : 0
}

/** The values of an insert for a whole batch. */
function columnsOf(
  events: readonly { readonly stream: string; readonly sequence?: number | bigint; readonly data: unknown }[],
): unknown[] {
  return [
    events.map(({ stream }) => stream),
    events.map(({ sequence }) => Number(sequence)),
    events.map(({ data }) => amountIn(data)),
  ]
}

async function insertInBulk(client: PostgresTransaction, events: readonly BenchEvent[]): Promise<void> {
  await client.query({ ...insertAll, values: columnsOf(events) })
}

/** All streams at once, and the events of each one after another. */
async function insertEach(client: PostgresTransaction, events: readonly BenchEvent[]): Promise<void> {
  const streams = [...Map.groupBy(events, ({ stream }) => stream).values()]
  await Promise.all(
    streams.map(async (own) => {
      for (const { stream, sequence, data } of own) {
        await client.query({ ...insertOne, values: [stream, sequence, data.amount] })
      }
    }),
  )
}

async function onEmptyTables(
  count: number,
  run: (client: Client) => Promise<() => Promise<void>>,
): Promise<MeasuredWork> {
  const client = new Client({ connectionString: server.url, pipeline: true })
  await client.connect()
  await client.query(tables)
  const work = await run(client)
  const began = performance.now()
  await work()
  const ms = performance.now() - began
  const { rows } = await client.query<{ rows: number }>('SELECT count(*)::int AS rows FROM journal')
  if (rows[0]?.rows !== count) throw new Error(`${rows[0]?.rows} rows for ${count} events`)
  await client.end()
  return { events: count, ms }
}

function bare(
  events: readonly BenchEvent[],
  insert: (client: PostgresTransaction, events: readonly BenchEvent[]) => Promise<void>,
): Promise<MeasuredWork> {
  return onEmptyTables(events.length, async (client) => async () => {
    for (let from = 0; from < events.length; from += batch) {
      const own = events.slice(from, from + batch)
      const positions = new Map(own.map(({ stream, sequence }) => [stream, sequence]))
      const begun = client.query('BEGIN')
      const inserted = insert(client, own)
      // An insert for the whole batch needs no answer, and goes with the commit.
      if (insert === insertEach) await inserted
      const values = [[...positions.keys()], [...positions.values()]]
      await Promise.all([begun, inserted, client.query({ ...upsert, values }), client.query('COMMIT')])
    }
  })
}

type Handling = Pick<
  Extract<DomainOptions<PostgresTransaction>, { readonly effects: 'transaction' }>,
  'handle' | 'handleBatch'
>

const inBulk: Handling = {
  handleBatch: (events, { transaction }) => transaction.query({ ...insertAll, values: columnsOf(events) }),
}
const each: Handling = {
  handle: ({ stream, sequence, data }, { transaction }) =>
    transaction.query(insertOne.text, [stream, Number(sequence), amountIn(data)]),
}

function withInturn(events: readonly BenchEvent[], handling: Handling): Promise<MeasuredWork> {
  return onEmptyTables(events.length, async () => {
    const processor = createProcessor({
      consumer: 'bench',
      store: postgresStore(server.url),
      batch,
      domains: { account: { numbering: contiguous(), effects: 'transaction', ...handling } },
    })
    await processor.process([])
    return async () => {
      // What a program has in hand at a time; the results of what came before are nobody's.
      for (let from = 0; from < events.length; from += 10 * batch) {
        await processor.process(events.slice(from, from + 10 * batch))
      }
      await processor.close()
    }
  })
}

function contenders(streams: number): readonly (readonly [title: string, all: readonly Contender[]])[] {
  const many = eventsOf(100_000, streams)
  const few = eventsOf(streams === 1 ? 5_000 : 20_000, streams)
  return [
    [
      'one insert a batch',
      [
        { name: 'bare transactions', run: () => bare(many, insertInBulk) },
        { name: 'inturn, handleBatch', run: () => withInturn(many, inBulk) },
      ],
    ],
    [
      'one insert an event, streams at once',
      [
        { name: 'bare transactions', run: () => bare(few, insertEach) },
        { name: 'inturn, handle', run: () => withInturn(few, each) },
      ],
    ],
  ]
}

try {
  for (const streams of [1, 100, 10_000]) {
    for (const [title, all] of contenders(streams)) {
      report(`Postgres exactly once, ${streams} streams, batch ${batch}, ${title}`, await measure(all))
    }
  }
} finally {
  await server.stop()
}
