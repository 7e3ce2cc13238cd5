// Each user's way through a web shop, from clicks that lie over the partitions of a topic, doubled and out of
// order. A way is text that grows: a click twice, lost or out of turn would show. Any number of these workers
// may run.
import { contiguous, defineConfig } from 'inturn'
import { postgresStore } from 'inturn/stores/postgres'
import { kafkaSource } from 'inturn/transports/kafka'
import { Client } from 'pg'

const brokers = (process.env['KAFKA_BROKERS'] ?? 'localhost:9092').split(',')
const url = process.env['DATABASE_URL'] ?? 'postgres://inturn:inturn@localhost/inturn'
const client = new Client({ connectionString: url })
await client.connect()
// Of workers that start together one makes the table: IF NOT EXISTS alone would have the others fail.
await client.query('SELECT pg_advisory_lock(1)')
await client.query('CREATE TABLE IF NOT EXISTS journey ("user" text PRIMARY KEY, clicks int, way text)')
await client.end()

export default defineConfig({
  consumer: 'journey',
  store: postgresStore(url),
  source: kafkaSource({ brokers, groupId: 'journey', topics: ['clicks'] }),
  domains: {
    click: {
      numbering: contiguous(),
      effects: 'transaction',
      handle: async ({ stream, data }, { transaction }) => {
        const page = typeof data === 'object' && data !== null && 'page' in data ? String(data.page) : '?'
        await transaction.query(
          `INSERT INTO journey AS j VALUES ($1, 1, $2) ON CONFLICT ("user") DO UPDATE
           SET clicks = j.clicks + 1, way = j.way || ' > ' || $2`,
          [stream, page],
        )
      },
    },
  },
})
