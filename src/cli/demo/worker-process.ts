// The demo's worker, a process of its own so that it can be killed: the real engine over SQLite, whose
// handler writes one row an event in the transaction that moves the position, and whose gaps are healed from
// the producer's log.
import { argv } from 'node:process'
import { contiguous } from '../../core/numbering.ts'
import { createWorker } from '../../engine/worker.ts'
import { sqliteStore } from '../../stores/sqlite.ts'
import type { FromWorker, ToWorker } from './broker-messages.ts'
import { demoConsumer, demoDomain, isToWorker } from './broker-messages.ts'
import type { BrokerLink } from './broker-source.ts'
import { BrokerSource, LogHealer } from './broker-source.ts'

/** What the process is started with. */
export type WorkerArguments = readonly [database: string]

const insertEntrySql = 'INSERT INTO journal (account, sequence, amount) VALUES (?1, ?2, ?3)'

const link: BrokerLink = {
  send: (message: FromWorker) => void process.send?.(message),
  onMessage: (listener) => {
    process.on('message', (message: unknown) => {
      if (isToWorker(message)) listener(message)
    })
  },
}

const worker = createWorker({
  consumer: demoConsumer,
  store: sqliteStore(argv[2] ?? ''),
  source: new BrokerSource(link),
  batch: 250,
  domains: {
    [demoDomain]: {
      types: ['account.*'],
      numbering: contiguous(),
      gap: { heal: { with: new LogHealer(link), after: '400ms', timeout: '1s' } },
      effects: 'transaction',
      handle: ({ stream, sequence = 0, data }, { transaction }) =>
        transaction.run(insertEntrySql, stream, sequence, amountOf(data)),
    },
  },
  telemetry: (news) => {
    if (news.kind === 'batch') link.send({ kind: 'verdicts', verdicts: { ...news.verdicts } })
    if (news.kind === 'failed') console.error(`demo worker: ${news.stream} failed: ${news.error}`)
    if (news.kind === 'store-failed') console.error(`demo worker: ${news.error.message}`)
  },
})

link.onMessage((message: ToWorker) => {
  if (message.kind === 'stop') void worker.stop().catch(() => undefined)
})
// Ctrl-C reaches both processes; the parent decides, and a worker without a parent has nothing to do.
process.on('SIGINT', () => undefined)
process.on('disconnect', () => process.exit())
await worker.run()
process.disconnect()

function amountOf(data: unknown): number {
  return typeof data === 'object' && data !== null && 'amount' in data ? Number(data.amount) : Number.NaN
}
