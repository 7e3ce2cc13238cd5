// The bank with Kysely: what its handlers write through Kysely commits with the positions of the accounts.
import { contiguous, defineConfig } from 'inturn'
import type { PostgresTransaction } from 'inturn/stores/postgres'
import { postgresStore } from 'inturn/stores/postgres'
import { fileSource } from 'inturn/transports/file'
import type { PostgresPoolClient } from 'kysely'
import { Kysely, PostgresDialect } from 'kysely'
import { Client } from 'pg'

const url = process.env['DATABASE_URL'] ?? 'postgres://postgres@localhost/postgres'
const client = new Client({ connectionString: url })
await client.connect()
// Of workers that start together one makes the table: IF NOT EXISTS alone would have the others fail.
await client.query('SELECT pg_advisory_lock(1)')
await client.query('CREATE TABLE IF NOT EXISTS account (name text PRIMARY KEY, balance bigint NOT NULL)')
await client.end()

interface Bank {
  readonly account: { readonly name: string; readonly balance: number }
}

/** Kysely wants a pool: one whose only client is the transaction, and is never given back. */
function kyselyIn(transaction: PostgresTransaction): Kysely<Bank> {
  const client = {
    query: (text: string, values: readonly unknown[]) => transaction.query(text, [...values]),
    release: () => undefined,
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without cursors it uses no more than this
  const connect = async () => client as unknown as PostgresPoolClient
  const pool = { connect, end: async () => undefined, options: {} }
  return new Kysely<Bank>({ dialect: new PostgresDialect({ pool }) })
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
        await kyselyIn(transaction)
          .insertInto('account')
          .values({ name: stream, balance: Number(data) })
          .onConflict((conflict) =>
            conflict.column('name').doUpdateSet((update) => ({
              balance: update.eb('account.balance', '+', update.ref('excluded.balance')),
            })),
          )
          .execute()
      },
    },
  },
})
