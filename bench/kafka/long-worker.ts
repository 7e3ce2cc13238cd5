// A worker of the long run, in a process of its own: Kafka into Postgres, a row an event.
import type { WorkerOptions } from '../../src/index.ts'
import { contiguous, createWorker } from '../../src/index.ts'
import type { PostgresTransaction } from '../../src/stores/postgres.ts'
import { postgresStore } from '../../src/stores/postgres.ts'
import { kafkaSource } from '../../src/transports/kafka.ts'
import { columnsOf } from '../columns.ts'

const [url = '', broker = '', topic = ''] = process.argv.slice(2)
const insert = `INSERT INTO journal (stream, sequence, amount)
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])`

const domains: WorkerOptions<PostgresTransaction>['domains'] = {
  click: {
    numbering: contiguous(),
    effects: 'transaction',
    handleBatch: async (events, { transaction }) => {
      await transaction.query({ name: 'insert', text: insert, values: columnsOf(events) })
    },
  },
}

const store = postgresStore(url)
const source = kafkaSource({ brokers: [broker], topics: [topic], groupId: 'bench', sessionMs: 6_000 })
const worker = createWorker({ consumer: 'bench', batch: 500, store, source, domains })
process.once('SIGTERM', () => void worker.stop())
await worker.run()
