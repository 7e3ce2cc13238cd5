// The event log on Postgres beside other transactions: one that stands still, is undone, commits late or dies
// holds up nobody, makes no gap, and no reader skips what it commits (I1, I2, I3, I10).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { Pool } from 'pg'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { LoggedEvent, StreamAppend } from '../../../src/core/logged-event.ts'
import type { TransactionalEventLog } from '../../../src/ports/event-log.ts'
import type { PostgresTransaction } from '../../../src/stores/postgres.ts'
import { postgresEventLog } from '../../../src/stores/postgres.ts'
import { startPostgres } from '../../services/postgres-server.ts'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase, testPool } from '../../services/shared-postgres.ts'
import { startProxy } from '../../services/tcp-proxy.ts'

const child = fileURLToPath(new URL('./postgres-child.ts', import.meta.url))
let database: TestDatabase
let log: TransactionalEventLog<PostgresTransaction>
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase()
  pool = testPool({ connectionString: database.url, max: 30 })
  log = postgresEventLog(database.url)
  await log.open()
  await pool.query('CREATE TABLE note (text text PRIMARY KEY)')
})
afterAll(async () => {
  await log.close()
  await pool.end()
  await database.drop()
})
beforeEach(async () => {
  await pool.query(
    'TRUNCATE inturn.log_stream, inturn.log_event, inturn.log_new, inturn.log_place RESTART IDENTITY',
  )
  await pool.query("UPDATE inturn.meta SET value = 0 WHERE key = 'log-place'")
})

function to(stream: string, ...ids: readonly string[]): StreamAppend {
  return { domain: 'account', stream, events: ids.map((id) => ({ id, type: 'booked', data: { of: id } })) }
}

async function all(events: AsyncIterable<LoggedEvent>): Promise<LoggedEvent[]> {
  const list: LoggedEvent[] = []
  for await (const event of events) list.push(event)
  return list
}

async function ids(after = 0): Promise<string[]> {
  return (await all(log.readAll({ after }))).map(({ id }) => id)
}

test('a transaction that stands still holds up neither other streams nor readers (I6)', async () => {
  const stalled = await pool.connect()
  await stalled.query('BEGIN')
  const [appended] = (await log.within(stalled).append(to('slow', 's1', 's2'))).events
  expect(appended).toMatchObject({ id: 's1', sequence: 1 })
  expect(appended).not.toHaveProperty('place')
  const { events } = await log.append(to('fast', 'f1'))
  expect(events[0]?.place).toBe(1)
  expect(await ids()).toEqual(['f1'])
  expect(await log.bounds()).toEqual({ first: 1, last: 1 })
  await stalled.query('COMMIT')
  stalled.release()
  // It committed later, so it comes later, whatever its rows were numbered: who has read to 1 misses nothing.
  expect(await ids(1)).toEqual(['s1', 's2'])
  expect((await log.append(to('slow', 's1', 's2'))).events.map(({ place }) => place)).toEqual([2, 3])
})

test('a transaction that is undone leaves no gap, in its stream or in the log (I1, I2)', async () => {
  const client = await pool.connect()
  await client.query('BEGIN')
  await log.within(client).append(to('a', 'never'))
  const waiting = log.append(to('a', 'e1'))
  await client.query('ROLLBACK')
  client.release()
  expect((await waiting).events).toMatchObject([{ sequence: 1, place: 1 }])
  await log.append(to('a', 'e2'))
  expect((await all(log.readAll())).map(({ place, sequence }) => [place, sequence])).toEqual([
    [1, 1],
    [2, 2],
  ])
})

test('what a stream’s transactions commit keeps its order, also where the first one is slow', async () => {
  const [first, second] = [await pool.connect(), await pool.connect()]
  for (const client of [first, second]) await client.query('BEGIN')
  await log.within(first).append(to('a', 'a1'))
  await log.within(second).append(to('b', 'b1'))
  const behind = log.within(second).append(to('a', 'a2'))
  await first.query('COMMIT')
  expect((await behind).events).toMatchObject([{ sequence: 2 }])
  await second.query('COMMIT')
  for (const client of [first, second]) client.release()
  expect(await ids()).toEqual(['a1', 'b1', 'a2'])
})

test('of two that wait for each other one is told, and an append tries again by itself', async () => {
  const client = await pool.connect()
  await client.query('BEGIN')
  await log.within(client).append(to('b', 'b1'))
  const both = log.appendAll([to('a', 'a1'), to('b', 'b2')])
  // The append has `a` and waits for `b`.
  const isWaiting = 'SELECT FROM pg_locks WHERE NOT granted'
  while ((await pool.query(isWaiting)).rowCount === 0) await new Promise((resolve) => setImmediate(resolve))
  const crossed = await log
    .within(client)
    .append(to('a', 'a0'))
    .then(
      () => 'done',
      (error: unknown) => error,
    )
  const isRetryable = crossed instanceof InturnError && crossed.retryable
  expect(crossed === 'done' || isRetryable).toBe(true)
  await client.query(crossed === 'done' ? 'COMMIT' : 'ROLLBACK')
  client.release()
  await both
  expect(new Set(await ids())).toEqual(new Set(crossed === 'done' ? ['b1', 'a0', 'a1', 'b2'] : ['a1', 'b2']))
})

test('a reader that goes on behind the last place misses nothing, however appends end (I3)', async () => {
  const plan = fc.array(
    fc.record({
      stream: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      end: fc.constantFrom('COMMIT', 'ROLLBACK', 'alone'),
      laps: fc.nat(6),
    }),
    { minLength: 10, maxLength: 25 },
  )
  // Each of them gives places.
  const others = [1, 2, 3].map(() => postgresEventLog(database.url))
  let rounds = 0
  await fc.assert(
    fc.asyncProperty(plan, async (steps) => {
      const round = ++rounds
      const start = (await log.bounds()).last
      let isOver = false
      const seen: LoggedEvent[] = []
      const reading = (async () => {
        for (let at = start, last = false; ; last = isOver) {
          const { events, through } = await log.page({ after: at, limit: 3 })
          seen.push(...events)
          at = through
          if (last && events.length === 0) return
        }
      })()
      const kept: string[] = []
      const step = async ({ stream, end, laps }: (typeof steps)[number], index: number): Promise<void> => {
        const id = `${round}-${index}`
        if (end !== 'ROLLBACK') kept.push(id)
        const own = others[index % others.length] ?? log
        if (end === 'alone') return void (await own.append(to(stream, id)))
        const client = await pool.connect()
        await client.query('BEGIN')
        await log.within(client).append(to(stream, id))
        for (let lap = 0; lap < laps; lap++) await client.query('SELECT 1')
        await client.query(end)
        client.release()
      }
      await Promise.all(steps.map(step))
      isOver = true
      await reading
      expect(seen.map(({ id }) => id).sort()).toEqual(kept.sort())
      expect(seen.map(({ place }) => place)).toEqual(seen.map((_, index) => start + 1 + index))
      for (const stream of ['a', 'b', 'c', 'd', 'e', 'f']) {
        const numbers = seen.filter((event) => event.stream === stream).map(({ sequence }) => sequence)
        expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index))
      }
    }),
    { numRuns: 8 },
  )
  for (const other of others) await other.close()
})

test('late queries, commits of a body’s own and swallowed errors are refused (I2)', async () => {
  let late: PostgresTransaction | undefined
  const value = await log.transaction(async (transaction, within) => {
    late = transaction
    await transaction.query('INSERT INTO note VALUES ($1)', ['kept'])
    await within.append(to('a', 'e1'))
    return 7
  })
  expect(value).toBe(7)
  await expect(late?.query("INSERT INTO note VALUES ('late')")).rejects.toMatchObject({
    code: 'handler-failed',
  })
  const failed = { code: 'handler-failed' }
  const commits = log.transaction((transaction) => transaction.query('COMMIT'))
  await expect(commits).rejects.toMatchObject(failed)
  const swallows = log.transaction(async (transaction, within) => {
    await within.append(to('a', 'e2'))
    await transaction.query("INSERT INTO note VALUES ('kept')").catch(() => undefined)
  })
  await expect(swallows).rejects.toMatchObject(failed)
  const throws = log.transaction((transaction) => transaction.query("INSERT INTO note VALUES ('kept')"))
  await expect(throws).rejects.toMatchObject({ code: '23505' })
  expect([await ids(), (await pool.query('SELECT text FROM note')).rows]).toEqual([
    ['e1'],
    [{ text: 'kept' }],
  ])
})

test('appends that one transaction begins at once come one after another, also where one fails', async () => {
  const ends = await log.transaction((_, own) =>
    Promise.allSettled([
      own.append(to('s', 'a', 'b')),
      own.append({ ...to('s', 'no'), expected: 7 }),
      own.append({ ...to('s'), events: [{ id: '', type: 'booked', data: {} }] }),
      own.append(to('s', 'c')),
      own.append(to('s', 'a', 'b')),
    ]),
  )
  expect(ends.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
    'fulfilled',
  ])
  expect((await all(log.readAll())).map(({ id, sequence }) => `${id}${sequence}`)).toEqual(['a1', 'b2', 'c3'])
})

test('an append on a client without a transaction is refused, and writes nothing (I2)', async () => {
  const client = await pool.connect()
  await expect(log.within(client).append(to('a', 'e1'))).rejects.toMatchObject({ code: 'config-invalid' })
  client.release()
  expect(await ids()).toEqual([])
  expect(await log.bounds({ domain: 'account', stream: 'a' })).toEqual({ first: 1, last: 0 })
})

test('whatever a pool’s defaults are, what is confirmed is durable and what is seen is new', async () => {
  const options = '-c default_transaction_isolation=serializable -c synchronous_commit=off'
  const odd = testPool({ connectionString: database.url, options })
  const own = postgresEventLog({ pool: odd })
  await Promise.all(Array.from({ length: 20 }, (_, index) => own.append(to('a', `e${index}`))))
  expect((await ids()).length).toBe(20)
  await own.transaction(async (transaction) => {
    const { rows } = await transaction.query(
      "SELECT current_setting('synchronous_commit') || current_setting('transaction_isolation') AS both",
    )
    expect(rows).toEqual([{ both: 'onread committed' }])
  })
  await odd.end()
})

test('a commit whose answer is lost is unknown, and the same append again tells (I3)', async () => {
  const proxy = await startProxy(Number(new URL(database.url).port))
  const url = new URL(database.url)
  url.port = String(proxy.port)
  const own = postgresEventLog(url.href)
  await own.open()
  let cuts = 0
  proxy.decide((sent) => {
    if (!sent.toString('latin1').includes('COMMIT') || sent.toString('latin1').includes('BEGIN'))
      return 'pass'
    return cuts++ === 0 ? 'cut-after' : 'pass'
  })
  await expect(own.append(to('a', 'e1'))).rejects.toMatchObject({ code: 'commit-unknown', retryable: true })
  expect((await own.append(to('a', 'e1'))).events).toMatchObject([{ sequence: 1, place: 1 }])
  expect([cuts > 0, await ids()]).toEqual([true, ['e1']])
  await own.close()
  await proxy.stop()
})

test('a server that is not there or ends its connections says so, and appends go on (I10)', async () => {
  const nowhere = postgresEventLog('postgres://127.0.0.1:1/bank')
  const unavailable = { code: 'store-unavailable', retryable: true }
  await expect(nowhere.append(to('a', 'e1'))).rejects.toMatchObject(unavailable)
  await log.append(to('a', 'e1'))
  // The server is shared: only what is connected to this database.
  await pool.query(`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'inturn' AND datname = current_database()
  `)
  for (let tries = 0; tries < 20; tries++) {
    const isDone = await log.append(to('a', 'e2')).then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ retryable: true })
        return false
      },
    )
    if (isDone) break
  }
  expect(await ids()).toEqual(['e1', 'e2'])
  const missing = new URL(database.url)
  missing.pathname = '/nowhere'
  await expect(postgresEventLog(missing.href).append(to('a', 'e'))).rejects.toMatchObject({
    code: 'store-unavailable',
    retryable: false,
  })
  await expect(postgresEventLog(database.url, { schema: 'other' }).bounds()).rejects.toMatchObject(
    unavailable,
  )
})

test('tables of a newer inturn are left alone', async () => {
  const newer = postgresEventLog(database.url, { schema: 'newer' })
  await newer.open()
  await pool.query("UPDATE newer.meta SET value = 99 WHERE key = 'schema'")
  for (const call of [
    () => newer.open(),
    () => postgresEventLog(database.url, { schema: 'newer' }).bounds(),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'store-schema-newer' })
  }
  await newer.close()
})

test('an appender that is killed leaves whole appends and its streams free (I2, I3)', async () => {
  for (let round = 0; round < 3; round++) {
    const appender = spawn(process.execPath, [child, database.url, `${round}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    appender.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    while (said.split('\n').length < 10) await once(appender.stdout, 'data')
    appender.kill('SIGKILL')
    await once(appender, 'exit')
    const told = said.split('\n').slice(0, -1)
    const { position } = await log.append(to(`${round}`, 'after'))
    const read = (await all(log.read({ domain: 'account', stream: `${round}` }))).map(({ id }) => id)
    expect(read.length).toBe(position)
    expect(position % 2).toBe(1)
    expect(read.slice(0, told.length)).toEqual(told)
  }
  const events = await all(log.readAll())
  expect(events.map(({ place }) => place)).toEqual(events.map((_, index) => index + 1))
})

test('what was confirmed is there after the server crashed, with the same places (I3)', async () => {
  const server = await startPostgres()
  const own = postgresEventLog(server.url)
  await own.append(to('a', 'e1', 'e2'))
  const before = await all(own.readAll())
  const stalled = new Client({ connectionString: server.url })
  stalled.on('error', () => undefined)
  await stalled.connect()
  await stalled.query('BEGIN')
  await own.within(stalled).append(to('a', 'never'))
  const { rows } = await stalled.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  // The death of one of its processes takes the whole server down; it recovers from its log by itself.
  process.kill(rows[0]?.pid ?? 0, 'SIGKILL')
  let confirmed: number | undefined
  while (confirmed === undefined) {
    confirmed = await own.append(to('a', 'e3')).then(
      ({ position }) => position,
      (error: unknown) => {
        expect(error).toMatchObject({ retryable: true })
        return undefined
      },
    )
  }
  const after = await all(own.readAll())
  expect([confirmed, after.slice(0, 2), after.slice(2).map(({ id }) => id)]).toEqual([3, before, ['e3']])
  await own.close()
  await server.stop()
})

test('roles that may only append, or only read, need no more than the documentation says', async () => {
  const [appender, reader] = ['appender', 'reader'].map((role) => `${role}_${process.pid}`)
  await pool.query(`
    CREATE ROLE ${appender} LOGIN; CREATE ROLE ${reader} LOGIN;
    GRANT USAGE ON SCHEMA inturn TO ${appender}, ${reader};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA inturn TO ${appender};
    GRANT SELECT, INSERT, UPDATE, DELETE ON inturn.log_new, inturn.log_place, inturn.meta TO ${reader};
    GRANT SELECT ON inturn.log_event, inturn.log_stream TO ${reader};
  `)
  const [appending, reading] = [appender, reader].map((role) => {
    const url = new URL(database.url)
    url.username = role ?? ''
    return postgresEventLog(url.href)
  })
  await appending?.append(to('a', 'e1'))
  const client = await pool.connect()
  await client.query('BEGIN')
  await log.within(client).append(to('a', 'e2'))
  await client.query('COMMIT')
  client.release()
  expect((await reading?.page({ after: 0, limit: 5 }))?.events.map(({ id }) => id)).toEqual(['e1', 'e2'])
  const refused = { code: 'store-unavailable', retryable: false }
  await expect(reading?.append(to('a', 'e3'))).rejects.toMatchObject(refused)
  await Promise.all([appending?.close(), reading?.close()])
  await pool.query(`DROP OWNED BY ${appender}, ${reader}; DROP ROLE ${appender}, ${reader}`)
})
