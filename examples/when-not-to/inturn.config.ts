// One source, two kinds of events: what happens to accounts is tracked, what is viewed is only counted.
import { DatabaseSync } from 'node:sqlite'
import { contiguous, defineConfig, unordered } from 'inturn'
import { sqliteStore } from 'inturn/stores/sqlite'
import { fileSource } from 'inturn/transports/file'

const database = new DatabaseSync('shop.db')
database.exec('CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, plan TEXT NOT NULL)')
database.exec('CREATE TABLE IF NOT EXISTS page (path TEXT PRIMARY KEY, views INTEGER NOT NULL)')
database.close()

export default defineConfig({
  consumer: 'shop',
  store: sqliteStore('shop.db'),
  source: fileSource('events.ndjson'),
  domains: {
    // The last plan wins, so the order matters, and a change that is missing must not go unseen.
    account: {
      types: ['account.*'],
      numbering: contiguous(),
      effects: 'transaction',
      handle: ({ stream, data }, { transaction }) => {
        transaction.run(
          'INSERT INTO account VALUES (?1, ?2) ON CONFLICT DO UPDATE SET plan = ?2',
          stream,
          String(data),
        )
      },
    },
    // Adding up gives the same in any order, and a view that is missing is one view: no numbers, no waiting.
    analytics: {
      types: ['page.*'],
      numbering: unordered({ idWindow: { ids: 10_000 } }),
      effects: 'transaction',
      handle: ({ data }, { transaction }) => {
        transaction.run(
          'INSERT INTO page VALUES (?1, 1) ON CONFLICT DO UPDATE SET views = views + 1',
          String(data),
        )
      },
    },
  },
})
