// A worker over PGlite in a process of its own, to be killed: its handler writes a row for each event, and
// tells that it was called. Arguments: the folder of the database, the file of the events.
import { contiguous, createWorker } from '../../../src/index.ts'
import { pglitePool, postgresStore } from '../../../src/stores/postgres.ts'
import { fileSource } from '../../../src/transports/file.ts'

const [folder = '', events = ''] = process.argv.slice(2)
const pool = pglitePool(folder)
await pool.query(
  'CREATE TABLE IF NOT EXISTS effect (nth int GENERATED ALWAYS AS IDENTITY, stream text, sequence int)',
)
const worker = createWorker({
  consumer: 'billing',
  store: postgresStore({ pool }),
  source: fileSource(events),
  batch: 40,
  domains: {
    account: {
      numbering: contiguous(),
      effects: 'transaction',
      handle: async ({ stream, sequence }, { transaction }) => {
        await transaction.query('INSERT INTO effect (stream, sequence) VALUES ($1, $2)', [stream, sequence])
        process.stdout.write('.')
      },
    },
  },
})
await worker.run({ until: 'caught-up' })
await pool.end()
