// What a user would take instead on Postgres. Their events are in the database before the clock starts.
// Emmett reads its event store and moves its position with each message in one transaction; pg-boss and
// graphile-worker are queues, which run twenty inserts at once on as many connections, keep no order then,
// and are at least once.
import { rawSql } from '@event-driven-io/dumbo'
import { getPostgreSQLEventStore, postgreSQLEventStoreConsumer } from '@event-driven-io/emmett-postgresql'
import { Logger, makeWorkerUtils, runOnce } from 'graphile-worker'
import { Client, Pool } from 'pg'
import { PgBoss } from 'pg-boss'
import { fieldOf } from '../../src/core/thrown.ts'
import type { MeasuredWork } from '../measure.ts'
import type { BenchEvent } from './exactly-once.ts'
import { onEmptyTables } from './exactly-once.ts'

const atOnce = 20
const insertSql = 'INSERT INTO journal (stream, sequence, amount) VALUES ($1, $2, $3)'
let runs = 0

/** Each run has a database of its own, as nothing of what peers keep may be left from one before. */
async function freshDatabase(server: string): Promise<string> {
  const url = new URL(server)
  url.pathname = `/peer_${++runs}`
  const client = new Client({ connectionString: server })
  await client.connect()
  await client.query(`CREATE DATABASE ${url.pathname.slice(1)}`)
  await client.end()
  return url.href
}

/** The values of a row, of what has been in a database as JSON. */
function rowOf(event: unknown): unknown[] {
  return [fieldOf(event, 'stream'), fieldOf(event, 'sequence'), fieldOf(fieldOf(event, 'data'), 'amount')]
}

/** A consumer whose handler inserts in the transaction in which its position moves. */
export async function emmett(server: string, events: readonly BenchEvent[]): Promise<MeasuredWork> {
  const url = await freshDatabase(server)
  return onEmptyTables(url, events.length, async () => {
    const store = getPostgreSQLEventStore(url)
    for (const [stream, own] of Map.groupBy(events, (event) => event.stream)) {
      await store.appendToStream(
        stream,
        own.map((data) => ({ type: 'noted' as const, data: { ...data } })),
      )
    }
    await store.close()
    const consumer = postgreSQLEventStoreConsumer({
      connectionString: url,
      stopWhen: { noMessagesLeft: true },
      pulling: { batchSize: 500 },
    })
    consumer.reactor({
      processorId: 'bench',
      eachMessage: async ({ data }, context) => {
        const values = rowOf(data)
          .map((value) => `'${String(value)}'`)
          .join(', ')
        await context.execute.command(
          rawSql(`INSERT INTO journal (stream, sequence, amount) VALUES (${values})`),
        )
      },
    })
    return async () => {
      await consumer.start()
      await consumer.close()
    }
  })
}

/** Jobs by the hundreds: fetched, inserted twenty at once, completed. */
export async function pgBoss(server: string, events: readonly BenchEvent[]): Promise<MeasuredWork> {
  const url = await freshDatabase(server)
  return onEmptyTables(url, events.length, async () => {
    const queue = 'bench'
    const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false })
    await boss.start()
    await boss.createQueue(queue)
    for (let from = 0; from < events.length; from += 1_000) {
      await boss.insert(
        queue,
        events.slice(from, from + 1_000).map((data) => ({ data })),
      )
    }
    const pool = new Pool({ connectionString: url, max: atOnce })
    return async () => {
      for (;;) {
        const jobs = await boss.fetch<BenchEvent>(queue, { batchSize: 500 })
        if (jobs.length === 0) break
        const left = jobs.values()
        const insert = async (): Promise<void> => {
          for (const { data } of left) await pool.query(insertSql, rowOf(data))
        }
        await Promise.all(Array.from({ length: atOnce }, insert))
        await boss.complete(
          queue,
          jobs.map(({ id }) => id),
        )
      }
      await pool.end()
      await boss.stop({ graceful: false })
    }
  })
}

const silent = new Logger(() => () => undefined)
/** Fetches many jobs at a time and completes many together, as its documentation has it for throughput. */
const preset = { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } }

/** Twenty jobs at a time, until none is left. */
export async function graphileWorker(server: string, events: readonly BenchEvent[]): Promise<MeasuredWork> {
  const url = await freshDatabase(server)
  return onEmptyTables(url, events.length, async () => {
    const utils = await makeWorkerUtils({ connectionString: url, logger: silent })
    await utils.migrate()
    await utils.addJobs(events.map((payload) => ({ identifier: 'note', payload })))
    await utils.release()
    const pool = new Pool({ connectionString: url, max: 2 * atOnce })
    pool.on('error', () => undefined).on('connect', (client) => client.on('error', () => undefined))
    return async () => {
      await runOnce({
        pgPool: pool,
        concurrency: atOnce,
        noHandleSignals: true,
        logger: silent,
        preset,
        taskList: {
          note: async (payload, { withPgClient }) => {
            await withPgClient((client) => client.query(insertSql, rowOf(payload)))
          },
        },
      })
      await pool.end()
    }
  })
}
