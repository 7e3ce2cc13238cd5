// A bank that books payments from a file: each account's payments once, and in order.
import { DatabaseSync } from 'node:sqlite'
import { contiguous, defineConfig } from 'inturn'
import { sqliteStore } from 'inturn/stores/sqlite'
import { fileSource } from 'inturn/transports/file'

const database = new DatabaseSync('bank.db')
database.exec('CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, balance INTEGER NOT NULL)')
database.close()

export default defineConfig({
  consumer: 'bank',
  store: sqliteStore('bank.db'),
  source: fileSource('payments.ndjson'),
  domains: {
    account: {
      numbering: contiguous(),
      effects: 'transaction',
      handle: ({ stream, data }, { transaction }) => {
        transaction.run(
          'INSERT INTO account VALUES (?1, ?2) ON CONFLICT DO UPDATE SET balance = balance + ?2',
          stream,
          Number(data),
        )
      },
    },
  },
})
