// A bank that books payments into Postgres, whole batches with one statement: any number of these workers may
// run.
import { contiguous, defineConfig } from 'inturn'
import { postgresStore } from 'inturn/stores/postgres'
import { fileSource } from 'inturn/transports/file'
import { Client } from 'pg'

const url = process.env['DATABASE_URL'] ?? 'postgres://postgres@localhost/postgres'
const client = new Client({ connectionString: url })
await client.connect()
// Of workers that start together one makes the table: IF NOT EXISTS alone would have the others fail.
await client.query('SELECT pg_advisory_lock(1)')
await client.query('CREATE TABLE IF NOT EXISTS account (name text PRIMARY KEY, balance bigint NOT NULL)')
await client.end()

export default defineConfig({
  consumer: 'bank',
  store: postgresStore(url),
  source: fileSource('payments.ndjson'),
  domains: {
    account: {
      numbering: contiguous(),
      effects: 'transaction',
      handleBatch: async (payments, { transaction }) => {
        await transaction.query(
          `INSERT INTO account AS a
           SELECT name, sum(amount) FROM unnest($1::text[], $2::bigint[]) AS paid (name, amount)
           GROUP BY name ORDER BY name
           ON CONFLICT (name) DO UPDATE SET balance = a.balance + EXCLUDED.balance`,
          [payments.map(({ stream }) => stream), payments.map(({ data }) => Number(data))],
        )
      },
    },
  },
})
