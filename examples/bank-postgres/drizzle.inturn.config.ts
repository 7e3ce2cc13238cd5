// The bank with Drizzle: what its handlers write through Drizzle commits with the positions of the accounts.
import { sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { drizzle } from 'drizzle-orm/node-postgres'
import { bigint, pgTable, text } from 'drizzle-orm/pg-core'
import { contiguous, defineConfig } from 'inturn'
import type { PostgresTransaction } from 'inturn/stores/postgres'
import { postgresStore } from 'inturn/stores/postgres'
import { fileSource } from 'inturn/transports/file'
import type { PoolClient } from 'pg'
import { Client } from 'pg'

const url = process.env['DATABASE_URL'] ?? 'postgres://postgres@localhost/postgres'
const client = new Client({ connectionString: url })
await client.connect()
// Of workers that start together one makes the table: IF NOT EXISTS alone would have the others fail.
await client.query('SELECT pg_advisory_lock(1)')
await client.query('CREATE TABLE IF NOT EXISTS account (name text PRIMARY KEY, balance bigint NOT NULL)')
await client.end()

const account = pgTable('account', {
  name: text().primaryKey(),
  balance: bigint({ mode: 'number' }).notNull(),
})

/** Drizzle wants a client of pg; it only ever calls `query`, which is what a transaction has. */
function drizzleIn(transaction: PostgresTransaction): NodePgDatabase {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a client it uses no more than this
  return drizzle(transaction as unknown as PoolClient)
}

export default defineConfig({
  consumer: 'bank',
  store: postgresStore(url),
  source: fileSource('payments.ndjson'),
  domains: {
    account: {
      numbering: contiguous(),
      effects: 'transaction',
      handle: async ({ stream, data }, { transaction }) => {
        const balance = sql`${account.balance} + excluded.balance`
        await drizzleIn(transaction)
          .insert(account)
          .values({ name: stream, balance: Number(data) })
          .onConflictDoUpdate({ target: account.name, set: { balance } })
      },
    },
  },
})
