// Several worker processes over one Postgres whose handlers write rows: workers are killed without warning or
// stand still, and the server ends connections in the middle of commits. Every event has its row once and in
// order, sums over rows that all streams share are right, and the books balance (I1, I2, I3, I5). `npm run
// soak` runs hundreds of rounds.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../src/ports/store.ts'
import type { PostgresTransaction } from '../../src/stores/postgres.ts'
import { postgresStore } from '../../src/stores/postgres.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { account, handed, moved } from '../../src/testing/store-suite/samples.ts'
import type { Running, TestFolder } from '../integration/run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from '../integration/run-inturn.ts'
import type { TestDatabase } from '../services/shared-postgres.ts'
import { freshDatabase, testPool } from '../services/shared-postgres.ts'

const balanced = 'billing: everything adds up'
const rounds = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 3)
const workers = ['one', 'two', 'three']
const streams = 12
const purses = 5
let database: TestDatabase
let pool: Pool
let folder: TestFolder
const running = new Map<string, Running>()

beforeAll(async () => {
  database = await freshDatabase()
  pool = testPool({ connectionString: database.url, max: 10 })
})
beforeEach(async () => {
  folder = testFolder()
  await pool.query(`
    CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY, stream text NOT NULL, sequence int NOT NULL);
    CREATE TABLE purse (name int PRIMARY KEY, money bigint NOT NULL);
    INSERT INTO purse SELECT name, 0 FROM generate_series(0, ${purses - 1}) AS name`)
})
afterEach(async () => {
  for (const one of running.values()) one.child.kill('SIGKILL')
  await Promise.all([...running.values()].map(({ ended }) => ended))
  running.clear()
  folder.remove()
  await pool.query('DROP TABLE effect, purse; DROP SCHEMA inturn CASCADE')
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

/** Each event notes itself, and moves money between two purses that all streams share, in any order. */
function config(worker: string): string {
  return `
    import { contiguous } from ${sourceUrl('core/numbering.ts')}
    import { postgresStore } from ${sourceUrl('stores/postgres.ts')}
    import { fileSource } from ${sourceUrl('transports/file.ts')}
    export default {
      consumer: 'billing',
      worker: '${worker}-' + process.pid,
      store: postgresStore('${database.url}', { connectionsMax: 5 }),
      source: fileSource('${worker}.ndjson', { checkpointMs: 50, pollMs: 20, follow: true }),
      batch: 40,
      claim: '1s',
      sweepEvery: '50ms',
      domains: {
        account: {
          numbering: contiguous(),
          effects: 'transaction',
          gap: { patience: '1h' },
          handle: async ({ stream, sequence }, { transaction }) => {
            const note = 'INSERT INTO effect (stream, sequence) VALUES ($1, $2)'
            await transaction.query(note, [stream, sequence])
            const pay = 'UPDATE purse SET money = money + $2 WHERE name = $1'
            const from = (Number(stream.slice(1)) + sequence) % ${purses}
            await transaction.query(pay, [from, -sequence])
            await transaction.query(pay, [(from + 1 + sequence % 3) % ${purses}, sequence])
          },
        },
      },
    }`
}

function start(worker: string): void {
  folder.write(`${worker}.config.ts`, config(worker))
  running.set(worker, startInturn(folder.path, 'run', '--config', `${worker}.config.ts`))
}

async function kill(worker: string): Promise<void> {
  const one = running.get(worker)
  running.delete(worker)
  one?.child.kill('SIGKILL')
  await one?.ended
}

/** Gives every worker all events from one number to another, shuffled and doubled. */
function arrive(random: SeededRandom, from: number, to: number): void {
  for (const worker of workers) {
    const sent = Array.from({ length: (to - from + 1) * streams }, (_, index) => {
      const [stream, sequence] = [`s${index % streams}`, from + Math.floor(index / streams)]
      const event = { domain: 'account', stream, sequence, id: `${stream}#${sequence}`, data: {} }
      const text = `${JSON.stringify(event)}\n`
      return { text, place: index + random.whole(0, 30) }
    })
    const copies = sent.filter(() => random.chance(0.2)).map((one) => ({ ...one, place: one.place + 40 }))
    const lines = [...sent, ...copies].sort((a, b) => a.place - b.place).map(({ text }) => text)
    appendFileSync(join(folder.path, `${worker}.ndjson`), lines.join(''))
  }
}

async function done(): Promise<number> {
  const { rows } = await pool.query<{ n: string }>('SELECT count(*) AS n FROM effect')
  return Number(rows[0]?.n)
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    for (const [worker, one] of running) {
      if (one.child.exitCode !== null) throw new Error(`${worker} has ended: ${one.stderr()}`)
    }
    await sleep(20)
  }
}

/** Streams whose rows are not each number once, in order. */
async function disorder(): Promise<unknown> {
  const { rows } = await pool.query(`
    SELECT stream, sequence, nth FROM (
      SELECT stream, sequence, row_number() OVER (PARTITION BY stream ORDER BY id) AS nth FROM effect
    ) AS numbered WHERE sequence <> nth LIMIT 9`)
  return rows
}

async function verify(): Promise<string> {
  const { code, stdout, stderr } = await inturn(folder.path, 'verify', '--store', database.url)
  return `${code}: ${stdout}${stderr}`
}

/** Ends connections of workers, wherever they are. */
async function terminate(random: SeededRandom): Promise<void> {
  const { rows } = await pool.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'inturn' AND datname = current_database()",
  )
  for (const { pid } of rows.filter(() => random.chance(0.5))) {
    await pool.query('SELECT pg_terminate_backend($1)', [pid])
  }
}

test(`${rounds} rounds: workers and connections are killed at random, and others go on`, async () => {
  const random = new SeededRandom(rounds)
  const each = 25
  for (const worker of workers) folder.write(`${worker}.ndjson`, '')
  for (const worker of workers) start(worker)
  for (let round = 1; round <= rounds; round++) {
    arrive(random, (round - 1) * each + 1, round * each)
    const total = round * each * streams
    for (let blow = 1; blow <= 4; blow++) {
      const goal = Math.floor(total - each * streams * random.next())
      await until(async () => (await done()) >= goal)
      await terminate(random)
    }
    const killed = workers.filter(() => random.chance(0.5))
    const [frozen] = workers.filter((worker) => !killed.includes(worker))
    if (frozen !== undefined) running.get(frozen)?.child.kill('SIGSTOP')
    await Promise.all(killed.map(kill))
    expect(await disorder()).toEqual([])
    expect(await verify()).toContain(`0: ${balanced}`)
    for (const worker of killed) start(worker)
    // Also without the one that stands still: what it has in hand is given to others.
    await until(async () => (await done()) >= total)
    if (frozen !== undefined) running.get(frozen)?.child.kill('SIGCONT')
  }
  const store = postgresStore(database.url)
  await until(async () => (await store.reader.inbox('billing', { limit: 1 })).length === 0)
  await store.close()
  expect(await done()).toBe(rounds * each * streams)
  expect(await disorder()).toEqual([])
  expect((await pool.query('SELECT sum(money)::int AS sum FROM purse')).rows).toEqual([{ sum: 0 }])
  expect(await verify()).toContain(`0: ${balanced}`)
}, 3_600_000)

test('what is handed over while its stream is given back is seen by one of both (I3)', async () => {
  const random = new SeededRandom(7)
  const [holder, other] = [postgresStore(database.url), postgresStore(database.url)]
  await holder.open()
  const missed: string[] = []
  for (let round = 0; round < Math.max(1000, rounds * 100); round++) {
    const path = account(`race-${round}`)
    const mode = round % 2 === 0 ? 'transaction' : 'claim'
    const [again, free] = await race({ holder, other, path, mode, random })
    if (!again.includes(path) && !free.includes(path)) missed.push(`${mode} ${path}`)
  }
  await holder.close()
  await other.close()
  expect(missed).toEqual([])
})

async function race({
  holder,
  other,
  path,
  mode,
  random,
}: {
  readonly holder: Store<PostgresTransaction>
  readonly other: Store<PostgresTransaction>
  readonly path: string
  readonly mode: 'transaction' | 'claim'
  readonly random: SeededRandom
}): Promise<readonly [again: readonly string[], free: readonly string[]]> {
  const won = Promise.withResolvers<undefined>()
  const turns = random.whole(0, 60)
  const request = { consumer: 'billing', worker: 'one', streams: [path], mode, claimMs: 30_000 } as const
  const working = holder.work(request, async (unit) => {
    won.resolve(undefined)
    await unit.commit({ streams: [moved(path, 1)], ...(turns % 2 === 0 && { ended: [path] }) })
  })
  await won.promise
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
  const free = await other.handOver('billing', [handed(path, 2)])
  return [(await working).again, free]
}
