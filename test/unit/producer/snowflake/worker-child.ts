// A process that prints ids of a worker id leased from a SQLite store, as long as it lives; `!` and the code
// when there is none. Arguments: file, how many worker ids there are, milliseconds of a lease, how many ids.
import { InturnError } from '../../../../src/core/errors.ts'
import { systemTimers } from '../../../../src/ports/timers.ts'
import type { LeasedWorker } from '../../../../src/producer/snowflake/leased-worker.ts'
import { leasedWorker } from '../../../../src/producer/snowflake/leased-worker.ts'
import { snowflake } from '../../../../src/producer/snowflake/snowflake.ts'
import { sqliteStore } from '../../../../src/stores/sqlite.ts'

const [, , path = '', workers = '', leaseMs = '', count = ''] = process.argv

const store = sqliteStore(path, { synchronous: 'normal' })

async function lease(): Promise<LeasedWorker> {
  for (;;) {
    try {
      return await leasedWorker({ store, workers: Number(workers), leaseMs: Number(leaseMs) })
    } catch (error) {
      if (!(error instanceof InturnError) || error.code !== 'workers-taken') throw error
      await systemTimers.sleep(1)
    }
  }
}

await store.open()
process.stdout.write('ready\n')
const worker = await lease()
const ids = snowflake({ worker })
for (let given = 0; given < Number(count);) {
  try {
    const some = ids.nextMany(50)
    given += some.length
    process.stdout.write(`${some.join('\n')}\n`)
  } catch (error) {
    if (!(error instanceof InturnError)) throw error
    process.stdout.write(`!${error.code}\n`)
  }
  await systemTimers.sleep(1)
}
await worker.close()
await store.close()
