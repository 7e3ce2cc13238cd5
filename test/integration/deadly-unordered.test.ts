// A handler of a domain without tracking that kills its own process, for real: started again and again, the
// worker handles all other events, and the deadly one becomes a dead letter once its attempts are used up
// (I6, I7). Of a file that begins again where it was settled, and of a queue that gives out again.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { DeadLetter } from '../../src/ports/records.ts'
import type { Store } from '../../src/ports/store.ts'
import { redisStore } from '../../src/stores/redis.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import type { TestClient } from '../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../services/redis-server.ts'
import { startRedis } from '../services/redis-server.ts'
import type { Running, TestFolder } from './run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from './run-inturn.ts'

let server: RedisServer
let client: TestClient
let folder: TestFolder
let prefix: string
let worker: Running | undefined
beforeAll(async () => {
  server = await startRedis()
  client = await connectedClient(server.url)
})
afterAll(async () => {
  client.destroy()
  await server.stop()
})
beforeEach(() => {
  folder = testFolder()
  prefix = ownPrefix()
})
afterEach(async () => {
  worker?.child.kill('SIGKILL')
  await worker?.ended
  worker = undefined
  folder.remove()
})

const ids = Array.from({ length: 60 }, (_, index) => (index === 30 ? 'killer' : `e${index}`))
const others = ids.filter((id) => id !== 'killer')

/** Where a worker keeps what it knows, where it reads, and how its handler acts. */
interface Place {
  readonly store: 'sqlite' | 'redis'
  readonly source: 'file' | 'redis-streams'
  readonly effects: 'external' | 'transaction'
}

function config({ store, source, effects }: Place): string {
  const group = "group: 'billing', claimIdleMs: 500"
  const made = {
    sqlite: "sqliteStore('billing.db')",
    redis: `redisStore('${server.url}', { prefix: '${prefix}' })`,
    file: "fileSource('events.ndjson', { follow: true, checkpointMs: 50 })",
    'redis-streams': `redisStreamsSource({ url: '${server.url}', stream: '${prefix}:events', ${group} })`,
  }
  const write =
    effects === 'external'
      ? "appendFileSync('effects.log', `${id}\\n`)"
      : "transaction.run('INSERT INTO journal VALUES (?)', id)"
  return `
    import { appendFileSync } from 'node:fs'
    import { unordered } from ${sourceUrl('core/numbering.ts')}
    import { redisStore } from ${sourceUrl('stores/redis.ts')}
    import { sqliteStore } from ${sourceUrl('stores/sqlite.ts')}
    import { fileSource } from ${sourceUrl('transports/file.ts')}
    import { redisStreamsSource } from ${sourceUrl('transports/redis-streams.ts')}
    export default {
      consumer: 'billing', store: ${made[store]}, source: ${made[source]}, claim: '1s', batch: 40,
      domains: {
        chat: {
          numbering: unordered({ idWindow: {} }), effects: '${effects}', timeout: '5s',
          failure: { attempts: 2 },
          handle: async ({ id }, { transaction }) => {
            if (id === 'killer') {
              appendFileSync('deaths.log', 'x')
              process.kill(process.pid, 'SIGKILL')
            }
            ${write}
          },
        },
      },
    }`
}

function openStore({ store }: Place): Store {
  if (store === 'sqlite') return sqliteStore(join(folder.path, 'billing.db'))
  return redisStore(server.url, { prefix, onWarning: () => undefined })
}

/** What was taken out; nothing while there is no store. */
async function letters(place: Place): Promise<readonly DeadLetter[]> {
  const store = openStore(place)
  try {
    return await store.reader.deadLetters('billing', { limit: 100 })
  } catch {
    return []
  } finally {
    await store.close()
  }
}

/** Which events were handled, each once. */
function handled({ effects }: Place): ReadonlySet<string> {
  const log = join(folder.path, 'effects.log')
  if (effects === 'external') {
    return new Set(existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [])
  }
  const database = new DatabaseSync(join(folder.path, 'billing.db'), { readOnly: true })
  const rows = database.prepare('SELECT id FROM journal').all()
  database.close()
  return new Set(rows.map(({ id }) => String(id)))
}

async function setUp(place: Place): Promise<void> {
  folder.write('inturn.config.ts', config(place))
  const lines = ids.map((id) => JSON.stringify({ id, stream: 's', data: {} }))
  if (place.source === 'file') appendFileSync(join(folder.path, 'events.ndjson'), `${lines.join('\n')}\n`)
  else for (const line of lines) await client.sendCommand(['XADD', `${prefix}:events`, '*', 'data', line])
  if (place.effects === 'external') return
  const store = sqliteStore(join(folder.path, 'billing.db'))
  await store.open()
  const request = {
    consumer: 'set-up',
    worker: 'w',
    streams: [],
    mode: 'transaction',
    claimMs: 1_000,
  } as const
  await store.work(request, async ({ transaction }) => {
    transaction?.forHandlers.run('CREATE TABLE journal (id TEXT PRIMARY KEY)')
  })
  await store.close()
}

const places: readonly Place[] = [
  { store: 'sqlite', source: 'file', effects: 'transaction' },
  { store: 'redis', source: 'file', effects: 'external' },
  { store: 'redis', source: 'redis-streams', effects: 'external' },
]

test.each(places)(
  'the killer runs out of attempts, everything else is handled: $effects, $source on $store',
  async (place) => {
    await setUp(place)
    while ((await letters(place)).length === 0 || !others.every((id) => handled(place).has(id))) {
      if (worker === undefined || worker.child.exitCode !== null || worker.child.signalCode !== null) {
        worker = startInturn(folder.path, 'run')
      }
      await sleep(100)
    }
    expect(await letters(place)).toMatchObject([
      { stream: 'chat/s', reason: 'worker-died', attempts: 2, payload: { id: 'killer' } },
    ])
    expect([...handled(place)].toSorted()).toEqual(others.toSorted())
    const deaths = readFileSync(join(folder.path, 'deaths.log'), 'utf8').length
    expect(deaths).toBeGreaterThanOrEqual(3)
    worker?.child.kill('SIGTERM')
    expect((await worker?.ended)?.code).toBe(0)
    const at = place.store === 'sqlite' ? [] : ['--store', `${server.url}/?prefix=${prefix}`]
    expect((await inturn(folder.path, 'verify', ...at)).code).toBe(0)
  },
)
