// Connections that are there and silent, and servers that stand still: every call ends within its time, and
// what came of a commit is found out. What is slow is waited for (I2, I5, I7, I10).
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import type { TransactionContext } from '../../../src/engine/domain-options.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { Store } from '../../../src/ports/store.ts'
import type {
  PostgresStoreOptions,
  PostgresTarget,
  PostgresTransaction,
} from '../../../src/stores/postgres.ts'
import { postgresEventLog, postgresStore } from '../../../src/stores/postgres.ts'
import { account, consumer, moved, positionOf } from '../../../src/testing/store-suite/samples.ts'
import type { PostgresServer } from '../../services/postgres-server.ts'
import { startPostgres } from '../../services/postgres-server.ts'
import { testPool } from '../../services/shared-postgres.ts'
import type { TcpProxy } from '../../services/tcp-proxy.ts'
import { startProxy } from '../../services/tcp-proxy.ts'

type Opened = Store<PostgresTransaction>

const a = account('a')
const unavailable = { code: 'store-unavailable', retryable: true }
const unknown = { code: 'commit-unknown', retryable: true }
const replyMs = 1000
let server: PostgresServer
let proxy: TcpProxy
let url: string
let pool: Pool
let warnings: string[]
const closing: (() => Promise<void>)[] = []

beforeAll(async () => {
  // A server of its own, also where another one is there for everybody: it is made to stand still.
  server = await startPostgres()
})
afterAll(async () => {
  await server.stop()
})

beforeEach(async () => {
  warnings = []
  proxy = await startProxy(server.port)
  const way = new URL(server.url)
  way.port = String(proxy.port)
  url = way.href
  pool = testPool({ connectionString: server.url, max: 5 })
  await pool.query('CREATE TABLE effect (id int GENERATED ALWAYS AS IDENTITY, text text)')
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  await proxy.stop()
  await pool.query('DROP TABLE effect; DROP SCHEMA IF EXISTS inturn CASCADE')
  await pool.end()
})

/** A store that is closed when the test has ended. */
async function opened(
  target: PostgresTarget = url,
  options: Partial<PostgresStoreOptions> = {},
): Promise<Opened> {
  const onWarning = (message: string): unknown => warnings.push(message)
  const store = postgresStore(target, { replyMs, onWarning, ...options })
  closing.push(() => store.close())
  await store.open()
  await store.due(consumer, 1)
  return store
}

function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(
    () => 'no failure',
    (error: unknown) => error,
  )
}

/** Moves a stream and writes a row beside it. */
function move(store: Opened, position: number, sql = 'SELECT 1'): Promise<unknown> {
  const request = { consumer, worker: 'one', mode: 'transaction', claimMs: 30_000, streams: [a] } as const
  return store.work(request, async (unit) => {
    const { transaction, busy } = unit
    if (busy.length > 0) return 'busy'
    await transaction?.forHandlers.query(sql)
    await transaction?.forHandlers.query('INSERT INTO effect (text) VALUES ($1)', [String(position)])
    await unit.commit({ streams: [moved(a, position)] })
    return 'moved'
  })
}

async function effects(): Promise<string> {
  const { rows } = await pool.query<{ text: string }>('SELECT text FROM effect ORDER BY id')
  return rows.map(({ text }) => text).join()
}

async function state(store: Opened): Promise<unknown> {
  return [await effects(), (await positionOf(store, a)) ?? 0]
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(10)
}

/** The process of the server that carries out what a handler has sent. */
async function sleepingPid(): Promise<number> {
  const sql = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
  let pid: number | undefined
  await until(async () => {
    pid = (await pool.query<{ pid: number }>(sql)).rows[0]?.pid
    return pid !== undefined
  })
  return pid ?? 0
}

test.each([
  ['swallow', 'is lost', ['', 0]],
  ['mute', 'is carried out, and its answer is lost', ['1', 1]],
] as const)(
  'a COMMIT goes into silence (%s): that it %s is unknown, and found out (I2)',
  async (fate, _, is) => {
    const store = await opened()
    await move(store, 0)
    await pool.query('TRUNCATE effect')
    proxy.decide((sent) => (sent.includes('COMMIT\0') ? fate : 'pass'))
    expect(await failureOf(() => move(store, 1))).toMatchObject(unknown)
    proxy.decide(() => 'pass')
    expect(await state(store)).toEqual(is)
  },
)

test('connections that fell silent while nobody used them are given up, whoever made the pool', async () => {
  const theirs = testPool({ connectionString: url, max: 5 })
  const [own, given] = [await opened(), await opened({ pool: theirs })]
  for (const store of [own, given]) {
    proxy.silence()
    expect(await failureOf(() => store.reader.consumers())).toMatchObject(unavailable)
    await store.now()
    proxy.silence()
    expect(await failureOf(() => move(store, 1))).toMatchObject(unavailable)
    await store.now()
  }
  expect(await effects()).toBe('')
  for (const close of closing.splice(0)) await close()
  await theirs.end()
})

test('an event log appends and reads again after a silence', async () => {
  const log = postgresEventLog(url, { replyMs })
  closing.push(() => log.close())
  await log.open()
  const append = (): Promise<unknown> =>
    log.append({ domain: 'account', stream: 'a', events: [{ id: 'e1', type: 'opened', data: {} }] })
  await append()
  proxy.silence()
  expect(await failureOf(append)).toMatchObject(unavailable)
  await append()
  proxy.silence()
  expect(await failureOf(() => log.bounds())).toMatchObject(unavailable)
  expect(await log.bounds()).toMatchObject({ last: 1 })
})

test('a handler whose statement goes into silence has not failed: no attempt is counted (I10)', async () => {
  const store = await opened()
  const attempts: number[] = []
  const processor = createProcessor({
    consumer,
    store,
    domains: {
      account: {
        numbering: contiguous(),
        effects: 'transaction',
        failure: { attempts: 1, then: 'halt' },
        handle: async (_: unknown, { transaction, attempt }: TransactionContext<PostgresTransaction>) => {
          attempts.push(attempt)
          await transaction.query('INSERT INTO effect (text) VALUES ($1)', ['1'])
        },
      },
    },
  })
  closing.unshift(() => processor.close())
  const event = { domain: 'account', stream: 'a', sequence: 1, id: 'one', data: {} }
  proxy.decide((sent) => (sent.includes('INSERT INTO effect') ? 'swallow' : 'pass'))
  expect(await failureOf(() => processor.process([event]))).toMatchObject(unavailable)
  proxy.decide(() => 'pass')
  // Until the server has noticed, the stream has somebody.
  await processor.process([event])
  await until(async () => (await effects()) !== '')
  expect([await effects(), new Set(attempts)]).toEqual(['1', new Set([1])])
})

test('a process of the server that stands still in a commit keeps its streams (I5)', async () => {
  const store = await opened()
  await move(store, 1)
  const moving = failureOf(() => move(store, 2, 'SELECT pg_sleep(0.5)'))
  const pid = await sleepingPid()
  // It carries out what it has been sent, and the commit only when it goes on.
  proxy.decide((sent) => {
    if (!sent.includes('COMMIT\0')) return 'pass'
    process.kill(pid, 'SIGSTOP')
    proxy.decide(() => 'pass')
    return 'pass'
  })
  try {
    expect(await moving).toMatchObject(unknown)
    expect(await move(store, 3)).toMatchObject({ value: 'busy' })
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  // It meets the commit, or the end of its connection.
  let position: unknown
  await until(async () => {
    position = await positionOf(store, a)
    return position !== undefined
  })
  const both = [
    ['1', 1],
    ['1,2', 2],
  ]
  expect(both).toContainEqual([await effects(), position])
})

test('a server that stands still is not waited for, and its store closes', async () => {
  const store = await opened()
  process.kill(server.pid, 'SIGSTOP')
  try {
    proxy.silence()
    expect(await failureOf(() => store.now())).toMatchObject(unavailable)
    expect(await failureOf(() => store.now())).toMatchObject(unavailable)
    await store.close()
  } finally {
    process.kill(server.pid, 'SIGCONT')
  }
  await store.open()
  expect(await move(store, 1)).toMatchObject({ value: 'moved' })
})

test('what a handler sends is waited for as long as the server is at work on it', async () => {
  const store = await opened(url, { replyMs: 200 })
  expect(await move(store, 1, 'SELECT pg_sleep(2)')).toMatchObject({ value: 'moved' })
  expect(await state(store)).toEqual(['1', 1])
})

test('what inturn sends is waited for six times as long, and then cancelled', async () => {
  const store = await opened(url, { replyMs: 200 })
  await move(store, 1)
  const other = await pool.connect()
  await other.query('BEGIN; LOCK TABLE inturn.stream IN ACCESS EXCLUSIVE MODE')
  expect(await failureOf(() => move(store, 2))).toMatchObject(unavailable)
  expect(warnings.some((warning) => warning.endsWith('it waits for Lock: relation'))).toBe(true)
  const { rows } = await pool.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'relation'")
  expect(rows).toEqual([])
  await other.query('ROLLBACK')
  other.release()
  expect(await state(store)).toEqual(['1', 1])
})

test('a commit that waits for a synchronous standby is waited for, and told', async () => {
  const store = await opened(url, { replyMs: 200 })
  const standby = async (name: string): Promise<void> => {
    await pool.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`)
    await pool.query('SELECT pg_reload_conf()')
    await until(async () => {
      const { rows } = await pool.query<{ names: string }>(
        "SELECT current_setting('synchronous_standby_names') AS names",
      )
      return rows[0]?.names === name
    })
  }
  await standby('nobody')
  try {
    const moving = move(store, 1)
    await until(() => warnings.length >= 2)
    await standby('')
    expect(await moving).toMatchObject({ value: 'moved' })
  } finally {
    await standby('')
  }
  expect(warnings[0]).toMatch(/a commit has had no answer for 0.2 s: it waits for IPC: SyncRep$/)
  expect(await state(store)).toEqual(['1', 1])
})

test('replyMs takes whole numbers', () => {
  expect(() => postgresStore(url, { replyMs: 0 })).toThrow('replyMs takes a whole number from 1')
})
