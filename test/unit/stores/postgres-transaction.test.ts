// What a handler can and cannot do with the transaction of its batch on Postgres, and what comes of it when a
// statement fails, waits for ever, or meets another transaction (I2, I5, I6, I10).
import type { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous, unordered } from '../../../src/core/numbering.ts'
import type { TransactionContext } from '../../../src/engine/domain-options.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { retryDeadLetters } from '../../../src/operate/retry-dead-letters.ts'
import type { Store, UnitOfWork, WorkRequest } from '../../../src/ports/store.ts'
import type { PostgresClient, PostgresPool, PostgresTransaction } from '../../../src/stores/postgres.ts'
import { postgresStore } from '../../../src/stores/postgres.ts'
import { account, moved } from '../../../src/testing/store-suite/samples.ts'
import type { TestDatabase } from '../../services/shared-postgres.ts'
import { freshDatabase, testPool } from '../../services/shared-postgres.ts'
import { startProxy } from '../../services/tcp-proxy.ts'

type Context = TransactionContext<PostgresTransaction>
type Handle = (event: InturnEvent, context: Context) => Promise<unknown>
type Unit = UnitOfWork<PostgresTransaction>

const [a, b] = [account('a'), account('b')]
let database: TestDatabase
let pool: Pool
let store: Store<PostgresTransaction>
const opened: Processor[] = []

beforeAll(async () => {
  database = await freshDatabase()
  pool = testPool({ connectionString: database.url, max: 20 })
  await pool.query('CREATE TABLE effect (id int GENERATED ALWAYS AS IDENTITY, text text UNIQUE)')
  await pool.query('CREATE TABLE holder (name text PRIMARY KEY, money int NOT NULL)')
  await pool.query(`CREATE TABLE later (
    name text REFERENCES holder (name) DEFERRABLE INITIALLY DEFERRED)`)
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})
beforeEach(async () => {
  store = postgresStore(database.url)
  await store.open()
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  await store.close()
  await pool.query('TRUNCATE effect, holder, later; DROP SCHEMA inturn CASCADE')
})

function request(streams: WorkRequest['streams'], fields: Partial<WorkRequest> = {}): WorkRequest {
  return { consumer: 'billing', worker: 'one', mode: 'transaction', claimMs: 30_000, streams, ...fields }
}

function transactionOf({ transaction }: Unit): PostgresTransaction {
  if (transaction === undefined) throw new Error('there is no transaction')
  return transaction.forHandlers
}

async function written(): Promise<string[]> {
  return (await pool.query<{ text: string }>('SELECT text FROM effect ORDER BY id')).rows.map(
    ({ text }) => text,
  )
}

async function positionOf(path: string): Promise<unknown> {
  return (await store.reader.stream('billing', path))?.state.position
}

async function failing<Result>(work: Promise<Result>): Promise<InturnError> {
  try {
    await work
  } catch (error) {
    if (error instanceof InturnError) return error
    throw error
  }
  throw new Error('it did not fail')
}

async function processor(
  handle: Handle,
  fields: object = {},
  own = postgresStore(database.url),
): Promise<Processor> {
  const made = createProcessor<PostgresTransaction>({
    consumer: 'billing',
    store: own,
    domains: {
      account: { numbering: contiguous(), effects: 'transaction', handle, ...fields },
    },
  })
  opened.push(made)
  return made
}

function arriving(...places: readonly (readonly [stream: string, sequence: number])[]): InturnEvent[] {
  return places.map(([stream, sequence]) => {
    return { domain: 'account', stream, epoch: 0, sequence, id: `${stream}${sequence}`, data: {} }
  })
}

const note: Handle = ({ stream, sequence }, { transaction }) =>
  transaction.query('INSERT INTO effect (text) VALUES ($1)', [`${stream}${String(sequence)}`])

/** Has somebody else lock a row, until it is disposed of. */
async function lockedHolder(): Promise<AsyncDisposable> {
  await pool.query("INSERT INTO holder VALUES ('locked', 1)")
  const other = await pool.connect()
  await other.query("BEGIN; SELECT * FROM holder WHERE name = 'locked' FOR UPDATE")
  const unlock = async (): Promise<void> => {
    await other.query('ROLLBACK')
    other.release()
  }
  return { [Symbol.asyncDispose]: unlock }
}

/** Waits for that row in one stream. */
const waitingForHolder: Handle = async (event, context) => {
  if (event.stream === 'b') await context.transaction.query('UPDATE holder SET money = 2')
  await note(event, context)
}
const impatient = { timeout: 300, failure: { attempts: 1 } }

describe('a handler', () => {
  test('writes and reads its own tables, with what query builders give', async () => {
    await store.work(request([a]), async (unit) => {
      const transaction = transactionOf(unit)
      await transaction.query({ text: 'INSERT INTO effect (text) VALUES ($1)', values: ['one'] })
      const { rows, rowCount, command } = await transaction.query('SELECT text FROM effect')
      expect([rows, rowCount, command]).toEqual([[{ text: 'one' }], 1, 'SELECT'])
    })
    expect(await written()).toEqual(['one'])
  })

  test.each([
    'BEGIN',
    'commit',
    ' /* now */ COMMIT',
    '-- now\nEND',
    '-- now\rEND',
    '/* now /* or */ later */ COMMIT',
    'ROLLBACK',
    'rollback work',
    'ABORT',
    'START TRANSACTION',
    "PREPARE TRANSACTION 'x'",
  ])('cannot end its transaction: %s', async (sql) => {
    await store.work(request([a]), async (unit) => {
      await transactionOf(unit).query("INSERT INTO effect (text) VALUES ('kept')")
      expect(await failing(transactionOf(unit).query(sql))).toMatchObject({ code: 'handler-failed' })
      await unit.commit({ streams: [moved(a, 1)] })
    })
    expect([await written(), await positionOf(a)]).toEqual([['kept'], 1])
  })

  test('cannot hide a COMMIT behind another statement', async () => {
    const hiding = store.work(request([a]), async (unit) => {
      await transactionOf(unit).query("INSERT INTO effect (text) VALUES ('x'); COMMIT")
    })
    await expect(hiding).rejects.toThrow('multiple commands')
    expect(await written()).toEqual([])
  })

  test('may use savepoints of its own', async () => {
    await store.work(request([a]), async (unit) => {
      const transaction = transactionOf(unit)
      await transaction.query("INSERT INTO effect (text) VALUES ('one')")
      await transaction.query('SAVEPOINT own')
      await expect(transaction.query("INSERT INTO effect (text) VALUES ('one')")).rejects.toThrow('duplicate')
      await transaction.query('ROLLBACK TO SAVEPOINT own')
      await unit.commit({ streams: [moved(a, 1)] })
    })
    expect([await written(), await positionOf(a)]).toEqual([['one'], 1])
  })

  test('that hides the error of a statement has undone all, and nothing is committed', async () => {
    const hiding = store.work(request([a]), async (unit) => {
      await transactionOf(unit)
        .query('SELECT 1 / 0')
        .catch(() => undefined)
      expect(unit.transaction?.ended).toEqual({})
      await unit.commit({ streams: [moved(a, 1)] })
    })
    await expect(hiding).rejects.toMatchObject({ code: 'handler-failed' })
    expect(await positionOf(a)).toBe(undefined)
  })
})

describe('of a batch', () => {
  const batch = arriving(['a', 1], ['b', 1], ['a', 2], ['c', 1])

  test.each([
    ['fails', (): Promise<never> => Promise.reject(new Error('no'))],
    ['fails in a statement', ({ transaction }: Context) => transaction.query('SELECT 1 / 0')],
    [
      'hides the error of a statement',
      ({ transaction }: Context) => transaction.query('SELECT 1 / 0').catch(() => undefined),
    ],
    [
      'does not wait for a statement that fails',
      async ({ transaction }: Context) => void transaction.query('SELECT 1 / 0').catch(() => undefined),
    ],
    [
      'breaks what is checked with the commit',
      ({ transaction }: Context) => transaction.query("INSERT INTO later VALUES ('nobody')"),
    ],
  ])('only the stream stops whose handler %s', async (_, spoil) => {
    const made = await processor(
      async (event, context) => {
        if (event.stream === 'b') await spoil(context)
        await note(event, context).catch((error: unknown) => {
          if (event.stream !== 'b') throw error
        })
      },
      { failure: { attempts: 1 } },
    )
    await made.process(batch)
    expect((await written()).toSorted()).toEqual(['a1', 'a2', 'c1'])
    const stopped = await store.reader.stream('billing', b)
    expect(stopped?.state.failing ?? stopped?.state.halt).toBeDefined()
    expect([await positionOf(a), await positionOf(account('c'))]).toEqual([2, 1])
  })

  test('a handler that waits too long for a lock stops its stream, and its statement is ended', async () => {
    await using _ = await lockedHolder()
    const made = await processor(waitingForHolder, impatient)
    await made.process(batch)
    expect((await written()).toSorted()).toEqual(['a1', 'a2', 'c1'])
    const waiting = await pool.query(
      "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
    )
    expect(waiting.rowCount).toBe(0)
  })
})

test('a dead letter that is tried again stays one if it breaks what is checked at the commit', async () => {
  const breaking: Handle = (_event, { transaction }) =>
    transaction.query("INSERT INTO later VALUES ('nobody')")
  const made = await processor(breaking, { failure: { attempts: 1, then: 'dead-letter' } })
  await made.process(arriving(['b', 1]))
  const again = { stream: b, by: 'ann', reason: 'repaired' }
  await retryDeadLetters({ store, consumer: 'billing', domains: new Map() }, again)
  await made.sweep()
  const [letter] = await store.reader.deadLetters('billing', { limit: 10 })
  expect(letter).toMatchObject({ reason: 'failed', attempts: 2 })
})

test('a statement that is not ended at once keeps no stream from the batch that is done again', async () => {
  await using _ = await lockedHolder()
  const slow = postgresStore({ pool: slowToCancel() })
  const made = await processor(waitingForHolder, impatient, slow)
  const results = await made.process(arriving(['a', 1], ['b', 1], ['c', 1]))
  expect(results.map(({ verdict }) => verdict)).toEqual(['deliver', 'hold', 'deliver'])
  expect((await written()).toSorted()).toEqual(['a1', 'c1'])
})

/** A pool of whose statements those that end others have their effect a little later. */
function slowToCancel(): PostgresPool {
  return {
    connect: async () => {
      const client = await pool.connect()
      return {
        query: (asked, values) => {
          const text = typeof asked === 'string' ? asked : asked.text
          if (!text.includes('pg_cancel_backend')) {
            return typeof asked === 'string' ? client.query(asked, values) : client.query(asked, values)
          }
          const given = typeof asked === 'string' ? values : asked.values
          setTimeout(() => void pool.query(text, given), 300)
          return client.query('SELECT true')
        },
        on: (event, listener) => client.on(event, listener),
        off: (event, listener) => client.off(event, listener),
        release: (isBroken) => client.release(isBroken),
      }
    },
  }
}

test('two batches that wait for each other: one is done again, and no attempt is counted (I2)', async () => {
  await pool.query("INSERT INTO holder VALUES ('x', 0), ('y', 0)")
  const attempts: number[] = []
  const both = Promise.withResolvers<undefined>()
  let arrived = 0
  const handle: Handle = async ({ stream }, { transaction, attempt }) => {
    attempts.push(attempt)
    const names = stream === 'a' ? ['x', 'y'] : ['y', 'x']
    await transaction.query('UPDATE holder SET money = money + 1 WHERE name = $1', [names[0]])
    if (++arrived === 2) both.resolve(undefined)
    await both.promise
    await transaction.query('UPDATE holder SET money = money + 1 WHERE name = $1', [names[1]])
  }
  const failure = { attempts: 1 }
  const workers = [await processor(handle, { failure }), await processor(handle, { failure })]
  await Promise.all(workers.map((worker, index) => worker.process(arriving([index === 0 ? 'a' : 'b', 1]))))
  expect(attempts.length).toBeGreaterThan(2)
  expect(new Set(attempts)).toEqual(new Set([1]))
  expect((await pool.query('SELECT money FROM holder')).rows).toEqual([{ money: 2 }, { money: 2 }])
  expect([await positionOf(a), await positionOf(b)]).toEqual([1, 1])
})

test('a worker that shows no life gives its streams to others, and commits nothing (I5)', async () => {
  const frozen = store.work(request([a], { claimMs: 200 }), async (unit) => {
    await transactionOf(unit).query("INSERT INTO effect (text) VALUES ('late')")
    await unit.commit({ streams: [moved(a, 1)] })
    // As a process that stands still does: no timer fires, and nothing is sent.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700)
  })
  const error = await failing(frozen)
  expect(['store-unavailable', 'commit-unknown']).toContain(error.code)
  expect([await written(), await positionOf(a)]).toEqual([[], undefined])
  await store.work(request([a]), async ({ streams }) => expect(streams.has(a)).toBe(true))
})

test('a connection that is ended in the middle leaves nothing, and the store goes on (I10)', async () => {
  const ended = store.work(request([a]), async (unit) => {
    await transactionOf(unit).query("INSERT INTO effect (text) VALUES ('x')")
    await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'inturn' AND state LIKE 'idle in transaction%'`)
    await unit.commit({ streams: [moved(a, 1)] })
  })
  const { code } = await failing(ended)
  expect(['store-unavailable', 'commit-unknown']).toContain(code)
  expect([await written(), await positionOf(a)]).toEqual([[], undefined])
  await store.work(request([a]), (unit) => unit.commit({ streams: [moved(a, 1)] }))
  expect(await positionOf(a)).toBe(1)
})

test('handlers do nothing by themselves where a BEGIN has failed (I2)', async () => {
  let failures = 0
  const fails = (query: unknown): boolean => JSON.stringify(query).includes('BEGIN') && failures-- > 0
  const connect = async (): Promise<PostgresClient> => {
    const client = await pool.connect()
    const get = (_: unknown, name: string | symbol): unknown => {
      const value: unknown = Reflect.get(client, name)
      if (typeof value !== 'function') return value
      return (...given: unknown[]): unknown =>
        Reflect.apply(value, client, name === 'query' && fails(given[0]) ? ['SELECT 1 / 0'] : given)
    }
    return new Proxy<PostgresClient>(client, { get })
  }
  const made = postgresStore({ pool: { connect } })
  const own = await processor(note, {}, made)
  await own.process(arriving(['b', 1]))
  failures = 1
  const numbers = Array.from({ length: 20 }, (_, at) => at + 1)
  await own.process(arriving(...numbers.map((at) => ['a', at] as const))).catch(() => undefined)
  const left = await written()
  expect(failures).toBeLessThanOrEqual(0)
  expect([left, await positionOf(a)]).toEqual([['b1'], undefined])
})

test.each(['cut-before', 'cut-after'] as const)(
  'a commit whose answer is lost is unknown, and has happened or not as a whole: %s (I2)',
  async (fate) => {
    const url = new URL(database.url)
    const proxy = await startProxy(Number(url.port))
    url.port = String(proxy.port)
    const far = postgresStore(url.href)
    await far.open()
    await far.now()
    await far.work(request([b]), async () => undefined)
    proxy.decide((sent) => (sent.includes('COMMIT\0') ? fate : 'pass'))
    const lost = far.work(request([a]), async (unit) => {
      await transactionOf(unit).query("INSERT INTO effect (text) VALUES ('x')")
      await unit.commit({ streams: [moved(a, 1)] })
    })
    expect(await failing(lost)).toMatchObject({ code: 'commit-unknown', retryable: true })
    await far.close()
    await proxy.stop()
    const free = async (): Promise<boolean> =>
      (await store.work(request([a]), async ({ streams }) => streams.has(a))).value
    await expect.poll(free).toBe(true)
    const isThere = (await positionOf(a)) !== undefined
    expect(isThere && fate === 'cut-before').toBe(false)
    expect([await written(), await positionOf(a)]).toEqual(isThere ? [['x'], 1] : [[], undefined])
  },
)

test('a server that does not wait for its disk is refused, and named (I10)', async () => {
  await pool.query('CREATE ROLE hasty LOGIN; ALTER ROLE hasty SET synchronous_commit = off')
  await pool.query('GRANT USAGE ON SCHEMA inturn TO hasty; GRANT ALL ON ALL TABLES IN SCHEMA inturn TO hasty')
  const url = new URL(database.url)
  url.username = 'hasty'
  const hasty = postgresStore(url.href)
  const error = await failing(hasty.open())
  expect(error).toMatchObject({ code: 'config-invalid' })
  expect(error.message).toContain('synchronous_commit')
  await hasty.close()
  await pool.query('DROP OWNED BY hasty; DROP ROLE hasty')
})

test('tables of a newer inturn are refused, and left alone', async () => {
  await pool.query("UPDATE inturn.meta SET value = 99 WHERE key = 'schema'")
  const old = postgresStore(database.url)
  await expect(old.open()).rejects.toMatchObject({ code: 'store-schema-newer' })
  await old.close()
})

test('two transactions at once have different streams, and neither waits (I5, I6)', async () => {
  await store.work(request([a, b]), async () => {
    const { value } = await store.work(request([a, account('c')]), async (second) => {
      await second.commit({ streams: [moved(account('c'), 1)] })
      return [second.busy, [...second.streams.keys()]]
    })
    expect(value).toEqual([[a], [account('c')]])
  })
})

describe('I2: an id window', () => {
  test('lets one copy of those that workers have in hand at the same moment have its effect', async () => {
    const atX = { count: 0, ...Promise.withResolvers<undefined>() }
    const handle: Handle = async ({ id }, { transaction }) => {
      await transaction.query('INSERT INTO effect (text) VALUES ($1)', [`${id} ${crypto.randomUUID()}`])
      if (id === 'x' && ++atX.count === 2) atX.resolve(undefined)
      if (id === 'x') await atX.promise
    }
    const inHand = ['y', 'z'].map((other) => [copy('x'), copy(other)])
    const results = await Promise.all(inHand.map((events) => processorOf(handle).process(events)))
    expect(new Set(results.map(([x]) => x?.verdict))).toEqual(new Set(['deliver', 'duplicate']))
    expect(results.map(([, other]) => other?.verdict)).toEqual(['deliver', 'deliver'])
    const done = (await written()).map((text) => text.split(' ')[0])
    expect([done.length, new Set(done)]).toEqual([3, new Set(['x', 'y', 'z'])])
  })

  test('takes an id anew once its time is over', async () => {
    const worker = processorOf(() => Promise.resolve())
    const verdict = async (): Promise<string | undefined> => (await worker.process([copy('x')]))[0]?.verdict
    expect([await verdict(), await verdict()]).toEqual(['deliver', 'duplicate'])
    await pool.query('UPDATE inturn.processed_id SET until = 0')
    expect([await verdict(), await verdict()]).toEqual(['deliver', 'duplicate'])
  })

  function processorOf(handle: Handle): Processor {
    const made = createProcessor<PostgresTransaction>({
      consumer: 'billing',
      store: postgresStore(database.url),
      domains: { chat: { numbering: unordered({ idWindow: {} }), effects: 'transaction', handle } },
      sweep: 'manual',
    })
    opened.push(made)
    return made
  }

  function copy(id: string): object {
    return { domain: 'chat', stream: 'a', id, data: {} }
  }
})
