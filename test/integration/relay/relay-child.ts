// A relay in a process of its own, to be killed or stopped: from the event log in a folder to the file there.
// Arguments: folder, batch, lease in milliseconds, and perhaps the URL of Redis for log and places.
import { createRelay } from '../../../src/producer/relay.ts'
import { sqliteEventLog, sqliteStore } from '../../../src/stores/sqlite.ts'
import { fileSink } from '../../../src/transports/file.ts'
import { logAt, storeAt } from '../log-target.ts'

const [, , folder = '', batch = '', leaseMs = '', url] = process.argv

const inFile = { synchronous: 'normal' } as const
const log = url === undefined ? sqliteEventLog(`${folder}/log.db`, inFile) : logAt(url)
const store = url === undefined ? sqliteStore(`${folder}/relay.db`, inFile) : storeAt(url)
const relay = createRelay({
  name: 'orders',
  log,
  store,
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
await log.close()
await store.close()
