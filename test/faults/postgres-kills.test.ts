// Several worker processes over one Postgres whose handlers write rows: workers are killed without warning or
// stand still, and the server ends connections in the middle of commits, behind PgBouncer too. Every event
// has its row once and in order, sums over rows that all streams share are right, and the books balance (I1,
// I2, I3, I5). `npm run soak` runs hundreds of rounds.
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../src/ports/store.ts'
import type { PostgresTransaction } from '../../src/stores/postgres.ts'
import { postgresStore } from '../../src/stores/postgres.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { account, handed, moved } from '../../src/testing/store-suite/samples.ts'
import type { PgBouncer } from '../services/pgbouncer.ts'
import { startPgBouncer } from '../services/pgbouncer.ts'
import type { TestDatabase } from '../services/shared-postgres.ts'
import { freshDatabase } from '../services/shared-postgres.ts'
import { PostgresWorld } from './postgres-world.ts'

const rounds = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 3)
const workers = ['one', 'two', 'three']
const streams = 12
let database: TestDatabase
let pooler: PgBouncer | undefined
let world: PostgresWorld | undefined

beforeEach(async () => {
  database = await freshDatabase()
})
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(world?.told() ?? '')
  await world?.end()
  await pooler?.stop()
  await database.drop()
  world = undefined
  pooler = undefined
})

/** Rounds in which workers are killed or stand still, and connections are ended. Says what was wrong. */
async function survive(all: PostgresWorld, random: SeededRandom, times: number): Promise<readonly unknown[]> {
  const wrong: unknown[] = []
  const each = 25
  await all.open()
  for (const worker of workers) all.start(worker)
  for (let round = 1; round <= times; round++) {
    all.arrive(each)
    for (let blow = 1; blow <= 4; blow++) {
      await all.untilDone(Math.floor(all.total - each * streams * random.next()))
      await all.terminate()
    }
    const killed = workers.filter(() => random.chance(0.5))
    const [frozen] = workers.filter((worker) => !killed.includes(worker))
    if (frozen !== undefined) all.signal(frozen, 'SIGSTOP')
    await Promise.all(killed.map((worker) => all.kill(worker)))
    wrong.push(...(await all.wrong()))
    for (const worker of killed) all.start(worker)
    // Also without the one that stands still: what it has in hand is given to others.
    await all.untilDone()
    if (frozen !== undefined) all.signal(frozen, 'SIGCONT')
  }
  await all.untilQuiet()
  if ((await all.done()) !== all.total) wrong.push('an event has more than one row')
  return [...wrong, ...(await all.wrong())]
}

test(`${rounds} rounds: workers and connections are killed at random, and others go on`, async () => {
  const random = new SeededRandom(rounds)
  world = new PostgresWorld({ url: database.url, random, workers, streams })
  expect(await survive(world, random, rounds)).toEqual([])
}, 3_600_000)

test('so they go on behind PgBouncer in transaction mode, which they notice by themselves', async () => {
  const random = new SeededRandom(rounds + 1)
  pooler = await startPgBouncer(database.url)
  const workersUrl = pooler.urlOf(database.url)
  world = new PostgresWorld({ url: database.url, workersUrl, random, workers, streams })
  expect(await survive(world, random, Math.ceil(rounds / 3))).toEqual([])
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
