// I7: what a verification reads grows with what there is, and not faster: no list is read for every stream.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { VerifyProgress } from '../../../src/operate/verify.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import type { StoreReader } from '../../../src/ports/store-reader.ts'
import type { Store } from '../../../src/ports/store.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { redisStore } from '../../../src/stores/redis.ts'
import { listStreamInboxSql, readPageSql } from '../../../src/stores/sqlite/inbox.ts'
import { readJournalSql } from '../../../src/stores/sqlite/journal.ts'
import {
  listHeldSql,
  listInboxSql,
  listLedgerSql,
  listLettersSql,
  listStreamHeldSql,
  listStreamLedgerSql,
  listStreamLettersSql,
  listStreamsSql,
  listWaitingSql,
} from '../../../src/stores/sqlite/sqlite-reader.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { connectedClient, ownPrefix } from '../../conformance/stores/redis-fixture.ts'
import type { RedisServer } from '../../services/redis-server.ts'
import { startRedis } from '../../services/redis-server.ts'
import { SqliteFolder } from '../stores/sqlite-folder.ts'
import { consumer, entry, gappedState, putStream } from './stored-stream.ts'

/** A store with streams that have a gap each, and now and then a ledger. */
async function gapped(store: Store, streams: number): Promise<Store> {
  await store.open()
  for (let nth = 0; nth < streams; nth++) {
    const stream = `s${nth}`
    const state = gappedState(3, [[5, 6]])
    const ledger = nth % 5 === 0 ? [entry(stream, { kind: 'halted', from: 4, to: 4 })] : []
    await putStream(store, { stream, state, held: [5, 6], ledger })
  }
  return store
}

/** A reader that counts its calls, by name. */
function counting(reader: StoreReader): {
  readonly reader: StoreReader
  readonly calls: Map<string, number>
} {
  const calls = new Map<string, number>()
  const counted = new Proxy(reader, {
    get: (target, name: keyof StoreReader) => {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      calls.set(name, (calls.get(name) ?? 0) + 1)
      return method.bind(target) as unknown
    },
  })
  return { reader: counted, calls }
}

test('no stream that adds up is looked at by itself, and each list is read page by page', async () => {
  const store = await gapped(memoryStore(), 2_100)
  const { reader, calls } = counting(store.reader)
  const { held, isBalanced } = await verifyConsumer({ reader, consumer }, new Map())
  expect({ held, isBalanced }).toEqual({ held: 4_200, isBalanced: true })
  expect(Object.fromEntries(calls)).toEqual({
    summary: 1,
    domains: 2,
    ledger: 1,
    deadLetters: 1,
    streams: 5,
    held: 18,
    inbox: 2,
  })
})

test('with room for few streams the records are read as often as it takes, and all adds up', async () => {
  const store = await gapped(memoryStore(), 200)
  const { reader, calls } = counting(store.reader)
  const { isBalanced } = await verifyConsumer({ reader, consumer }, new Map(), { streamsMax: 10 })
  expect({ isBalanced, ledger: calls.get('ledger') }).toEqual({ isBalanced: true, ledger: 4 })
})

test('it tells how far it has come, of how much', async () => {
  const store = await gapped(memoryStore(), 600)
  const told: VerifyProgress[] = []
  await verifyConsumer({ reader: store.reader, consumer }, new Map(), {
    onProgress: (news) => told.push(news),
  })
  expect(told).toEqual([
    { what: 'streams', count: 500, total: 600 },
    { what: 'waiting', count: 500 },
    { what: 'waiting', count: 1_000 },
  ])
})

/** How SQLite finds the rows of each list, and in which order it comes upon them. */
const plans: readonly (readonly [name: string, sql: string, ...plan: string[]])[] = [
  [
    'list held',
    listHeldSql,
    'SEARCH inturn_stream USING INDEX inturn_stream_standing (consumer=? AND path>? AND path<?)',
    'SEARCH inturn_held USING PRIMARY KEY (stream=?)',
    'USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY',
  ],
  [
    'list stream held',
    listStreamHeldSql,
    'SEARCH inturn_stream USING COVERING INDEX inturn_stream_path (consumer=? AND path=?)',
    'SEARCH inturn_held USING PRIMARY KEY (stream=? AND (epoch,sequence)>(?,?))',
  ],
  [
    'list inboxes',
    listInboxSql,
    'SEARCH inturn_inbox_entry USING INDEX inturn_inbox_entry_order (consumer=? AND arrival_id>?)',
  ],
  [
    'list an inbox',
    listStreamInboxSql,
    'SEARCH inturn_inbox_entry USING INDEX inturn_inbox_entry_order (consumer=? AND arrival_id>?)',
  ],
  [
    'read a page of an inbox',
    readPageSql,
    'SEARCH inturn_inbox_entry USING PRIMARY KEY ' +
      '(consumer=? AND path=? AND redrive=? AND (epoch,number)>(?,?) AND (epoch,number)<(?,?))',
  ],
  ['list dead letters', listLettersSql, 'SEARCH inturn_dead_letter USING INTEGER PRIMARY KEY (rowid>?)'],
  [
    'list stream dead letters',
    listStreamLettersSql,
    'SEARCH inturn_dead_letter USING INDEX inturn_dead_letter_path (consumer=? AND path=? AND rowid>?)',
  ],
  ['list ledger', listLedgerSql, 'SEARCH inturn_ledger USING INTEGER PRIMARY KEY (rowid>?)'],
  [
    'list stream ledger',
    listStreamLedgerSql,
    'SEARCH inturn_ledger USING INDEX inturn_ledger_path (consumer=? AND path=? AND rowid>?)',
  ],
  [
    'list streams',
    listStreamsSql,
    'SEARCH s USING INDEX inturn_stream_path (consumer=? AND path>? AND path<?)',
    'SEARCH i USING PRIMARY KEY (consumer=? AND path=?) LEFT-JOIN',
    'SEARCH c USING PRIMARY KEY (consumer=? AND path=?) LEFT-JOIN',
  ],
  [
    'list waiting streams',
    listWaitingSql,
    'SEARCH s USING INDEX inturn_stream_standing (consumer=? AND path>? AND path<?)',
    'SEARCH i USING PRIMARY KEY (consumer=? AND path=?) LEFT-JOIN',
    'SEARCH c USING PRIMARY KEY (consumer=? AND path=?) LEFT-JOIN',
  ],
  ['read journal', readJournalSql, 'SEARCH inturn_journal USING PRIMARY KEY (consumer=? AND number>?)'],
]

describe('SQLite', () => {
  let folder: SqliteFolder
  beforeEach(() => {
    folder = new SqliteFolder()
  })
  afterEach(() => folder.remove())

  test.each(plans)(
    '%s goes on from where it was, and sorts no more than one stream',
    async (_, sql, ...plan) => {
      await folder.store()
      const steps = folder.user().prepare(`EXPLAIN QUERY PLAN ${sql}`).all()
      expect(steps.map(({ detail }) => detail)).toEqual(plan)
    },
  )

  test('what it finds is what a store in memory finds', async () => {
    const [sqlite, memory] = [await gapped(await folder.store(), 60), await gapped(memoryStore(), 60)]
    const found = await verifyConsumer({ reader: sqlite.reader, consumer }, new Map())
    expect(found).toEqual(await verifyConsumer({ reader: memory.reader, consumer }, new Map()))
  })
})

describe('Redis', () => {
  let server: RedisServer
  let client: TestClient
  beforeAll(async () => {
    server = await startRedis()
    client = await connectedClient(server.url)
  })
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })

  /** How many commands the server carries out meanwhile, those of scripts among them. */
  async function commandsOf(run: () => Promise<unknown>): Promise<number> {
    await client.sendCommand(['CONFIG', 'RESETSTAT'])
    await run()
    const stats = String(await client.sendCommand(['INFO', 'commandstats']))
    return [...stats.matchAll(/calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0)
  }

  async function storeWith(streams: number): Promise<Store> {
    return gapped(redisStore(server.url, { prefix: ownPrefix(), onWarning: () => undefined }), streams)
  }

  test('twice as many streams cost no more than about twice as many commands', async () => {
    const [few, many] = [await storeWith(600), await storeWith(1_200)]
    const costOf = async ({ reader }: Store): Promise<number> =>
      commandsOf(async () => {
        const { isBalanced } = await verifyConsumer({ reader, consumer }, new Map())
        expect(isBalanced).toBe(true)
      })
    const [ofFew, ofMany] = [await costOf(few), await costOf(many)]
    expect(ofMany).toBeLessThan(2.2 * ofFew)
    expect(ofMany).toBeLessThan(1_200 * 20)
    await Promise.all([few.close(), many.close()])
  })

  test('the held events of one stream cost the same however many shards there are', async () => {
    const store = await storeWith(10)
    const cost = await commandsOf(() => store.reader.held(consumer, { stream: 'account/s3', limit: 10 }))
    expect(cost).toBeLessThan(12)
    await store.close()
  })
})
