// Where events of the Kafka bench go: each place by hand, a batch at a time with the last number of each
// stream, and as a store of inturn with a handler that writes the same.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { createClient } from 'redis'
import type { Worker, WorkerOptions } from '../../src/index.ts'
import { contiguous, createWorker } from '../../src/index.ts'
import type { Source } from '../../src/ports/source.ts'
import type { PostgresTransaction } from '../../src/stores/postgres.ts'
import { postgresStore } from '../../src/stores/postgres.ts'
import { redisStore } from '../../src/stores/redis.ts'
import type { SqliteTransaction } from '../../src/stores/sqlite.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { amountIn, columnsOf } from '../columns.ts'
import { bareMoves } from '../redis/bare-script.ts'

/** What a record of the topic says. */
export interface Click {
  readonly stream: string
  readonly sequence: number
  readonly id: string
  readonly data: { readonly amount: number }
}

/** Writes by hand. */
interface ByHand {
  /** The last number of each stream that has any, for whoever looks for copies. */
  lastOf(streams: readonly string[]): Promise<ReadonlyMap<string, number>>
  write(clicks: readonly Click[]): Promise<void>
}

/** A place that is empty. */
export interface Place {
  readonly byHand: ByHand
  /** A worker of this place, over a source. */
  worker(source: Source): Worker
  /** How many rows were written; `undefined`: none are, here. */
  rows(): Promise<number | undefined>
  close(): Promise<void>
}

const made = { consumer: 'bench', batch: 500 } as const

/** SQLite: a row inserted per event. */
export async function sqlitePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'inturn-bench-'))
  const path = join(folder, 'bench.db')
  const database = new DatabaseSync(path, { timeout: 5_000 })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE journal (stream TEXT, sequence INTEGER, amount INTEGER)')
  database.exec('CREATE TABLE position (stream TEXT PRIMARY KEY, sequence INTEGER) WITHOUT ROWID')
  const insert = 'INSERT INTO journal (stream, sequence, amount) VALUES (?, ?, ?)'
  const inserting = database.prepare(insert)
  const upserting = database.prepare(`INSERT INTO position (stream, sequence) VALUES (?, ?)
    ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence`)
  const selecting = database.prepare('SELECT sequence FROM position WHERE stream = ?')
  const byHand: ByHand = {
    lastOf: async (streams) =>
      new Map(
        streams.flatMap((stream) => {
          const row = selecting.get(stream)
          return row === undefined ? [] : [[stream, Number(row['sequence'])] as const]
        }),
      ),
    write: async (clicks) => {
      database.exec('BEGIN IMMEDIATE')
      for (const { stream, sequence, data } of clicks) inserting.run(stream, sequence, data.amount)
      for (const [stream, sequence] of lastNumbers(clicks)) upserting.run(stream, sequence)
      database.exec('COMMIT')
    },
  }
  const store = sqliteStore(path)
  const domains: WorkerOptions<SqliteTransaction>['domains'] = {
    click: {
      numbering: contiguous(),
      effects: 'transaction',
      handle: ({ stream, sequence, data }, { transaction }) => {
        transaction.run(insert, stream, Number(sequence), amountIn(data))
      },
    },
  }
  return {
    byHand,
    worker: (source) => createWorker({ ...made, store, domains, source }),
    rows: async () => Number(database.prepare('SELECT count(*) AS rows FROM journal').get()?.['rows']),
    close: async () => {
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Postgres: one insert a batch. */
export async function postgresPlace(url: string): Promise<Place> {
  const client = new Client({ connectionString: url, pipeline: true })
  await client.connect()
  await client.query(`
    DROP TABLE IF EXISTS journal, position;
    DROP SCHEMA IF EXISTS inturn CASCADE;
    CREATE TABLE journal (stream text, sequence bigint, amount bigint);
    CREATE TABLE position (stream text COLLATE "C" PRIMARY KEY, sequence bigint) WITH (fillfactor = 70)`)
  const insert = 'INSERT INTO journal SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])'
  const upsert = `INSERT INTO position SELECT * FROM unnest($1::text[], $2::bigint[])
    ON CONFLICT (stream) DO UPDATE SET sequence = EXCLUDED.sequence`
  const select = 'SELECT stream, sequence FROM position WHERE stream = ANY ($1)'
  const byHand: ByHand = {
    lastOf: async (streams) => {
      const query = { name: 'select', text: select, values: [streams] }
      const { rows } = await client.query<{ stream: string; sequence: string }>(query)
      return new Map(rows.map(({ stream, sequence }) => [stream, Number(sequence)]))
    },
    write: async (clicks) => {
      const last = lastNumbers(clicks)
      const values = [[...last.keys()], [...last.values()]]
      await Promise.all([
        client.query('BEGIN'),
        client.query({ name: 'insert', text: insert, values: columnsOf(clicks) }),
        client.query({ name: 'upsert', text: upsert, values }),
        client.query('COMMIT'),
      ])
    },
  }
  const domains: WorkerOptions<PostgresTransaction>['domains'] = {
    click: {
      numbering: contiguous(),
      effects: 'transaction',
      handleBatch: async (events, { transaction }) => {
        await transaction.query({ name: 'insert', text: insert, values: columnsOf(events) })
      },
    },
  }
  return {
    byHand,
    worker: (source) => createWorker({ ...made, store: postgresStore(url), domains, source }),
    rows: async () => {
      const { rows } = await client.query<{ rows: number }>('SELECT count(*)::int AS rows FROM journal')
      return rows[0]?.rows
    },
    close: () => client.end(),
  }
}

/** Redis: the positions alone, by one script a shard; the handler does nothing. */
export async function redisPlace(url: string): Promise<Place> {
  const client = createClient({ url })
  await client.connect()
  await client.flushAll()
  const last = new Map<string, number>()
  const { move, close } = await bareMoves(url)
  const byHand: ByHand = {
    lastOf: async () => last,
    write: (clicks) => move(clicks),
  }
  const click = { numbering: contiguous(), effects: 'external', handle: () => undefined } as const
  return {
    byHand,
    worker: (source) => createWorker({ ...made, store: redisStore(url), domains: { click }, source }),
    rows: () => Promise.resolve(undefined),
    close: async () => {
      close()
      await client.close()
    },
  }
}

function lastNumbers(clicks: readonly Click[]): ReadonlyMap<string, number> {
  return new Map(clicks.map(({ stream, sequence }) => [stream, sequence]))
}
