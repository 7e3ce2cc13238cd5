// A worker in a process of its own, to be killed: moves streams on by one in each batch and inserts a row
// for each event, as fast as it can. Arguments: file, worker, mode.
import { unknownStream } from '../../../src/core/stream-state.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { sqliteStore } from '../../../src/stores/sqlite.ts'

const [, , path = '', worker = '', mode = 'transaction'] = process.argv
const nothing = { hold: [], release: [], decided: [], deadLetters: [], redriven: [], ledger: [] }
const streams = Array.from({ length: 40 }, (_, index) => `account/${index}`)

async function moveOn(store: Store<SqliteTransaction>, some: readonly string[]): Promise<void> {
  const request = {
    consumer: 'billing',
    worker,
    streams: some,
    mode: 'transaction',
    claimMs: 30_000,
  } as const
  await store.work(request, async (unit) => {
    const changes = [...unit.streams].map(([stream, { state }]) => {
      const position = Number(state.position ?? 0) + 1
      unit.transaction?.forHandlers.run(
        'INSERT INTO effect (stream, sequence) VALUES (?, ?)',
        stream,
        position,
      )
      return {
        stream,
        state: { ...unknownStream, position, baseline: 1 },
        deliveries: 1,
        due: {},
        ...nothing,
      }
    })
    await unit.commit({ streams: changes })
  })
}

const store = sqliteStore(path, { synchronous: mode === 'full' ? 'full' : 'normal' })
await store.open()
process.stdout.write('ready\n')
for (let turn = 0; ; turn++) {
  await moveOn(store, turn % 3 === 0 ? streams.slice(0, 5) : streams)
  await store.heartbeat('billing', worker)
}
