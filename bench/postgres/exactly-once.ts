// What is measured on Postgres: rows and positions of a batch in one transaction. Bare transactions have the
// same pipelining client, batches and inserts, one upsert of the touched streams' positions, named
// statements, and nothing else: no claims, and no state is read.
import { Client } from 'pg'
import type { DomainOptions, Processor } from '../../src/index.ts'
import { contiguous, createProcessor } from '../../src/index.ts'
import type { PostgresTransaction } from '../../src/stores/postgres.ts'
import { postgresStore } from '../../src/stores/postgres.ts'
import { amountIn, columnsOf } from '../columns.ts'
import type { MeasuredWork } from '../measure.ts'

/** An event that a handler notes in a row. */
export interface BenchEvent {
  readonly stream: string
  readonly sequence: number
  readonly id: string
  readonly data: { readonly amount: number }
}

/** Events of a transaction. */
export const batch = 500
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

/** Events of so many streams, taken in turn. */
export function eventsOf(count: number, streams: number): readonly BenchEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    stream: `account-${index % streams}`,
    sequence: Math.floor(index / streams) + 1,
    id: `event-${index}`,
    data: { amount: index },
  }))
}

/** One insert for a batch. */
export async function insertInBulk(
  client: PostgresTransaction,
  events: readonly BenchEvent[],
): Promise<void> {
  await client.query({ ...insertAll, values: columnsOf(events) })
}

/** All streams at once, and the events of each one after another. */
export async function insertEach(client: PostgresTransaction, events: readonly BenchEvent[]): Promise<void> {
  const streams = [...Map.groupBy(events, ({ stream }) => stream).values()]
  await Promise.all(
    streams.map(async (own) => {
      for (const { stream, sequence, data } of own) {
        await client.query({ ...insertOne, values: [stream, sequence, data.amount] })
      }
    }),
  )
}

/** Work that has been prepared, and what ends what prepared it. */
export type Work = () => Promise<void>

/** Measures work that leaves so many rows in an empty table. */
export async function onEmptyTables(
  url: string,
  count: number,
  run: (client: Client) => Promise<Work>,
): Promise<MeasuredWork> {
  const client = new Client({ connectionString: url, pipeline: true })
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

/** Bare transactions. */
export function bare(
  url: string,
  events: readonly BenchEvent[],
  insert: (client: PostgresTransaction, events: readonly BenchEvent[]) => Promise<void>,
): Promise<MeasuredWork> {
  return onEmptyTables(url, events.length, async (client) => async () => {
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

/** How inturn handles the events. */
export type Handling = Pick<
  Extract<DomainOptions<PostgresTransaction>, { readonly effects: 'transaction' }>,
  'handle' | 'handleBatch'
>

/** One insert for all events of a batch. */
export const inBulk: Handling = {
  handleBatch: (events, { transaction }) => transaction.query({ ...insertAll, values: columnsOf(events) }),
}
/** One insert for each event. */
export const each: Handling = {
  handle: ({ stream, sequence, data }, { transaction }) =>
    transaction.query(insertOne.text, [stream, Number(sequence), amountIn(data)]),
}

/** A processor that works its events off. */
export async function processing(
  url: string,
  events: readonly BenchEvent[],
  handling: Handling,
): Promise<Work> {
  const processor = processorOf(url, handling)
  await processor.process([])
  return async () => {
    // What a program has in hand at a time; the results of what came before are nobody's.
    for (let from = 0; from < events.length; from += 10 * batch) {
      await processor.process(events.slice(from, from + 10 * batch))
    }
    await processor.close()
  }
}

/** Works off what workers on the same streams have left to each other. */
export async function sweepRest(url: string, handling: Handling): Promise<void> {
  const processor = processorOf(url, handling)
  while ((await processor.sweep()) > 0);
  await processor.close()
}

function processorOf(url: string, handling: Handling): Processor {
  return createProcessor({
    consumer: 'bench',
    store: postgresStore(url),
    batch,
    domains: { account: { numbering: contiguous(), effects: 'transaction', ...handling } },
  })
}

/** inturn, on empty tables. */
export function withInturn(
  url: string,
  events: readonly BenchEvent[],
  handling: Handling,
): Promise<MeasuredWork> {
  return onEmptyTables(url, events.length, () => processing(url, events, handling))
}
