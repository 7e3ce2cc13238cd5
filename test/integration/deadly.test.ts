// A handler that kills its own process, for real: started again and again, the worker delivers all other
// streams, and takes the deadly event out as a dead letter once its attempts are used up (I6, I7). On SQLite.
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { DeadLetter } from '../../src/ports/records.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import type { Running, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

let folder: TestFolder
let worker: Running | undefined
beforeEach(() => {
  folder = testFolder()
})
afterEach(async () => {
  worker?.child.kill('SIGKILL')
  await worker?.ended
  worker = undefined
  folder.remove()
})

const streams = ['killer', ...Array.from({ length: 30 }, (_, index) => `s${index}`)]
const each = 5

function config(effects: 'external' | 'transaction'): string {
  const write =
    effects === 'external'
      ? "appendFileSync('effects.log', `${stream}:${sequence}\\n`)"
      : "transaction.run('INSERT INTO journal VALUES (?, ?)', stream, Number(sequence))"
  return `
    import { appendFileSync } from 'node:fs'
    import { contiguous } from ${sourceUrl('core/numbering.ts')}
    import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
    import { fileSource } from ${sourceUrl('transports/file.ts')}
    export default {
      consumer: 'billing', store: sqliteStore('billing.db'), claim: '1s', batch: 40,
      source: fileSource('events.ndjson', { follow: true, checkpointMs: 50 }),
      domains: {
        account: {
          numbering: contiguous(), effects: '${effects}', timeout: '1s',
          failure: { attempts: 2, then: 'dead-letter' },
          handle: async ({ stream, sequence }, { transaction }) => {
            if (stream === 'killer' && sequence === 2) {
              appendFileSync('deaths.log', 'x')
              process.kill(process.pid, 'SIGKILL')
            }
            ${write}
          },
        },
      },
    }`
}

/** Where all streams stand, and what was taken out; nothing while there is no store. */
async function look(): Promise<{
  readonly positions: readonly unknown[]
  readonly letters: readonly DeadLetter[]
}> {
  const store = sqliteStore(join(folder.path, 'billing.db'))
  try {
    const stored = await store.reader.streams('billing', { limit: 100 })
    const letters = await store.reader.deadLetters('billing', { limit: 100 })
    return { positions: stored.map(({ state }) => state.position), letters }
  } catch {
    return { positions: [], letters: [] }
  } finally {
    await store.close()
  }
}

/** What handlers did outside, in order. */
function written(): readonly string[] {
  return readFileSync(join(folder.path, 'effects.log'), 'utf8').trim().split('\n')
}

/** What handlers did in transactions, in order. */
function journal(): readonly string[] {
  const database = new DatabaseSync(join(folder.path, 'billing.db'), { readOnly: true })
  const rows = database.prepare('SELECT stream, sequence FROM journal ORDER BY rowid').all()
  database.close()
  return rows.map(({ stream, sequence }) => `${String(stream)}:${Number(sequence)}`)
}

/** Starts the worker again whenever it has died, until every stream has got to its end. */
async function runToTheEnd(): Promise<void> {
  for (;;) {
    const { positions } = await look()
    if (positions.length === streams.length && positions.every((position) => position === each)) return
    if (worker === undefined || worker.child.exitCode !== null || worker.child.signalCode !== null) {
      worker = startInturn(folder.path, 'run')
    }
    await sleep(50)
  }
}

test.each(['external', 'transaction'] as const)(
  'the killer runs out of attempts, everything else is delivered: %s',
  async (effects) => {
    const store = sqliteStore(join(folder.path, 'billing.db'))
    await store.open()
    const setUp = {
      consumer: 'set-up',
      worker: 'w',
      streams: [],
      mode: 'transaction',
      claimMs: 1_000,
    } as const
    await store.work(setUp, async ({ transaction }) => {
      transaction?.forHandlers.run(
        'CREATE TABLE journal (stream TEXT, sequence INTEGER, PRIMARY KEY (stream, sequence))',
      )
    })
    await store.close()
    folder.write('inturn.config.ts', config(effects))
    for (let sequence = 1; sequence <= each; sequence++) {
      const lines = streams.map((stream) =>
        JSON.stringify({ stream, sequence, id: `${stream}#${sequence}`, data: {} }),
      )
      appendFileSync(join(folder.path, 'events.ndjson'), `${lines.join('\n')}\n`)
    }
    await runToTheEnd()
    const { letters } = await look()
    expect(letters).toMatchObject([
      { stream: 'account/killer', sequence: 2, reason: 'worker-died', attempts: 2 },
    ])
    expect(readFileSync(join(folder.path, 'deaths.log'), 'utf8').length).toBeGreaterThanOrEqual(3)
    const done = effects === 'external' ? [...new Set(written())] : journal()
    for (const stream of streams) {
      const wanted = [1, 2, 3, 4, 5].filter((number) => stream !== 'killer' || number !== 2)
      const own = done.filter((place) => place.startsWith(`${stream}:`))
      expect(own).toEqual(wanted.map((number) => `${stream}:${number}`))
    }
    worker?.child.kill('SIGTERM')
    await worker?.ended
    expect((await inturn(folder.path, 'verify')).code).toBe(0)
  },
)
