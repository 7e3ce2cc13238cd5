// A relay in a process of its own, to be killed or stopped: from the event log in a folder to the file there.
// Arguments: folder, batch, lease in milliseconds.
import { createRelay } from '../../../src/producer/relay.ts'
import { sqliteEventLog, sqliteStore } from '../../../src/stores/sqlite.ts'
import { fileSink } from '../../../src/transports/file.ts'

const [, , folder = '', batch = '', leaseMs = ''] = process.argv

const relay = createRelay({
  name: 'orders',
  log: sqliteEventLog(`${folder}/log.db`, { synchronous: 'normal' }),
  store: sqliteStore(`${folder}/relay.db`, { synchronous: 'normal' }),
  sink: fileSink(`${folder}/events.ndjson`),
  batch: Number(batch),
  lease: Number(leaseMs),
  pollMs: 5,
  telemetry: (news) => {
    if (news.kind === 'relay-taken') process.stdout.write(`taken at ${news.through}\n`)
  },
})
process.once('SIGTERM', () => void relay.stop())
await relay.run()
